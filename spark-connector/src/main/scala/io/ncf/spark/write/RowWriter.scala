package io.ncf.spark.write

import org.apache.spark.sql.catalyst.InternalRow

import io.ncf.jni.BatchBuilder

/** Copies the rows of a write into a batch. How a column is copied is decided once, not per row. */
private[spark] final class RowWriter(job: WriteJob, batch: BatchBuilder) {

  private val ordinals: Array[Int] = job.stored.toArray
  private val copiers: Array[Copier] = ordinals.zipWithIndex.map { case (ordinal, index) =>
    val (from, to) = (job.input(ordinal), job.columns(index))
    Copier.of(from.name, from.dataType, to.dataType, batch.column(index))
  }

  /** Appends a row; true when the batch is full. */
  def append(row: InternalRow): Boolean = {
    var index = 0
    while (index < copiers.length) {
      copiers(index).copy(row, ordinals(index))
      index += 1
    }
    batch.rowDone()
  }
}
