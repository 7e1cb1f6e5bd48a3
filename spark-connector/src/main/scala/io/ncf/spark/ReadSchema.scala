package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.node.ObjectNode
import org.apache.spark.sql.types._

/** The NCF schema that a scan reads by: the stored one, its structs cut to the fields that are read,
  * ids and all.
  */
private[spark] object ReadSchema {

  /** @param stored  NCF schema of what is read
    * @param columns what to read: of every column, only the fields in its type. Columns and fields
    *                that are not stored get ids that no file has: they read as null
    */
  def apply(stored: JsonNode, columns: StructType): ObjectNode = {
    val fields = Json.elements(stored.get("fields")).toSeq
    val writer = new SchemaWriter(fields.map(greatestId).maxOption.getOrElse(0) + 1)
    val wanted = columns.map(field => field.name -> field).toMap
    // Columns that are not read stay: which of a file's columns a name means depends on all names.
    val kept = fields.map(f => wanted.get(name(f)).fold(f)(w => cut(f, w.dataType, writer)))
    val known = fields.map(name).toSet
    val missing = columns.filterNot(field => known(field.name)).map(writer.column)
    val node = Json.obj()
    node.set[JsonNode]("fields", Json.array(kept ++ missing))
    node
  }

  private def cut(field: JsonNode, wanted: DataType, writer: SchemaWriter): JsonNode = {
    val stored = SchemaConverter.parts(field)
    val parts = wanted match {
      case struct: StructType => Some(cutStruct(stored, struct, writer))
      case array: ArrayType   => Some(Seq(cut(stored.head, array.elementType, writer)))
      case map: MapType       =>
        val types = Seq(map.keyType, map.valueType)
        Some(stored.zip(types).map { case (part, dataType) => cut(part, dataType, writer) })
      case _ => None
    }
    parts.fold(field)(SchemaConverter.withParts(field, _))
  }

  private def cutStruct(
      stored: Seq[JsonNode],
      wanted: StructType,
      writer: SchemaWriter
  ): Seq[JsonNode] = {
    val names = stored.map(name)
    wanted.map { field =>
      Names.find(field.name, names) match {
        case -1    => writer.column(field)
        case index =>
          val named = stored(index).deepCopy[ObjectNode]()
          named.put("name", field.name)
          cut(named, field.dataType, writer)
      }
    }
  }

  private def name(field: JsonNode): String = field.get("name").asText()

  private def greatestId(field: JsonNode): Int =
    (field.get("id").asInt() +: SchemaConverter.parts(field).map(greatestId)).max
}
