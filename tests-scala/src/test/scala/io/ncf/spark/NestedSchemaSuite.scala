package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String

import io.ncf.jni.{NcfInvalidArgumentException, NcfUnsupportedException}

/** Schemas of nested columns: cut to what is read, given by the user, compared by writes. */
class NestedSchemaSuite extends SparkTestBase {

  private def people(rows: Long): DataFrame = spark.range(0, rows, 1, 1).selectExpr(
    "id",
    "named_struct('name', concat('n', id), 'at', named_struct('x', id, 'y', uuid())) p",
    "array(named_struct('sku', id, 'note', uuid()), named_struct('sku', id + 1, 'note', '')) items",
    "map('k', named_struct('v', id, 'w', uuid())) m"
  )

  /** What was read of a frame: its schema, and stored bytes. */
  private def scanOf(frame: DataFrame): (StructType, Long) = {
    frame.collect()
    val scan = frame.queryExecution.executedPlan.collectLeaves().collectFirst {
      case scan: BatchScanExec => scan
    }.get
    (scan.scan.readSchema(), scan.metrics("bytesRead").value)
  }

  test("only the fields that a query names are read") {
    withPath { path =>
      people(30000).write.format("ncf").save(path)
      val (all, allBytes) = scanOf(read(path))
      assert(all == read(path).schema)
      val cuts = Seq(
        Seq("p.name") -> "p struct<name: string>",
        Seq("p.at.x") -> "p struct<at: struct<x: bigint>>",
        Seq("items.sku") -> "items array<struct<sku: bigint>>",
        Seq("id", "p.at.x", "items[0].sku") ->
          "id bigint, p struct<at: struct<x: bigint>>, items array<struct<sku: bigint>>",
        Seq("m['k'].v") -> "m map<string, struct<v: bigint>>"
      )
      for ((columns, wanted) <- cuts) withClue(columns) {
        val (schema, bytes) = scanOf(read(path).selectExpr(columns: _*))
        assert(schema.toDDL == StructType.fromDDL(wanted).toDDL)
        assert(bytes * 4 < allBytes)
      }
      assertSame(
        read(path).where("p.at.x % 1000 = 7").selectExpr("p.name", "items[1].sku", "m['k'].v v"),
        spark.range(30000).where("id % 1000 = 7")
          .selectExpr("concat('n', id) name", "id + 1 `items[1].sku`", "id v")
          .toDF("name", "items[1].sku", "v")
      )
    }
  }

  test("without nested pruning whole columns are read") {
    withPath { path =>
      people(100).write.format("ncf").save(path)
      spark.conf.set("spark.sql.optimizer.nestedSchemaPruning.enabled", "false")
      try {
        val (schema, _) = scanOf(read(path).select("p.name"))
        assert(schema("p").dataType == read(path).schema("p").dataType)
      } finally spark.conf.unset("spark.sql.optimizer.nestedSchemaPruning.enabled")
    }
  }

  test("a schema may be given: fewer fields, other order, fields that are not there") {
    withPath { path =>
      people(1000).write.format("ncf").save(path)
      val wanted =
        "more array<struct<z: int>>, p struct<age: int, at: struct<z: string, x: bigint>>, " +
          "items array<struct<price: decimal(9, 2), sku: bigint>>, id bigint, " +
          "m map<string, struct<u: map<int, int>, v: bigint>>"
      val frame = spark.read.format("ncf").schema(wanted).load(path)
      assert(frame.schema == StructType.fromDDL(wanted))
      assertSameRows(
        frame,
        spark.range(1000).selectExpr(
          "cast(null as array<struct<z: int>>) more",
          "named_struct('age', cast(null as int), " +
            "'at', named_struct('z', cast(null as string), 'x', id)) p",
          "transform(array(id, id + 1), x -> " +
            "named_struct('price', cast(null as decimal(9, 2)), 'sku', x)) items",
          "id",
          "map('k', named_struct('u', cast(null as map<int, int>), 'v', id)) m"
        )
      )
      assertSame(
        frame.where("p.age is null and id < 5").select("p.at.x", "items.price"),
        spark.range(5).selectExpr("id x", "cast(array(null, null) as array<decimal(9, 2)>) price")
      )
      // Nothing of the struct is stored: only whether it is there is.
      val other = spark.read.format("ncf").schema("p struct<nope: int>").load(path)
      assert(other.where("p is not null and p.nope is null").count() == 1000)
    }
  }

  test("fields are found by name, else by name without case; files may have different ones") {
    withPath { path =>
      java.nio.file.Files.createDirectories(java.nio.file.Path.of(path))
      val schemas = Seq("s struct<a: bigint>", "s struct<b: string, A: bigint>")
      val rows = Seq(InternalRow(1L), InternalRow(UTF8String.fromString("x"), 2L))
      for (((ddl, row), index) <- schemas.zip(rows).zipWithIndex) {
        val schema = StructType.fromDDL(ddl)
        val ncf = SchemaConverter.toNcf(schema).toString
        NcfFiles.write(s"$path/$index.ncf", ncf, schema, Seq(InternalRow(row), InternalRow(null)))
      }
      val frame = spark.read.format("ncf").schema("s struct<b: string, a: bigint>").load(path)
      val values = frame.selectExpr("s is null", "s.b", "s.a").collect().map(_.toString).toSet
      assert(values == Set("[false,null,1]", "[false,x,2]", "[true,null,null]"))
    }
  }

  test("keys of maps are cut, too") {
    withPath { path =>
      val source = spark.range(100).selectExpr("map(named_struct('a', id, 'b', 'x'), id) m")
      source.write.format("ncf").save(path)
      val frame = read(path).selectExpr("map_keys(m).a[0] a")
      assertSame(frame, spark.range(100).selectExpr("id a"))
      assertSameRows(read(path), source)
    }
  }

  test("a schema that does not fit names the field") {
    withPath { path =>
      people(10).write.format("ncf").save(path)
      val wrong = Seq(
        "p struct<at: struct<x: int>>" -> "column p.at.x is bigint in the table and int here",
        "items array<struct<sku: string>>" -> "column items.element.sku is bigint",
        "m map<int, struct<v: bigint>>" -> "column m.key is string",
        "p array<int>" -> "column p is struct<"
      )
      for ((schema, words) <- wrong) {
        val message = failure[NcfInvalidArgumentException](
          spark.read.format("ncf").schema(schema).load(path).collect()
        )
        assert(message.contains(words))
      }
    }
  }

  test("appends go by the names of fields, whatever their order and case") {
    withPath { path =>
      val first = spark.range(10).selectExpr("id", "array(named_struct('a', id, 'b', 'x')) s")
      first.write.format("ncf").save(path)
      spark.range(10, 20).selectExpr("array(named_struct('B', 'y', 'A', id)) S", "id ID")
        .write.format("ncf").mode("append").save(path)
      assertSame(
        read(path).selectExpr("id", "s[0].a a", "s[0].b b"),
        spark.range(20).selectExpr("id", "id a", "if(id < 10, 'x', 'y') b")
      )
    }
  }

  test("an append of other fields names every difference") {
    withPath { path =>
      spark.range(3).selectExpr("named_struct('a', id, 'b', array('x')) s", "map(1, id) m")
        .write.format("ncf").save(path)
      val other = spark.range(3)
        .selectExpr("named_struct('b', array(id), 'c', 1) s", "map(1, cast(id as double)) m")
      val message = failure[NcfInvalidArgumentException](
        other.write.format("ncf").mode("append").save(path)
      )
      assert(message.contains("column s.a (bigint) is missing"))
      assert(message.contains("column s.b.element is string in the table and bigint here"))
      assert(message.contains("column s.c (int) is not in the table"))
      assert(message.contains("column m.value is bigint in the table and double here"))
      assert(read(path).count() == 3)
    }
  }

  test("names of fields must be unique, sortBy needs an order, partitions need values") {
    withPath { path =>
      val frame = spark.range(3).selectExpr("id", "named_struct('a', 1, 'A', 2) s", "map(1, 2) m")
      val write = () => frame.drop("s").write.format("ncf")
      assert(failure[NcfInvalidArgumentException](frame.write.format("ncf").save(path))
        .contains("a appears twice"))
      assert(failure[NcfInvalidArgumentException](write().option("sortBy", "m").save(path))
        .contains("have no order"))
      assert(failure[Exception](write().partitionBy("m").save(path)).contains("m"))
      val struct = spark.range(3).selectExpr("id", "struct(id) s", "interval 1 year i")
      for (column <- Seq("s", "i")) {
        val message = failure[NcfUnsupportedException](
          struct.write.format("ncf").partitionBy(column).save(path)
        )
        assert(message.contains("cannot be a partition column"))
      }
    }
  }

  test("overwriting changes types, and older versions keep theirs") {
    withPath { path =>
      val versions = Seq("struct(id as value)", "array(id)", "named_struct('value', map(id, 'x'))")
        .map(expression => spark.range(10).selectExpr(s"$expression v"))
      versions.foreach(_.write.format("ncf").mode("overwrite").save(path))
      for ((frame, version) <- versions.zipWithIndex) assertSameRows(
        spark.read.format("ncf").option("versionAsOf", version.toString).load(path),
        frame
      )
    }
  }

  test("partitioned tables and streams hold nested columns") {
    withPath { path =>
      val source = spark.range(100).selectExpr("array(struct(id)) a", "id % 3 p")
      source.write.format("ncf").partitionBy("p").save(path)
      assertSame(read(path).where("p = 1"), source.where("p = 1"))
      spark.readStream.format("ncf").load(path).select("a", "p")
        .writeStream.format("ncf")
        .option("checkpointLocation", path + "-checkpoint")
        .trigger(org.apache.spark.sql.streaming.Trigger.AvailableNow())
        .start(path + "-copy")
        .awaitTermination()
      assertSame(read(path + "-copy"), source)
    }
  }

  test("tables of the catalog: created, inserted into, selected from") {
    try {
      spark.sql(
        "CREATE TABLE nest (id INT, s STRUCT<a: INT, b: ARRAY<STRING>> NOT NULL, m MAP<STRING, INT>) " +
          "USING ncf"
      )
      spark.sql("INSERT INTO nest VALUES (1, struct(2, array('x', null)), map('k', 3))")
      spark.sql("INSERT INTO nest SELECT 2, named_struct('a', 5, 'b', array()), null")
      assert(spark.sql("SELECT sum(s.a), sum(size(s.b)), sum(m['k']) FROM nest").head().toString ==
        "[7,2,3]")
      spark.sql("CREATE TABLE nest2 USING ncf AS SELECT s.b, array(m) ms FROM nest")
      assertSameRows(
        spark.table("nest2"),
        spark.sql("SELECT s.b, array(m) ms FROM nest")
      )
    } finally Seq("nest", "nest2").foreach(t => spark.sql(s"DROP TABLE IF EXISTS $t"))
  }
}
