package io.ncf.spark

import org.apache.spark.sql.functions.col

import io.ncf.jni.NcfUnsupportedException

/** Statements that replace, drop or list partitions of tables in the catalog. */
class PartitionChangesSuite extends SparkTestBase {

  private def withTable(columns: String, partitions: String)(body: => Unit): Unit =
    try {
      spark.sql(s"CREATE TABLE pt ($columns) USING ncf PARTITIONED BY ($partitions)")
      body
    } finally { spark.sql("DROP TABLE IF EXISTS pt"); () }

  private def rows(query: String): Seq[String] =
    spark.sql(query).collect().map(_.toSeq.mkString(",")).sorted.toSeq

  test("INSERT OVERWRITE … PARTITION replaces what has the values, all else stays") {
    withTable("v INT, p INT, q STRING", "p, q") {
      spark.sql("INSERT INTO pt VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'a'), (4, NULL, 'a')")
      spark.sql("INSERT OVERWRITE pt PARTITION (p = 1, q = 'a') VALUES (10)")
      assert(rows("SELECT * FROM pt") == Seq("10,1,a", "2,1,b", "3,2,a", "4,null,a"))
      spark.sql("INSERT OVERWRITE pt PARTITION (p = 1, q) VALUES (11, 'c')")
      assert(rows("SELECT * FROM pt") == Seq("11,1,c", "3,2,a", "4,null,a"))
      spark.sql("INSERT OVERWRITE pt PARTITION (p = NULL, q) VALUES (40, 'z')")
      assert(rows("SELECT * FROM pt") == Seq("11,1,c", "3,2,a", "40,null,z"))
      spark.sql("INSERT OVERWRITE pt PARTITION (p = 7, q = 'new') VALUES (70)")
      assert(rows("SELECT v FROM pt") == Seq("11", "3", "40", "70"))
      val path = spark.sql("DESCRIBE EXTENDED pt").where("col_name = 'Name'")
        .head().getString(1).stripPrefix("ncf.`").stripSuffix("`")
      assert(spark.read.format("ncf").option("versionAsOf", 0).load(path).count() == 4)
    }
  }

  test("DROP PARTITION and SHOW PARTITIONS") {
    withTable("v INT, p INT, q STRING", "p, q") {
      assert(rows("SHOW PARTITIONS pt").isEmpty)
      // The first write of all, too.
      spark.sql("INSERT OVERWRITE pt PARTITION (p = 9, q = 'z') VALUES (9)")
      spark.sql("ALTER TABLE pt DROP PARTITION (p = 9, q = 'z')")
      assert(rows("SELECT * FROM pt").isEmpty && rows("SHOW PARTITIONS pt").isEmpty)
      spark.sql("INSERT INTO pt VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'a'), (4, NULL, '')")
      assert(rows("SHOW PARTITIONS pt PARTITION (p = 1)") == Seq("p=1/q=a", "p=1/q=b"))
      spark.sql("ALTER TABLE pt DROP PARTITION (p = 1, q = 'b')")
      assert(rows("SELECT * FROM pt") == Seq("1,1,a", "3,2,a", "4,null,"))
      assert(failure[Exception](spark.sql("ALTER TABLE pt DROP PARTITION (p = 1, q = 'b')"))
        .contains("PARTITIONS_NOT_FOUND"))
      spark.sql("ALTER TABLE pt DROP IF EXISTS PARTITION (p = 1, q = 'b')")
      spark.sql("ALTER TABLE pt DROP PARTITION (p = NULL, q = '')")
      spark.sql("TRUNCATE TABLE pt PARTITION (p = 2, q = 'a')")
      assert(rows("SELECT * FROM pt") == Seq("1,1,a"))
      for (
        change <- Seq(
          "ADD PARTITION (p = 5, q = 'a')",
          "PARTITION (p = 1, q = 'a') RENAME TO PARTITION (p = 5, q = 'a')"
        )
      )
        assert(failure[NcfUnsupportedException](spark.sql(s"ALTER TABLE pt $change"))
          .contains("is there when it has rows"))
      assert(rows("SHOW PARTITIONS pt") == Seq("p=1/q=a"))
    }
  }

  test("values of every type that can name a partition") {
    val values = Seq(
      "BOOLEAN" -> "true",
      "TINYINT" -> "-3",
      "BIGINT" -> "9007199254740993",
      "DECIMAL(18,8)" -> "0.00000001",
      "DECIMAL(38,0)" -> "99999999999999999999999999999999999999",
      "DATE" -> "DATE'1582-10-04'",
      "TIMESTAMP" -> "TIMESTAMP'2024-03-10 03:30:00.5'",
      "TIMESTAMP_NTZ" -> "TIMESTAMP_NTZ'2024-03-10 02:30:00'",
      "STRING" -> "'a/b=c d é%'",
      "CHAR(5)" -> "'ab'",
      "VARCHAR(5)" -> "'ab '"
    )
    for ((name, value) <- values) withClue(name) {
      withTable(s"v INT, p $name", "p") {
        spark.sql(s"INSERT INTO pt SELECT 1, $value UNION ALL SELECT 2, NULL")
        spark.sql(s"INSERT OVERWRITE pt PARTITION (p = $value) VALUES (3)")
        assert(rows("SELECT v FROM pt") == Seq("2", "3"))
        assert(spark.sql("SHOW PARTITIONS pt").count() == 2)
        spark.sql(s"ALTER TABLE pt DROP PARTITION (p = $value)")
        assert(rows("SELECT v FROM pt") == Seq("2"))
      }
    }
  }

  test("what does not name a partition is refused, and changes nothing") {
    withTable("v INT, d DOUBLE, p INT", "p, d") {
      spark.sql("INSERT INTO pt VALUES (1, 1.5D, 1)")
      failure[Exception](spark.sql("INSERT OVERWRITE pt PARTITION (d = 1.5, p = 1) VALUES (2)"))
      assert(failure[NcfUnsupportedException](
        spark.sql("ALTER TABLE pt DROP PARTITION (p = 1, d = 1.5)")
      ).contains("cannot name a partition"))
      val more = spark.sql("SELECT 2 v, 1.0D d, 1 p")
      for (condition <- Seq(col("v") === 1, col("p") > 0, col("p") === 1 || col("p") === 2))
        failure[Exception](more.writeTo("pt").overwrite(condition))
      assert(rows("SELECT v FROM pt") == Seq("1"))
      more.writeTo("pt").overwrite(col("p") === 1)
      assert(rows("SELECT v FROM pt") == Seq("2"))
    }
  }
}
