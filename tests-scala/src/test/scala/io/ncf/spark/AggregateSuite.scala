package io.ncf.spark

import java.nio.file.Files

import scala.util.{Random, Try}

import org.apache.commons.io.FileUtils
import org.apache.spark.SparkThrowable
import org.apache.spark.sql.catalyst.plans.logical.Aggregate
import org.apache.spark.sql.execution.LocalTableScanExec
import org.apache.spark.sql.functions.expr
import org.apache.spark.sql.{DataFrame, Row}

import io.ncf.spark.PushedPlans.aggregates

/** Aggregates that scans carry out are Spark's own. */
class AggregateSuite extends SparkTestBase {

  private val rows = 12000

  /** Small numbers, which statistics can prove much about, beside those of every type. */
  private def source(): DataFrame = RandomRows
    .frame(spark, rows)
    .selectExpr(
      "*",
      "cast(abs(i32) % 50 as decimal(15,2)) quantity",
      "cast((i32 % 1000000) / 100 as decimal(15,2)) price",
      "cast(abs(i64 % 11) / 100 as decimal(15,2)) discount",
      "cast(i32 % 7 as int) few",
      "cast(i16 % 3 as smallint) part"
    )

  private lazy val folder = Files.createTempDirectory("ncf-aggregates-").toString

  /** The same rows in both formats. */
  private lazy val (ncf, parquet) = {
    source().coalesce(2).write.parquet(s"$folder/parquet")
    val parquet = spark.read.parquet(s"$folder/parquet")
    val write = parquet.write.format("ncf").option("blockRows", "2048")
    write.partitionBy("part").save(s"$folder/ncf")
    (read(s"$folder/ncf"), parquet)
  }

  override protected def afterAll(): Unit = {
    FileUtils.deleteDirectory(new java.io.File(folder))
    super.afterAll()
  }

  private def query(
      frame: DataFrame,
      aggregates: String,
      where: String,
      groups: String
  ): DataFrame = {
    frame.createOrReplaceTempView("t")
    val grouped = if (groups.isEmpty) "" else s"GROUP BY $groups"
    val keys = if (groups.isEmpty) "" else s"$groups, "
    spark.sql(s"SELECT $keys$aggregates FROM t WHERE $where $grouped")
  }

  /** Rows with floats rounded to 11 digits, in any order. */
  private def rounded(frame: DataFrame): Map[Seq[Any], Int] = {
    def round(value: Any): Any = value match {
      case v: Double if !v.isNaN && !v.isInfinite =>
        if (math.abs(v) < 1e-290) 0.0
        else BigDecimal(v).round(new java.math.MathContext(9)).toDouble
      // As text: a NaN does not equal itself.
      case v: Double      => v.toString
      case v: Float       => v.toString
      case v: Array[Byte] => v.toSeq
      case other          => other
    }
    val all = frame.collect().toSeq.map((row: Row) => row.toSeq.map(round))
    all.groupBy(identity).map { case (row, same) => row -> same.size }
  }

  private def assertEqual(ncf: DataFrame, parquet: DataFrame, what: String): Unit = {
    val (given, wanted) = (rounded(ncf), rounded(parquet))
    assert((given.toSet -- wanted.toSet).take(3).toSeq == Seq.empty, s"too much: $what")
    assert((wanted.toSet -- given.toSet).take(3).toSeq == Seq.empty, s"missing: $what")
  }

  private val pushed = Seq(
    ("count(*)", "true", ""),
    ("count(s), count(f64), count(bool)", "i32 > 10", ""),
    ("sum(i8), sum(i16), sum(i32)", "true", ""),
    ("sum(price), sum(quantity)", "quantity < 24", "few"),
    ("sum(price * discount)", "discount between 0.05 and 0.07 and quantity < 24", ""),
    (
      "sum(quantity), sum(price), sum(price * (1 - discount)), " +
        "sum(price * (1 - discount) * (1 + discount)), avg(quantity), avg(price), avg(discount), " +
        "count(*)",
      "day <= date'2040-01-01'",
      "few, bool"
    ),
    ("min(i8), max(i16), min(i32), max(i64), min(d9), max(d18), min(d38)", "true", "few"),
    ("min(s), max(s), min(day), max(ts), min(tsn), max(bool)", "true", "bool"),
    ("min(f32), max(f32), min(f64), max(f64)", "true", "few"),
    ("sum(f32), sum(f64), avg(f32)", "f64 between -100 and 100 and f32 between -9 and 9", "few"),
    ("avg(i8), avg(few), avg(i32)", "true", "bool"),
    ("count(*)", "true", "s"),
    ("count(*), max(s)", "true", "s, few, bool, i8"),
    ("count(*), sum(i8)", "true", "f32"),
    ("count(*), min(bin)", "true", "bin"),
    ("count(*)", "true", "part"),
    ("count(*), sum(few)", "part = 1", "part, few"),
    ("count(*), sum(i32)", "true", "i64"),
    ("sum(few + few), max(i8 * few), min(i32 - i16)", "i32 between 0 and 49", "few"),
    ("sum(i32 + 1L), sum(i16 * 2L * i8)", "true", ""),
    ("sum(few * price), min(few + price)", "true", "few"),
    ("sum(d9 + d18)", "true", "bool"),
    ("sum(f64 * f64 + 1.5d)", "abs(f64) < 100 or f64 between -100 and 100", "few"),
    ("sum(f64 * f64 + 1.5d)", "log(abs(f64)) < 4", "few"),
    ("max(few)", "true", "few + 1")
  )

  test("what is pushed has Spark's results") {
    for ((what, where, groups) <- pushed) {
      val name = s"$what | $where | $groups"
      val ours = query(ncf, what, where, groups)
      val expected = !where.contains("log(") // Spark keeps that filter.
      assert(aggregates(ours) == expected, name)
      assertEqual(ours, query(parquet, what, where, groups), name)
    }
  }

  test("what may overflow, or is not exact, stays with Spark") {
    for (
      what <- Seq(
        "sum(i64 + i64)",
        "max(i64 * 2L)",
        "sum(d38 * d18)",
        "avg(i64)",
        "sum(distinct few)",
        "stddev(f64)",
        "sum(ascii(s))",
        "count(*) filter (where few = 1)",
        "min(i8 + i8)"
      )
    ) {
      val (ours, wanted) =
        (query(ncf, what, "true", "few"), query(parquet, what, "true", "few"))
      assert(!aggregates(ours), what)
      (Try(rounded(ours)), Try(rounded(wanted))) match {
        case (given, expected) if expected.isSuccess => assert(given == expected, what)
        case (given, expected)                       =>
          def condition(error: Try[_]): String =
            error.failed.get.asInstanceOf[SparkThrowable].getCondition
          assert(given.isFailure && condition(given) == condition(expected), what)
      }
    }
  }

  test("a query keeps the time zone in which it was analysed") {
    def hours(frame: DataFrame): DataFrame = query(frame, "count(*)", "hour(ts) < 12", "hour(ts)")
    val before = spark.conf.get("spark.sql.session.timeZone")
    try {
      val (ours, wanted) = (hours(ncf), hours(parquet))
      spark.conf.set("spark.sql.session.timeZone", "Asia/Kathmandu")
      assert(!aggregates(ours) && !aggregates(hours(ncf)))
      assertEqual(ours, wanted, "changed")
      assertEqual(hours(ncf), hours(parquet), "new query")
      assert(aggregates(hours(read(s"$folder/ncf"))))
    } finally spark.conf.set("spark.sql.session.timeZone", before)
  }

  test("sums overflow as in Spark") {
    withPath { path =>
      spark
        .range(0, 4, 1, 2)
        .selectExpr("9223372036854775807L - id big", s"cast('${"9" * 38}' as decimal(38,0)) huge")
        .write
        .format("ncf")
        .save(path)
      for (column <- Seq("big", "huge")) {
        val sum = read(path).selectExpr(s"sum($column)")
        if (column == "big") assert(aggregates(sum))
        val error = intercept[Exception](sum.collect())
        val causes = Iterator.iterate[Throwable](error)(_.getCause).takeWhile(_ != null)
        val conditions = causes.collect { case spark: SparkThrowable => spark.getCondition }.toSet
        assert(
          conditions.exists(c =>
            c.contains("OVERFLOW") || c.contains("NUMERIC_VALUE_OUT_OF_RANGE")
          ),
          conditions
        )
      }
    }
  }

  private def isAnswered(frame: DataFrame): Boolean =
    frame.queryExecution.executedPlan.exists(_.isInstanceOf[LocalTableScanExec])

  test("no rows: counts are 0 and the rest is null, groups are none") {
    for (where <- Seq("i32 > 5 and i32 < 3", "part = 77", "few = 100", "s = 'no such'")) {
      val what = "count(*), count(s), sum(i8), max(s), sum(f64)"
      assertEqual(query(ncf, what, where, ""), query(parquet, what, where, ""), where)
      assert(query(ncf, what, where, "few").collect().isEmpty)
    }
    withPath { path =>
      source().where("i32 = i32 + 1").write.format("ncf").save(path)
      val row = read(path).selectExpr("count(*)", "sum(i8)", "min(s)").head()
      assert(row == Row(0L, null, null))
    }
  }

  test("counts and bounds of a whole table are known without reading it") {
    withPath { path =>
      spark
        .range(0, 100000, 1, 3)
        .selectExpr("id", "cast(id % 100 as string) s", "if(id % 4 = 0, null, id * 0.5d) d")
        .write
        .format("ncf")
        .save(path)
      val frame =
        read(path).selectExpr("count(*)", "count(d)", "min(id)", "max(id)", "max(s)", "max(d)")
      assert(isAnswered(frame))
      // The files are not even opened.
      dataFiles(path).foreach(file => assert(file.delete()))
      assert(frame.head() == Row(100000L, 75000L, 0L, 99999L, "99", 49999.5))
    }
  }

  test("filters that take whole files, and groups of partitions, are answered without reading") {
    withPath { path =>
      val rows = spark.range(0, 1000, 1, 1).selectExpr(
        "id",
        "if(id % 7 = 0, null, id) v",
        "if(id < 100, null, cast(id % 3 as int)) p",
        "date'2026-01-01' + cast(id % 2 as int) d"
      )
      rows.where("id < 500").write.format("ncf").partitionBy("p", "d").save(path)
      rows.where("id >= 500").write.format("ncf").mode("append").save(path)
      def answered(what: String, where: String, groups: String*): Unit = {
        def ask(frame: DataFrame): DataFrame = {
          val found = frame.where(where)
          val columns = what.split(";").map(expr(_)).toSeq
          if (groups.isEmpty) found.select(columns: _*)
          else found.groupBy(groups.map(expr): _*).agg(columns.head, columns.tail: _*)
        }
        val frame = ask(read(path))
        assert(isAnswered(frame), s"$what where $where: ${frame.queryExecution.executedPlan}")
        assertSame(frame, ask(rows))
      }
      answered("count(*);count(v);min(v);max(id)", "true", "p", "d")
      answered("count(*);min(d);max(d)", "true", "p")
      answered("count(*);count(p)", "p = 1")
      answered("count(*);count(v);min(id);max(id)", "id >= 500")
      answered("count(*)", "id < 500 and p is null")
      answered("count(*);max(v)", "d = date'2026-01-02' and p in (0, 2)", "d")
      answered("count(*);max(v)", "p = 77", "d")
      // A file that a filter cuts is read.
      val cut = read(path).where("id >= 700").groupBy("p").count()
      assert(!isAnswered(cut))
      assertSame(cut, rows.where("id >= 700").groupBy("p").count())
    }
  }

  test("what the log knows of other files and other types does not mislead") {
    withPath { path =>
      val first = spark.range(0, 100, 1, 1).selectExpr("cast(id as int) a", "cast(id % 2 as int) p")
      val second =
        spark.range(100, 300, 1, 1).selectExpr("cast(id as int) a", "cast(id % 2 as int) p")
      first.write.format("ncf").partitionBy("p").save(path)
      second.write.format("ncf").mode("append").save(path)
      val all = first.union(second).selectExpr("*", "cast(null as string) b")
      val wide = spark.read.format("ncf").schema("a bigint, p bigint, b string").load(path)
      for (
        (what, where) <- Seq(
          "count(b), min(b), max(b)" -> "true",
          "count(*), min(a), max(a), min(p), max(p)" -> "a >= 100",
          "count(*), max(a), max(p)" -> "a < 100 AND p = 1",
          "count(*)" -> "a NOT IN (1000, 2000)",
          "count(*), count(b)" -> "b IS NULL",
          "count(*), max(p)" -> "p IS NOT NULL AND p > 0"
        );
        frame <- if (s"$what $where".contains("b")) Seq(wide) else Seq(read(path), wide)
      ) {
        val columns = what.split(", ").map(expr(_))
        val expected = all.where(where).agg(columns.head, columns.tail.toSeq: _*)
        val actual = frame.where(where).agg(columns.head, columns.tail.toSeq: _*)
        val texts = Seq(actual, expected).map(_.collect().map(_.mkString("|")).toSeq)
        assert(texts.head == texts.last, s"$what where $where")
      }
    }
  }

  test("partitions of NaN and null are not the least or the greatest by accident") {
    withPath { path =>
      val rows = spark.sql(
        "SELECT id, element_at(array(1.5D, double('NaN'), null), cast(id % 3 + 1 AS int)) f FROM range(9)"
      )
      rows.write.format("ncf").partitionBy("f").save(path)
      for (where <- Seq("true", "f IS NULL", "isnan(f)", "f = 1.5", "f > 2")) {
        def ask(of: DataFrame): String =
          of.where(where).selectExpr("count(*)", "count(f)", "min(f)", "max(f)").head().toString
        assert(ask(read(path)) == ask(rows), where)
      }
    }
  }

  test("partitions of zeros are one group, whatever their sign") {
    withPath { path =>
      val rows = spark.sql(
        "SELECT id, if(id % 2 = 0, 0.0D, -0.0D) f FROM range(10)"
      )
      rows.write.format("ncf").partitionBy("f").save(path)
      assertSame(read(path).groupBy("f").count(), rows.groupBy("f").count())
    }
  }

  test("more groups than are held at once") {
    withPath { path =>
      val frame =
        spark.range(0, 600000, 1, 2).selectExpr("id % 300000 k", "id v", "'x' || id % 300000 s")
      frame.write.format("ncf").save(path)
      for (key <- Seq("k", "s")) {
        val sums = read(path).groupBy(key).agg("v" -> "sum", "v" -> "max")
        assert(aggregates(sums))
        assertSame(sums, frame.groupBy(key).agg("v" -> "sum", "v" -> "max"))
      }
    }
  }

  test("options switch it off, and EXPLAIN shows it") {
    withPath { path =>
      spark.range(1000).selectExpr("id", "id * 0.5d d", "id % 3 k").write.format("ncf").save(path)
      def sums(column: String, options: (String, String)*): DataFrame =
        spark.read.format("ncf").options(options.toMap).load(path).where("id > 3").groupBy("k").agg(
          column -> "sum"
        )
      assert(aggregates(sums("id")) && aggregates(sums("d")))
      assert(!aggregates(sums("id", "pushdown.aggregates" -> "false")))
      assert(aggregates(sums("id", "pushdown.floatAggregates" -> "false")))
      assert(!aggregates(sums("d", "pushdown.floatAggregates" -> "false")))
      val text = sums("id").queryExecution.executedPlan.toString
      assert(text.contains("PushedAggregates: [SUM(id)], PushedGroupBy: [k]"), text)
      // Spark puts partial results together.
      assert(sums("id").queryExecution.optimizedPlan.exists(_.isInstanceOf[Aggregate]))
    }
  }

  test("random aggregations have the results that they have over Parquet") {
    val random = new Random(20261126)
    def pick[T](from: Seq[T]): T = from(random.nextInt(from.size))
    val numbers = Seq("i8", "i16", "few", "d9", "d18", "quantity", "price", "discount")
    val values = numbers ++ Seq("s", "day", "ts", "tsn", "i64", "d38", "bool", "part")
    def number(): String = random.nextInt(4) match {
      case 0 => s"(${pick(numbers)} ${pick(Seq("+", "-", "*"))} ${pick(numbers)})"
      case 1 => s"(${pick(numbers)} ${pick(Seq("+", "-", "*"))} 3)"
      case _ => pick(numbers)
    }
    def aggregate(): String = random.nextInt(5) match {
      case 0 => s"count(${pick(values)})"
      case 1 => s"min(${pick(values)})"
      case 2 => s"max(${number()})"
      case _ => s"sum(${number()})"
    }
    val filters =
      Seq(
        "true",
        "few > 2",
        "s < 'm'",
        "price > 0 and quantity < 20",
        "part = 1",
        "bool or few = 3"
      )
    var taken = 0
    for (_ <- 0 until 40) {
      val what = Seq.fill(1 + random.nextInt(3))(aggregate()).distinct.mkString(", ")
      val groups = Seq.fill(random.nextInt(3))(pick(values)).distinct.mkString(", ")
      val (where, name) = (pick(filters), s"$what | $groups")
      val ours = query(ncf, what, where, groups)
      if (aggregates(ours)) taken += 1
      val wanted = Try(rounded(query(parquet, what, where, groups)))
      if (wanted.isSuccess) assert(Try(rounded(ours)) == wanted, s"$name | $where")
      else assert(Try(rounded(ours)).isFailure, s"$name | $where")
    }
    assert(taken > 20, s"$taken of 40 were pushed")
  }
}
