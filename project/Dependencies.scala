import sbt._

/** Every library that the Scala side uses, with its version. The connector ships none of them:
  * the jar holds our classes only.
  */
object Dependencies {

  private val spark = SparkVersion.current.release

  val sparkSql: ModuleID = "org.apache.spark" %% "spark-sql" % spark

  /** Spark's own generator of random rows; it needs none of what else these tests need. */
  val randomData: ModuleID =
    ("org.apache.spark" %% "spark-catalyst" % spark).classifier("tests").intransitive()

  /** Spark's own tests, as it publishes them: the module `name` with the tests of it and of what it
    * builds on.
    */
  val sparkTests: Seq[ModuleID] =
    Seq("sql", "catalyst", "core", "sql-api", "common-utils", "tags")
      .map(name => ("org.apache.spark" %% s"spark-$name" % spark).classifier("tests"))

  /** A small HDFS for tests, of the Hadoop that this Spark ships. */
  val hdfs: ModuleID =
    "org.apache.hadoop" % "hadoop-client-minicluster" % SparkVersion.current.hadoop

  /** S3A for tests. Its own choice, the bundle of every client of AWS, is 600 MB: these parts do. */
  val s3a: Seq[ModuleID] = {
    val sdk = "2.29.52"
    Seq("s3", "s3-transfer-manager", "sts").map("software.amazon.awssdk" % _ % sdk) :+
      ("org.apache.hadoop" % "hadoop-aws" % SparkVersion.current.hadoop)
        .exclude("software.amazon.awssdk", "bundle")
        .exclude("software.amazon.s3.analyticsaccelerator", "analyticsaccelerator-s3")
  }

  val scalaTest: ModuleID = "org.scalatest" %% "scalatest" % "3.2.20"
}
