package org.apache.spark.sql.ncf

import org.apache.spark.sql.QueryTest
import org.apache.spark.sql.execution.datasources.CommonFileDataSourceSuite

/** What holds for every source that keeps files: options reach the file system. */
class NcfCommonFileSuite extends QueryTest with CommonFileDataSourceSuite with NcfSuite {

  override protected def dataSourceFormat: String = "ncf"

  override protected def exclusions: Seq[Exclusion] = Exclusions.commonFile
}
