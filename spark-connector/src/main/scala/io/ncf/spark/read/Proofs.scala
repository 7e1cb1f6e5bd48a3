package io.ncf.spark.read

import com.fasterxml.jackson.databind.JsonNode

import io.ncf.jni.{Native, NativeLibrary}
import io.ncf.spark.{Json, NcfDataset, NcfOptions}

/** Which predicates scans may evaluate. */
private[spark] object Proofs {

  /** Those whose computations cannot leave their types in any row of the data. The planner is asked only
    * about predicates that compute something.
    */
  def proven(
      dataset: NcfDataset,
      options: NcfOptions,
      predicates: Seq[JsonNode]
  ): JsonNode => Boolean = {
    val (computing, plain) = predicates.distinct.partition(Json.contains(_, "computed"))
    val found = if (computing.isEmpty) Nil else ask(dataset, options, computing)
    (plain ++ found).toSet
  }

  private def ask(
      dataset: NcfDataset,
      options: NcfOptions,
      predicates: Seq[JsonNode]
  ): Seq[JsonNode] = {
    NativeLibrary.load()
    val request = Json.obj()
    request.put("path", dataset.path)
    request.set[JsonNode]("options", options.toJson)
    dataset.version.fold(request.putNull("version"))(request.put("version", _))
    request.set[JsonNode]("schema", dataset.ncfSchema)
    request.set[JsonNode]("predicates", Json.array(predicates))
    val answer = Json.parse(Native.provePredicates(request.toString, dataset.location.storage))
    val proven = Json.elements(answer.get("proven")).map(_.asBoolean()).toSeq
    predicates.zip(proven).collect { case (predicate, true) => predicate }
  }
}
