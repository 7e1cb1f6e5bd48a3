package io.ncf.spark.write

import java.security.SecureRandom
import java.util.UUID

import org.apache.spark.sql.types.StructType

import io.ncf.spark.NcfPath

/** What every task of a write knows; plain data, sent to executors.
  *
  * @param location         the table's
  * @param jobId            unique for this write: names of files are never used twice
  * @param readVersion      version of the table that the write started from, 0 for none
  * @param input            the rows' columns, as Spark hands them over
  * @param stored           ordinals in `input` of the columns stored in files, in file order
  * @param columns          the stored columns, as the table has them: fields of a nested one may be
  *                         in another order than in `input`
  * @param partitionColumns ordinals in `input` of the columns that are stored as directories
  * @param fileSchema       NCF schema of the files, JSON
  * @param options          options of the native writer, JSON
  * @param sortedBy         the order that the rows of each file come in, JSON
  */
private[spark] final case class WriteJob(
    location: NcfPath,
    jobId: String,
    readVersion: Long,
    input: StructType,
    stored: Seq[Int],
    columns: StructType,
    partitionColumns: Seq[Int],
    fileSchema: String,
    options: String,
    sortedBy: String = "[]"
) {

  /** Called before any task writes. An empty log tells readers that a table is on its way: they
    * skip the files of tasks, which otherwise would be those of a bare directory, and see whatever
    * else is there until the commit.
    */
  def begin(): Unit = location.makeDirectory("_ncf/log")
}

private[spark] object WriteJob {

  private val random = new SecureRandom

  /** A UUID of version 7: those of later jobs sort behind. */
  def newId(): String = {
    val time = System.currentTimeMillis() << 16
    val high = time | 0x7000L | (random.nextLong() & 0xfffL)
    val low = (random.nextLong() & 0x3fffffffffffffffL) | 0x8000000000000000L
    new UUID(high, low).toString
  }
}
