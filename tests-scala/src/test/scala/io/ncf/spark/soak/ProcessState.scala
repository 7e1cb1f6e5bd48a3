package io.ncf.spark.soak

import java.io.File
import java.nio.file.{Files, Path}

import scala.jdk.CollectionConverters._

import io.ncf.jni.{BatchBuilder, Native}
import io.ncf.spark.storage.FakeFileSystem

/** What this process holds.
  *
  * @param resident   memory, KiB
  * @param threads    of the whole process
  * @param files      open file descriptors
  * @param handles    scans and writers
  * @param batchBytes memory of batches to write
  * @param streams    of files behind Hadoop
  */
private[soak] final case class ProcessState(
    resident: Long,
    threads: Long,
    files: Long,
    handles: Long,
    batchBytes: Long,
    streams: Long
) {

  def isClean: Boolean = handles == 0 && batchBytes == 0 && streams == 0

  override def toString: String =
    f"resident ${resident / 1024d}%.1f MiB, threads $threads, files $files, handles $handles, " +
      s"bytes of batches $batchBytes, streams $streams"
}

private[soak] object ProcessState {

  /** Reads the state, after a collection of garbage. */
  def now(): ProcessState = {
    System.gc()
    val status = Files.readAllLines(Path.of("/proc/self/status")).asScala
    def number(name: String): Long =
      status.find(_.startsWith(name + ":")).get.replaceAll("[^0-9]", "").toLong
    ProcessState(
      number("VmRSS"),
      number("Threads"),
      new File("/proc/self/fd").list().length.toLong,
      Native.liveHandles(),
      BatchBuilder.liveBytes(),
      FakeFileSystem.openStreams.get().toLong
    )
  }
}
