package io.ncf.examples.bench

import java.util.concurrent.atomic.AtomicLong
import java.util.{Collections, IdentityHashMap}
import java.util.concurrent.{LinkedBlockingQueue, TimeUnit}

import org.apache.spark.scheduler.{SparkListener, SparkListenerTaskEnd}
import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec
import org.apache.spark.sql.execution.{
  DataSourceScanExec,
  LocalTableScanExec,
  QueryExecution,
  SparkPlan
}
import org.apache.spark.sql.util.QueryExecutionListener

/** What the scans of a query did.
  *
  * @param rows       rows that they gave to Spark
  * @param bytes      stored bytes that they read: NCF's own metric, or Spark's input metric
  * @param inputBytes Spark's input metric, which sees what goes through Hadoop's file systems
  */
final case class ScanCounts(rows: Long, bytes: Long, inputBytes: Long)

/** Counts what queries read, one at a time. */
final class ScanCounter(spark: SparkSession) extends AdaptiveSparkPlanHelper {

  private val inputBytes = new AtomicLong
  private val finished = new LinkedBlockingQueue[SparkPlan]

  // Both are called by one thread, in the order of what happened.
  spark.sparkContext.addSparkListener(new SparkListener {
    override def onTaskEnd(end: SparkListenerTaskEnd): Unit =
      Option(end.taskMetrics).foreach(m => inputBytes.addAndGet(m.inputMetrics.bytesRead))
  })
  spark.listenerManager.register(new QueryExecutionListener {
    override def onSuccess(function: String, execution: QueryExecution, nanos: Long): Unit = {
      finished.add(execution.executedPlan)
      ()
    }
    override def onFailure(function: String, execution: QueryExecution, cause: Exception): Unit = ()
  })

  /** Runs one query, and tells what its scans did. */
  def count[T](query: => T): (T, ScanCounts) = {
    finished.clear()
    inputBytes.set(0)
    val result = query
    val plan = finished.poll(60, TimeUnit.SECONDS)
    require(plan != null, "Spark did not tell of the end of a query")
    (result, counts(plan, inputBytes.get))
  }

  /** Each scan once, though a subquery or an exchange may stand in a plan several times. */
  private def counts(plan: SparkPlan, input: Long): ScanCounts = {
    // By identity: equal scans are not the same scan.
    val seen = Collections.newSetFromMap(new IdentityHashMap[SparkPlan, java.lang.Boolean])
    val scans = collectWithSubqueries(plan) {
      case scan: BatchScanExec      => scan
      case scan: DataSourceScanExec => scan
      case scan: LocalTableScanExec => scan
    }.filter(seen.add(_)).map(_.metrics)
    val own = scans.flatMap(_.get("bytesRead")).map(_.value)
    val rows = scans.flatMap(_.get("numOutputRows")).map(_.value).sum
    ScanCounts(rows, if (own.isEmpty) input else own.sum, input)
  }
}
