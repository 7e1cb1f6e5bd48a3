package io.ncf.spark

import java.io.File

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec
import org.apache.spark.sql.functions.{col, lit}
import org.apache.spark.sql.streaming.Trigger

import io.ncf.jni.NcfInvalidArgumentException

/** Files whose rows are in the order that a write asked for, and what look-ups gain by it. */
class SortBySuite extends SparkTestBase with AdaptiveSparkPlanHelper {

  /** Tasks of a shuffle stay apart, however few rows they have. */
  override protected def settings: Map[String, String] = Map(
    "spark.sql.shuffle.partitions" -> "4",
    "spark.sql.adaptive.coalescePartitions.enabled" -> "false"
  )

  private val total = 20000L

  /** In no order: `a` is unique but for nulls, `k` is not. */
  private def rows(tasks: Int): DataFrame = spark.range(0, total, 1, tasks).selectExpr(
    s"if(id % 11 = 0, null, id * 7919 % $total) a",
    "if(id % 13 = 0, null, concat('k', id * 31 % 97)) k",
    "id % 3 p"
  )

  private def write(frame: DataFrame, path: String, options: (String, String)*): Unit =
    frame.write.format("ncf").options(options.toMap).save(path)

  /** Fails unless the rows of a file are stored in the order of a `sortBy`. */
  private def assertOrdered(file: File, sortBy: String): Unit = {
    read(file.getPath).createOrReplaceTempView("one_file")
    // The text of a sortBy is that of an ORDER BY, too.
    val columns = sortBy.replaceAll("(?i) (asc|desc)(?=,|$)", "")
    val stored = spark.sql(s"SELECT $columns FROM one_file").collect()
    val wanted = spark.sql(s"SELECT $columns FROM one_file ORDER BY $sortBy").collect()
    assert(stored.length == wanted.length)
    val wrong = stored.indices.find(i => stored(i) != wanted(i))
    assert(wrong.isEmpty, s"$file is not in the order of $sortBy")
  }

  /** Whether the ranges of `a` in files are apart, and nulls in one file only. */
  private def apart(files: Seq[File]): Boolean = {
    val ranges = files.map { file =>
      read(file.getPath).selectExpr("min(a)", "max(a)", "count(*) > count(a)").head()
    }
    val bounds = ranges.filterNot(_.isNullAt(0)).map(r => (r.getLong(0), r.getLong(1))).sorted
    val disjoint = bounds.zip(bounds.drop(1)).forall { case ((_, most), (least, _)) =>
      most < least
    }
    disjoint && ranges.count(_.getBoolean(2)) <= 1
  }

  for (sortBy <- Seq("a", "a desc", "k, a desc", "k DESC, A asc", "`a` desc, k"))
    test(s"a task stores its rows in the order of $sortBy") {
      withPath { path =>
        write(rows(1), path, "sortBy" -> sortBy)
        val files = dataFiles(path)
        assert(files.size == 1)
        assertOrdered(files.head, sortBy)
        assertSame(read(path), rows(1))
      }
    }

  test("every mode sorts, on a new path and on a table") {
    for ((mode, times) <- Seq("errorifexists" -> 1, "ignore" -> 1, "append" -> 2, "overwrite" -> 2))
      withClue(s"$mode: ") {
        withPath { path =>
          for (_ <- 0 until times)
            rows(2).write.format("ncf").mode(mode).option("sortBy", "a desc").save(path)
          val files = dataFiles(path)
          assert(files.size == 2 * times)
          files.foreach(assertOrdered(_, "a desc"))
        }
      }
  }

  test("with ranges files do not overlap") {
    for (sortBy <- Seq("a", "a desc", "a desc, k")) withClue(s"$sortBy: ") {
      withPath { path =>
        write(rows(3), path, "sortBy" -> sortBy, "sortDistribution" -> "range")
        val files = dataFiles(path)
        assert(files.size == 4)
        assert(apart(files))
        files.foreach(assertOrdered(_, sortBy))
        assertSame(read(path), rows(3))
      }
    }
  }

  test("without ranges rows stay in their tasks, and so do rows that are not sorted") {
    withPath { path =>
      write(rows(3), path, "sortBy" -> "a", "sortDistribution" -> "none")
      assert(dataFiles(path).size == 3)
      assert(!apart(dataFiles(path)))
      dataFiles(path).foreach(assertOrdered(_, "a"))
      val other = s"$path-unsorted"
      write(rows(3), other, "sortDistribution" -> "range")
      assert(dataFiles(other).size == 3)
      assertSame(read(other), rows(3))
    }
  }

  test("partitions are sorted and ranged each") {
    withPath { path =>
      def partitioned(tasks: Int) = rows(tasks).write.format("ncf").partitionBy("p")
      partitioned(1).option("sortBy", "a desc").save(path)
      assert(dataFiles(path).size == 3)
      dataFiles(path).foreach(assertOrdered(_, "a desc"))
      assertSame(read(path), rows(1))

      val ranged = s"$path-ranged"
      partitioned(3).option("sortBy", "a").option("sortDistribution", "range").save(ranged)
      val partitions = dataFiles(ranged).groupBy(_.getParentFile)
      assert(partitions.size == 3 && partitions.values.exists(_.size > 1))
      partitions.values.foreach { files =>
        assert(apart(files))
        files.foreach(assertOrdered(_, "a"))
      }
      assertSame(read(ranged), rows(3))
    }
  }

  test("a property of a table holds for SQL; a write's own option comes before it") {
    withPath { path =>
      withNamedTable("s1") {
        rows(1).createOrReplaceTempView("unsorted")
        spark.sql(
          s"CREATE TABLE s1 (a BIGINT, k STRING, p BIGINT) USING ncf LOCATION '$path' " +
            "TBLPROPERTIES ('ncf.sortBy' = 'a desc')"
        )
        for (_ <- 0 until 2) spark.sql("INSERT INTO s1 SELECT * FROM unsorted")
        val inserted = dataFiles(path)
        assert(inserted.size == 2)
        inserted.foreach(assertOrdered(_, "a desc"))
        assertSame(spark.table("s1"), rows(1).union(rows(1)))

        rows(1).writeTo("s1").option("sortBy", "k").overwrite(lit(true))
        dataFiles(path).filterNot(inserted.contains(_)).foreach(assertOrdered(_, "k"))
        assertSame(spark.table("s1"), rows(1))
      }
    }
  }

  test("CREATE TABLE AS sorts and ranges by the table's properties") {
    withPath { path =>
      withNamedTable("s2") {
        rows(1).createOrReplaceTempView("unsorted")
        spark.sql(
          s"CREATE TABLE s2 USING ncf LOCATION '$path' " +
            "TBLPROPERTIES ('ncf.sortBy' = 'a', 'ncf.sortDistribution' = 'range') " +
            "AS SELECT * FROM unsorted"
        )
        val files = dataFiles(path)
        assert(files.size == 4 && apart(files))
        files.foreach(assertOrdered(_, "a"))
        assertSame(spark.table("s2"), rows(1))
      }
    }
  }

  test("streams sort and range every batch, to a new path and to a table") {
    withPath { path =>
      val source = s"$path-source"
      for (_ <- 0 until 2) {
        rows(1).write.format("ncf").mode("append").save(source)
        spark.readStream.format("ncf").load(source).writeStream
          .format("ncf")
          .option("sortBy", "a desc")
          .option("sortDistribution", "range")
          .option("checkpointLocation", s"$path-checkpoint")
          .trigger(Trigger.AvailableNow())
          .start(path)
          .awaitTermination()
      }
      val files = dataFiles(path)
      assert(files.size == 8)
      files.foreach(assertOrdered(_, "a desc"))
      assertSame(read(path), rows(1).union(rows(1)))
    }
  }

  test("what cannot be sorted by names the option and lists the columns") {
    withPath { path =>
      def message(options: (String, String)*): String =
        failure[NcfInvalidArgumentException](write(rows(1), path, options: _*))
      for (sortBy <- Seq("z", "a, z desc", "a down", "a k desc", "`a desc`")) {
        val said = message("sortBy" -> sortBy)
        assert(said.contains("option sortBy names the column"), sortBy)
        assert(said.contains("the columns are a, k, p"), sortBy)
      }
      for (sortBy <- Seq("", " ", ",", "a,,k", "a,", "`a", "a`", "`a` `k`", "``")) {
        val said = message("sortBy" -> sortBy)
        assert(said.contains(s"option sortBy cannot be '$sortBy'"))
        assert(said.contains("the columns are a, k, p"), sortBy)
      }
      assert(message("sortDistribution" -> "hash").contains("one of none, range"))
      assert(!new File(path).exists())
    }
  }

  test("names are matched as the session matches them, and may hold anything") {
    withConf("spark.sql.caseSensitive", "true") {
      withPath { path =>
        val message = failure[NcfInvalidArgumentException](write(rows(1), path, "sortBy" -> "A"))
        assert(message.contains("option sortBy names the column A"))
        val alike = spark.range(0, 1000, 1, 1).selectExpr("id a", "id * 7 % 1000 A")
        write(alike, path, "sortBy" -> "A desc")
        assertOrdered(dataFiles(path).head, "A desc")
      }
    }
    withPath { path =>
      val odd = rows(1).selectExpr("a `x, y desc`", "k `b``q`")
      val sortBy = "`b``q`, `x, y desc` desc"
      write(odd, path, "sortBy" -> sortBy)
      assertOrdered(dataFiles(path).head, sortBy)
      assertSame(read(path), odd)
    }
  }

  test("look-ups of keys read their index, miss nothing, and answer as Parquet does") {
    withPath { path =>
      val most = 200000L
      spark.range(0, most, 1, 2).selectExpr(s"id * 7919 % $most id").selectExpr(
        "id",
        "id * 3 number",
        "concat('user-', lpad(string(id), 8, '0')) name",
        "sqrt(id) score",
        "timestamp_seconds(id * 61) moment"
      ).write.parquet(s"$path-parquet")
      val parquet = spark.read.parquet(s"$path-parquet")
      for (
        column <- Seq("number", "name", "score", "moment");
        distribution <- Seq("none", "range")
      ) withClue(s"$column, $distribution: ") {
        val source = parquet.selectExpr(column, "hash(id) % 1000 v")
        val sorted = s"$path-$column-$distribution"
        // One file, or four with 50,000 keys each.
        write(source.coalesce(1), sorted, "sortBy" -> column, "sortDistribution" -> distribution)
        val keys = parquet.where(s"id in (0, 1, 77777, ${most - 1})").select(column).collect()
        assert(keys.length == 4)
        for (key <- keys.map(_.get(0))) withClue(s"$key: ") {
          val found = read(sorted).where(col(column) === key)
          assert(answer(found) == answer(source.where(col(column) === key)))
          assert(metric(found, "indexMisses") == 0)
          assert(metric(found, "indexBytes") > 0)
        }
      }
      val absent = read(s"$path-number-none").where("number = 100000")
      assert(answer(absent).isEmpty && metric(absent, "indexMisses") == 0)
    }
  }

  private def answer(frame: DataFrame): Seq[String] =
    frame.collect().toSeq.map(_.toString).sorted

  /** A metric of the scan of a frame that was collected. */
  private def metric(frame: DataFrame, name: String): Long =
    collectFirst(frame.queryExecution.executedPlan) { case scan: BatchScanExec => scan }
      .get.metrics(name).value
}
