package io.ncf.spark

import java.math.{BigDecimal => JavaDecimal, BigInteger}
import java.time.{Instant, LocalDate, LocalDateTime, ZoneOffset}

import scala.jdk.CollectionConverters._
import scala.util.Random

import org.apache.spark.sql.types._
import org.apache.spark.sql.{DataFrame, Row, SparkSession}

/** A column of a random table.
  *
  * @param sql    how a query names it: `c3`, or `st.a`
  * @param tame   numbers are small, so that sums and products of a few stay far from overflow
  * @param values of its rows, nulls included
  */
final case class RandomColumn(sql: String, dataType: DataType, tame: Boolean, values: Seq[Any]) {

  lazy val present: IndexedSeq[Any] = values.filter(_ != null).toIndexedSeq
}

/** A random table, made from a seed: its columns and its rows, by Spark's external types. */
final class RandomTable(seed: Long) {

  import RandomTable._

  private val random = new Random(seed)

  private val count: Int =
    Seq(0, 1, 2 + random.nextInt(30), 300, 300, 700, 700, 1200)(random.nextInt(8))

  /** A few of each type of number, some of every other type: unlike ones each time. */
  private val top: Seq[RandomColumn] = {
    val numbers = random.shuffle(numericTypes).take(6).zipWithIndex.map { case (t, i) =>
      (t, i < 4)
    }
    val others = random.shuffle(otherTypes).take(5)
    val always = Seq(IntegerType -> true, LongType -> true, StringType -> false, DateType -> false)
    val typed = always ++ numbers ++ others.map(_ -> false)
    typed.zipWithIndex.map { case ((dataType, tame), index) =>
      val concrete = if (dataType == anyDecimal) decimalType(tame) else dataType
      column(s"c$index", concrete, tame)
    }
  }

  /** Large numbers of one sign: whether their sum overflows does not depend on the order. */
  private val huge: Seq[RandomColumn] = {
    val one = BigInteger.TEN.pow(37)
    Seq(
      RandomColumn(
        "huge",
        LongType,
        tame = false,
        Seq.fill(count)(random.nextInt(1000).toLong << 48)
      ),
      RandomColumn(
        "huge_decimal",
        DecimalType(38, 0),
        tame = false,
        Seq.fill(count)(new JavaDecimal(one.divide(BigInteger.valueOf(1L + random.nextInt(30)))))
      )
    )
  }

  private val id: RandomColumn =
    RandomColumn("id", LongType, tame = true, (0 until count).map(_.toLong))

  private val partition: RandomColumn = RandomColumn(
    "part",
    IntegerType,
    tame = true,
    Seq.fill(count)(if (random.nextInt(8) == 0) null else random.nextInt(3))
  )

  private val structs: Seq[RandomColumn] =
    Seq(column("st.a", IntegerType, tame = true), column("st.s", StringType, tame = false))

  /** Every column that a query may name. */
  val columns: Seq[RandomColumn] = Seq(id, partition) ++ top ++ structs

  /** Those of which only the sum is asked. */
  val overflowing: Seq[RandomColumn] = huge

  val schema: StructType = {
    val plain = (Seq(id, partition) ++ top ++ huge).map(c => StructField(c.sql, c.dataType))
    val struct = new StructType().add("a", IntegerType).add("s", StringType)
    StructType(plain :+ StructField("st", struct) :+ StructField("arr", ArrayType(LongType)))
  }

  /** Writes the rows as Parquet, and from there as NCF. */
  def write(spark: SparkSession, parquet: String, ncf: String): Unit = {
    spark.createDataFrame(rows.asJava, schema).coalesce(1).write.parquet(parquet)
    val source = spark.read.schema(schema).parquet(parquet)
    val partitioned = random.nextInt(3) == 0
    def append(part: DataFrame): Unit = {
      val writer = part.write.format("ncf").mode("append")
        .option("blockRows", (20 + random.nextInt(500)).toString)
      (if (partitioned) writer.partitionBy("part") else writer).save(ncf)
    }
    val cut = random.nextInt(2) * count / 3
    if (cut == 0) append(source.coalesce(1))
    else Seq(source.where(s"id < $cut"), source.where(s"id >= $cut")).foreach(append)
  }

  private def rows: Seq[Row] = (0 until count).map { i =>
    val plain = (Seq(id, partition) ++ top ++ huge).map(_.values(i))
    val struct = if (i % 11 == 5) null else Row(structs.head.values(i), structs(1).values(i))
    val array = if (i % 7 == 3) null else Seq.tabulate(i % 4)(_.toLong)
    Row.fromSeq(plain :+ struct :+ array)
  }

  /** Values in one of the ways that columns are like: each anew, from few, in runs, none. */
  private def column(name: String, dataType: DataType, tame: Boolean): RandomColumn = {
    def fresh(): Any = RandomValues.value(dataType, tame, random)
    val nulls = Seq(0, 0, 10, 60)(random.nextInt(4))
    def orNull(value: Any): Any = if (random.nextInt(100) < nulls) null else value
    val values: Seq[Any] = random.nextInt(8) match {
      case 0 | 1 | 2 => Seq.fill(count)(orNull(fresh()))
      case 3 | 4     =>
        val few = Vector.fill(1 + random.nextInt(12))(orNull(fresh()))
        Seq.fill(count)(few(random.nextInt(few.size)))
      case 5 | 6 =>
        val length = 1 + random.nextInt(40)
        val few = Vector.fill(count / length + 1)(orNull(fresh()))
        (0 until count).map(i => few(i / length))
      case _ => Seq.fill(count)(if (random.nextInt(200) == 0) fresh() else null)
    }
    val shown =
      if (name.startsWith("st.")) values.zipWithIndex.map { case (v, i) =>
        if (i % 11 == 5) null else v
      }
      else values
    RandomColumn(name, dataType, tame, shown)
  }

  private def decimalType(tame: Boolean): DecimalType = {
    val precision = if (tame) 5 + random.nextInt(14) else 1 + random.nextInt(38)
    DecimalType(precision, random.nextInt(if (tame) 5 else precision + 1))
  }
}

private object RandomTable {

  /** Stands for decimals of any number of digits. */
  private val anyDecimal: DataType = DecimalType(1, 0)

  private val numericTypes: Seq[DataType] = Seq(
    ByteType,
    ShortType,
    IntegerType,
    LongType,
    FloatType,
    DoubleType,
    DoubleType,
    anyDecimal,
    anyDecimal
  )

  private val otherTypes: Seq[DataType] = Seq(
    BooleanType,
    StringType,
    StringType,
    BinaryType,
    DateType,
    TimestampType,
    TimestampType,
    TimestampNTZType
  )
}

/** Random values of every type of a column, edges more often than chance would have them. */
object RandomValues {

  def value(dataType: DataType, tame: Boolean, r: Random): Any = dataType match {
    case BooleanType      => r.nextBoolean()
    case ByteType         => integer(Byte.MinValue, Byte.MaxValue, tame, r).toByte
    case ShortType        => integer(Short.MinValue, Short.MaxValue, tame, r).toShort
    case IntegerType      => integer(Int.MinValue, Int.MaxValue, tame, r).toInt
    case LongType         => integer(Long.MinValue, Long.MaxValue, tame, r)
    case FloatType        => double(tame, r).toFloat
    case DoubleType       => double(tame, r)
    case d: DecimalType   => decimal(d, tame, r)
    case StringType       => string(r)
    case BinaryType       => bytes(r)
    case DateType         => date(r)
    case TimestampType    => instant(r)
    case TimestampNTZType => LocalDateTime.ofInstant(instant(r), ZoneOffset.UTC)
    case other            => throw new IllegalArgumentException(other.sql)
  }

  private def pick[T](from: Seq[T], r: Random): T = from(r.nextInt(from.size))

  private def integer(least: Long, most: Long, tame: Boolean, r: Random): Long =
    if (tame) (r.nextInt(101) - 50).toLong
    else
      r.nextInt(3) match {
        case 0 => pick(Seq(least, least + 1, -1L, 0L, 1L, most - 1, most), r)
        case 1 => (r.nextInt(41) - 20).toLong
        case _ =>
          if (most == Long.MaxValue) r.nextLong() else least + (r.nextLong() >>> 1) % (most - least)
      }

  private val doubles: Seq[Double] = Seq(
    0.0,
    -0.0,
    Double.NaN,
    Double.PositiveInfinity,
    Double.NegativeInfinity,
    Double.MinPositiveValue,
    1e300,
    -1e300,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.1,
    1.005,
    4503599627370497.5,
    9007199254740993.0,
    9.223372036854775e18,
    9.3e18,
    -9.3e18,
    2147483647.5
  )

  private def double(tame: Boolean, r: Random): Double =
    if (tame) if (r.nextBoolean()) (r.nextInt(4001) - 2000) / 8.0 else r.nextGaussian() * 100
    else if (r.nextBoolean()) pick(doubles, r)
    else r.nextGaussian() * 1000

  private def decimal(d: DecimalType, tame: Boolean, r: Random): JavaDecimal = {
    val digits = if (tame) 4 else if (r.nextBoolean()) d.precision else 1 + r.nextInt(d.precision)
    val limit = BigInteger.TEN.pow(math.min(digits, d.precision))
    val unscaled = r.nextInt(6) match {
      case 0 => limit.subtract(BigInteger.ONE)
      // Halves, at which rounding turns.
      case 1 => BigInteger.TEN.pow(math.max(0, math.min(digits, d.scale) - 1)).multiply(
          BigInteger.valueOf(5)
        ).min(limit.subtract(BigInteger.ONE))
      case _ => new BigInteger(140, r.self).mod(limit)
    }
    new JavaDecimal(if (r.nextBoolean()) unscaled else unscaled.negate(), d.scale)
  }

  private val strings: Seq[String] = Seq(
    "",
    " ",
    "  a  ",
    "a",
    "A",
    "ab",
    "Apple",
    "apple pie",
    "Äpfel",
    "straße",
    "ΟΔΥΣΣΕΥΣ",
    "σς",
    "İstanbul",
    "ıI",
    "日本語",
    "🙂 smile",
    "e\u0301",
    "\t x\n",
    "a%b",
    "a_b",
    "\\",
    "it's",
    "null",
    "12",
    " 42 ",
    "-7.5",
    "1e3",
    "true",
    "2020-02-29",
    "2021-03-14 02:30:00",
    "ﬁne ǆ"
  )

  private def string(r: Random): String =
    if (r.nextInt(3) > 0) pick(strings, r)
    else r.alphanumeric.take(r.nextInt(if (r.nextInt(20) == 0) 200 else 6)).mkString

  private def bytes(r: Random): Array[Byte] = {
    val all = new Array[Byte](pick(Seq(0, 1, 1, 3, 16), r))
    r.nextBytes(all)
    if (r.nextBoolean()) all.map(b => (b & 1).toByte) else all
  }

  private val dates: Seq[LocalDate] = Seq(
    LocalDate.of(-4712, 1, 1),
    LocalDate.of(0, 12, 31),
    LocalDate.of(1, 1, 1),
    LocalDate.of(1582, 10, 4),
    LocalDate.of(1582, 10, 15),
    LocalDate.of(1900, 2, 28),
    LocalDate.of(1900, 3, 1),
    LocalDate.of(1969, 12, 31),
    LocalDate.of(1970, 1, 1),
    LocalDate.of(2000, 2, 29),
    LocalDate.of(2020, 12, 31),
    LocalDate.of(9999, 12, 31)
  )

  private def date(r: Random): LocalDate = r.nextInt(4) match {
    case 0 => pick(dates, r)
    case 1 => LocalDate.ofEpochDay((r.nextInt(5400000) - 2500000).toLong)
    case _ => LocalDate.of(2018 + r.nextInt(6), 1, 1).plusDays(r.nextInt(366).toLong)
  }

  /** Changes of the clocks in the time zones of the tests, or of their offset from UTC. */
  private val turns: Seq[Instant] = Seq(
    "2021-03-14T07:00:00Z",
    "2021-11-07T06:00:00Z",
    "1883-11-18T17:00:00Z",
    "1918-03-31T07:00:00Z",
    "1985-12-31T18:30:00Z",
    "1919-12-31T18:18:44Z",
    "1970-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "1582-10-15T00:00:00Z",
    "9999-12-31T23:59:59Z"
  ).map(Instant.parse(_))

  private def instant(r: Random): Instant = r.nextInt(4) match {
    case 0 => pick(turns, r).plusNanos((r.nextInt(5) - 2) * 1000L)
    case 1 => pick(turns, r).plusSeconds((r.nextInt(15000) - 7500).toLong)
    case 2 =>
      Instant.ofEpochSecond((r.nextDouble() * 4.6e11 - 2.1e11).toLong, r.nextInt(1000000) * 1000L)
    case _ =>
      Instant.ofEpochSecond(
        1500000000L + r.nextInt(200000000),
        if (r.nextBoolean()) 0L else 123456000L
      )
  }
}
