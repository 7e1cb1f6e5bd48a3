package io.ncf.spark.write

import java.io.IOException
import java.nio.file.{Files, Paths}
import java.security.SecureRandom
import java.util.UUID

import org.apache.spark.sql.types.StructType

import io.ncf.spark.NcfErrors

/** What every task of a write knows; plain data, sent to executors.
  *
  * @param tablePath        local path of the table
  * @param jobId            unique for this write: names of files are never used twice
  * @param readVersion      version of the table that the write started from, 0 for none
  * @param input            the rows' columns, as Spark hands them over
  * @param stored           ordinals in `input` of the columns stored in files, in file order
  * @param partitionColumns ordinals in `input` of the columns that are stored as directories
  * @param fileSchema       NCF schema of the files, JSON
  * @param options          options of the native writer, JSON
  */
private[spark] final case class WriteJob(
    tablePath: String,
    jobId: String,
    readVersion: Long,
    input: StructType,
    stored: Seq[Int],
    partitionColumns: Seq[Int],
    fileSchema: String,
    options: String
) {

  /** The stored columns. */
  def storedSchema: StructType = StructType(stored.map(input(_)))

  /** Called before any task writes. An empty log tells readers that a table is on its way: they
    * skip the files of tasks, which otherwise would be those of a bare directory, and see whatever
    * else is there until the commit.
    */
  def begin(): Unit = {
    val log = Paths.get(tablePath, "_ncf", "log")
    try { Files.createDirectories(log); () }
    catch {
      case error: IOException =>
        throw NcfErrors.invalid(
          s"cannot create the directory $log ($error); " +
            "choose a path in a directory that can be written to"
        )
    }
  }

  /** The local path of a file of the table. */
  def absolute(file: String): String = Paths.get(tablePath, file).toString
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
