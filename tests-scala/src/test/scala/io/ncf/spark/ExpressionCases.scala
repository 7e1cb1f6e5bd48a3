package io.ncf.spark

import scala.util.Random

import org.apache.spark.sql.types._

/** Expressions of every kind that scans may compute, and the columns of the tables that they are of:
  * see [[ExpressionSuite]].
  */
object ExpressionCases {

  private def nasty(prefix: String): Seq[(String, DataType)] = Seq(
    s"${prefix}8" -> ByteType,
    s"${prefix}16" -> ShortType,
    s"${prefix}32" -> IntegerType,
    s"${prefix}64" -> LongType,
    s"${prefix}f" -> FloatType,
    s"${prefix}d" -> DoubleType,
    s"${prefix}p9" -> DecimalType(9, 2),
    s"${prefix}p18" -> DecimalType(18, 6),
    s"${prefix}p38" -> DecimalType(38, 10)
  )

  /** Two columns of each type of number with all kinds of values, and two with small ones. */
  val numberColumns: Seq[RandomColumn] = columns(1, tame = false, nasty("a") ++ nasty("b")) ++
    columns(2, tame = true, nasty("x") ++ nasty("y"))

  val textColumns: Seq[RandomColumn] =
    columns(3, tame = false, Seq("s" -> StringType, "t" -> StringType)) ++
      columns(4, tame = true, Seq("n" -> IntegerType))

  val otherColumns: Seq[RandomColumn] = columns(
    5,
    tame = false,
    for (c <- Seq("a", "b"); (name, dataType) <- Seq("bool" -> BooleanType, "bin" -> BinaryType))
      yield c + name -> dataType
  )

  val timeColumns: Seq[RandomColumn] = columns(
    6,
    tame = false,
    Seq("ad" -> DateType, "bd" -> DateType, "at" -> TimestampType, "bt" -> TimestampType) ++
      Seq("an" -> TimestampNTZType, "bn" -> TimestampNTZType)
  )

  private def columns(
      seed: Int,
      tame: Boolean,
      types: Seq[(String, DataType)]
  ): Seq[RandomColumn] = {
    val random = new Random(seed.toLong)
    types.map { case (name, dataType) =>
      val values = Seq.fill(2000) {
        if (random.nextInt(12) == 0) null else RandomValues.value(dataType, tame, random)
      }
      RandomColumn(name, dataType, tame, values)
    }
  }

  /** What is the same for every type that is ordered. */
  private def choices(x: String, y: String): Seq[String] = Seq(
    s"coalesce($x, $y)",
    s"nullif($x, $y)",
    s"greatest($x, $y)",
    s"least($x, $y)",
    s"CASE WHEN $x > $y THEN $x ELSE $y END",
    s"CASE WHEN $x = $y THEN 1 WHEN $x IS NULL THEN 2 WHEN NOT $x <= $y OR $y IS NULL THEN 3 END",
    s"if($x <=> $y, $y, $x)",
    s"$x < $y",
    s"$x IN ($y)",
    s"$x IS NULL OR $x >= $y"
  )

  val numbers: Seq[String] = Seq("a" -> "b", "x" -> "y").flatMap { case (l, r) =>
    nasty(l).zip(nasty(r)).flatMap { case ((x, _), (y, _)) =>
      choices(x, y) ++
        Seq("+", "-", "*", "/", "%").flatMap(op => Seq(s"$x $op $y", s"$x $op 3")) ++
        Seq(s"abs($x)", s"-$x", s"ceil($x)", s"floor($x)", s"round($x)", s"round($x, 1)") ++
        Seq(s"round($x, -1)", s"$x % nullif($y, 0)", s"$x / nullif($y, 0)", s"abs($x - $y) * 2") ++
        casts.map(to => s"cast($x as $to)")
    }
  } ++ Seq(
    "greatest(x8, y16, x32, y64)",
    "least(x32, yd, xp9)",
    "coalesce(x8, yp18)",
    "x16 * yp9 + x8",
    "xd * (1 - yd) / 2",
    "round(xp18 * yp18, 3)",
    "CASE WHEN xp9 > 1.5 THEN x32 * 2 WHEN xd < 0 THEN y8 ELSE 0 END",
    "floor(xd / 10) * 10"
  )

  private def casts: Seq[String] = Seq("tinyint", "smallint", "int", "bigint", "float", "double") ++
    Seq("decimal(9,2)", "decimal(20,0)", "decimal(38,18)", "string", "boolean")

  private val positions = Seq(-20, -3, -1, 0, 1, 2, 3, 20)

  val texts: Seq[String] = choices("s", "t") ++
    Seq("upper(s)", "lower(s)", "length(s)", "char_length(t)", "concat(s, t)", "s || '-' || t") ++
    Seq("concat(s)", "concat(s, NULL)", "trim(s)", "ltrim(s)", "rtrim(s)", "upper(trim(s))") ++
    Seq("BOTH", "LEADING", "TRAILING").flatMap(side =>
      Seq("' '", "'a '", "'é\u0301日'", "''", "t").map(what => s"trim($side $what FROM s)")
    ) ++
    positions.map(at => s"substring(s, $at)") ++
    (for (at <- positions; length <- Seq(-1, 0, 1, 3, Int.MaxValue))
      yield s"substring(s, $at, $length)") ++
    Seq(
      "substring(s, n)",
      "substring(s, n, 2)",
      "substring(s, 2, n)",
      "left(s, 2)",
      "right(s, 2)"
    ) ++
    Seq("s LIKE 'a%'", "s LIKE '%e'", "s LIKE '%pp%'", "s LIKE 'a_b'", "s LIKE 'a\\\\_b'") ++
    Seq("s LIKE 'a%b'", "s NOT LIKE '%'", "s LIKE ''", "s LIKE t", "s LIKE '_'", "s LIKE '日%'") ++
    Seq("startswith(s, t)", "endswith(s, t)", "contains(s, t)", "contains(s, '')") ++
    Seq("s IN ('a', 'A', 'ab', NULL)", "s = upper(s)", "length(s) > length(t)", "cast(s as int)") ++
    Seq("CASE s WHEN 'a' THEN 'A' WHEN '' THEN t ELSE lower(s) END", "substring(upper(s), 1, 1)")

  val others: Seq[String] = choices("abin", "bbin") ++ choices("abool", "bbool") ++
    Seq(
      "abool AND bbool",
      "abool OR NOT bbool",
      "NOT abool",
      "if(abool, abin, bbin)",
      "abool = true"
    ) ++
    Seq("cast(abool as int)", "CASE WHEN abool THEN 1 ELSE 0 END", "length(abin)")

  val times: Seq[String] = choices("ad", "bd") ++ choices("at", "bt") ++ choices("an", "bn") ++
    (for (part <- RandomExpressions.partsOfDay; of <- Seq("ad", "at", "an")) yield s"$part($of)") ++
    (for (part <- RandomExpressions.partsOfTime; of <- Seq("at", "an")) yield s"$part($of)") ++
    Seq(
      "cast(at as date)",
      "cast(an as date)",
      "cast(ad as timestamp)",
      "cast(at as timestamp_ntz)"
    ) ++
    Seq("cast(ad as string)", "cast(at as string)", "extract(SECOND FROM at)", "date_add(ad, 3)") ++
    Seq("year(ad) * 100 + month(ad)", "hour(at) = 2 AND minute(at) < 30", "datediff(ad, bd)") ++
    Seq("ad + interval 1 month", "at > timestamp'2021-03-14 02:30:00'", "trunc(ad, 'MM')")
}
