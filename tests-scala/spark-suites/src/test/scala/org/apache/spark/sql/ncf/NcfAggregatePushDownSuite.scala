package org.apache.spark.sql.ncf

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.ExplainMode
import org.apache.spark.sql.execution.datasources.FileSourceAggregatePushDownSuite
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2ScanRelation
import org.scalactic.source.Position
import org.scalatest.Tag

/** Which aggregates are pushed, and what they give. Spark's file sources answer them from statistics
  * only; NCF computes them, too, so that it pushes more: see [[NcfAggregatePushDownSuite.more]].
  */
class NcfAggregatePushDownSuite extends FileSourceAggregatePushDownSuite with NcfSuite {

  import NcfAggregatePushDownSuite._

  override protected def format: String = "ncf"
  override protected val dataSourceName: String = "ncf"
  override protected val aggPushDownEnabledKey: String =
    "spark.datasource.ncf.pushdown.aggregates"
  override protected val vectorizedReaderEnabledKey: String = "spark.sql.ncf.suite.vectorized"
  override protected val vectorizedReaderNestedEnabledKey: String = "spark.sql.ncf.suite.nested"

  override protected def exclusions: Seq[Exclusion] = Exclusions.aggregatePushDown

  private var running = ""

  override protected def test(testName: String, testTags: Tag*)(testFun: => Any)(implicit
      pos: Position
  ): Unit = super.test(testName, testTags: _*) {
    running = testName
    testFun
  }

  /** Spark's file sources say `PushedAggregation` where NCF says `PushedAggregates`. What the driver
    * answers alone has no scan in `EXPLAIN`, so the scan is asked itself.
    */
  override protected def checkKeywordsExistsInExplain(
      df: DataFrame,
      mode: ExplainMode,
      keywords: String*
  ): Unit = {
    val scans = df.queryExecution.optimizedPlan.collect { case relation: DataSourceV2ScanRelation =>
      relation.scan.description()
    }
    assert(scans.size == 1)
    val found = pushed(scans.head)
    for (keyword <- keywords; wanted = pushed(keyword)) {
      assert(wanted.contains(aggregates), keyword)
      wanted.foreach {
        case (`aggregates`, "") =>
          val expected = more.find(_.test == running).fold(Seq(""))(_.pushes)
          assert(expected.contains(found.getOrElse(aggregates, "")), scans.head)
        case (label, list) if ofItsCase != running =>
          assert(found.get(label).contains(list), scans.head)
        case (label, list) => assert(found(label).equalsIgnoreCase(list), scans.head)
      }
    }
  }

  test("every test in which NCF pushes more is one of this suite, and listed once") {
    val names = more.map(_.test) :+ ofItsCase
    assert(names.filterNot(testNames.contains) == Nil)
    assert(names.diff(names.distinct) == Nil)
  }
}

private object NcfAggregatePushDownSuite {

  private val aggregates = "PushedAggregates"

  private val list = """(Pushed\w+): \[([^\]]*)\]""".r

  /** The lists of a description, by label. */
  private def pushed(text: String): Map[String, String] = list.findAllMatchIn(text).map { found =>
    found.group(1).replace("PushedAggregation", aggregates) -> found.group(2)
  }.toMap

  /** A test in which Spark asserts that nothing is pushed, and NCF pushes.
    *
    * @param pushes what, one for each query of the test
    */
  private final case class More(test: String, because: String, pushes: Seq[String])

  private val types =
    Seq("String", "Boolean", "Byte", "Binary", "Short", "Integer", "Long", "Float", "Double") ++
      Seq("Decimal", "Date", "Timestamp")

  private def ofAllTypes(function: String): String =
    types.map(name => s"$function(${name}Col)").mkString(", ")

  /** A column `P` is partitioned by as `p`: Spark's directories have the latter name, NCF's table the
    * former.
    */
  private val ofItsCase = "aggregate with partition group by can be pushed down"

  private val more: Seq[More] = Seq(
    More(
      "Max(partition column): not push down",
      "values of partitions are values like any other: they are in the log",
      Seq("MAX(p)")
    ),
    More("query with group by not push down", "scans group rows", Seq("MIN(_1)")),
    More(
      "aggregate with data filter cannot be pushed down",
      "scans filter rows exactly, and aggregate those that are left",
      Seq("MIN(_3)")
    ),
    More(
      "push down only if all the aggregates can be pushed down",
      "sums are pushed as well",
      Seq("MIN(_1), SUM(_3)")
    ),
    More(
      "aggregate not push down - MIN/MAX/COUNT with CASE WHEN",
      "scans compute what they aggregate",
      Seq(
        "MIN(CASE WHEN _1 < 0 THEN 0 ELSE _1 END), MIN(CASE WHEN _3 > 5 THEN 1 ELSE 0 END), " +
          "MAX(CASE WHEN _1 < 0 THEN 0 ELSE _1 END), MAX(CASE WHEN _3 <= 5 THEN 1 ELSE 0 END), " +
          "COUNT(CASE WHEN (_1 < 0) AND (_2 IS NOT NULL) THEN 0 ELSE _1 END), COUNT(*)"
      )
    ),
    More(
      "aggregate push down - different data types",
      "bounds of text, bytes, decimals and timestamps are exact, or are found by reading",
      Seq(ofAllTypes("MIN"), ofAllTypes("MAX"))
    )
  )
}
