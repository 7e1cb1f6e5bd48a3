package io.ncf.spark

import java.util.Locale

import com.fasterxml.jackson.databind.node.ObjectNode
import org.apache.spark.sql.connector.catalog.TableCatalog
import org.apache.spark.sql.internal.SQLConf

/** One option.
  *
  * @param name    as in `.option(name, value)`; `spark.datasource.ncf.<name>` sets it for a session
  *                and `ncf.<name>` is the table property; upper and lower case are the same
  * @param doc     what it does, with its values and its default
  * @param parse   fails with `IllegalArgumentException` on a value that the option cannot take
  */
private[spark] final case class NcfOption(name: String, doc: String, parse: String => Unit) {

  private[spark] val key: String = name.toLowerCase(Locale.ROOT)
}

/** The options of one read or write, checked.
  *
  * @param values by the option's own spelling; columns of `encoding.<column>` as the user spelt
  */
private[spark] final case class NcfOptions(values: Map[String, String]) {

  def get(option: NcfOption): Option[String] = values.get(option.name)

  def flag(option: NcfOption, default: Boolean): Boolean =
    get(option).fold(default)(_.trim.toBoolean)

  /** These options, overruled by `stronger`. */
  def withOverrides(stronger: NcfOptions): NcfOptions = NcfOptions(values ++ stronger.values)

  def without(options: NcfOption*): NcfOptions = NcfOptions(values -- options.map(_.name))

  /** Whether rows that a write sorts are given to tasks by ranges. */
  def sortsByRange: Boolean = get(NcfOptions.SortDistribution).exists(_.trim == "range")

  /** The application transaction that makes a repeated write do nothing. */
  def transaction: Option[(String, Long)] =
    (get(NcfOptions.TxnAppId), get(NcfOptions.TxnVersion)) match {
      case (Some(id), Some(version)) => Some((id, version.trim.toLong))
      case (None, None)              => None
      case _                         =>
        throw NcfErrors.invalid("txnAppId and txnVersion belong together; give both or neither")
    }

  /** These options within a transaction of its own. */
  def inTransaction(id: String, version: Long): NcfOptions = NcfOptions(
    values + (NcfOptions.TxnAppId.name -> id) + (NcfOptions.TxnVersion.name -> version.toString)
  )

  /** As the native side takes them. */
  def toJson: ObjectNode = {
    val node = Json.obj()
    values.toSeq.sorted.foreach { case (name, value) => node.put(name, value) }
    node
  }
}

private[spark] object NcfOptions {

  val empty: NcfOptions = NcfOptions(Map.empty)

  /** Key of a table property is this and the option's name. */
  private val propertyPrefix = "ncf."

  private val sessionPrefix = s"spark.datasource.${NcfDataSource.Name}."

  private val encodingPrefix = "encoding."

  private def text(name: String, doc: String): NcfOption = NcfOption(name, doc, _ => ())

  private def boolean(name: String, doc: String): NcfOption =
    NcfOption(name, doc, value => require(value.trim.toBooleanOption.isDefined, "true or false"))

  private def positive(name: String, doc: String): NcfOption = NcfOption(
    name,
    doc,
    value => require(value.trim.toLongOption.exists(_ > 0), "a whole number above 0")
  )

  private def natural(name: String, doc: String): NcfOption = NcfOption(
    name,
    doc,
    value => require(value.trim.toLongOption.exists(_ >= 0), "a whole number, 0 or more")
  )

  private def choice(name: String, choices: String*)(doc: String): NcfOption = NcfOption(
    name,
    doc,
    value => require(choices.contains(value.trim), choices.mkString("one of ", ", ", ""))
  )

  val Profile: NcfOption = choice("profile", "fast", "balanced", "compact", "point")(
    "write: fast = light encodings only; balanced (default) = smaller files; " +
      "compact = the fewest bytes, slower to write; point = short pages for reading single rows"
  )
  val SortBy: NcfOption =
    text("sortBy", "write: columns that each task sorts its rows by, `a, b desc`; default none")
  val SortDistribution: NcfOption = choice("sortDistribution", "none", "range")(
    "write: with sortBy, none (default) = each task sorts the rows that it has; range = Spark " +
      "first gives each task a range of all rows in that order, so that files do not overlap"
  )
  val MergeSchema: NcfOption = boolean(
    "mergeSchema",
    "read: a directory without a log has the columns of all its files, not of the first; " +
      "default false"
  )
  val BlockRows: NcfOption =
    positive("blockRows", "write: most rows of a block; default 1048576, which is also the limit")
  val BlockBytes: NcfOption =
    positive("blockBytes", "write: raw bytes after which a block ends; default 268435456")
  val FilterColumns: NcfOption = text(
    "filterColumns",
    "write: columns that get a filter for point lookups, comma-separated, about 10 bits for each " +
      "distinct value of a block; others get one where it takes little"
  )
  val VerifyChecksums: NcfOption = boolean(
    "verifyChecksums",
    "read: whether every page's checksum is verified before decoding; default true"
  )
  val MemoryLimit: NcfOption = positive(
    "memoryLimit",
    "most bytes of native memory that one scan or one writer holds: a writer ends blocks early to " +
      "keep it, a scan that cannot fails; default 2147483648"
  )
  val VersionAsOf: NcfOption =
    natural("versionAsOf", "read: the version of the table to read; default the latest")
  val TimestampAsOf: NcfOption =
    text("timestampAsOf", "read: the version that was the latest at this time; default the latest")
  val TxnAppId: NcfOption =
    text("txnAppId", "write: with txnVersion, makes a write that is repeated do nothing")
  val TxnVersion: NcfOption = natural("txnVersion", "write: see txnAppId; must grow for each write")
  val PushFilters: NcfOption =
    boolean("pushdown.filters", "read: whether filters are evaluated while reading; default true")
  val PushAggregates: NcfOption =
    boolean("pushdown.aggregates", "read: whether scans count, sum and group; default true")
  val PushFloatAggregates: NcfOption =
    boolean("pushdown.floatAggregates", "read: whether that holds for sums of floats; default true")
  val PushTopN: NcfOption =
    boolean("pushdown.topN", "read: whether ORDER BY with LIMIT is; default true")
  val PushLimit: NcfOption =
    boolean(
      "pushdown.limit",
      "read: whether a limit keeps splits from being read, and ends those that are; default true"
    )
  val PushOffset: NcfOption = boolean("pushdown.offset", "read: accepted; offset is not pushed")
  val PushSample: NcfOption =
    boolean("pushdown.sample", "read: whether scans take the rows of a sample; default true")
  val EstimateWindows: NcfOption = natural(
    "estimateWindows",
    "read: windows of 64 Ki rows that planning filters, so that Spark knows about how many rows " +
      "pass; 0 = none; default 8"
  )
  val PushRuntime: NcfOption =
    boolean(
      "pushdown.runtime",
      "read: whether the keys of one side of a join filter the other side while reading (Spark's " +
        "dynamic pruning); default true"
    )
  val RuntimeValues: NcfOption = positive(
    "pushdown.runtimeValues",
    "read: most keys of which that holds; of more, the least and the greatest; default 10000"
  )

  /** The doc of the one option whose name has a part of the user's: `encoding.<column>`. */
  val EncodingDoc: String = "write: forces this encoding on the column; for tests and measurements"

  /** Every option but `encoding.<column>`. */
  val all: Seq[NcfOption] = Seq(
    Profile,
    SortBy,
    SortDistribution,
    MergeSchema,
    BlockRows,
    BlockBytes,
    FilterColumns,
    VerifyChecksums,
    MemoryLimit,
    VersionAsOf,
    TimestampAsOf,
    TxnAppId,
    TxnVersion,
    PushFilters,
    PushAggregates,
    PushFloatAggregates,
    PushTopN,
    PushLimit,
    PushOffset,
    PushSample,
    PushRuntime,
    RuntimeValues,
    EstimateWindows
  )

  private val byKey: Map[String, NcfOption] = all.map(option => option.key -> option).toMap

  /** What Spark itself puts among a source's options. Options of Spark's that would change a result
    * (`basePath`, `pathGlobFilter`, `modifiedAfter`…) are not here: to ignore them would be wrong.
    */
  private val sparks: Set[String] = Set(
    "path",
    "paths",
    "__partition_columns",
    "checkpointlocation",
    "queryname",
    "serialization.format"
  )

  private val sparkPrefixes: Seq[String] = Seq("fs.", "dfs.", "spark.")

  /** The options of a read or write by path. An option that is neither ours nor Spark's fails. */
  def parse(options: collection.Map[String, String]): NcfOptions = NcfOptions(
    options.toSeq.flatMap { case (name, value) =>
      val key = name.toLowerCase(Locale.ROOT)
      if (sparks(key) || sparkPrefixes.exists(key.startsWith(_))) None
      else Some(checked(name.stripPrefix(propertyPrefix), value))
    }.toMap
  )

  /** The options of a table of Spark's catalog, among properties of all kinds: ours are those that
    * start with `ncf.` and those of a known name. `OPTIONS (…)` come twice, without a prefix and,
    * told apart from other properties, with one of Spark's: what is unknown among these fails.
    */
  def parseProperties(properties: collection.Map[String, String]): NcfOptions = NcfOptions(
    properties.toSeq.flatMap { case (name, value) =>
      val key = name.toLowerCase(Locale.ROOT)
      if (key.startsWith(TableCatalog.OPTION_PREFIX)) {
        parse(Map(name.drop(TableCatalog.OPTION_PREFIX.length) -> value)).values
      } else if (key.startsWith(propertyPrefix))
        Some(checked(name.drop(propertyPrefix.length), value))
      else if (byKey.contains(key) || key.startsWith(encodingPrefix)) Some(checked(name, value))
      else None
    }.toMap
  )

  /** What is set for all reads and writes of a session: `spark.datasource.ncf.<option>`. */
  def ofSession(conf: SQLConf): NcfOptions = parse(rawOfSession(conf))

  /** The same as Spark hands it to sources. */
  def rawOfSession(conf: SQLConf): Map[String, String] = conf.getAllConfs.collect {
    case (key, value) if key.startsWith(sessionPrefix) => key.drop(sessionPrefix.length) -> value
  }

  private def checked(name: String, value: String): (String, String) = {
    val key = name.toLowerCase(Locale.ROOT)
    if (key.startsWith(encodingPrefix) && key.length > encodingPrefix.length) {
      encodingPrefix + name.drop(encodingPrefix.length) -> value
    } else {
      val option = byKey.getOrElse(key, throw unknown(name))
      try option.parse(value)
      catch {
        case error: IllegalArgumentException =>
          throw NcfErrors.invalid(
            s"option ${option.name} cannot be '$value'; it takes " +
              error.getMessage.stripPrefix("requirement failed: ")
          )
      }
      option.name -> value
    }
  }

  private def unknown(name: String): Throwable = {
    val names = all.map(_.name) :+ s"$encodingPrefix<column>"
    val nearest = names.minBy(distance(_, name))
    val hint = if (distance(nearest, name) <= 3) s" did you mean $nearest?" else ""
    NcfErrors.invalid(
      s"unknown option $name;$hint the options of ncf are ${names.mkString(", ")}"
    )
  }

  /** Levenshtein's distance, case ignored. */
  private def distance(a: String, b: String): Int = {
    val (x, y) = (a.toLowerCase(Locale.ROOT), b.toLowerCase(Locale.ROOT))
    val first = (0 to y.length).toVector
    x.indices
      .foldLeft(first) { (row, i) =>
        y.indices.foldLeft(Vector(i + 1)) { (next, j) =>
          val change = row(j) + (if (x(i) == y(j)) 0 else 1)
          next :+ math.min(change, math.min(row(j + 1), next(j)) + 1)
        }
      }
      .last
  }
}
