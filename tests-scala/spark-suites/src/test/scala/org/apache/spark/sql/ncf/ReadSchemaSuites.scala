package org.apache.spark.sql.ncf

import org.apache.spark.sql.execution.datasources._

/** Reading with another schema than the data was written with: columns that are missing, hidden or
  * moved, and types that are wider.
  */
private[ncf] trait NcfReadSchemaSuite
    extends AddColumnTest
    with HideColumnAtTheEndTest
    with AddColumnIntoTheMiddleTest
    with HideColumnInTheMiddleTest
    with AddNestedColumnTest
    with HideNestedColumnTest
    with ChangePositionTest
    with IntegralTypeTest
    with ToDoubleTypeTest
    with BooleanTypeTest
    with ToStringTypeTest
    with ToDecimalTypeTest
    with NcfSuite {

  override protected def exclusions: Seq[Exclusion] = Exclusions.readSchema
}

/** Every write makes a table. */
class ReadSchemaOfTablesSuite extends NcfReadSchemaSuite {
  override val format: String = classOf[FolderOfTables].getName
}

/** What is written is read as one directory. */
class ReadSchemaOfFilesSuite extends NcfReadSchemaSuite {
  override val format: String = classOf[BareFiles].getName
}
