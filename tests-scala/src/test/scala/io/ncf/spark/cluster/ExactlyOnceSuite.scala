package io.ncf.spark.cluster

import org.apache.spark.sql.expressions.UserDefinedFunction
import org.apache.spark.sql.functions.col

/** Tasks that run more than once, on a cluster that speculates: every row is written exactly once. */
class ExactlyOnceSuite extends ClusterTestBase {

  override protected def settings: Map[String, String] = clusterSettings ++ Map(
    "spark.speculation" -> "true",
    "spark.speculation.interval" -> "50ms",
    "spark.speculation.quantile" -> "0.3",
    "spark.speculation.multiplier" -> "1.1",
    // It holds tasks back that make progress; these do until they wait.
    "spark.speculation.efficiency.enabled" -> "false"
  )

  private val rows = 40000L

  /** Appends `rows` numbers in three tasks, through a function. */
  private def write(path: String, through: UserDefinedFunction): Unit =
    spark.range(0, rows, 1, 3).select(through(col("id")).as("id")).write
      .format("ncf").mode("append").save(path)

  private def assertOnce(path: String): Unit = {
    assertSame(read(path), numbers(0, rows))
    assert(logFiles(path).size == 1)
    Processes.verify(path)
  }

  /** Attempts that failed have deleted their files; those that only came late may have left some. */
  private def assertGone(path: String, attempts: Seq[String]): Unit = {
    assert(attempts.nonEmpty)
    val name = ".*-(\\d+)-(\\d+)\\.ncf".r
    eventually(s"files of $attempts are left behind") {
      dataFiles(path).map(_.getName).forall {
        case name(attempt, _) => !attempts.contains(attempt)
        case other            => fail(s"$other is no name of a data file")
      }
    }
  }

  test("an executor that halts after a task has committed") {
    withMarks { (path, marks) =>
      write(path, Faults.haltAfterCommit(marks))
      assert(Faults.isMarked(marks, "halted"))
      assertOnce(path)
      // What the lost attempt had finished.
      assert(orphans(path) >= 1)
    }
  }

  test("a function that fails in first attempts") {
    withMarks { (path, marks) =>
      write(path, Faults.failFirst(rows / 2, marks))
      assertOnce(path)
      assertGone(path, Faults.failed(marks))
    }
  }

  test("an attempt that is killed because another was faster") {
    withMarks { (path, marks) =>
      write(path, Faults.stuckAt(rows - 1, marks))
      assertOnce(path)
      assertGone(path, Faults.failed(marks))
    }
  }

  test("two attempts of a task that both commit") {
    withMarks { (path, marks) =>
      write(path, Faults.commitTwice(rows - 1, marks))
      assert(Faults.isMarked(marks, "committed-0") && Faults.isMarked(marks, "committed-1"))
      assertOnce(path)
      assert(orphans(path) >= 1)
    }
  }
}
