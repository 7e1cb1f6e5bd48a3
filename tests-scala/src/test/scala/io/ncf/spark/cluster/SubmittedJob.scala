package io.ncf.spark.cluster

import org.apache.spark.sql.functions._
import org.apache.spark.sql.{DataFrame, Row, SparkSession}

import io.ncf.spark.RandomRows

/** What a user submits: every flat type and a few nested ones, partitions and filters, each answer
  * compared with that of Parquet. Its argument is an empty folder; it ends with "as Parquet".
  */
object SubmittedJob {

  private val filters = Seq(
    "true",
    "i32 between 10 and 20",
    "i64 is null or s like 'a%'",
    "p = 3 and d18 > 0",
    "day >= date'2000-01-01' and not bool",
    "f64 = double('NaN') or f64 <= 0",
    "s in ('', 'apple', '日本語') and p <> 1",
    "ts < timestamp'1990-01-01 00:00:00' or d38 is not null and i8 = 5"
  )

  def main(arguments: Array[String]): Unit = {
    val (ncf, parquet) = (s"${arguments(0)}/ncf", s"${arguments(0)}/parquet")
    val spark = SparkSession.builder().appName("submitted").getOrCreate()
    try {
      val rows = RandomRows.frame(spark, 8000)
        .withColumn("p", pmod(hash(col("s")), lit(5)))
        .withColumn("n", struct(col("i32"), array(col("s"), col("s")).as("texts")))
        .withColumn("a", array(col("d38"), col("d38")))
      rows.write.format("ncf").partitionBy("p").option("blockRows", "500").save(ncf)
      rows.write.partitionBy("p").parquet(parquet)
      val expected = answers(spark.read.parquet(parquet), rows.columns.toSeq)
      val actual = answers(spark.read.format("ncf").load(ncf), rows.columns.toSeq)
      if (actual != expected) throw new IllegalStateException(s"$actual is not $expected")
      if (expected.exists(_.getLong(1) == 0))
        throw new IllegalStateException(s"a filter is idle: $expected")
      println("as Parquet")
    } finally spark.stop()
  }

  /** For each filter how many rows it finds, and a digest of all of them, in whatever order. */
  private def answers(table: DataFrame, columns: Seq[String]): Seq[Row] = filters.map { filter =>
    val digest = xxhash64(columns.map(col): _*)
    table.where(filter).select(digest.as("digest"))
      .agg(lit(filter).as("filter"), count("*"), sum(col("digest").cast("decimal(38,0)")))
  }.reduce(_ union _).collect().toSeq
}
