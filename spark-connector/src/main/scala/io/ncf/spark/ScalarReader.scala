package io.ncf.spark

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String

/** NCF's scalars, which are JSON (`ncf_core::Scalar`), as Spark's values. */
private[spark] object ScalarReader {

  /** The value, null for JSON's null. */
  def read(scalar: JsonNode, dataType: DataType): Any =
    if (scalar.isNull) null
    else {
      val value = Json.elements(scalar).next()
      dataType match {
        case BooleanType                                 => value.asBoolean()
        case ByteType                                    => value.asInt().toByte
        case ShortType                                   => value.asInt().toShort
        case IntegerType | DateType                      => value.asInt()
        case LongType | TimestampType | TimestampNTZType => value.asLong()
        case FloatType                                   =>
          java.lang.Float.intBitsToFloat(Integer.parseUnsignedInt(value.asText(), 16))
        case DoubleType =>
          java.lang.Double.longBitsToDouble(java.lang.Long.parseUnsignedLong(value.asText(), 16))
        case d: DecimalType =>
          val unscaled = new java.math.BigInteger(value.get("unscaled").asText())
          Decimal(new java.math.BigDecimal(unscaled, d.scale), d.precision, d.scale)
        case BinaryType => Json.elements(value).map(_.asInt().toByte).toArray
        case _          => UTF8String.fromString(value.asText())
      }
    }
}
