package io.ncf.examples.bench

/** What to measure.
  *
  * @param source      folder with the tables of TPC-H as Parquet files
  * @param work        folder for the tables in each format
  * @param output      file for the raw results, JSON
  * @param scale       the scale factor of the source
  * @param formats     names of [[Format]]s; the first is what the others are compared with
  * @param ceiling     whether [[CeilingSource]] is measured beside them
  * @param queries     names of [[BenchQuery]]s
  * @param rounds      timed runs of each query on each format, after one that is not timed
  * @param writeRounds timed writes of lineitem in each format, the one that is kept included
  * @param reuse       whether to measure the tables that an earlier run has left in `work`
  * @param answers     folder for the answers of TPC-H's queries, as text
  */
final case class BenchOptions(
    source: String,
    work: String,
    output: String,
    scale: BigDecimal = 1,
    formats: Seq[String] = Seq("ncf", "zstd", "snappy", "orc"),
    ceiling: Boolean = false,
    queries: Seq[String] = BenchQuery.all.map(_.name),
    rounds: Int = 5,
    writeRounds: Int = 3,
    reuse: Boolean = false,
    answers: Option[String] = None
) {

  /** All that is measured. */
  def measured: Seq[String] = formats ++ Option.when(ceiling)(Format.Ceiling)
}

object BenchOptions {

  /** Reads `SOURCE WORK OUTPUT [--NAME VALUE]…`, as tools/bench-spark.sh gives them. */
  def parse(arguments: Seq[String]): BenchOptions = arguments.toList match {
    case source :: work :: output :: rest => parse(BenchOptions(source, work, output), rest)
    case _ => throw new IllegalArgumentException("SOURCE, WORK and OUTPUT are needed")
  }

  @annotation.tailrec
  private def parse(read: BenchOptions, arguments: List[String]): BenchOptions = arguments match {
    case Nil                               => read
    case "--scale" :: value :: rest        => parse(read.copy(scale = BigDecimal(value)), rest)
    case "--rounds" :: value :: rest       => parse(read.copy(rounds = value.toInt), rest)
    case "--write-rounds" :: value :: rest => parse(read.copy(writeRounds = value.toInt), rest)
    case "--reuse" :: rest                 => parse(read.copy(reuse = true), rest)
    case "--answers" :: value :: rest      => parse(read.copy(answers = Some(value)), rest)
    case "--queries" :: value :: rest      =>
      parse(read.copy(queries = words(value).flatMap(BenchQuery.named)), rest)
    case "--formats" :: value :: rest => parse(read.copy(formats = words(value)), rest)
    case "--ceiling" :: rest          => parse(read.copy(ceiling = true), rest)
    case other :: _ => throw new IllegalArgumentException(s"no option $other, or without its value")
  }

  private def words(list: String): Seq[String] = list.split(',').toSeq.map(_.trim)
}
