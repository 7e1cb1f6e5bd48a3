package io.ncf.spark

import io.ncf.jni.NcfInvalidArgumentException

/** Where Spark's catalog and the table beneath it may disagree. */
class CatalogSuite extends SparkTestBase {

  test("a managed table that is replaced from itself fails instead of becoming empty") {
    withNamedTable("c1") {
      spark.range(10).toDF("a").write.format("ncf").saveAsTable("c1")
      val message = failure[NcfInvalidArgumentException](
        spark.table("c1").where("a < 5").write.format("ncf").mode("overwrite").saveAsTable("c1")
      )
      assert(message.contains("gone now") && message.contains("INSERT OVERWRITE"))
    }
  }

  test("an external table can be replaced from itself") {
    withPath { path =>
      withNamedTable("c2") {
        val rows = spark.range(10).toDF("a")
        rows.write.format("ncf").option("path", path).saveAsTable("c2")
        spark.table("c2").where("a < 5").write
          .format("ncf").mode("overwrite").option("path", path).saveAsTable("c2")
        assert(spark.table("c2").count() == 5)
      }
    }
  }

  test("replacing a partitioned table does not mind partitionOverwriteMode") {
    withNamedTable("c3") {
      withConf("spark.sql.sources.partitionOverwriteMode", "dynamic") {
        for (count <- Seq(10, 4)) {
          spark.range(count.toLong).selectExpr("id v", "id % 2 p").write
            .format("ncf").partitionBy("p").mode("overwrite").saveAsTable("c3")
          assert(spark.table("c3").count() == count)
        }
        failure[Exception](spark.sql("INSERT OVERWRITE c3 SELECT 1L, 1L"))
        assert(spark.table("c3").count() == 4)
      }
    }
  }

  test("columns that only ALTER TABLE knows are errors, not nulls") {
    withNamedTable("c4") {
      spark.sql("CREATE TABLE c4 USING ncf AS SELECT id a, id b FROM range(3)")
      spark.sql("ALTER TABLE c4 ADD COLUMN extra INT")
      val message = failure[NcfInvalidArgumentException](spark.table("c4").collect())
      assert(message.contains("lacks: extra") && message.contains("ALTER TABLE"))
      failure[NcfInvalidArgumentException](spark.sql("SELECT a FROM c4").collect())
    }
  }

  test("columns of the catalog may be spelt in another case") {
    withPath { path =>
      withNamedTable("c5") {
        val source = spark.range(100).selectExpr("id a", "concat('v', id) s", "id % 4 p")
        source.write.format("ncf").partitionBy("p").save(path)
        spark.sql(s"CREATE TABLE c5 (A BIGINT, S STRING, P BIGINT) USING ncf LOCATION '$path'")
        assertSame(spark.table("c5").toDF("a", "s", "p"), source)
        assert(spark.sql("SELECT s FROM c5 WHERE A = 7 AND P = 3").head().getString(0) == "v7")
      }
    }
  }

  test("unknown options are refused wherever a table of the catalog takes some") {
    withNamedTable("c6") {
      spark.sql("CREATE TABLE c6 (a BIGINT) USING ncf TBLPROPERTIES ('owner.team' 'x')")
      // Spark folds the case of some names.
      val unknown = "did you mean verifyChecksums?"
      assert(failure[NcfInvalidArgumentException](
        spark.read.option("verifyChecksum", "true").table("c6").collect()
      ).contains(unknown))
      assert(failure[NcfInvalidArgumentException](
        spark.range(1).toDF("a").writeTo("c6").option("verifyChecksum", "true").append()
      ).contains(unknown))
      assert(failure[NcfInvalidArgumentException](
        spark.sql("CREATE TABLE c7 (a BIGINT) USING ncf OPTIONS (verifyChecksum 'true')")
      ).contains(unknown))
      assert(!spark.catalog.tableExists("c7"))
      spark.range(1).toDF("a").writeTo("c6").option("profile", "fast").append()
      assert(spark.read.option("verifyChecksums", "false").table("c6").count() == 1)
    }
  }

  test("options of the session reach tables of the catalog") {
    withNamedTable("c8") {
      spark.range(3).toDF("a").write.format("ncf").saveAsTable("c8")
      spark.sql("INSERT INTO c8 VALUES (7)")
      withConf("spark.datasource.ncf.versionAsOf", "0")(assert(spark.table("c8").count() == 3))
      withConf("spark.datasource.ncf.bogus", "0") {
        failure[NcfInvalidArgumentException](spark.table("c8").collect())
      }
      assert(spark.table("c8").count() == 4)
    }
  }
}
