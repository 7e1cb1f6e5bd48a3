package io.ncf.spark.write

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.connector.expressions.filter.Predicate
import org.apache.spark.sql.connector.write.{SupportsOverwriteV2, Write, WriteBuilder}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.{BinaryType, DataType, StructType}

import io.ncf.spark.{
  Json,
  Names,
  NcfDataset,
  NcfErrors,
  NcfOptions,
  NcfPath,
  SchemaConverter,
  SchemaDifferences
}

/** Decides what a write does to a table, and checks before any job starts that it can.
  *
  * @param location         the table's
  * @param declared         columns of the table if this write creates or replaces it
  * @param partitionColumns its partition columns in that case
  * @param queryId          the streaming query's id, else any id
  * @param input            the rows' columns
  * @param creates          whether there must be no table when the write commits
  */
private[spark] final class NcfWriteBuilder(
    location: NcfPath,
    declared: StructType,
    partitionColumns: Seq[String],
    options: NcfOptions,
    queryId: String,
    input: StructType,
    creates: Boolean
) extends WriteBuilder
    with SupportsOverwriteV2 {

  private val path = location.text

  private var truncates = false
  private var replaced = Option.empty[Map[String, Option[String]]]

  override def truncate(): WriteBuilder = {
    truncates = true
    this
  }

  /** Only whole partitions: rows of the same file stay or go together. */
  override def canOverwrite(predicates: Array[Predicate]): Boolean =
    partition(predicates).isDefined

  override def overwrite(predicates: Array[Predicate]): WriteBuilder = {
    replaced = partition(predicates)
    if (replaced.isEmpty) throw NcfErrors.notAPartition(predicates.map(_.describe()).toSeq)
    this
  }

  private def partition(predicates: Array[Predicate]): Option[Map[String, Option[String]]] =
    PartitionFilter.values(
      predicates.toSeq,
      declared.filter(f => partitionColumns.contains(f.name))
    )

  override def build(): Write = {
    val latest = options.without(NcfOptions.VersionAsOf, NcfOptions.TimestampAsOf)
    val dataset = NcfDataset.open(location, latest)
    val caseSensitive = SQLConf.get.caseSensitiveAnalysis
    SchemaConverter.checkWritable(input, caseSensitive)
    if (dataset.kind == NcfDataset.SingleFile) {
      throw NcfErrors.notATable(path, "a file", "written to")
    }
    if (dataset.kind == NcfDataset.Directory && !truncates) {
      throw NcfErrors.notATable(path, dataset.kind.words, "appended to")
    }
    location.checkCommits()
    val replaces = truncates || !dataset.exists
    val target =
      if (replaces) WriteTarget.create(declared, partitionColumns)
      else WriteTarget(dataset.ncfSchema, dataset.schema, dataset.partitionColumns)
    checkFits(target, caseSensitive)
    val job = this.job(dataset, target, caseSensitive)
    val order = WriteOrder.of(job, options, caseSensitive)
    new NcfWrite(
      job.copy(sortedBy = Json.array(order.ofFiles.map(_.json)).toString),
      new TableCommit(
        location,
        operation(target, caseSensitive),
        target.ncfSchema,
        target.partitionColumns,
        dataset.version
      ),
      order,
      options,
      queryId
    )
  }

  private def operation(target: WriteTarget, caseSensitive: Boolean): TableCommit.Operation =
    replaced match {
      case Some(values) => TableCommit.Replace(values.map { case (name, text) =>
          val same = Names.fold(_: String, caseSensitive) == Names.fold(name, caseSensitive)
          target.partitionColumns.find(same).getOrElse(name) -> text
        })
      case None if creates   => TableCommit.Create
      case None if truncates => TableCommit.Overwrite
      case None              => TableCommit.Append
    }

  private def checkFits(target: WriteTarget, caseSensitive: Boolean): Unit = {
    val differences = SchemaDifferences.append(target.schema, input, caseSensitive)
    if (differences.nonEmpty) throw NcfErrors.schemaMismatch(path, differences)
    val fold = Names.fold(_: String, caseSensitive)
    if (partitionColumns.map(fold) != target.partitionColumns.map(fold)) {
      val words = (names: Seq[String]) => if (names.isEmpty) "nothing" else names.mkString(", ")
      // An append that names no partitioning follows the table's.
      if (partitionColumns.nonEmpty) throw NcfErrors.schemaMismatch(
        path,
        Seq(
          s"the table is partitioned by ${words(target.partitionColumns)} " +
            s"and the write by ${words(partitionColumns)}"
        )
      )
    }
  }

  private def job(dataset: NcfDataset, target: WriteTarget, caseSensitive: Boolean): WriteJob = {
    val ordinalOf: String => Int = name =>
      input.fieldNames.indexWhere(if (caseSensitive) _ == name else _.equalsIgnoreCase(name))
    val partitions = target.partitionColumns.toSet
    WriteJob(
      location = location,
      jobId = WriteJob.newId(),
      readVersion = dataset.version.getOrElse(0L),
      // Under the table's own spelling, which directories and the log use.
      input = target.rename(input, ordinalOf),
      stored = target.schema.fieldNames.toSeq.filterNot(partitions).map(ordinalOf),
      partitionColumns = target.partitionColumns.map(ordinalOf),
      columns = StructType(target.schema.filterNot(field => partitions(field.name))),
      fileSchema = SchemaConverter.filter(target.ncfSchema, !partitions(_)).toString,
      options = writerOptions(target, caseSensitive).toJson.toString
    )
  }

  /** What the native writer understands of the options. */
  private def writerOptions(target: WriteTarget, caseSensitive: Boolean): NcfOptions = {
    val partitions = target.partitionColumns.toSet
    FilterColumns.checked(options, target.schema, partitions, caseSensitive).without(
      NcfOptions.all.filterNot(NcfWriteBuilder.ofWriter.contains): _*
    )
  }
}

private[spark] object NcfWriteBuilder {
  private val ofWriter = Set(
    NcfOptions.Profile,
    NcfOptions.BlockRows,
    NcfOptions.BlockBytes,
    NcfOptions.FilterColumns,
    NcfOptions.MemoryLimit
  )
}

/** The table as it will be after a write. */
private[spark] final case class WriteTarget(
    ncfSchema: JsonNode,
    schema: StructType,
    partitionColumns: Seq[String]
) {

  /** `input` with the names of this table's columns. */
  def rename(input: StructType, ordinalOf: String => Int): StructType = {
    val names = schema.fieldNames.map(name => ordinalOf(name) -> name).toMap
    StructType(input.zipWithIndex.map { case (field, i) => field.copy(name = names(i)) })
  }
}

private[spark] object WriteTarget {

  /** A new table; its partition columns come last, as readers return them. */
  def create(columns: StructType, partitionColumns: Seq[String]): WriteTarget = {
    val partitions = partitionColumns.map { name =>
      val field = columns.find(_.name == name).orElse(columns.find(_.name.equalsIgnoreCase(name)))
      field.getOrElse(
        throw NcfErrors.invalid(
          s"there is no column $name to partition by; the columns are " +
            columns.fieldNames.mkString(", ")
        )
      )
    }
    partitions.find(field => !canPartition(field.dataType)).foreach { field =>
      throw NcfErrors.unsupported(
        s"column ${field.name} is ${field.dataType.catalogString}, which cannot be a partition " +
          "column; partition by another column"
      )
    }
    val data = columns.filterNot(partitions.contains)
    if (data.isEmpty) {
      throw NcfErrors.invalid("every column is a partition column; leave at least one to store")
    }
    val schema = StructType(data ++ partitions)
    WriteTarget(SchemaConverter.toNcf(schema), schema, partitions.map(_.name))
  }

  /** Whether values of the type can be spelt as text, which is how the log keeps them. */
  private def canPartition(dataType: DataType): Boolean =
    SchemaConverter.typeName(dataType).isDefined && dataType != BinaryType
}
