package io.ncf.spark

import java.math.{BigDecimal => JavaDecimal, BigInteger}
import java.sql.{Date, Timestamp}
import java.time.{Duration, LocalDate, LocalDateTime, LocalTime, Period, ZoneOffset}

import scala.util.Random

import org.apache.spark.sql.types._
import org.apache.spark.sql.{DataFrame, Row, SparkSession}
import org.apache.spark.types.variant.VariantBuilder
import org.apache.spark.unsafe.types.VariantVal

/** Rows of every type that NCF stores, and of every schema, made from a seed. */
object RandomRows {

  val schema: StructType = StructType(
    Seq(
      "bool" -> BooleanType,
      "i8" -> ByteType,
      "i16" -> ShortType,
      "i32" -> IntegerType,
      "i64" -> LongType,
      "f32" -> FloatType,
      "f64" -> DoubleType,
      "d9" -> DecimalType(9, 2),
      "d18" -> DecimalType(18, 6),
      "d38" -> DecimalType(38, 10),
      "s" -> StringType,
      "bin" -> BinaryType,
      "day" -> DateType,
      "ts" -> TimestampType,
      "tsn" -> TimestampNTZType
    ).map { case (name, dataType) => StructField(name, dataType) }
  )

  /** Types that NCF stores as other types, without those that Spark itself cannot write (calendar
    * intervals) or collect from arrays (times of other precisions).
    */
  val logicalTypes: Seq[DataType] = Seq(
    VariantType,
    YearMonthIntervalType(YearMonthIntervalType.YEAR, YearMonthIntervalType.YEAR),
    YearMonthIntervalType(),
    DayTimeIntervalType(DayTimeIntervalType.HOUR, DayTimeIntervalType.MINUTE),
    DayTimeIntervalType(),
    TimeType(6),
    NullType,
    StringType("UTF8_LCASE"),
    StringType("UNICODE_CI")
  )

  private val words =
    Vector("", "a", "apple", "größe", "日本語", "🙂 smile", "x" * 100, "%", "a_b", "é")
  private val doubles = Vector(
    0.0,
    -0.0,
    Double.NaN,
    1.5,
    -1e300,
    Double.MinPositiveValue,
    Double.PositiveInfinity,
    Double.NegativeInfinity
  )

  def frame(spark: SparkSession, count: Int, seed: Long = 7): DataFrame =
    of(spark, schema, count, seed)

  /** Rows of any schema. */
  def of(spark: SparkSession, schema: StructType, count: Int, seed: Long): DataFrame = {
    val parts = 4
    val rows = spark.sparkContext.parallelize(0 until parts, parts).flatMap { part =>
      val random = new Random(seed * 1000 + part)
      Iterator.fill(count / parts)(row(schema, random))
    }
    spark.createDataFrame(rows, schema)
  }

  /** A schema of some columns of any type, nested up to `depth` deep. */
  def schema(columns: Int, depth: Int, seed: Long): StructType = {
    val random = new Random(seed)
    StructType((0 until columns).map(i => StructField(s"c$i", anyType(depth, random))))
  }

  private def anyType(depth: Int, r: Random): DataType = r.nextInt(if (depth > 1) 8 else 3) match {
    case 0     => logicalTypes(r.nextInt(logicalTypes.size))
    case 1 | 2 => valueType(r)
    case 3 | 4 => ArrayType(anyType(depth - 1, r))
    case 5     => MapType(valueType(r), anyType(depth - 1, r))
    case _     =>
      val fields = 1 + r.nextInt(3)
      StructType((0 until fields).map(i => StructField(s"f$i", anyType(depth - 1, r))))
  }

  private def valueType(r: Random): DataType = schema(r.nextInt(schema.length)).dataType

  private def row(schema: StructType, random: Random): Row = Row.fromSeq(schema.map { field =>
    orNull(field.dataType, random)
  })

  private def orNull(dataType: DataType, random: Random): Any =
    if (random.nextInt(10) == 0) null else value(dataType, random)

  private def value(dataType: DataType, r: Random): Any = dataType match {
    case BooleanType    => r.nextBoolean()
    case ByteType       => r.nextInt().toByte
    case ShortType      => r.nextInt().toShort
    case IntegerType    => if (r.nextBoolean()) r.nextInt() else r.nextInt(50)
    case LongType       => if (r.nextBoolean()) r.nextLong() else r.nextInt(50).toLong
    case FloatType      => if (r.nextBoolean()) doubles(r.nextInt(8)).toFloat else r.nextFloat()
    case DoubleType     => if (r.nextBoolean()) doubles(r.nextInt(8)) else r.nextGaussian()
    case d: DecimalType => decimal(d, r)
    case _: StringType  => if (r.nextBoolean()) words(r.nextInt(10)) else text(r)
    case BinaryType     => val bytes = new Array[Byte](r.nextInt(12)); r.nextBytes(bytes); bytes
    case DateType       =>
      Date.valueOf(LocalDate.ofEpochDay((r.nextInt(40000) - 9000).toLong))
    case TimestampType    => new Timestamp(r.nextInt().toLong * 1000 + r.nextInt(1000))
    case TimestampNTZType =>
      LocalDateTime.ofEpochSecond(r.nextInt().toLong, 123456000, ZoneOffset.UTC)
    case NullType                 => null
    case VariantType              => variant(r)
    case _: YearMonthIntervalType => Period.ofMonths(r.nextInt(100000) - 50000)
    case _: DayTimeIntervalType   => Duration.ofMillis(r.nextInt().toLong * 1000)
    case _: TimeType              => LocalTime.ofSecondOfDay(r.nextInt(86400).toLong)
    case array: ArrayType         => Seq.fill(length(r))(orNull(array.elementType, r))
    case struct: StructType       => row(struct, r)
    case map: MapType             =>
      Seq.fill(length(r))(value(map.keyType, r) -> orNull(map.valueType, r)).toMap
    case other => throw new IllegalArgumentException(other.toString)
  }

  /** Often none. */
  private def length(r: Random): Int = math.max(0, r.nextInt(6) - 1)

  private def variant(r: Random): VariantVal = {
    val json = r.nextInt(4) match {
      case 0 => "null"
      case 1 => s"""{"a": ${r.nextInt()}, "b": [true, "${text(r)}"]}"""
      case 2 => r.nextGaussian().toString
      case _ => "[]"
    }
    val built = VariantBuilder.parseJson(json, false)
    new VariantVal(built.getValue, built.getMetadata)
  }

  private def text(r: Random): String = r.alphanumeric.take(r.nextInt(30)).mkString

  private def decimal(d: DecimalType, r: Random): JavaDecimal = {
    val limit = BigInteger.TEN.pow(if (r.nextBoolean()) d.precision else d.scale + 2)
    val digits = new BigInteger(140, r.self).mod(limit)
    new JavaDecimal(if (r.nextBoolean()) digits else digits.negate(), d.scale)
  }
}
