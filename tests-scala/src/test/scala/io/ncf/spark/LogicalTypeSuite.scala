package io.ncf.spark

import java.nio.file.{Files, Path}

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.node.ObjectNode
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.plans.logical.Filter
import org.apache.spark.sql.catalyst.util.{ArrayBasedMapData, GenericArrayData}
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types._
import org.apache.spark.sql.{DataFrame, Row}
import org.apache.spark.unsafe.types.{CalendarInterval, UTF8String}

import io.ncf.jni.{NcfInvalidArgumentException, NcfUnsupportedException}

/** Spark's types that NCF stores as other types: variant, intervals, time, void, collated strings. */
class LogicalTypeSuite extends SparkTestBase {

  override protected def beforeAll(): Unit = {
    super.beforeAll()
    spark.conf.set("spark.sql.timeType.enabled", "true")
  }

  private def copy(source: DataFrame, path: String): DataFrame = {
    source.write.format("ncf").option("blockRows", "700").save(path)
    read(path)
  }

  private def filters(frame: DataFrame): Boolean =
    frame.queryExecution.optimizedPlan.exists(_.isInstanceOf[Filter])

  test("every such type, alone, in arrays, maps and structs") {
    withPath { path =>
      val columns = RandomRows.logicalTypes.zipWithIndex.flatMap { case (dataType, index) =>
        Seq(
          StructField(s"c$index", dataType),
          StructField(s"a$index", ArrayType(dataType)),
          StructField(s"m$index", MapType(IntegerType, dataType)),
          StructField(s"s$index", new StructType().add("x", dataType).add("y", ArrayType(dataType)))
        )
      }
      val source = RandomRows.of(spark, StructType(columns), 2000, 17).coalesce(1)
      val actual = copy(source, path)
      assert(actual.schema == SchemaConverter.nullable(source.schema))
      assertSameRows(actual, source)
      source.limit(100).write.format("ncf").mode("append").save(path)
      assert(read(path).count() == 2100)
    }
  }

  test("every kind of interval and of time") {
    val yearMonth = Seq("'1' year", "'-5' month", "'2-3' year to month")
    val dayTime = Seq(
      "'1' day",
      "'2' hour",
      "'-3' minute",
      "'4.5' second",
      "'1 2' day to hour",
      "'1 2:3' day to minute",
      "'1 2:3:4.567' day to second",
      "'2:3' hour to minute",
      "'2:3:4' hour to second",
      "'3:4' minute to second"
    )
    withPath { path =>
      val intervals = (yearMonth ++ dayTime).zipWithIndex.map { case (v, i) => s"interval $v i$i" }
      val times = (0 to 6).map(p => s"cast('12:34:56.789012' as time($p)) t$p")
      val source = spark.range(3).selectExpr(intervals ++ times: _*)
      // Spark cannot collect times of precisions other than 6.
      val texts = source.columns.map(name => s"cast($name as string) $name").toSeq
      assertSame(copy(source, path).selectExpr(texts: _*), source.selectExpr(texts: _*))
      assert(read(path).schema == SchemaConverter.nullable(source.schema))
      assertSame(
        read(path).selectExpr("max(i0)", "sum(i3)", "max(t6)", "hour(max(t0))"),
        source.selectExpr("max(i0)", "sum(i3)", "max(t6)", "hour(max(t0))")
      )
    }
  }

  test("predicates on intervals and times are evaluated natively, and are right") {
    withPath { path =>
      val source = spark.range(0, 3000, 1, 1).selectExpr(
        "id",
        "make_dt_interval(0, id) d",
        "make_ym_interval(0, cast(id as int)) m",
        "if(id % 2 = 0, null, make_time(cast(id % 24 as int), 0, 0)) t"
      )
      val ncf = copy(source, path)
      val conditions = Seq(
        "d > interval '2000' hour",
        "m between interval '10' month and interval '12' month",
        "t = time'05:00:00'",
        "t in (time'05:00:00', time'07:00:00')"
      )
      for (condition <- conditions) withClue(condition) {
        assertSame(ncf.where(condition), source.where(condition))
        assert(!filters(ncf.where(condition)))
        assert(ncf.where(condition).count() > 0)
      }
      // What is null does not depend on the type.
      assert(!filters(ncf.where("t is null")) && ncf.where("t is null").count() == 1500)
    }
  }

  test("variant: parsed, stored, taken apart") {
    withPath { path =>
      val source = spark.range(0, 5000, 1, 1).selectExpr(
        "id",
        "parse_json(if(id % 9 = 0, null, concat('{\"a\": ', id, ', \"b\": [1, \"x', id, '\"]}'))) v",
        "array(parse_json('[]'), parse_json(cast(id as string)), null) vs"
      )
      val ncf = copy(source, path)
      assert(ncf.schema == SchemaConverter.nullable(source.schema))
      val parts = Seq("variant_get(v, '$.a', 'int') a", "v:b[1]::string b", "to_json(vs[1]) c")
      assertSame(ncf.selectExpr(parts: _*), source.selectExpr(parts: _*))
      assertSame(
        ncf.where("variant_get(v, '$.a', 'int') > 4990").select("id"),
        source.where("id > 4990 and id % 9 <> 0").select("id")
      )
      assertSameRows(ncf, source)
      val message = failure[NcfInvalidArgumentException](
        spark.range(1).selectExpr(
          "id",
          "struct(cast('' as binary) as value, cast('' as binary) as metadata) v",
          "array(parse_json('1')) vs"
        ).write.format("ncf").mode("append").save(path)
      )
      assert(message.contains("column v is variant in the table and struct<"))
    }
  }

  test("void: columns and parts that are always null") {
    withPath { path =>
      val source =
        spark.range(2000).selectExpr("id", "null n", "array(null, null) a", "struct(null) s")
      val ncf = copy(source, path)
      assert(ncf.schema("n").dataType == NullType)
      assertSameRows(ncf, source)
      assert(ncf.where("n is null").count() == 2000)
      assert(ncf.selectExpr("coalesce(n, id) x").where("x = 5").count() == 1)
    }
  }

  test("collated strings compare by their collation") {
    withPath { path =>
      val source = spark.range(0, 2000, 1, 1).selectExpr(
        "id",
        "if(id % 2 = 0, 'apple', 'APPLE') collate utf8_lcase l",
        "concat(if(id % 2 = 0, 'É', 'e'), id % 5) collate unicode_ci_ai u",
        "array('X' collate utf8_lcase) a"
      )
      val ncf = copy(source, path)
      assert(ncf.schema == SchemaConverter.nullable(source.schema))
      val conditions = Seq(
        "l = 'Apple'",
        "l > 'AARDVARK'",
        "l in ('aPPLE', 'pear')",
        "l like 'APP%'",
        "startswith(l, 'App')",
        "u = 'E3'",
        "u < 'f'",
        "a[0] = 'x'"
      )
      for (condition <- conditions) withClue(condition) {
        assertSameRows(ncf.where(condition), source.where(condition))
        assert(ncf.where(condition).count() > 0)
      }
      assert(ncf.groupBy("l").count().count() == 1)
      assert(ncf.join(
        ncf.withColumnRenamed("l", "r").limit(1),
        col("l") === col("r")
      ).count() == 2000)
      assert(ncf.where("l collate utf8_binary = 'apple'").count() == 1000)
      val message = failure[NcfInvalidArgumentException](
        source.withColumn("l", expr("'x'")).write.format("ncf").mode("append").save(path)
      )
      assert(message.contains("column l is string collate UTF8_LCASE in the table"))
    }
  }

  test("char and varchar, also in structs, as in a table of Parquet") {
    try {
      for (format <- Seq("ncf", "parquet")) {
        spark.sql(
          s"CREATE TABLE chars_$format (c CHAR(4), v VARCHAR(4), s STRUCT<c: CHAR(3)>, " +
            s"a ARRAY<VARCHAR(2)>) USING $format"
        )
        spark.sql(s"INSERT INTO chars_$format VALUES ('a', 'b', struct('x'), array('yz'))")
        failure[Exception](
          spark.sql(s"INSERT INTO chars_$format VALUES ('a', 'b', struct('x'), array('yyy'))")
        )
      }
      val (ncf, parquet) = (spark.table("chars_ncf"), spark.table("chars_parquet"))
      val columns = Seq("c", "v", "s.c", "a[0]")
      assert(ncf.selectExpr(columns: _*).head() == Row("a   ", "b", "x  ", "yz"))
      for (
        condition <- Seq("c = 'a'", "c = 'a   '", "s.c = 'x'", "s.c = 'x  '", "v = 'b'", "c > 'a'")
      )
        withClue(condition) {
          assertSame(ncf.where(condition), parquet.where(condition))
        }
      withPath { path =>
        ncf.write.format("ncf").save(path)
        assert(read(path).schema == ncf.schema)
        assertSame(read(path), ncf)
      }
    } finally Seq("ncf", "parquet").foreach(f => spark.sql(s"DROP TABLE IF EXISTS chars_$f"))
  }

  test("tables of the catalog hold these types") {
    try {
      spark.sql(
        "CREATE TABLE logical (i INTERVAL DAY TO SECOND, y ARRAY<INTERVAL YEAR>, v VARIANT, " +
          "t TIME(3), s STRING COLLATE UTF8_LCASE) USING ncf"
      )
      spark.sql(
        "INSERT INTO logical SELECT interval '0 00:00:01' day to second, array(interval '2' year), " +
          "parse_json('7'), time'01:02:03', 'AbC'"
      )
      val row = spark.sql(
        "SELECT cast(i as string), y[0] > interval '1' year, cast(v as int), hour(t) " +
          "FROM logical WHERE s = 'aBc'"
      ).head()
      assert(row == Row("INTERVAL '0 00:00:01' DAY TO SECOND", true, 7, 1))
    } finally { spark.sql("DROP TABLE IF EXISTS logical"); () }
  }

  test("calendar intervals, which Spark reads but writes to no source") {
    withPath { path =>
      Files.createDirectories(Path.of(path))
      val schema = new StructType()
        .add("i", CalendarIntervalType)
        .add("a", ArrayType(CalendarIntervalType))
        .add("m", MapType(StringType, CalendarIntervalType))
        .add("s", new StructType().add("n", IntegerType).add("i", CalendarIntervalType))
      def text(value: Any): Any = UTF8String.fromString(value.toString)
      def interval(row: Int): CalendarInterval =
        if (row % 5 == 0) null else new CalendarInterval(row, -row, row.toLong << 40)
      val rows = (0 until 3000).map { row =>
        InternalRow(
          interval(row),
          new GenericArrayData((0 until row % 4).map(interval).toArray[Any]),
          ArrayBasedMapData(Map("k" -> interval(row)), text(_), identity[Any]),
          if (row % 7 == 0) null else InternalRow(row, interval(row + 1))
        )
      }
      NcfFiles.write(s"$path/0.ncf", SchemaConverter.toNcf(schema).toString, schema, rows)
      val frame = read(path)
      assert(frame.schema == schema)
      assertSameRows(
        frame.selectExpr("i", "a", "m['k'] m", "s.i s"),
        spark.createDataFrame(
          java.util.Arrays.asList((0 until 3000).map { row =>
            val nested = if (row % 7 == 0) null else interval(row + 1)
            Row(interval(row), (0 until row % 4).map(interval), interval(row), nested)
          }: _*),
          new StructType().add("i", CalendarIntervalType).add("a", ArrayType(CalendarIntervalType))
            .add("m", CalendarIntervalType).add("s", CalendarIntervalType)
        )
      )
      assert(frame.where("i is null").count() == 600)
      val message = failure[Exception](frame.write.format("ncf").save(path + "-copy"))
      assert(message.contains("INTERVAL"))
    }
  }

  /** A file of one column that another writer named the type of. */
  private def foreign(path: String, name: String, dataType: DataType, values: Any*): String = {
    Files.createDirectories(Path.of(path))
    val file = s"$path/${name.replaceAll("\\W", "_")}.ncf"
    val schema = new StructType().add("c", dataType)
    val fields = SchemaConverter.toNcf(schema)
    val metadata = Json.obj().put("ncf.type", name).put("ncf.arrow", "Any").put("unit", "m")
    fields.get("fields").get(0).asInstanceOf[ObjectNode].set[JsonNode]("metadata", metadata)
    NcfFiles.write(file, fields.toString, schema, values.map(InternalRow(_)))
    file
  }

  test("types of Arrow are read as the types that hold all their values") {
    withPath { path =>
      val decimal = DecimalType(20, 0)
      val greatest = Decimal(BigDecimal("18446744073709551615"), 20, 0)
      val lists = ArrayType(FloatType)
      val vector = new GenericArrayData(Array[Any](1.5f, -2f))
      val cases = Seq(
        (foreign(path, "uint8", ShortType, 255.toShort, null), ShortType, 255.toShort),
        (foreign(path, "uint16", IntegerType, 65535, null), IntegerType, 65535),
        (foreign(path, "uint32", LongType, 4294967295L, null), LongType, 4294967295L),
        (foreign(path, "uint64", decimal, greatest, null), decimal, greatest.toJavaBigDecimal),
        (
          foreign(path, "binary(2)", BinaryType, Array[Byte](1, 2), null),
          BinaryType,
          Seq[Byte](1, 2)
        ),
        (foreign(path, "array(2)", lists, vector, null), lists, Seq(1.5f, -2f)),
        (
          foreign(path, "time(6)", LongType, 3723000004000L, null),
          TimeType(6),
          java.time.LocalTime.of(1, 2, 3, 4000)
        )
      )
      for ((file, dataType, value) <- cases) {
        val frame = read(file)
        assert(frame.schema.head.dataType == dataType, file)
        val found = frame.where("c is not null").collect().map(_.get(0)).map {
          case bytes: Array[Byte] => bytes.toSeq
          case other              => other
        }
        assert(found.toSeq == Seq(value), file)
        assert(frame.count() == 2)
      }
      val frame = read(cases(3)._1)
      assert(frame.where("c > 18446744073709551614").count() == 1)
      assert(frame.where("c < 0").count() == 0)
      val nanos = foreign(path, "time(9)", LongType, 1L)
      val message = failure[NcfUnsupportedException](read(nanos).collect())
      assert(message.contains("at most 6 digits"))
    }
  }

  test("metadata of columns comes from other writers and goes to other readers") {
    withPath { path =>
      val frame = read(foreign(path, "uint8", ShortType, 7.toShort))
      assert(frame.schema.head.metadata.json == """{"unit":"m"}""")
      val more = new MetadataBuilder().withMetadata(frame.schema.head.metadata)
        .putLong("digits", 2).putString("ncf.type", "mine").build()
      val again = frame.select(frame("c").as("c", more))
      val node = SchemaConverter.toNcf(again.schema).get("fields").get(0).get("metadata")
      assert(node.get("unit").asText() == "m")
      assert(node.get("ncf.type") == null)
      again.write.format("ncf").save(path + "-copy")
      assert(read(path + "-copy").schema.head.metadata == more)
    }
  }

  test("a type from a newer connector is refused, not read as what it is stored as") {
    withPath { path =>
      Files.createDirectories(Path.of(path))
      val types =
        Seq("hologram", "time(99)", "string collate NO_SUCH", "variant", "uint8", "binary(3)")
      for ((name, index) <- types.zipWithIndex) {
        val file = s"$path/$index.ncf"
        val fields = s"""{"fields":[{"id":1,"name":"c","type":"bigint","nullable":true,
                        |"metadata":{"ncf.type":"$name"}}]}""".stripMargin
        NcfFiles.write(file, fields, new StructType().add("c", LongType), Seq(InternalRow(1L)))
        val message = failure[NcfUnsupportedException](read(file).collect())
        assert(message.contains(s"column c has the type '$name'"))
        assert(message.contains("newer ncf connector"))
        failure[NcfUnsupportedException](
          spark.read.format("ncf").schema("c bigint").load(file).collect()
        )
      }
    }
  }
}
