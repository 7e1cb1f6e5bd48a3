package org.apache.spark.sql.ncf

/** A test of Spark's that NCF does not pass.
  *
  * @param test      its name
  * @param because   why not, in words for somebody who uses NCF
  * @param failsWith part of a message of its failure: another failure than the known one is a failed
  *                  test, and so is a success
  */
private[ncf] final case class Exclusion(test: String, because: String, failsWith: String)

/** Every test of Spark's suites that is excluded here, by suite. */
private[ncf] object Exclusions {

  private def all(because: String, failsWith: String)(tests: String*): Seq[Exclusion] =
    tests.map(Exclusion(_, because, failsWith))

  private val otherType = "its own type and cast"

  val readSchema: Seq[Exclusion] = all(
    "columns are read with the type that they were written with; a wider one needs a cast",
    otherType
  )(
    "change column type from byte to short/int/long",
    "change column type from short to int/long",
    "change column type from int to long",
    "read byte, int, short, long together",
    "change column type from float to double",
    "read float and double together"
  ) ++ all(
    "a reading with another type must not change a value, or what it means: Parquet refuses these " +
      "as well, and only sources of text and ORC have some of them. Cast the column instead",
    otherType
  )(
    "change column type from boolean to byte/short/int/long",
    "read as string",
    "change column type from float to decimal",
    "change column type from double to decimal",
    "read float, double, decimal together"
  )

  val schemaPruning: Seq[Exclusion] = Nil

  private val partitionCommands = all(
    "partitions of a table of NCF are values of columns, not things of the catalog, and there is " +
      "no DELETE yet: ALTER TABLE … ADD, DROP and RENAME PARTITION are refused",
    "PARTITION_MANAGEMENT_IS_UNSUPPORTED"
  ) _

  private val partitionOverwrites = all(
    "INSERT OVERWRITE … PARTITION (column = value) is refused until a commit can replace a part of " +
      "a table; INSERT OVERWRITE replaces the whole of it",
    "does not support overwrite by filter"
  ) _

  val charVarchar: Seq[Exclusion] = partitionCommands(Seq(
    "char type values should be padded or trimmed: partitioned columns",
    "varchar type values length check and trim: partitioned columns",
    "char/varchar type values length check: partitioned columns of other types"
  )) ++ partitionOverwrites(Seq(
    "SPARK-34233: char/varchar with null value for partitioned columns"
  )) :+ Exclusion(
    "oversize char/varchar values for alter table partition operations",
    "as ALTER TABLE … PARTITION is refused, the length of the value in it is not checked",
    "SparkRuntimeException to be thrown, but"
  )

  val sqlInsert: Seq[Exclusion] = partitionOverwrites(Seq(
    "insert with column list - follow table output order + partitioned table",
    "insert overwrite with column list - by name + partitioned table",
    "insert with column list - table output reorder + partitioned table"
  )) :+ Exclusion(
    "insert with column list - mismatched column list size",
    "the message names the table by its path: Spark's session catalog does not tell a source the " +
      "name of its table. All else of the message is as expected",
    "For parameter 'tableName' value"
  )

  val commonFile: Seq[Exclusion] = all(
    "an option that NCF does not know is refused, so that none is misspelt in silence; options fs.… " +
      "and dfs.… reach the file system",
    "unknown option ds_option"
  )("Propagate Hadoop configs from ncf options to underlying file system")
}
