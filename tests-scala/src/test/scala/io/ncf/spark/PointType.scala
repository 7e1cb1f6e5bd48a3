package io.ncf.spark

import org.apache.spark.sql.catalyst.util.{ArrayData, GenericArrayData}
import org.apache.spark.sql.types.{ArrayType, DataType, DoubleType, UserDefinedType}

/** A point, for tests of types that users define. */
final case class Point(x: Double, y: Double)

/** A user-defined type, which NCF does not store: Spark cannot tell what its values mean. */
final class PointType extends UserDefinedType[Point] {

  override def sqlType: DataType = ArrayType(DoubleType, containsNull = false)

  override def serialize(point: Point): Any = new GenericArrayData(Array(point.x, point.y))

  override def deserialize(datum: Any): Point = {
    val array = datum.asInstanceOf[ArrayData]
    Point(array.getDouble(0), array.getDouble(1))
  }

  override def userClass: Class[Point] = classOf[Point]
}
