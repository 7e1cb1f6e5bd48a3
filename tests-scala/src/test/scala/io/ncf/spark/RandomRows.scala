package io.ncf.spark

import java.math.{BigDecimal => JavaDecimal, BigInteger}
import java.sql.{Date, Timestamp}
import java.time.{LocalDate, LocalDateTime, ZoneOffset}

import scala.util.Random

import org.apache.spark.sql.types._
import org.apache.spark.sql.{DataFrame, Row, SparkSession}

/** Rows of every type that NCF stores, made from a seed. */
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

  def frame(spark: SparkSession, count: Int, seed: Long = 7): DataFrame = {
    val parts = 4
    val rows = spark.sparkContext.parallelize(0 until parts, parts).flatMap { part =>
      val random = new Random(seed * 1000 + part)
      Iterator.fill(count / parts)(row(random))
    }
    spark.createDataFrame(rows, schema)
  }

  private def row(random: Random): Row = Row.fromSeq(schema.map { field =>
    if (random.nextInt(10) == 0) null else value(field.dataType, random)
  })

  private def value(dataType: DataType, r: Random): Any = dataType match {
    case BooleanType    => r.nextBoolean()
    case ByteType       => r.nextInt().toByte
    case ShortType      => r.nextInt().toShort
    case IntegerType    => if (r.nextBoolean()) r.nextInt() else r.nextInt(50)
    case LongType       => if (r.nextBoolean()) r.nextLong() else r.nextInt(50).toLong
    case FloatType      => if (r.nextBoolean()) doubles(r.nextInt(8)).toFloat else r.nextFloat()
    case DoubleType     => if (r.nextBoolean()) doubles(r.nextInt(8)) else r.nextGaussian()
    case d: DecimalType => decimal(d, r)
    case StringType     => if (r.nextBoolean()) words(r.nextInt(10)) else text(r)
    case BinaryType     => val bytes = new Array[Byte](r.nextInt(12)); r.nextBytes(bytes); bytes
    case DateType       =>
      Date.valueOf(LocalDate.ofEpochDay((r.nextInt(40000) - 9000).toLong))
    case TimestampType    => new Timestamp(r.nextInt().toLong * 1000 + r.nextInt(1000))
    case TimestampNTZType =>
      LocalDateTime.ofEpochSecond(r.nextInt().toLong, 123456000, ZoneOffset.UTC)
    case other => throw new IllegalArgumentException(other.toString)
  }

  private def text(r: Random): String = r.alphanumeric.take(r.nextInt(30)).mkString

  private def decimal(d: DecimalType, r: Random): JavaDecimal = {
    val limit = BigInteger.TEN.pow(if (r.nextBoolean()) d.precision else d.scale + 2)
    val digits = new BigInteger(140, r.self).mod(limit)
    new JavaDecimal(if (r.nextBoolean()) digits else digits.negate(), d.scale)
  }
}
