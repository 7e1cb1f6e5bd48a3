package io.ncf.examples.bench

import java.nio.charset.StandardCharsets.UTF_8

/** A question to the tables of TPC-H.
  *
  * @param name    what the report calls it
  * @param ordered whether its ORDER BY leaves no two rows that may change places
  */
final case class BenchQuery(name: String, ordered: Boolean, template: String) {

  def isTpch: Boolean = BenchQuery.tpch.exists(_.name == name)

  /** The SQL for a scale factor, on which one of the queries depends. The specification has no
    * scale below one; published answers keep the fraction of scale one there.
    */
  def sql(scale: BigDecimal): String = {
    val fraction = BigDecimal("0.0001") / scale.max(1)
    template.replace("${FRACTION}", fraction.bigDecimal.toPlainString)
  }
}

object BenchQuery {

  // Their ORDER BY lets rows with equal sums or prices come in any order.
  private val unordered = Set(3, 5, 10, 11, 18)

  /** The 22 queries of TPC-H with the parameters of its validation run. */
  val tpch: Seq[BenchQuery] = (1 to 22).map { number =>
    val name = f"q$number%02d"
    BenchQuery(name, !unordered(number), resource(s"/io/ncf/examples/tpch/$name.sql"))
  }

  /** One thing at a time, on lineitem. Of this kind are TPC-H's Q1 and Q6, too. */
  val micro: Seq[BenchQuery] = Seq(
    "full-scan" -> "SELECT * FROM lineitem",
    "count-min-max" -> "SELECT count(*), min(l_shipdate), max(l_shipdate) FROM lineitem",
    "sum" -> "SELECT sum(l_extendedprice) FROM lineitem",
    "like-count" -> "SELECT count(*) FROM lineitem WHERE l_comment LIKE '%special%'",
    "group-count" ->
      "SELECT l_shipmode, count(*) FROM lineitem GROUP BY l_shipmode ORDER BY l_shipmode",
    "top-10" ->
      """SELECT l_orderkey, l_linenumber, l_extendedprice FROM lineitem
        |ORDER BY l_extendedprice DESC, l_orderkey, l_linenumber LIMIT 10""".stripMargin,
    "point-lookup" -> "SELECT count(*), sum(l_partkey) FROM lineitem WHERE l_orderkey = 300003",
    "one-in-100" ->
      """SELECT count(*), sum(l_suppkey) FROM lineitem
        |WHERE l_quantity = 50 AND l_discount = 0.1""".stripMargin
  ).map { case (name, sql) => BenchQuery(name, ordered = true, sql) }

  /** The only query whose rows go to a sink that keeps none. */
  val fullScan: String = "full-scan"

  val all: Seq[BenchQuery] = tpch ++ micro

  /** The names that a word of `--queries` stands for: `tpch`, `micro`, `q06`, `6`, `sum`. */
  def named(word: String): Seq[String] = {
    val found = word match {
      case "tpch"  => tpch
      case "micro" => micro
      case _       =>
        all.filter(q => q.name == word || word.toIntOption.exists(n => q.name == f"q$n%02d"))
    }
    require(
      found.nonEmpty,
      s"no query $word; there are tpch, micro, ${all.map(_.name).mkString(", ")}"
    )
    found.map(_.name)
  }

  private def resource(path: String): String = {
    val stream = getClass.getResourceAsStream(path)
    try new String(stream.readAllBytes(), UTF_8)
    finally stream.close()
  }
}
