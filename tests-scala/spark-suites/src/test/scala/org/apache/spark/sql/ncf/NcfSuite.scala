package org.apache.spark.sql.ncf

import scala.util.control.NonFatal

import org.apache.spark.sql.test.SharedSparkSession
import org.scalactic.source.Position
import org.scalatest.Tag

/** A suite of Spark's, run with the format `ncf`.
  *
  * Excluded tests run as well, and must fail in the way that is known: they count as pending, and as
  * failed as soon as they pass.
  */
private[ncf] trait NcfSuite extends SharedSparkSession {

  // A method, since Spark's constructors register tests before fields of a subclass have values.
  protected def exclusions: Seq[Exclusion] = Nil

  override protected def test(testName: String, testTags: Tag*)(testFun: => Any)(implicit
      pos: Position
  ): Unit = {
    val excluded = exclusions.find(_.test == testName)
    super.test(testName, testTags: _*) {
      excluded.fold[Any](testFun)(mustFail(_, testFun))
    }
  }

  private def mustFail(exclusion: Exclusion, testFun: => Any): Any = {
    info(s"excluded: ${exclusion.because}")
    val failure =
      try { testFun; None }
      catch { case NonFatal(error) => Some(error) }
    failure match {
      case None        => fail("this excluded test passes: take it out of Exclusions.scala")
      case Some(error) =>
        val causes = Iterator.iterate(error)(_.getCause).takeWhile(_ != null).take(20)
        if (causes.exists(cause => String.valueOf(cause.getMessage).contains(exclusion.failsWith)))
          pending
        else throw error
    }
  }

  if (exclusions.nonEmpty) {
    test("every exclusion names a test of this suite, and once") {
      val names = exclusions.map(_.test)
      assert(names.filterNot(testNames.contains) == Nil)
      assert(names.diff(names.distinct) == Nil)
    }
  }
}
