package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.node.{ObjectNode, TextNode}
import org.apache.spark.sql.types._

/** Writes Spark's fields as NCF's, which are JSON, and gives every one, nested ones included, the
  * next id.
  *
  * Everything but the key of a map may be null, as in Spark's own file sources: what a query proves
  * about its result binds no later append.
  */
private[spark] final class SchemaWriter(firstId: Int) {

  private var nextId = firstId

  /** A column or a field of a struct, or an error when its type cannot be stored. */
  def column(column: StructField): ObjectNode =
    field(column.name, column.dataType, nullable = true, column.metadata)

  private def field(
      name: String,
      dataType: DataType,
      nullable: Boolean = true,
      sparks: Metadata = Metadata.empty
  ): ObjectNode = {
    val node = Json.obj()
    node.put("id", nextId)
    nextId += 1
    node.put("name", name)
    val stored = LogicalType.storage(dataType)
    node.set[JsonNode]("type", typeOf(name, stored.getOrElse(dataType)))
    node.put("nullable", nullable)
    val metadata = Json.obj()
    stored.foreach(_ => metadata.put(LogicalType.Key, LogicalType.name(dataType)))
    if (sparks != Metadata.empty) putAll(sparks, metadata)
    if (!metadata.isEmpty) node.set[JsonNode]("metadata", metadata)
    node
  }

  private def putAll(sparks: Metadata, metadata: ObjectNode): Unit = {
    val rest = Json.obj()
    Json.parse(sparks.json).properties().forEach { entry =>
      val (key, value) = (entry.getKey, entry.getValue)
      val node = if (value.isTextual && !SchemaConverter.isOwn(key)) metadata else rest
      node.set[JsonNode](key, value)
    }
    if (!rest.isEmpty) metadata.put(SchemaConverter.MetadataKey, rest.toString)
  }

  private def typeOf(name: String, dataType: DataType): JsonNode = {
    val node = Json.obj()
    dataType match {
      case array: ArrayType => node.set[JsonNode]("array", field("element", array.elementType))
      case map: MapType     =>
        val key = field("key", map.keyType, nullable = false)
        node.set[JsonNode]("map", Json.array(Seq(key, field("value", map.valueType))))
      case struct: StructType => node.set[JsonNode]("struct", Json.array(struct.map(column)))
      case value              =>
        val text = SchemaConverter.typeName(value)
        TextNode.valueOf(text.getOrElse(throw NcfErrors.columnType(name, value)))
    }
  }
}
