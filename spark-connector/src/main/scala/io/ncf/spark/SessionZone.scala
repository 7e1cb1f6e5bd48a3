package io.ncf.spark

import java.time.zone.ZoneOffsetTransition
import java.time.{LocalDate, ZoneOffset}

import scala.jdk.CollectionConverters._

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.catalyst.util.DateTimeUtils

/** A session's time zone as NCF has it (`ncf_core::Zone`). */
private[spark] object SessionZone {

  /** Clocks that will be set for ever are listed up to here; later timestamps stay with Spark. */
  private val lastYear = 2100

  def json(zone: String): JsonNode = {
    val rules = DateTimeUtils.getZoneId(zone).getRules
    val known = rules.getTransitions.asScala.toSeq
    val end = LocalDate.of(lastYear, 1, 1).atStartOfDay(ZoneOffset.UTC).toInstant
    val recurring =
      if (rules.getTransitionRules.isEmpty) Seq.empty
      else {
        val last = known.lastOption.fold(rules.getTransition(null))(identity)
        Iterator
          .iterate(rules.nextTransition(last.getInstant))(next =>
            rules.nextTransition(next.getInstant)
          )
          .takeWhile(_.getInstant.isBefore(end))
          .toSeq
      }
    val all = known ++ recurring
    val body = Json.obj()
    body.put("offset", all.headOption.fold(rules.getOffset(end))(_.getOffsetBefore).getTotalSeconds)
    body.set[JsonNode]("transitions", Json.array(all.map(transition)))
    if (!rules.getTransitionRules.isEmpty) body.put("until", end.getEpochSecond)
    body
  }

  private def transition(transition: ZoneOffsetTransition): JsonNode = {
    val pair = Json.arr()
    pair.add(transition.getInstant.getEpochSecond)
    pair.add(transition.getOffsetAfter.getTotalSeconds)
    pair
  }
}
