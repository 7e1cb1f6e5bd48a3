package io.ncf.spark

import java.time.{Instant, LocalDate, ZoneId}

import scala.jdk.CollectionConverters._
import scala.util.Random

import org.apache.spark.sql.types._
import org.apache.spark.sql.{DataFrame, Row}

/** Every expression that scans accept has Spark's own value in every row: as a group, within an
  * aggregate, and in a filter. What is not accepted stays with Spark and is not looked at here.
  */
class ExpressionSuite extends SparkTestBase {

  import ExpressionSuite._
  import RandomQueriesSuite.{off, zones}

  override protected def settings: Map[String, String] = Map(
    "spark.sql.shuffle.partitions" -> "2",
    "spark.sql.adaptive.enabled" -> "false",
    // To compile a query takes longer than to run it.
    "spark.sql.codegen.factoryMode" -> "NO_CODEGEN",
    "spark.sql.files.minPartitionNum" -> "1",
    "spark.sql.datetime.java8API.enabled" -> "true"
  )

  /** Runs `body` with two views of a table: `pushed`, and `plain`, of which Spark only reads rows. */
  private def withTable(columns: Seq[RandomColumn])(body: => Unit): Unit = {
    val rows = columns.map(_.values).transpose.zipWithIndex.map { case (values, id) =>
      Row.fromSeq(id.toLong +: values)
    }
    val fields = columns.map(column => StructField(column.sql, column.dataType))
    withRows(spark.createDataFrame(
      rows.asJava,
      StructType(StructField("id", LongType) +: fields)
    ))(body)
  }

  private def withRows(source: DataFrame)(body: => Unit): Unit = withPath { path =>
    source.coalesce(1).write.format("ncf").option("blockRows", "700").save(path)
    read(path).createOrReplaceTempView("pushed")
    val plain = spark.read.format("ncf").options(off).load(path)
    plain.createOrReplaceTempView("plain")
    body
  }

  private def aggregated(expressions: Seq[String]): DataFrame = {
    val outputs = expressions.flatMap(e => Seq(e, s"min($e)")).zipWithIndex.map { case (e, i) =>
      s"$e AS c$i"
    }
    val sql = s"SELECT id, ${outputs.mkString(", ")} FROM pushed GROUP BY id, "
    spark.sql(sql + expressions.mkString(", "))
  }

  /** Compares all that the scan accepts; answers how many groups and filters these were. */
  private def check(expressions: Seq[String]): (Seq[String], Seq[String]) = {
    val accepted = expressions.filter(e => PushedPlans.aggregates(aggregated(Seq(e))))
    accepted.grouped(together).foreach(checkGroups)
    (accepted, checkFilters(expressions))
  }

  private def byId(frame: DataFrame): Map[Long, Row] =
    frame.collect().toSeq.map(row => row.getLong(0) -> row).toMap

  private def checkGroups(expressions: Seq[String]): Unit = {
    val ours = aggregated(expressions)
    assert(PushedPlans.aggregates(ours), expressions)
    val (have, want) = (byId(ours), byId(reference(expressions)))
    assert(have.keySet == want.keySet)
    for ((expression, i) <- expressions.zipWithIndex) {
      // Groups have one zero.
      val wrong = want.find { case (id, row) =>
        val (group, least) = (have(id).get(2 * i + 1), have(id).get(2 * i + 2))
        value(group, oneZero = true) != value(row.get(i + 1), oneZero = true) ||
        value(least, oneZero = false) != value(row.get(i + 1), oneZero = false)
      }
      wrong.foreach { case (id, row) =>
        val input = spark.sql(s"SELECT * FROM plain WHERE id = $id").head()
        fail(s"$expression is ${have(id)}, not ${row.get(i + 1)}, of $input")
      }
    }
  }

  private def reference(expressions: Seq[String]): DataFrame = {
    val outputs = expressions.zipWithIndex.map { case (e, i) => s"$e AS c$i" }
    spark.sql(s"SELECT id, ${outputs.mkString(", ")} FROM plain")
  }

  /** Compares the filters that the scan accepts wholly, each of one of the expression's values. */
  private def checkFilters(expressions: Seq[String]): Seq[String] = {
    val random = new Random(expressions.size.toLong)
    val accepted = expressions.filter { expression =>
      val dataType = typeOf(expression)
      val some = Seq(RandomValues.value(dataType, tame = true, random))
      PushedPlans.filters(filtered(condition(expression, dataType, some, random)))
    }
    val conditions = accepted.flatMap { expression =>
      val values = reference(Seq(expression)).collect().toSeq.map(_.get(1)).filter(_ != null)
      Seq.fill(2)(condition(expression, typeOf(expression), values, random))
        .filter(condition => PushedPlans.filters(filtered(condition)))
    }
    conditions.grouped(together).foreach { some =>
      val wanted = reference(some).collect()
      some.zipWithIndex.foreach { case (condition, i) =>
        val those = wanted.filter(row => !row.isNullAt(i + 1) && row.getBoolean(i + 1))
        val found = filtered(condition).collect()
        assert(
          found.map(_.getLong(0)).sorted.toSeq == those.map(_.getLong(0)).sorted.toSeq,
          condition
        )
      }
    }
    conditions
  }

  private def typeOf(expression: String): DataType = reference(Seq(expression)).schema(1).dataType

  private def filtered(condition: String): DataFrame =
    spark.sql(s"SELECT id FROM pushed WHERE $condition")

  private def condition(
      expression: String,
      dataType: DataType,
      values: Seq[Any],
      random: Random
  ): String = {
    def literal(): String =
      RandomExpressions.literal(
        if (values.isEmpty) null else values(random.nextInt(values.size)),
        dataType
      )
    random.nextInt(8) match {
      case 0                            => s"($expression) IS NULL"
      case 1                            => s"($expression) IN (${literal()}, ${literal()}, NULL)"
      case _ if dataType == BooleanType => expression
      case other                        => s"($expression) ${comparisons(other - 2)} ${literal()}"
    }
  }

  private def enough(checked: (Seq[String], Seq[String]), groups: Int, filters: Int): Unit = {
    val (inGroups, inFilters) = checked
    info(s"accepted as groups ${inGroups.size}, as filters ${inFilters.size}")
    assert(inGroups.size >= groups && inFilters.size >= filters, checked)
  }

  test("numbers: arithmetic, rounding, casts, choices") {
    withTable(ExpressionCases.numberColumns) {
      enough(check(ExpressionCases.numbers), groups = 400, filters = 400)
    }
  }

  test("text: case, length, parts, trimming, joining, patterns") {
    withTable(ExpressionCases.textColumns) {
      enough(check(ExpressionCases.texts), groups = 80, filters = 80)
    }
  }

  test("booleans and bytes") {
    withTable(ExpressionCases.otherColumns) {
      enough(check(ExpressionCases.others), groups = 20, filters = 20)
    }
  }

  for (zone <- zones) test(s"dates and times, in $zone") {
    withZone(zone) {
      withTable(ExpressionCases.timeColumns) {
        enough(check(ExpressionCases.times), groups = 45, filters = 45)
      }
    }
  }

  private def withZone(zone: String)(body: => Unit): Unit = {
    val before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", zone)
    try body
    finally spark.conf.set("spark.sql.session.timeZone", before)
  }

  /** Writes values, each once, as the column `k`, and has each of them grouped with the expressions,
    * all of which the scan accepts: Spark computes them anew of the groups' keys.
    */
  private def checkLarge(dataType: DataType, values: Iterable[Any])(expressions: String*): Unit = {
    val rows = spark.sparkContext.parallelize(values.toSeq, 2).map(Row(_))
    withRows(spark.createDataFrame(rows, new StructType().add("k", dataType))) {
      def groups(some: Seq[String]): String = {
        val named = some.zipWithIndex.map { case (e, i) => s"$e AS c$i" }
        s"SELECT k, ${named.mkString(", ")}, count(*) n FROM pushed " +
          s"GROUP BY k, ${some.mkString(", ")}"
      }
      for (e <- expressions) assert(PushedPlans.aggregates(spark.sql(groups(Seq(e)))), e)
      val all = "k" +: expressions
      // With the count in it, the condition cannot be evaluated before the groups are there.
      val unlike = all.zipWithIndex.map { case (e, i) => s"NOT (c$i <=> $e)" }
      val wrong =
        spark.sql(s"SELECT * FROM (${groups(all)}) WHERE n <> 1 OR ${unlike.mkString(" OR ")}")
      assert(wrong.take(5).toSeq == Seq.empty)
      val found = spark.sql(s"SELECT count(*) FROM (${groups(all)}) WHERE n > 0").head().getLong(0)
      assert(found == values.size)
    }
  }

  test("upper and lower case of every code point") {
    val points = (0 to Character.MAX_CODE_POINT).filterNot(point =>
      point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE
    )
    checkLarge(StringType, points.map(Character.toString))("upper(k)", "lower(k)", "length(k)")
  }

  test("upper and lower case where it depends on what is beside") {
    def words(parts: Seq[String], most: Int): Seq[String] =
      (1 to most).flatMap(length =>
        Seq.fill(length)(parts).foldLeft(Seq(""))((words, next) =>
          for (word <- words; part <- next) yield word + part
        )
      )
    val sigma = Seq("Σ", "a", "Α", ".", "'", "\u0301", " ", "1", "🙂", "\u00ad", "日")
    val dotted = Seq("I", "İ", "i", "ı", "J", "Į", "\u0307", "\u0300", "ß", "ﬁ", "ǆ", "ΐ", "ᾳ", "ŉ")
    val all = words(sigma, 4) ++ words(dotted, 3)
    checkLarge(StringType, all.distinct)("upper(k)", "lower(k)", "upper(lower(k))", "trim(k)")
  }

  test("parts of days from 5000 years before the first to the year 10000") {
    val turns = (-5000 to 10000).map(LocalDate.of(_, 1, 1))
      .flatMap(first => (-3 to 3).map(day => first.plusDays(day.toLong)))
    val leaps = (-5000 to 10000 by 7).map(LocalDate.of(_, 2, 28))
      .flatMap(last => (0 to 1).map(day => last.plusDays(day.toLong)))
    val some = (LocalDate.of(-5000, 1, 1).toEpochDay to LocalDate.of(10000, 1, 1).toEpochDay by 37)
      .map(LocalDate.ofEpochDay)
    checkLarge(DateType, (turns ++ leaps ++ some).distinct)(
      RandomExpressions.partsOfDay.map(part => s"$part(k)"): _*
    )
  }

  for (zone <- zones) test(s"parts of times where the clocks of $zone change") {
    val (from, to) = (Instant.parse("1800-01-01T00:00:00Z"), Instant.parse("2060-01-01T00:00:00Z"))
    val rules = ZoneId.of(zone).getRules
    val changes =
      Iterator.iterate(rules.nextTransition(from))(t => rules.nextTransition(t.getInstant))
        .takeWhile(t => t != null && t.getInstant.isBefore(to)).map(_.getInstant).toSeq
    val near = (changes :+ from :+ Instant.EPOCH).flatMap { change =>
      Seq(-86400, -7200, -3600, -1800, -1, 0, 1, 899, 1800, 3599, 3600, 7200).flatMap { seconds =>
        val second = change.plusSeconds(seconds.toLong)
        Seq(second.minusNanos(1000), second, second.plusNanos(1000))
      }
    }
    val random = new Random(zone.hashCode.toLong)
    // Later ones stay with Spark where clocks change for ever.
    val last = Instant.parse("2100-01-01T00:00:00Z")
    val others = Seq.fill(5000)(RandomValues.value(TimestampType, tame = false, random)).filter {
      case time: Instant => time.isBefore(last)
      case _             => true
    }
    withZone(zone) {
      checkLarge(TimestampType, (near ++ others).distinct)(
        (RandomExpressions.partsOfDay ++ RandomExpressions.partsOfTime).map(part => s"$part(k)") :+
          "cast(k as date)": _*
      )
    }
  }
}

object ExpressionSuite {

  private val together = 8
  private val comparisons = Seq("=", "<>", "<", "<=", ">", ">=")

  /** A value that equals itself: also a NaN and an array. */
  private def value(raw: Any, oneZero: Boolean): Any = raw match {
    case v: Float       => value(v.toDouble, oneZero)
    case v: Double      => if (v == 0.0 && oneZero) "0.0" else v.toString
    case v: Array[Byte] => v.toSeq
    case other          => other
  }
}
