package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.node.ObjectNode
import org.apache.spark.sql.types._

/** Spark's schemas and NCF's, which are JSON: `{"fields":[{"id","name","type","nullable"}]}`. The
  * type of a value is its DDL, that of a nested field an object: `{"array":FIELD}`,
  * `{"map":[KEY,VALUE]}`, `{"struct":[FIELD,…]}`.
  */
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
    "time",
    "timestamp",
    "timestamp_ntz",
    "interval",
    "void",
    "variant",
    "array",
    "map",
    "struct"
  )

  /** Key of a field's metadata under which those of Spark's entries travel, as JSON, that are no
    * texts. Texts are entries of their own, so that other readers see them.
    */
  val MetadataKey = "spark.metadata"

  /** Whether an entry of a field's metadata is no text of the user's. */
  def isOwn(key: String): Boolean = key == MetadataKey || key.startsWith("ncf.")

  /** Levels of nesting that a file may have, as in Rust: those of a value are 1. */
  private val maxLevels = 64

  private val nestings = Seq("array", "map", "struct")

  private val decimal = """decimal\((\d+),\s*(\d+)\)""".r

  /** The DDL name of a value type that NCF has. */
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

  /** Whether a column of the type is stored as one value a row. */
  def isValue(dataType: DataType): Boolean =
    typeName(LogicalType.storage(dataType).getOrElse(dataType)).isDefined

  /** The type that values have in memory: `char` and `varchar` are strings, everything may be null.
    */
  def plain(dataType: DataType): DataType = dataType match {
    case array: ArrayType   => ArrayType(plain(array.elementType))
    case map: MapType       => MapType(plain(map.keyType), plain(map.valueType))
    case struct: StructType =>
      StructType(struct.map(field => StructField(field.name, plain(field.dataType))))
    case string if isString(string) => StringType
    case other                      => other
  }

  /** The same with nulls allowed everywhere but in keys of maps. */
  def nullable(schema: StructType): StructType = StructType(schema.map { field =>
    field.copy(dataType = nullable(field.dataType), nullable = true)
  })

  private def nullable(dataType: DataType): DataType = dataType match {
    case array: ArrayType   => ArrayType(nullable(array.elementType))
    case map: MapType       => MapType(nullable(map.keyType), nullable(map.valueType))
    case struct: StructType => nullable(struct)
    case other              => other
  }

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
  def toSpark(schema: JsonNode): StructType =
    StructType(Json.elements(schema.get("fields")).map(toSpark(_, "")).toArray)

  /** @param prefix names of the fields around the field, for messages */
  private def toSpark(field: JsonNode, prefix: String): StructField = {
    val name = field.get("name").asText()
    val parts = SchemaConverter.parts(field).map(toSpark(_, s"$prefix$name."))
    val stored = (nesting(field), parts) match {
      case (None, _)                      => parseType(field.get("type").asText())
      case (Some("array"), Seq(element))  => ArrayType(element.dataType, element.nullable)
      case (Some("map"), Seq(key, value)) => MapType(key.dataType, value.dataType, value.nullable)
      case (Some("struct"), fields)       => StructType(fields)
      case _ => throw NcfErrors.unsupported(s"the type of column $prefix$name is not understood")
    }
    val dataType = metadataOf(field, LogicalType.Key)
      .fold(stored)(LogicalType.parse(_, stored, prefix + name))
    StructField(name, dataType, field.get("nullable").asBoolean(true), sparks(field))
  }

  /** The metadata of a field as Spark's. */
  private def sparks(field: JsonNode): Metadata = {
    val builder = new MetadataBuilder()
    Option(field.get("metadata")).foreach { metadata =>
      metadata.properties().forEach { entry =>
        if (!isOwn(entry.getKey)) builder.putString(entry.getKey, entry.getValue.asText())
      }
    }
    metadataOf(field, MetadataKey).map(Metadata.fromJson).foreach(builder.withMetadata)
    builder.build()
  }

  private def metadataOf(field: JsonNode, key: String): Option[String] =
    Option(field.get("metadata")).flatMap(m => Option(m.get(key))).map(_.asText())

  /** The NCF schema of a Spark schema, with ids that are this schema's own. */
  def toNcf(schema: StructType): ObjectNode = {
    val writer = new SchemaWriter(1)
    val node = Json.obj()
    node.set[JsonNode]("fields", Json.array(schema.map(writer.column)))
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

  /** How an NCF field nests others: `array`, `map` or `struct`; none for a value. */
  private def nesting(field: JsonNode): Option[String] =
    nestings.find(field.get("type").has(_))

  /** The fields that an NCF field is made of. */
  def parts(field: JsonNode): Seq[JsonNode] = nesting(field) match {
    case None          => Nil
    case Some("array") => Seq(field.get("type").get("array"))
    case Some(several) => Json.elements(field.get("type").get(several)).toSeq
  }

  /** A nested NCF field made of other fields, as many if it is no struct. */
  def withParts(field: JsonNode, parts: Seq[JsonNode]): JsonNode = {
    val dataType = Json.obj()
    nesting(field).foreach { kind =>
      dataType.set[JsonNode](kind, if (kind == "array") parts.head else Json.array(parts))
    }
    val copy = field.deepCopy[ObjectNode]()
    copy.set[JsonNode]("type", dataType)
    copy
  }

  /** The first part of a column that NCF cannot store: its path and its type. */
  def unsupported(path: String, dataType: DataType): Option[(String, DataType)] = dataType match {
    case array: ArrayType => unsupported(path + ".element", array.elementType)
    case map: MapType     =>
      unsupported(path + ".key", map.keyType).orElse(unsupported(path + ".value", map.valueType))
    case struct: StructType =>
      struct.iterator.flatMap(f => unsupported(s"$path.${f.name}", f.dataType)).nextOption()
    case value => if (isValue(value) || LogicalType.storage(value).isDefined) None
      else Some((path, value))
  }

  /** An NCF schema whose values have the types of `wanted`, which fits it and has its columns' names;
    * fields of structs are found by name.
    */
  def retype(schema: JsonNode, wanted: Seq[StructField]): ObjectNode = {
    val types = wanted.map(field => field.name -> field.dataType).toMap
    val fields = Json.elements(schema.get("fields")).map { field =>
      types.get(field.get("name").asText()).fold(field)(retype(field, _))
    }
    val node = Json.obj()
    node.set[JsonNode]("fields", Json.array(fields.toSeq))
    node
  }

  private def retype(field: JsonNode, wanted: DataType): JsonNode = {
    val inside = parts(field)
    wanted match {
      case array: ArrayType => withParts(field, inside.map(retype(_, array.elementType)))
      case map: MapType     =>
        val types = Seq(map.keyType, map.valueType)
        withParts(field, inside.zip(types).map { case (part, dataType) => retype(part, dataType) })
      case struct: StructType =>
        val names = inside.map(_.get("name").asText())
        val types = struct.map(f => Names.find(f.name, names) -> f.dataType).toMap
        withParts(
          field,
          inside.zipWithIndex.map { case (part, i) => types.get(i).fold(part)(retype(part, _)) }
        )
      case value =>
        typeName(value).filter(_ != field.get("type").asText()).fold(field) { name =>
          field.deepCopy[ObjectNode]().put("type", name)
        }
    }
  }

  /** Fails on the first column that NCF cannot store, and on names that are not unique. */
  def checkWritable(schema: StructType, caseSensitive: Boolean): Unit = {
    if (schema.isEmpty) {
      throw NcfErrors.invalid("the data has no columns; ncf needs at least one")
    }
    schema.flatMap(field => unsupported(field.name, field.dataType)).headOption.foreach {
      case (path, dataType) => throw NcfErrors.columnType(path, dataType)
    }
    checkNames(schema, caseSensitive)
    schema.find(field => levels(field.dataType) > maxLevels).foreach { field =>
      throw NcfErrors.tooDeep(field.name, levels(field.dataType), maxLevels)
    }
  }

  private def levels(dataType: DataType): Int = 1 + (dataType match {
    case array: ArrayType   => levels(array.elementType)
    case map: MapType       => math.max(levels(map.keyType), levels(map.valueType))
    case struct: StructType => struct.map(field => levels(field.dataType)).maxOption.getOrElse(0)
    case logical            => LogicalType.storage(logical).fold(0)(stored => levels(stored) - 1)
  })

  private def checkNames(dataType: DataType, caseSensitive: Boolean): Unit = dataType match {
    case array: ArrayType => checkNames(array.elementType, caseSensitive)
    case map: MapType     =>
      checkNames(map.keyType, caseSensitive)
      checkNames(map.valueType, caseSensitive)
    case struct: StructType =>
      val names = struct.fieldNames.map(Names.fold(_, caseSensitive))
      names.diff(names.distinct).headOption.foreach { name =>
        throw NcfErrors.invalid(s"the column name $name appears twice; rename one of the columns")
      }
      struct.foreach(field => checkNames(field.dataType, caseSensitive))
    case _ => ()
  }
}
