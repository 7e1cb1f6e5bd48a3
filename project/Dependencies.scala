import sbt._

/** Every library that the Scala side uses, with its version. The connector ships none of them:
  * the jar holds our classes only.
  */
object Dependencies {

  private val spark = SparkVersion.current.release

  val sparkSql: ModuleID = "org.apache.spark" %% "spark-sql" % spark

  /** A small HDFS for tests, of the Hadoop that this Spark ships. */
  val hdfs: ModuleID =
    "org.apache.hadoop" % "hadoop-client-minicluster" % SparkVersion.current.hadoop

  val scalaTest: ModuleID = "org.scalatest" %% "scalatest" % "3.2.20"
}
