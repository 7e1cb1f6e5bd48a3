package io.ncf.spark.read

import org.apache.spark.sql.connector.read.InputPartition

/** What one task reads.
  *
  * @param splits block ranges of files, each as the JSON that planning returned
  */
private[spark] final case class NcfInputPartition(splits: Array[String]) extends InputPartition
