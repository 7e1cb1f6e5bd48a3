package io.ncf.spark

import org.apache.spark.sql.AnalysisException
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.DataType

import io.ncf.jni.{
  NcfInvalidArgumentException,
  NcfIoException,
  NcfLimitExceededException,
  NcfUnsupportedException
}

/** Every error that the connector itself raises: what is wrong, and what to do about it. */
private[spark] object NcfErrors {

  // The error classes are Spark's own, so that handlers written for other sources work.

  def pathNotFound(path: String): Throwable =
    new AnalysisException("PATH_NOT_FOUND", Map("path" -> path))

  def pathExists(path: String): Throwable =
    new AnalysisException("PATH_ALREADY_EXISTS", Map("outputPath" -> path))

  def nothingToInferFrom(): Throwable =
    new AnalysisException("UNABLE_TO_INFER_SCHEMA", Map("format" -> "ncf"))

  def changedWhileRead(path: String): Throwable = invalid(
    s"files in $path changed while the query ran, and their rows are in another order now; run the query again"
  )

  def noPath(): Throwable = invalid("no path was given; name one: load(path) or save(path)")

  def noDirectory(path: String, error: java.io.IOException): Throwable = invalid(
    s"cannot create the directory $path ($error); " +
      "choose a path in a directory that can be written to"
  )

  def severalPaths(paths: Seq[String]): Throwable = unsupported(
    s"ncf reads one path at a time and got ${paths.mkString(", ")}; load each and union them"
  )

  def scheme(path: String, cause: Throwable): Throwable = new NcfUnsupportedException(
    s"Spark knows no file system for $path ($cause); correct the scheme, or add the jar that " +
      "brings it (--packages org.apache.hadoop:hadoop-aws:… for s3a) or name its class with " +
      "spark.hadoop.fs.<scheme>.impl",
    cause
  )

  def unreachable(path: String, cause: Throwable): Throwable = new NcfIoException(
    s"the file system of $path cannot be reached ($cause); check the address, the network and " +
      "the credentials",
    cause
  )

  def columnType(column: String, dataType: DataType): Throwable = unsupported(
    s"column $column has the type ${dataType.catalogString}, which ncf cannot store; " +
      s"drop the column or cast it to one of ${SchemaConverter.supported.mkString(", ")}"
  )

  def tooDeep(column: String, levels: Int, most: Int): Throwable = new NcfLimitExceededException(
    s"column $column is nested $levels levels deep and ncf stores $most at most; flatten it"
  )

  def schemaMismatch(path: String, differences: Seq[String]): Throwable = invalid(
    s"the data does not fit the table $path: ${differences.mkString("; ")}. " +
      "Select and cast the columns, or write with mode overwrite to change the table"
  )

  def readSchemaMismatch(path: String, differences: Seq[String]): Throwable = invalid(
    s"the schema given does not fit $path: ${differences.mkString("; ")}. " +
      "Read the column with its own type and cast it afterwards"
  )

  def ambiguous(name: String, columns: Seq[String]): Throwable = invalid(
    s"$name may be any of the columns ${columns.mkString(", ")}; " +
      "set spark.sql.caseSensitive to true and spell it like one of them"
  )

  def notInTable(path: String, columns: Seq[String]): Throwable = invalid(
    s"Spark's catalog has columns that the table $path lacks: ${columns.mkString(", ")}. " +
      "ALTER TABLE changes only the catalog, which ncf does not support yet: undo it, or drop " +
      "the table from the catalog and create it again over its data"
  )

  def gone(path: String): Throwable = invalid(
    s"the table $path was there when the query was analyzed and is gone now. A table that is " +
      "replaced or dropped cannot be read afterwards: write to another table first, or use " +
      "INSERT OVERWRITE, which replaces the rows in one step"
  )

  def streamTimeTravel(path: String): Throwable = invalid(
    s"versionAsOf and timestampAsOf do not fit a stream of $path, which reads the latest version " +
      "and all after it; remove them, or read that version as a batch"
  )

  def streamTransaction(): Throwable = invalid(
    "txnAppId and txnVersion do not fit a stream, whose batches are transactions of the query's " +
      "own id; remove them"
  )

  def dynamicOverwrite(): Throwable = unsupported(
    "ncf cannot overwrite partitions dynamically yet; " +
      s"set ${SQLConf.PARTITION_OVERWRITE_MODE.key} to static to replace the whole table"
  )

  def notAPartition(predicates: Seq[String]): Throwable = unsupported(
    s"ncf replaces whole partitions, and ${predicates.mkString(" and ")} does not name one by values " +
      "of partition columns; overwrite the whole table, or one partition after the other"
  )

  def partitionsAreRows(): Throwable = unsupported(
    "a partition of ncf is there when it has rows, and cannot be added empty, renamed or given " +
      "properties; insert rows into it, or drop it"
  )

  def streamRecreated(path: String): Throwable = invalid(
    s"$path is not the table that the stream has read: it was deleted, or deleted and created " +
      "again; start again with a new checkpoint to read what is there now"
  )

  def notATable(path: String, what: String, wanted: String): Throwable = invalid(
    s"$path is $what and cannot be $wanted; use the path of a table or a new path"
  )

  def streamRewritten(path: String, version: Long, operation: String): Throwable = invalid(
    s"version $version of $path removed files ($operation), and a stream reads only appends; " +
      "start again with a new checkpoint to read the table as it is now"
  )

  def invalid(message: String): Throwable = new NcfInvalidArgumentException(message)

  def unsupported(message: String): Throwable = new NcfUnsupportedException(message)
}
