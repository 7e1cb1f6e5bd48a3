package io.ncf.spark

import org.apache.spark.sql.types._

/** What keeps data and a table from fitting each other, in words: one sentence a difference. */
private[spark] object SchemaDifferences {

  private val same: (DataType, DataType) => Boolean = _ == _

  /** What keeps rows of `data` from being appended to `table`; none if nothing does. The order of
    * columns, and of fields of structs, is free.
    *
    * @param casts whether Spark casts values to the table's types: narrower ones fit, too
    */
  def append(
      table: StructType,
      data: StructType,
      caseSensitive: Boolean,
      casts: Boolean = false
  ): Seq[String] = {
    val fits = if (casts) (own: DataType, other: DataType) => Widening.allows(other, own) else same
    new Appending(Names.fold(_, caseSensitive), fits).fields("", table, data)
  }

  private final class Appending(fold: String => String, fits: (DataType, DataType) => Boolean) {

    def fields(prefix: String, table: StructType, data: StructType): Seq[String] = {
      val incoming = data.map(field => fold(field.name) -> field).toMap
      val known = table.fieldNames.map(fold).toSet
      val changed = table.flatMap { field =>
        incoming.get(fold(field.name)) match {
          case None        => Seq(s"${words(prefix, field)} is missing")
          case Some(other) => types(prefix + field.name, field.dataType, other.dataType)
        }
      }
      val extra = data.filterNot(field => known(fold(field.name)))
      changed ++ extra.map(field => s"${words(prefix, field)} is not in the table")
    }

    private def types(path: String, own: DataType, other: DataType): Seq[String] =
      (own, other) match {
        case (a: StructType, b: StructType) => fields(path + ".", a, b)
        case (a: ArrayType, b: ArrayType) => types(path + ".element", a.elementType, b.elementType)
        case (a: MapType, b: MapType)     =>
          types(path + ".key", a.keyType, b.keyType) ++
            types(path + ".value", a.valueType, b.valueType)
        case _ => values(path, own, other, fits)
      }
  }

  /** What keeps `wanted` from being read from `table`. Columns and fields that it lacks read as null,
    * values of narrower types as their own.
    *
    * @param names   how columns are found
    * @param retyped columns of the table that are text in truth, so that many types do
    */
  def read(
      table: StructType,
      wanted: StructType,
      names: ColumnNames,
      retyped: Set[String]
  ): Seq[String] = {
    val known = table.map(field => field.name -> field).toMap
    // Text of directory names is in no time zone.
    def fits(dataType: DataType): Boolean =
      SchemaConverter.typeName(dataType).isDefined && dataType != TimestampType
    wanted.flatMap { field =>
      names.stored(field.name).flatMap(known.get) match {
        case Some(own) if retyped(own.name) && fits(field.dataType) => Nil
        case own => read(field.name, own.map(_.dataType), field.dataType)
      }
    }
  }

  private def read(path: String, own: Option[DataType], wanted: DataType): Seq[String] =
    (own, wanted) match {
      case (None, _) => SchemaConverter.unsupported(path, wanted).toSeq.map {
          case (part, dataType) =>
            s"column $part has the unsupported type ${dataType.catalogString}"
        }
      case (Some(a: StructType), b: StructType) => b.flatMap { field =>
          val index = Names.find(field.name, a.fieldNames.toSeq)
          val stored = if (index < 0) None else Some(a(index).dataType)
          read(s"$path.${field.name}", stored, field.dataType)
        }
      case (Some(a: ArrayType), b: ArrayType) =>
        read(path + ".element", Some(a.elementType), b.elementType)
      case (Some(a: MapType), b: MapType) =>
        read(path + ".key", Some(a.keyType), b.keyType) ++
          read(path + ".value", Some(a.valueType), b.valueType)
      case (Some(a), b) => values(path, a, b, Widening.allows)
    }

  private def values(
      path: String,
      own: DataType,
      other: DataType,
      fits: (DataType, DataType) => Boolean
  ): Seq[String] =
    if (fits(SchemaConverter.plain(own), SchemaConverter.plain(other))) Nil
    else Seq(
      s"column $path is ${own.catalogString} in the table and ${other.catalogString} here"
    )

  private def words(prefix: String, field: StructField): String =
    s"column $prefix${field.name} (${field.dataType.catalogString})"
}
