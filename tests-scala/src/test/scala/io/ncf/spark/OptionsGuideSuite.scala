package io.ncf.spark

import java.nio.file.Files

import org.scalatest.funsuite.AnyFunSuite

/** The guide's table of options is what the code says. */
class OptionsGuideSuite extends AnyFunSuite {

  private val start = "<!-- options: a test compares this table with the code -->\n"
  private val end = "<!-- /options -->"

  private def row(name: String, doc: String): String = s"| `$name` | ${doc.replace("|", "\\|")} |\n"

  test("docs/guide/spark.md lists every option with its text") {
    val guide = Files.readString(Repository.root.resolve("docs/guide/spark.md"))
    val from = guide.indexOf(start)
    val to = guide.indexOf(end)
    assert(from >= 0 && to > from, "the marks around the table are gone")
    val options = NcfOptions.all.map(option => option.name -> option.doc) :+
      ("encoding.<column>" -> NcfOptions.EncodingDoc)
    val table = "| option | what it does |\n|---|---|\n" +
      options.map { case (name, doc) => row(name, doc) }.mkString
    assert(guide.substring(from + start.length, to) === table)
  }
}
