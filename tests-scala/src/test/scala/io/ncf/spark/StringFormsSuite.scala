package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.functions.expr

/** Strings and binaries in every form in which they cross into the JVM, and in which filters see them. */
class StringFormsSuite extends SparkTestBase {

  private val block = 20000

  /** A block each of few, of thousands and of very many values, of one, of runs and of nulls, and few
    * once more.
    */
  private lazy val source: DataFrame = {
    val text = s"""CASE CAST(id / $block AS INT)
      WHEN 0 THEN 'few ' || id % 5
      WHEN 1 THEN 'thousands of values ' || id % 3000
      WHEN 2 THEN 'special requests sleep ' || id || ' carefully final'
      WHEN 3 THEN 'one'
      WHEN 4 THEN 'run ' || CAST(id / 700 AS INT)
      WHEN 5 THEN NULL
      ELSE IF(id % 7 = 0, NULL, 'ξένος ' || id % 3) END"""
    val rows = spark.range(0, 7L * block, 1, 1).selectExpr("id", s"$text t").selectExpr(
      "id",
      "t",
      "CAST(t AS BINARY) b",
      "array(t, t || '!') list",
      "named_struct('t', t, 'id', id) s",
      "id % 2 p",
      "IF(id % 2 = 0, 'even', NULL) name"
    )
    rows.cache()
  }

  private def written(options: (String, String)*)(body: DataFrame => Unit): Unit =
    withPath { path =>
      val write = source.coalesce(1).write.format("ncf").option("blockRows", block.toString)
      write.options(options.toMap).partitionBy("p").save(path)
      body(read(path).select(source.columns.map(expr(_)).toSeq: _*))
    }

  private val conditions = Seq(
    "true",
    "id % 3 = 0",
    "id % 1000 = 1",
    "t LIKE 'special%'",
    "t = 'special requests sleep 45000 carefully final'",
    "t <> 'one'",
    "NOT t LIKE 'thou%'",
    "t <=> NULL OR t LIKE 'ξ%'",
    "t LIKE '%final' AND id % 900 = 0",
    "t LIKE '%7%' OR t LIKE '%sleep%9 care%'",
    "b = CAST('few 3' AS BINARY)",
    "length(t) > 40",
    "t IS NOT NULL AND t > 'run 2'",
    "s.t LIKE 'special%0 %'",
    "name = 'even' AND t LIKE 'one%'"
  )

  private def check(frame: DataFrame): Unit =
    for (condition <- conditions) withClue(condition) {
      assertSameRows(frame.where(condition), source.where(condition))
      val sums = Seq("count(*)", "min(t)", "max(t)", "count(name)", "max(name)").map(expr(_))
      assertSame(
        frame.where(condition).agg(sums.head, sums.tail: _*),
        source.where(condition).agg(sums.head, sums.tail: _*)
      )
    }

  test("as the writer chooses") {
    written()(check)
  }

  test("as symbols") {
    written("encoding.t" -> "fsst", "encoding.b" -> "fsst")(check)
  }

  test("as symbols of the smallest files") {
    written("profile" -> "point")(check)
  }

  test("groups and first rows") {
    for (options <- Seq(Nil, Seq("encoding.t" -> "fsst"))) written(options: _*) { frame =>
      def groups(of: DataFrame): DataFrame =
        of.where("id % 5 < 3").groupBy("t", "name").agg(expr("count(*)"), expr("max(length(t))"))
      assertSame(groups(frame), groups(source))
      def first(of: DataFrame): DataFrame =
        of.select("t", "id", "name").orderBy(expr("t").desc, expr("id")).limit(50)
      assert(first(frame).collect().toSeq == first(source).collect().toSeq)
    }
  }
}
