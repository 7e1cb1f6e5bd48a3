package io.ncf.examples.bench

import java.nio.file.{Files, Path}

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.Row

/** Answers as text, in the form that the published ones of TPC-H have. */
private object Answers {

  /** One file a query, `q01.csv`: a row a line, values between bars. */
  def write(folder: Path, query: BenchQuery, answer: Seq[Row]): Unit = if (query.isTpch) {
    Files.createDirectories(folder)
    Files.write(folder.resolve(s"${query.name}.csv"), answer.map(_.mkString("|")).asJava)
    ()
  }
}
