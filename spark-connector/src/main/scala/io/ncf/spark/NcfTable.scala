package io.ncf.spark

import java.util
import java.util.Objects

import scala.jdk.CollectionConverters._
import scala.util.Try

import org.apache.spark.sql.catalyst.util.CharVarcharUtils
import org.apache.spark.sql.connector.catalog.{
  SupportsRead,
  SupportsWrite,
  TableCapability,
  TableCatalog
}
import org.apache.spark.sql.connector.expressions.Transform
import org.apache.spark.sql.connector.read.ScanBuilder
import org.apache.spark.sql.connector.write.{LogicalWriteInfo, WriteBuilder}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.util.CaseInsensitiveStringMap

import io.ncf.spark.read.NcfScanBuilder
import io.ncf.spark.write.NcfWriteBuilder

/** A table as Spark sees it. No data is opened before a scan or a write is built, so a data frame
  * reads the version that is the latest when a query on it is planned.
  *
  * @param locate       where it is, by the session that is active; none for a table of the catalog
  *                     that is being created
  * @param columns0     the columns that Spark asks for
  * @param transforms   the partitioning, identity transforms only
  * @param options      those that hold for every use of the table
  * @param role         what Spark may do with it
  */
private[spark] final class NcfTable(
    locate: () => Option[NcfPath],
    columns0: StructType,
    transforms: Array[Transform],
    val options: NcfOptions,
    val role: NcfTable.Role
) extends SupportsRead
    with SupportsWrite
    with NcfPartitions {

  // Spark asks a writer for its table, and that for its capabilities, before it makes the writer's
  // session the active one. So this may be another session's view, and every use locates anew.
  private lazy val location: Option[NcfPath] = locate()

  // Spark's own functions of timestamps keep the time zone in which a query was analysed, and do not
  // hand it over. It is this one, if the session has not changed it since.
  private val zone: String = SQLConf.get.sessionLocalTimeZone

  // Whether a table of the catalog had a log when it was looked up. Dropping a table must stay
  // possible whatever its log is like.
  private val existed: Boolean =
    role == NcfTable.InCatalog && location.exists(path =>
      Try(NcfDataset.latest(path)).toOption.flatten.isDefined
    )

  // A log that cannot be read is one: whatever uses it next says what is wrong.
  private lazy val hasTable: Boolean =
    Try(location.exists(NcfDataset.latest(_).isDefined)).getOrElse(true)

  override def name(): String = location.fold("ncf")(path => s"ncf.`$path`")

  /** With `char` and `varchar`, which Spark's catalog hands over as strings with the type in their
    * metadata: who asks for the columns otherwise sees strings.
    */
  override def schema(): StructType = CharVarcharUtils.getRawSchema(columns0, SQLConf.get)

  override def partitioning(): Array[Transform] = transforms

  override def capabilities(): util.Set[TableCapability] = {
    import TableCapability._
    role match {
      // Without BATCH_WRITE, so that Spark leaves every save mode to NcfDataSource.createRelation.
      // Without STREAMING_WRITE on a new path, so that it leaves the first stream, with the columns
      // to partition by, to NcfDataSource.createSink.
      case NcfTable.ByPath if hasTable =>
        util.EnumSet.of(BATCH_READ, MICRO_BATCH_READ, STREAMING_WRITE)
      case NcfTable.ByPath    => util.EnumSet.of(BATCH_READ, MICRO_BATCH_READ)
      case NcfTable.InCatalog => NcfTable.readAndWrite
      case _: NcfTable.Target => util.EnumSet.of(BATCH_WRITE, TRUNCATE)
    }
  }

  override def newScanBuilder(scanOptions: CaseInsensitiveStringMap): ScanBuilder = {
    val merged = allOptions(scanOptions)
    val dataset = NcfDataset.open(located(), merged).readAs(columns0)
    if (!dataset.exists) {
      if (role == NcfTable.ByPath) throw NcfErrors.pathNotFound(dataset.path)
      if (existed) throw NcfErrors.gone(dataset.path)
    } else if (role == NcfTable.InCatalog && dataset.kind != NcfDataset.Directory) {
      val names = dataset.columnNames
      val missing = columns0.fieldNames.toSeq.filter(names.stored(_).isEmpty)
      if (missing.nonEmpty) throw NcfErrors.notInTable(dataset.path, missing)
    }
    // The dataset pins the version from here on.
    val pinned = merged.without(NcfOptions.VersionAsOf, NcfOptions.TimestampAsOf)
    val zone = Some(this.zone).filter(_ == SQLConf.get.sessionLocalTimeZone)
    new NcfScanBuilder(dataset, columns0, pinned, zone)
  }

  override def newWriteBuilder(info: LogicalWriteInfo): WriteBuilder = new NcfWriteBuilder(
    located(),
    if (role == NcfTable.ByPath) info.schema() else columns0,
    partitionColumns,
    allOptions(info.options()),
    info.queryId(),
    info.schema(),
    role match {
      case NcfTable.Target(creates) => creates
      case _                        => false
    }
  )

  /** Names of the columns that the table is partitioned by. */
  def partitionColumns: Seq[String] = NcfTable.identityColumns(transforms)

  /** What the table is now, whatever version the options ask for. */
  private[spark] def openLatest(): NcfDataset = NcfDataset.open(
    located(),
    options.without(NcfOptions.VersionAsOf, NcfOptions.TimestampAsOf)
  )

  private def located(): NcfPath = locate().getOrElse(throw NcfErrors.noPath())

  /** The options of one use: Spark itself hands those of the session to sources by path only. */
  private def allOptions(ofUse: CaseInsensitiveStringMap): NcfOptions = {
    val ofThis = ofUse.asCaseSensitiveMap().asScala
    if (role == NcfTable.InCatalog) {
      val ours = NcfOptions.parse(ofThis.filterNot { case (key, _) => NcfTable.ofCatalog(key) })
      NcfOptions.ofSession(SQLConf.get).withOverrides(options).withOverrides(ours)
    } else options.withOverrides(NcfOptions.parse(ofThis))
  }

  override def equals(other: Any): Boolean = other match {
    case that: NcfTable =>
      role == that.role && location == that.location && columns0 == that.schema() &&
      options == that.options && partitionColumns == that.partitionColumns
    case _ => false
  }

  override def hashCode(): Int = Objects.hash(role, location, columns0, options)
}

private[spark] object NcfTable {

  /** What a table stands for. */
  sealed trait Role

  /** `format("ncf").load(path)`, and streams in both directions. */
  case object ByPath extends Role

  /** A table of Spark's session catalog. */
  case object InCatalog extends Role

  /** Where `save(path)` writes to.
    *
    * @param creates whether there must be no table when the write commits
    */
  final case class Target(creates: Boolean) extends Role

  private def readAndWrite: util.Set[TableCapability] = util.EnumSet.of(
    TableCapability.BATCH_READ,
    TableCapability.MICRO_BATCH_READ,
    TableCapability.STREAMING_WRITE,
    TableCapability.BATCH_WRITE,
    TableCapability.TRUNCATE,
    TableCapability.OVERWRITE_BY_FILTER
  )

  /** Options of `saveAsTable` that Spark itself puts into its catalog. */
  private def ofCatalog(key: String): Boolean =
    key.equalsIgnoreCase(TableCatalog.PROP_COMMENT) ||
      key.equalsIgnoreCase(TableCatalog.PROP_COLLATION)

  /** The columns of identity transforms; every other transform is refused. */
  def identityColumns(transforms: Array[Transform]): Seq[String] = transforms.toSeq.map {
    transform =>
      val columns = transform.references().toSeq.map(_.fieldNames().toSeq)
      (transform.name(), columns) match {
        case ("identity", Seq(Seq(column))) => column
        case _                              =>
          throw NcfErrors.unsupported(
            s"partitioning by ${transform.describe()} is not supported; use plain columns"
          )
      }
  }
}
