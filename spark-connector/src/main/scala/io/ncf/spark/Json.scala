package io.ncf.spark

import scala.jdk.CollectionConverters._

import com.fasterxml.jackson.databind.node.{ArrayNode, JsonNodeFactory, ObjectNode}
import com.fasterxml.jackson.databind.{JsonNode, ObjectMapper}

/** The JSON of the native surface (see `io.ncf.jni.Native`). Jackson comes with Spark. */
private[spark] object Json {

  private val mapper = new ObjectMapper()

  def obj(): ObjectNode = JsonNodeFactory.instance.objectNode()

  def arr(): ArrayNode = JsonNodeFactory.instance.arrayNode()

  def text(value: String): JsonNode = JsonNodeFactory.instance.textNode(value)

  def parse(text: String): JsonNode = mapper.readTree(text)

  /** An object of one member. */
  def node(key: String, body: JsonNode): JsonNode = {
    val outer = obj()
    outer.set[JsonNode](key, body)
    outer
  }

  def node(key: String, truth: Boolean): JsonNode = obj().put(key, truth)

  /** An array of strings. */
  def strings(values: Iterable[String]): ArrayNode = {
    val array = arr()
    values.foreach(value => array.add(value))
    array
  }

  /** An array of anything that is JSON already. */
  def array(values: Iterable[JsonNode]): ArrayNode = {
    val array = arr()
    values.foreach(value => array.add(value))
    array
  }

  /** Names and values of an object. */
  def members(node: JsonNode): Iterator[(String, JsonNode)] =
    node.properties().asScala.iterator.map(member => member.getKey -> member.getValue)

  def elements(node: JsonNode): Iterator[JsonNode] = node.elements().asScala

  /** Whether native code reads it as part of a request: it takes 128 levels in all. */
  def isShallow(node: JsonNode): Boolean = depth(node) <= 100

  /** Whether an object somewhere in `node` has a member of this name. */
  def contains(node: JsonNode, name: String): Boolean =
    node.has(name) || elements(node).exists(contains(_, name))

  private def depth(node: JsonNode): Int =
    1 + elements(node).map(depth).maxOption.getOrElse(0)

  /** A number that may be absent or null. */
  def optionalLong(node: JsonNode, name: String): Option[Long] =
    Option(node.get(name)).filterNot(_.isNull).map(_.asLong())

  /** A number that counts as 0 when it is absent. */
  def long(node: JsonNode, name: String): Long = optionalLong(node, name).getOrElse(0L)
}
