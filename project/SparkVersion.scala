/** One Spark release that the connector is built for.
  *
  * @param release the exact version that is compiled and tested against
  * @param scala   its Scala version, at least the patch version that Spark's jars were built with
  * @param hadoop  the Hadoop whose client it ships
  */
final case class SparkVersion(release: String, scala: String, hadoop: String) {

  /** Spark's minor version, `4.1`: the unit of binary compatibility, and part of the
    * artefact's name.
    */
  val minor: String = release.split('.').take(2).mkString(".")
}

/** The matrix of supported Spark releases, in this one place. `./sbt -DsparkVersion=4.1`
  * chooses a row.
  */
object SparkVersion {

  val supported: Seq[SparkVersion] = Seq(
    SparkVersion(release = "4.1.3", scala = "2.13.18", hadoop = "3.4.2")
  )

  /** The row that this build is for: the one that the system property `sparkVersion` names,
    * else the first.
    */
  val current: SparkVersion = sys.props.get("sparkVersion").fold(supported.head) { wanted =>
    supported
      .find(v => v.minor == wanted || v.release == wanted)
      .getOrElse(
        sys.error(
          s"-DsparkVersion=$wanted is not supported; choose one of " +
            supported.map(_.minor).mkString(", ")
        )
      )
  }
}
