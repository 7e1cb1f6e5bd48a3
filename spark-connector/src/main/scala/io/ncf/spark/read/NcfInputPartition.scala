package io.ncf.spark.read

import org.apache.spark.sql.connector.read.InputPartition

/** What one task reads.
  *
  * @param splits        row ranges of files, each as the JSON that planning returned
  * @param runtimeFilter the number of the scan's runtime filter that it is read with
  */
private[spark] final case class NcfInputPartition(
    splits: Array[String],
    runtimeFilter: Option[Int] = None
) extends InputPartition
