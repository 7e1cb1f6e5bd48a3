package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types._

/** Arrays, maps and structs, of every type and at every depth: what was written is what is read. */
class NestedSuite extends SparkTestBase {

  override protected def beforeAll(): Unit = {
    super.beforeAll()
    spark.conf.set("spark.sql.timeType.enabled", "true")
  }

  /** Writes `source` as NCF and answers the copy; files have several blocks, blocks several batches.
    */
  private def copy(source: DataFrame, path: String, blockRows: Int = 9000): DataFrame = {
    source.write.format("ncf").option("blockRows", blockRows.toString).save(path)
    read(path)
  }

  private def everyType(nest: DataType => DataType): StructType =
    StructType(RandomRows.schema.map(field => field.copy(dataType = nest(field.dataType))))

  private val nestings: Seq[(String, DataType => DataType)] = Seq(
    "arrays" -> (t => ArrayType(t)),
    "maps" -> (t => MapType(IntegerType, t)),
    "keys of maps" -> (t => MapType(t, StringType)),
    "structs" -> (t => new StructType().add("a", t).add("b", StringType)),
    "arrays of structs of maps" ->
      (t => ArrayType(new StructType().add("m", MapType(StringType, t)).add("t", t))),
    "arrays of arrays" -> (t => ArrayType(ArrayType(t)))
  )

  for ((name, nest) <- nestings) test(s"$name of every type equal Parquet's copy") {
    withPath { path =>
      val source = RandomRows.of(spark, everyType(nest), 2000, 11)
      source.write.parquet(path + "-parquet")
      val expected = spark.read.parquet(path + "-parquet")
      val actual = copy(expected.coalesce(1), path, 700)
      assert(actual.schema == expected.schema)
      assertSameRows(actual, expected)
    }
  }

  for (seed <- 1 to 12) test(s"random rows of a random schema, number $seed") {
    withPath { path =>
      val schema = RandomRows.schema(8, 5, seed.toLong)
      val source = RandomRows.of(spark, schema, 1200, seed.toLong)
      withClue(schema.treeString) {
        val actual = copy(source.coalesce(1), path, 500)
        assertSameRows(actual, source)
        assert(actual.schema == source.schema)
      }
    }
  }

  test("many rows, over several blocks and batches, without null and with") {
    withPath { path =>
      val source = spark.range(0, 60000, 1, 1).selectExpr(
        "id",
        "transform(sequence(0, id % 5), x -> if(x % 3 = 2, null, concat('é', x))) texts",
        "if(id % 7 = 0, null, sequence(0, id % 4)) numbers",
        "if(id % 11 = 0, null, named_struct('x', id, 'y', if(id % 2 = 0, null, array(id)))) s",
        "map(concat('k', id % 3), named_struct('v', id % 100 = 0)) m"
      )
      val actual = copy(source, path, 20000)
      assertSame(actual.drop("m"), source.drop("m"))
      assertSameRows(actual.select("id", "m"), source.select("id", "m"))
    }
  }

  test("null, empty and null inside, at every level") {
    withPath { path =>
      val source = spark.sql("""
        SELECT * FROM VALUES
          (1, array(array(1, null), null, array()), map('', array('')), struct(null, struct(''))),
          (2, array(), map(), null),
          (3, null, null, struct(1, null)),
          (4, array(null), map('a', null), struct(2, struct(null))),
          (5, array(array(null)), map('a', array(), 'b', array(null, 'x')), struct(3, struct('é')))
        AS t(id, a, m, s)""")
      assertSameRows(copy(source, path), source)
      assert(read(path).where("a is null").count() == 1)
      assert(read(path).where("s.col2 is null").count() == 2)
      assert(read(path).where("size(a) = 0").count() == 1)
    }
  }

  test("columns of nothing but null, and tables without rows") {
    val schema = StructType.fromDDL(
      "a array<map<string, struct<x: int>>>, s struct<t: struct<u: array<string>>>"
    )
    withPath { path =>
      val nulls = RandomRows.of(spark, schema, 100, 3).selectExpr(
        schema.map(f => s"cast(null as ${f.dataType.catalogString}) ${f.name}"): _*
      )
      assertSameRows(copy(nulls, path), nulls)
    }
    withPath { path =>
      val none = RandomRows.of(spark, schema, 100, 3).where("a is null and a is not null")
      assert(copy(none, path).collect().isEmpty)
      assert(read(path).schema == schema)
    }
  }

  for (depth <- Seq(20, 64)) test(s"$depth levels") {
    withPath { path =>
      val value = (1 until depth).foldLeft("id") { (inner, level) =>
        level % 3 match {
          case 0 => s"array($inner, null)"
          case 1 => s"named_struct('f', $inner)"
          case _ => s"map('k', $inner)"
        }
      }
      val source = spark.range(0, 100, 1, 1).selectExpr(s"$value deep")
      assertSameRows(copy(source, path, 30), source)
    }
  }

  test("64 structs, filtered by the innermost field") {
    withPath { path =>
      val value = (1 until 64).foldLeft("id")((inner, _) => s"named_struct('f', $inner)")
      spark.range(0, 100, 1, 1).selectExpr(s"$value deep").write.format("ncf").save(path)
      val innermost = Seq.fill(63)("f").mkString("deep.", ".", "")
      assert(read(path).where(s"$innermost >= 90").count() == 10)
    }
  }

  test("too many levels are refused before anything is written") {
    withPath { path =>
      val value = (1 to 64).foldLeft("id")((inner, _) => s"array($inner)")
      val message = failure[io.ncf.jni.NcfLimitExceededException](
        spark.range(1).selectExpr(s"$value deep").write.format("ncf").save(path)
      )
      assert(message.contains("deep") && message.contains("64"))
      assert(!new java.io.File(path).exists())
    }
  }

  test("arrays larger than a batch") {
    withPath { path =>
      val source = spark.range(0, 6, 1, 1).selectExpr(
        "id",
        "if(id % 2 = 0, sequence(0, 1500000), array(1)) big",
        "transform(sequence(0, 100000), x -> x % 2 = id % 2) flags"
      )
      val sums = Seq(
        "id",
        "aggregate(big, 0L, (a, x) -> a + x) s",
        "size(filter(flags, x -> x)) n"
      )
      assertSame(copy(source, path).selectExpr(sums: _*), source.selectExpr(sums: _*))
    }
  }

  test("higher-order functions, explode, joins and unions answer as over Parquet") {
    withPath { path =>
      val source = RandomRows.of(
        spark,
        StructType.fromDDL(
          "k int, a array<int>, m map<string, bigint>, s struct<x: int, t: array<string>>, " +
            "i array<struct<n: string, q: decimal(9, 2), w: decimal(30, 4)>>"
        ),
        3000,
        5
      )
      source.write.parquet(path + "-parquet")
      val parquet = spark.read.parquet(path + "-parquet")
      val ncf = copy(parquet, path, 1000)
      val queries: Seq[DataFrame => DataFrame] = Seq(
        _.selectExpr("k", "explode(a) e").groupBy("e").agg(count("*"), max("k")),
        _.selectExpr("k", "posexplode_outer(s.t)"),
        _.selectExpr("k", "inline(i)").groupBy("n").agg(sum("q"), sum("w")),
        _.selectExpr("k", "explode(m)").groupBy("key").agg(sum(col("value") % 1000)),
        _.selectExpr("transform(a, x -> x % 10)", "map_keys(m)", "i.q", "try_element_at(i, 1).n"),
        _.where("size(a) > 2 and s.x > 0").select("k", "s.t"),
        _.where(array_contains(col("s.t"), "apple")).select("k"),
        _.select("s").distinct(),
        _.orderBy("s.x", "k").limit(20).select("s.x"),
        frame => frame.select("a", "s").union(frame.select("a", "s").where("k > 0")),
        frame =>
          frame.join(frame.selectExpr("s.x x", "i").where("x > 0"), col("k") === col("x"))
            .selectExpr("k", "size(a)")
      )
      for ((query, index) <- queries.zipWithIndex) withClue(s"query $index: ") {
        assertSameRows(query(ncf), query(parquet))
      }
    }
  }

  test("filters on flat columns, pushed, with nested columns in the result") {
    withPath { path =>
      val source = spark.range(0, 40000, 1, 1).selectExpr(
        "id",
        "id % 10 g",
        "named_struct('x', id * 2, 'y', array(id, null)) s",
        "sequence(id, id + id % 3) a"
      )
      val ncf = copy(source, path, 8192)
      for (
        condition <- Seq("id > 39000", "id between 8190 and 8195", "g = 3 and id < 9000", "id < 0")
      )
        withClue(condition) {
          assertSame(ncf.where(condition), source.where(condition))
          assertSame(ncf.where(condition).select("s.y"), source.where(condition).select("s.y"))
        }
      val mixed = "id > 100 and s.x < 400 and a[0] % 2 = 0"
      assertSame(ncf.where(mixed), source.where(mixed))
    }
  }

  test("no native handle outlives its query") {
    withPath { path =>
      copy(spark.range(0, 50000, 1, 2).selectExpr("array(id) a"), path).limit(5).collect()
      read(path).selectExpr("explode(a)").count()
      assert(io.ncf.jni.Native.liveHandles() == 0)
    }
  }
}
