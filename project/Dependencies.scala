import sbt._

/** Every library that the Scala side uses, with its version. The connector ships none of them:
  * the jar holds our classes only.
  */
object Dependencies {

  private val spark = SparkVersion.current.release

  val sparkSql: ModuleID = "org.apache.spark" %% "spark-sql" % spark
  val scalaTest: ModuleID = "org.scalatest" %% "scalatest" % "3.2.20"
}
