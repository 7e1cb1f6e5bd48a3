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

  val readSchema: Seq[Exclusion] = all(
    "a reading with another type must not change a value, or what it means: Parquet refuses these " +
      "as well, and only sources of text and ORC have some of them. Cast the column instead",
    "its own type and cast"
  )(
    "change column type from boolean to byte/short/int/long",
    "read as string",
    "change column type from float to decimal",
    "change column type from double to decimal",
    "read float, double, decimal together"
  )

  val schemaPruning: Seq[Exclusion] = Nil

  val charVarchar: Seq[Exclusion] = Nil

  val sqlInsert: Seq[Exclusion] = all(
    "the message names the table by its path: Spark's session catalog does not tell a source the " +
      "name of its table. All else of the message is as expected",
    "For parameter 'tableName' value"
  )("insert with column list - mismatched column list size")

  val aggregatePushDown: Seq[Exclusion] = all(
    "Spark counts the values of a nested column, of which NCF has no statistics; the count is right",
    "None did not contain \"COUNT(_1)\""
  )("nested column: Count(top level column) push down")

  val commonFile: Seq[Exclusion] = all(
    "an option that NCF does not know is refused, so that none is misspelt in silence; options fs.… " +
      "and dfs.… reach the file system",
    "unknown option ds_option"
  )("Propagate Hadoop configs from ncf options to underlying file system")
}
