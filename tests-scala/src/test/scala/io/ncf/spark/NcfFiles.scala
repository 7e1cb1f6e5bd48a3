package io.ncf.spark

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.types.StructType

import io.ncf.jni.{BatchBuilder, NativeWriter}
import io.ncf.spark.write.{RowWriter, WriteJob}

/** Writes files without Spark: what it refuses to write, and what only a newer connector would. */
object NcfFiles {

  /** @param ncfSchema schema of the file, JSON
    * @param schema    the rows' columns
    */
  def write(file: String, ncfSchema: String, schema: StructType, rows: Seq[InternalRow]): Unit = {
    val nowhere = NcfPath.find(Map("path" -> file)).get
    val job = WriteJob(nowhere, "", 0, schema, schema.indices, schema, Seq.empty, ncfSchema, "{}")
    val writer = NativeWriter.open(s"""{"file":"$file","options":{},"schema":$ncfSchema}""", null)
    val batch = new BatchBuilder(schema)
    val copier = new RowWriter(job, batch)
    try {
      rows.foreach(row => if (copier.append(row)) writer.write(batch))
      writer.write(batch)
      writer.finish()
      ()
    } finally {
      batch.close()
      writer.close()
    }
  }
}
