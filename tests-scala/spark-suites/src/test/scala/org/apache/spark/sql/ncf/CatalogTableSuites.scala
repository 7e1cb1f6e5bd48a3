package org.apache.spark.sql.ncf

import org.apache.spark.SparkThrowable
import org.apache.spark.sql.{FileSourceCharVarcharTestSuite, SQLInsertTestSuite}

/** CHAR and VARCHAR in tables of the session catalog: padding, checks of length, comparison. */
class NcfCharVarcharSuite extends FileSourceCharVarcharTestSuite with NcfSuite {

  override def format: String = "ncf"

  override protected def exclusions: Seq[Exclusion] = Exclusions.charVarchar
}

/** INSERT INTO and INSERT OVERWRITE, by position, with a list of columns, BY NAME, with partitions. */
class NcfSqlInsertSuite extends SQLInsertTestSuite with NcfSuite {

  override def format: String = "ncf"

  override protected def exclusions: Seq[Exclusion] = Exclusions.sqlInsert

  /** Tables of NCF are V2 tables, but not in the catalog that Spark's own V2 suite runs in. */
  override def checkV1AndV2Error(
      exception: SparkThrowable,
      v1ErrorClass: String,
      v2ErrorClass: String,
      v1Parameters: Map[String, String],
      v2Parameters: Map[String, String]
  ): Unit = checkError(
    exception,
    condition = v2ErrorClass,
    parameters = v2Parameters.map { case (key, value) =>
      key -> value.replace("`testcat`.", "`spark_catalog`.`default`.")
    }
  )
}
