package io.ncf.spark

/** Tables of Spark's own catalog, `USING ncf`. */
class SqlTableSuite extends SparkTestBase {

  private def count(table: String): Long = spark.table(table).count()

  test("create, insert, insert overwrite, drop") {
    withNamedTable("t1") {
      spark.sql("CREATE TABLE t1 (a INT, s STRING COMMENT 'text') USING ncf")
      assert(count("t1") == 0)
      spark.sql("INSERT INTO t1 VALUES (1, 'x'), (2, null)")
      spark.sql("INSERT INTO t1 (s, a) VALUES ('y', 3)")
      assert(spark.sql("SELECT sum(a) FROM t1").head().getLong(0) == 6)
      assert(spark.sql("SELECT s FROM t1 WHERE a = 3").head().getString(0) == "y")
      spark.sql("INSERT OVERWRITE t1 SELECT a + 10, s FROM t1 WHERE a < 3")
      assert(spark.sql("SELECT sum(a) FROM t1").head().getLong(0) == 23)
    }
    assert(!spark.catalog.tableExists("t1"))
  }

  test("create table as select, partitioned") {
    withNamedTable("t2") {
      spark.sql(
        "CREATE TABLE t2 USING ncf PARTITIONED BY (p) AS SELECT id v, id % 3 p FROM range(30)"
      )
      assertSame(spark.table("t2"), spark.range(30).selectExpr("id v", "id % 3 p"))
      spark.sql("INSERT INTO t2 SELECT id, id % 3 FROM range(3)")
      assert(spark.sql("SELECT count(*) FROM t2 WHERE p = 1").head().getLong(0) == 11)
    }
  }

  test("saveAsTable in every mode, insertInto") {
    withNamedTable("t3") {
      spark.range(10).toDF("a").write.format("ncf").saveAsTable("t3")
      spark.range(10).toDF("a").write.format("ncf").mode("append").saveAsTable("t3")
      assert(count("t3") == 20)
      spark.range(5).toDF("a").write.format("ncf").mode("ignore").saveAsTable("t3")
      assert(count("t3") == 20)
      failure[Exception](spark.range(5).toDF("a").write.format("ncf").saveAsTable("t3"))
      val other = spark.range(5).selectExpr("id x", "id y")
      other.write.format("ncf").mode("overwrite").saveAsTable("t3")
      assertSame(spark.table("t3"), other)
      spark.range(2).selectExpr("id x", "id y").write.insertInto("t3")
      assert(count("t3") == 7)
    }
  }

  test("an external table over a path that exists takes its schema, and its options") {
    withPath { path =>
      withNamedTable("t4") {
        val source = spark.range(100).selectExpr("id a", "id % 4 p")
        source.write.format("ncf").partitionBy("p").save(path)
        spark.sql(s"CREATE TABLE t4 USING ncf OPTIONS (profile 'fast') LOCATION '$path'")
        assertSame(spark.table("t4"), read(path))
        spark.sql("INSERT INTO t4 VALUES (1000, 1)")
        assert(read(path).count() == 101)
      }
      assert(read(path).count() == 101)
    }
  }

  test("joins, subqueries and set operations between tables") {
    withNamedTable("t5") {
      spark.sql("CREATE TABLE t5 USING ncf AS SELECT id k, concat('v', id) v FROM range(1000)")
      val joined = spark.sql(
        "SELECT count(*) FROM t5 a JOIN t5 b ON a.k = b.k + 1 " +
          "WHERE b.v IN (SELECT v FROM t5 WHERE k < 10)"
      )
      assert(joined.head().getLong(0) == 10)
      assert(spark.sql("SELECT * FROM t5 EXCEPT SELECT * FROM t5 WHERE k > 5").count() == 6)
    }
  }

  test("char and varchar") {
    withNamedTable("t6") {
      spark.sql("CREATE TABLE t6 (c CHAR(3), v VARCHAR(3)) USING ncf")
      spark.sql("INSERT INTO t6 VALUES ('a', 'b')")
      assert(spark.sql("SELECT count(*) FROM t6 WHERE c = 'a' AND v = 'b'").head().getLong(0) == 1)
      assert(spark.sql("SELECT c FROM t6").head().getString(0) == "a  ")
      failure[Exception](spark.sql("INSERT INTO t6 VALUES ('abcd', 'b')"))
    }
  }

  test("streams to and from tables") {
    withPath { path =>
      withNamedTable("t7") {
        spark.sql("CREATE TABLE t7 (a BIGINT) USING ncf")
        spark.range(10).toDF("a").write.format("ncf").save(path)
        spark.readStream
          .format("ncf")
          .load(path)
          .writeStream
          .option("checkpointLocation", path + "-checkpoint")
          .trigger(org.apache.spark.sql.streaming.Trigger.AvailableNow())
          .toTable("t7")
          .awaitTermination()
        assert(count("t7") == 10)
      }
    }
  }
}
