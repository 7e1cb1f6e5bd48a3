package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.node.ObjectNode
import org.apache.spark.sql.types._

/** Spark's schemas and NCF's, which are JSON: `{"fields":[{"id","name","type","nullable"}]}`. */
private[spark] object SchemaConverter {

  /** The types that NCF stores, as Spark's DDL names them. */
  val supported: Seq[String] = Seq(
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "decimal",
    "string",
    "binary",
    "date",
    "timestamp",
    "timestamp_ntz"
  )

  /** Key of a field's metadata under which Spark's own metadata of the column travels, as JSON. */
  private val metadataKey = "spark.metadata"

  private val decimal = """decimal\((\d+),\s*(\d+)\)""".r

  /** The DDL name of a type that NCF stores. */
  def typeName(dataType: DataType): Option[String] = dataType match {
    case BooleanType      => Some("boolean")
    case ByteType         => Some("tinyint")
    case ShortType        => Some("smallint")
    case IntegerType      => Some("int")
    case LongType         => Some("bigint")
    case FloatType        => Some("float")
    case DoubleType       => Some("double")
    case d: DecimalType   => Some(s"decimal(${d.precision},${d.scale})").filter(_ => d.scale >= 0)
    case BinaryType       => Some("binary")
    case DateType         => Some("date")
    case TimestampType    => Some("timestamp")
    case TimestampNTZType => Some("timestamp_ntz")
    case s if isString(s) => Some("string")
    case _                => None
  }

  /** Whether the type is a string whose order is that of its bytes: every other collation orders,
    * and equates, in its own way.
    */
  def isString(dataType: DataType): Boolean = dataType match {
    case s: StringType => s.collationId == StringType.collationId
    case _             => false
  }

  /** The type that values have in memory: `char` and `varchar` are strings. */
  def plain(dataType: DataType): DataType = if (isString(dataType)) StringType else dataType

  def parseType(name: String): DataType = name match {
    case "boolean"                 => BooleanType
    case "tinyint"                 => ByteType
    case "smallint"                => ShortType
    case "int"                     => IntegerType
    case "bigint"                  => LongType
    case "float"                   => FloatType
    case "double"                  => DoubleType
    case "string"                  => StringType
    case "binary"                  => BinaryType
    case "date"                    => DateType
    case "timestamp"               => TimestampType
    case "timestamp_ntz"           => TimestampNTZType
    case decimal(precision, scale) => DecimalType(precision.toInt, scale.toInt)
    case other => throw NcfErrors.unsupported(s"the type $other needs a newer ncf connector")
  }

  /** The Spark schema of an NCF schema. */
  def toSpark(schema: JsonNode): StructType = StructType(
    Json.elements(schema.get("fields")).map { field =>
      val metadata = Option(field.get("metadata"))
        .flatMap(m => Option(m.get(metadataKey)))
        .map(json => Metadata.fromJson(json.asText()))
        .getOrElse(Metadata.empty)
      StructField(
        field.get("name").asText(),
        parseType(field.get("type").asText()),
        field.get("nullable").asBoolean(true),
        metadata
      )
    }.toArray
  )

  /** The NCF schema of a Spark schema, ids counted from `firstId`. Every column may hold nulls, as
    * in Spark's own file sources: what a query proves about its result binds no later append.
    */
  def toNcf(schema: StructType, firstId: Int = 1): ObjectNode = {
    val fields = schema.zipWithIndex.map { case (field, index) => toNcf(field, firstId + index) }
    val node = Json.obj()
    node.set[JsonNode]("fields", Json.array(fields))
    node
  }

  private def toNcf(field: StructField, id: Int): ObjectNode = {
    val node = Json.obj()
    node.put("id", id)
    node.put("name", field.name)
    node.put(
      "type",
      typeName(field.dataType)
        .getOrElse(throw NcfErrors.columnType(field.name, field.dataType))
    )
    node.put("nullable", true)
    if (field.metadata != Metadata.empty) {
      val metadata = Json.obj()
      metadata.put(metadataKey, field.metadata.json)
      node.set[JsonNode]("metadata", metadata)
    }
    node
  }

  /** The fields of an NCF schema that `keep` accepts by name, ids and all. */
  def filter(schema: JsonNode, keep: String => Boolean): ObjectNode = {
    val kept =
      Json.elements(schema.get("fields")).filter(field => keep(field.get("name").asText()))
    val node = Json.obj()
    node.set[JsonNode]("fields", Json.array(kept.toSeq))
    node
  }

  /** An NCF schema with the types of `wanted`, whose names are the schema's own. */
  def retype(schema: JsonNode, wanted: Seq[StructField]): ObjectNode = {
    val own = toSpark(schema).map(field => field.name -> plain(field.dataType)).toMap
    val other = wanted.filter(field => own.get(field.name).exists(_ != plain(field.dataType)))
    val changed = other.map(field => field.name -> field).toMap
    val node = Json.obj()
    node.set[JsonNode](
      "fields",
      Json.array(Json.elements(schema.get("fields")).map { field =>
        changed.get(field.get("name").asText()).fold(field)(toNcf(_, field.get("id").asInt()))
      }.toSeq)
    )
    node
  }

  /** An NCF schema with more columns, whose ids no file has: they read as null. */
  def extend(schema: JsonNode, missing: Seq[StructField]): ObjectNode = {
    val present = Json.elements(schema.get("fields")).toSeq
    val next = present.map(_.get("id").asInt()).maxOption.getOrElse(0) + 1
    val added = toNcf(StructType(missing), next).get("fields")
    val node = Json.obj()
    node.set[JsonNode]("fields", Json.array(present ++ Json.elements(added)))
    node
  }

  /** Fails on the first column that NCF cannot store, and on names that are not unique. */
  def checkWritable(schema: StructType, caseSensitive: Boolean): Unit = {
    if (schema.isEmpty) {
      throw NcfErrors.invalid("the data has no columns; ncf needs at least one")
    }
    schema.foreach { field =>
      if (typeName(field.dataType).isEmpty) throw NcfErrors.columnType(field.name, field.dataType)
    }
    val names = schema.fieldNames.map(fold(_, caseSensitive))
    names.diff(names.distinct).headOption.foreach { name =>
      throw NcfErrors.invalid(s"the column name $name appears twice; rename one of the columns")
    }
  }

  /** What keeps rows of `data` from being appended to `table`, in words; none if nothing does. */
  def differences(table: StructType, data: StructType, caseSensitive: Boolean): Seq[String] = {
    val incoming = data.map(field => fold(field.name, caseSensitive) -> field).toMap
    val known = table.fieldNames.map(fold(_, caseSensitive)).toSet
    val changed = table.flatMap { field =>
      incoming.get(fold(field.name, caseSensitive)) match {
        case None => Some(s"column ${field.name} (${field.dataType.catalogString}) is missing")
        case Some(other) if plain(other.dataType) != plain(field.dataType) =>
          Some(typeDifference(field, other))
        case _ => None
      }
    }
    val extra = data.fields.filterNot(field => known(fold(field.name, caseSensitive))).map {
      field => s"column ${field.name} (${field.dataType.catalogString}) is not in the table"
    }
    changed ++ extra
  }

  /** What keeps `wanted` from being read from `table`. Columns that it lacks read as null.
    *
    * @param retyped columns of the table that are text in truth, so that many types do
    */
  def readDifferences(
      table: StructType,
      wanted: StructType,
      names: ColumnNames,
      retyped: Set[String]
  ): Seq[String] = {
    val known = table.map(field => field.name -> field).toMap
    wanted.flatMap { field =>
      names.stored(field.name).flatMap(known.get) match {
        // Text of directory names is in no time zone.
        case Some(own) if retyped(own.name) && field.dataType != TimestampType => None
        case Some(own) if plain(own.dataType) != plain(field.dataType)         =>
          Some(typeDifference(own, field))
        case None if typeName(field.dataType).isEmpty =>
          Some(s"column ${field.name} has the unsupported type ${field.dataType.catalogString}")
        case _ => None
      }
    }
  }

  /** The schema with nulls allowed everywhere. */
  def nullable(schema: StructType): StructType =
    StructType(
      schema.map(field => field.copy(dataType = nullable(field.dataType), nullable = true))
    )

  private def nullable(dataType: DataType): DataType = dataType match {
    case struct: StructType     => nullable(struct)
    case ArrayType(element, _)  => ArrayType(nullable(element), containsNull = true)
    case MapType(key, value, _) => MapType(nullable(key), nullable(value), valueContainsNull = true)
    case other                  => other
  }

  private def typeDifference(own: StructField, other: StructField): String =
    s"column ${own.name} is ${own.dataType.catalogString} in the table " +
      s"and ${other.dataType.catalogString} here"

  private def fold(name: String, caseSensitive: Boolean): String =
    if (caseSensitive) name else name.toLowerCase(java.util.Locale.ROOT)
}
