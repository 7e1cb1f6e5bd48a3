package io.ncf.spark.write

import org.apache.spark.sql.connector.write.WriterCommitMessage

/** A file that a task has finished.
  *
  * @param path            relative to the table
  * @param summary         what the native writer says of it, JSON
  * @param partitionValues text of the partition columns' values, null for null
  */
private[spark] final case class WrittenFile(
    path: String,
    summary: String,
    partitionValues: Seq[(String, Option[String])]
)

/** What a task has written. */
private[spark] final case class NcfCommitMessage(files: Seq[WrittenFile])
    extends WriterCommitMessage
