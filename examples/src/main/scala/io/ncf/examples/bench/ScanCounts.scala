package io.ncf.examples.bench

import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.{LinkedBlockingQueue, TimeUnit}
import java.util.{Collections, IdentityHashMap}

import scala.annotation.tailrec

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
  private val finished = new LinkedBlockingQueue[QueryExecution]

  // Both are called by one thread, in the order of what happened.
  spark.sparkContext.addSparkListener(new SparkListener {
    override def onTaskEnd(end: SparkListenerTaskEnd): Unit =
      Option(end.taskMetrics).foreach(m => inputBytes.addAndGet(m.inputMetrics.bytesRead))
  })
  spark.listenerManager.register(new QueryExecutionListener {
    override def onSuccess(function: String, execution: QueryExecution, nanos: Long): Unit = {
      finished.add(execution)
      ()
    }
    override def onFailure(function: String, execution: QueryExecution, cause: Exception): Unit = ()
  })

  /** Runs one query, and tells what its scans did. */
  def count[T](query: => T): (T, ScanCounts) = {
    settle()
    val result = query
    (result, await())
  }

  /** Spark tells of ends in order, but later: when it tells of this one, it has told of all before. */
  private def settle(): Unit = {
    val last = spark.range(1).toDF()
    last.collect()
    while (next() ne last.queryExecution) ()
    inputBytes.set(0)
  }

  private def next(): QueryExecution = {
    val execution = finished.poll(60, TimeUnit.SECONDS)
    require(execution != null, "Spark did not tell of the end of a query")
    execution
  }

  /** Runs `work` with Parquet's vectored reads switched off: they pass by the counters of Hadoop's
    * local file system, which Spark's input metric is made of.
    */
  def counting[T](work: => T): T = {
    spark.conf.set(ScanCounter.vectored, "false")
    try work
    finally spark.conf.unset(ScanCounter.vectored)
  }

  /** The counts of the first execution that scans: making a view is one that does not. */
  @tailrec
  private def await(): ScanCounts = {
    val found = scans(next().executedPlan)
    if (found.isEmpty) await() else counts(found)
  }

  /** Each scan once, though a subquery or an exchange may stand in a plan several times. */
  private def scans(plan: SparkPlan): Seq[SparkPlan] = {
    // By identity: equal scans are not the same scan.
    val seen = Collections.newSetFromMap(new IdentityHashMap[SparkPlan, java.lang.Boolean])
    collectWithSubqueries(plan) {
      case scan: BatchScanExec      => scan
      case scan: DataSourceScanExec => scan
      case scan: LocalTableScanExec => scan
    }.filter(seen.add(_))
  }

  private def counts(scans: Seq[SparkPlan]): ScanCounts = {
    val metrics = scans.map(_.metrics)
    val own = metrics.flatMap(_.get("bytesRead")).map(_.value)
    val rows = metrics.flatMap(_.get("numOutputRows")).map(_.value).sum
    val input = inputBytes.get
    ScanCounts(rows, if (own.isEmpty) input else own.sum, input)
  }
}

private object ScanCounter {
  private val vectored = "parquet.hadoop.vectored.io.enabled"
}
