package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.plans.logical.Filter
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2ScanRelation

import io.ncf.spark.read.NcfScan

/** What of a query is left to the scan of its one NCF table. */
object PushedPlans {

  /** Whether the scan aggregates, or the driver knows the result without one. */
  def aggregates(frame: DataFrame): Boolean = frame.queryExecution.optimizedPlan.exists {
    case DataSourceV2ScanRelation(_, scan: NcfScan, _, _, _) => scan.aggregation.isDefined
    case DataSourceV2ScanRelation(_, _, _, _, _)             => true
    case _                                                   => false
  }

  /** Whether the scan finds the first rows of an order. */
  def top(frame: DataFrame): Boolean = frame.queryExecution.optimizedPlan.exists {
    case DataSourceV2ScanRelation(_, scan: NcfScan, _, _, _) => scan.top.isDefined
    case _                                                   => false
  }

  /** Whether no filter is left to Spark. */
  def filters(frame: DataFrame): Boolean =
    !frame.queryExecution.optimizedPlan.exists(_.isInstanceOf[Filter])
}
