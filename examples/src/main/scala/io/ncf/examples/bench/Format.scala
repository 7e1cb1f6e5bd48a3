package io.ncf.examples.bench

import org.apache.spark.sql.{DataFrame, SparkSession}

/** A way to store the tables.
  *
  * @param name    what options and reports call it
  * @param source  Spark's name of the data source
  * @param options what to write with; all else is as Spark has it
  */
final case class Format(name: String, source: String, options: Map[String, String]) {

  def write(table: DataFrame, path: String): Unit =
    table.write.format(source).options(options).save(path)

  def open(spark: SparkSession, path: String): DataFrame = spark.read.format(source).load(path)
}

object Format {

  /** Not a format: NCF's tables, filtered and decoded before the clock starts. */
  val Ceiling = "ceiling"

  /** ORC is written with zstd, which is Spark's default for it. */
  private val stored: Seq[Format] = Seq(
    Format("ncf", "ncf", Map.empty),
    Format("zstd", "parquet", Map("compression" -> "zstd")),
    Format("snappy", "parquet", Map("compression" -> "snappy")),
    Format("orc", "orc", Map("compression" -> "zstd"))
  )

  def named(name: String): Format = stored.find(_.name == name).getOrElse(
    throw new IllegalArgumentException(
      s"no format $name; there are ${stored.map(_.name).mkString(", ")}"
    )
  )
}
