package io.ncf.examples.bench

import java.nio.file.{Files, Path}

import com.fasterxml.jackson.databind.ObjectMapper
import com.fasterxml.jackson.databind.node.{ArrayNode, ObjectNode}

/** The raw results, written after every step so that a run that is cut off leaves what it has. */
final class Report(path: Path) {

  private val mapper = new ObjectMapper
  private val root = mapper.createObjectNode()

  def fact(name: String, value: String): Unit = { root.put(name, value); save() }

  /** An object of its own in the list `list`, which `fill` fills. */
  def entry(list: String, name: String)(fill: ObjectNode => Unit): Unit = {
    val node = root.withArray[ArrayNode](list).addObject()
    node.put("name", name)
    fill(node)
    save()
  }

  private def save(): Unit = {
    Option(path.getParent).foreach(Files.createDirectories(_))
    mapper.writerWithDefaultPrettyPrinter().writeValue(path.toFile, root)
  }
}

object Report {

  /** Numbers by format: `"name": {"ncf": 1, …}`. */
  def numbers(node: ObjectNode, name: String, values: Seq[(String, Long)]): Unit = {
    val inner = node.putObject(name)
    values.foreach { case (format, value) => inner.put(format, value) }
  }

  /** Seconds of all rounds by format: `"name": {"ncf": [0.5, …], …}`. */
  def seconds(node: ObjectNode, name: String, values: Seq[(String, Seq[Double])]): Unit = {
    val inner = node.putObject(name)
    values.foreach { case (format, rounds) =>
      val list = inner.putArray(format)
      rounds.foreach(list.add(_))
    }
  }
}
