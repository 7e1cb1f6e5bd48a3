package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode

import io.ncf.spark.Json

/** Rows that a scan takes by lot, before any filter; see `ncf_core::Sample`.
  *
  * @param lower which part of the rows: from here
  * @param upper to here, of 0 to 1
  */
private[spark] final case class PushedSample(lower: Double, upper: Double, seed: Long) {

  /** What is taken of all rows, on average. */
  def share: Double = upper - lower

  def json: JsonNode =
    Json.obj().put("lower", point(lower)).put("upper", point(upper)).put("seed", seed)

  private def point(part: Double): Long = (part * (1L << 53)).toLong

  /** For `EXPLAIN`. */
  def description: String = s"PushedSample: $lower to $upper SEED $seed"
}

private[spark] object PushedSample {

  /** The sample, if a scan can take it: a row at most once. Spark lets ranges miss 0 and 1 by a
    * rounding error.
    */
  def convert(
      lower: Double,
      upper: Double,
      withReplacement: Boolean,
      seed: Long
  ): Option[PushedSample] = {
    def cut(part: Double): Double = math.max(0.0, math.min(1.0, part))
    if (withReplacement || !(lower <= upper)) None
    else Some(PushedSample(cut(lower), cut(upper), seed))
  }
}
