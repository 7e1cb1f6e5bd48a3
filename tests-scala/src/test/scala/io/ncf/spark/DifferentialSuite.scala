package io.ncf.spark

import scala.jdk.CollectionConverters._
import scala.util.Random

import org.apache.spark.sql.catalyst.plans.logical.Filter
import org.apache.spark.sql.functions.{col, lit, not, struct}
import org.apache.spark.sql.types._
import org.apache.spark.sql.{Column, DataFrame, RandomDataGenerator, Row}

/** Random tables, made by Spark's own generator over all of its types, against their source and against
  * Parquet. A failure names the seed of its table and its case.
  */
class DifferentialSuite extends SparkTestBase {

  import DifferentialSuite.Field

  /** Every type of the generator's that can be a column: Spark itself writes no calendar intervals. */
  private val types: Seq[DataType] =
    (DataTypeTestUtils.atomicTypes ++ Seq(NullType)).toSeq.sortBy(_.sql)

  /** Those that Spark can collect from arrays and maps: of times only the default precision. */
  private val collectable: Seq[DataType] = types.filter {
    case time: TimeType => time == TimeType()
    case _              => true
  }

  override protected def beforeAll(): Unit = {
    super.beforeAll()
    spark.conf.set("spark.sql.timeType.enabled", "true")
  }

  private def generator(field: StructField, random: Random): () => Any =
    RandomDataGenerator.forType(field.dataType, field.nullable, random, validJulianDatetime = true)
      .getOrElse(fail(s"no generator of $field"))

  /** Rows whose values come from few, so that they repeat; nested ones are large. */
  private def rows(schema: StructType, count: Int, random: Random): Seq[Row] = {
    val columns = schema.map { field =>
      val generate = generator(field, random)
      val most = if (SchemaConverter.isValue(field.dataType)) 40 else 6
      val pool = Vector.fill(1 + random.nextInt(most))(generate())
      Seq.fill(count)(pool(random.nextInt(pool.size)))
    }
    (0 until count).map(i => Row.fromSeq(columns.map(_(i))))
  }

  private def frame(schema: StructType, rows: Seq[Row]): DataFrame =
    spark.createDataFrame(rows.asJava, schema).coalesce(1)

  private val nestings: Seq[(String, Seq[DataType], DataType => DataType)] = Seq(
    ("alone", types, t => t),
    ("in arrays", collectable, t => ArrayType(t)),
    ("in maps", collectable, t => MapType(StringType, t)),
    ("in structs", collectable, t => new StructType().add("x", t).add("y", ArrayType(t)))
  )

  for ((name, types, nest) <- nestings) test(s"every type of Spark's generator, $name, comes back") {
    withPath { path =>
      val random = new Random(name.hashCode.toLong)
      val schema = StructType(types.zipWithIndex.map { case (t, i) =>
        StructField(s"c$i", nest(t))
      })
      val source = frame(schema, rows(schema, 30, random))
      source.write.format("ncf").option("blockRows", "13").save(path)
      assertSameRows(read(path), source)
    }
  }

  for (seed <- 1 to 6) test(s"random nested schema $seed of Spark's generator comes back") {
    withPath { path =>
      val random = new Random(seed.toLong)
      val schema = RandomDataGenerator.randomNestedSchema(random, 8, collectable)
      withClue(schema.toDDL) {
        val source = frame(schema, rows(schema, 30, random))
        source.write.format("ncf").option("blockRows", "13").save(path)
        assertSameRows(read(path), source)
      }
    }
  }

  private def fields(schema: StructType, rows: Seq[Row]): Seq[Field] = {
    def inside(field: Field): Seq[Field] = field.dataType match {
      case struct: StructType => field +: struct.zipWithIndex.flatMap { case (part, i) =>
          val values = field.values.map(v => Option(v).map(_.asInstanceOf[Row].get(i)).orNull)
          inside(Field(field.column.getField(part.name), part.dataType, values))
        }
      case _ => Seq(field)
    }
    schema.zipWithIndex.flatMap { case (field, i) =>
      inside(Field(col(field.name), field.dataType, rows.map(_.get(i))))
    }
  }

  private def predicate(fields: Seq[Field], depth: Int, r: Random): Column =
    if (depth > 0 && r.nextInt(2) == 0) {
      val left = predicate(fields, depth - 1, r)
      r.nextInt(5) match {
        case 0     => not(left)
        case 1 | 2 => left && predicate(fields, depth - 1, r)
        case _     => left || predicate(fields, depth - 1, r)
      }
    } else {
      val field = fields(r.nextInt(fields.size))
      val values = field.values.filter(_ != null)
      val nested = field.dataType match {
        case _: ArrayType | _: MapType | _: StructType => true
        case _                                         => false
      }
      if (nested || values.isEmpty || r.nextInt(6) == 0) {
        if (r.nextBoolean()) field.column.isNull else field.column.isNotNull
      } else test(field, fields, () => values(r.nextInt(values.size)), r)
    }

  private def test(field: Field, fields: Seq[Field], value: () => Any, r: Random): Column = {
    val column = field.column
    def literal: Column = lit(value()).cast(field.dataType)
    val other =
      if (r.nextInt(6) > 0) literal
      else {
        val alike = fields.filter(_.dataType == field.dataType)
        alike(r.nextInt(alike.size)).column
      }
    r.nextInt(10) match {
      case 0                                 => column === other
      case 1                                 => column =!= other
      case 2                                 => column <=> other
      case 3                                 => column < other
      case 4                                 => column <= other
      case 5                                 => column > other
      case 6                                 => column >= other
      case 7 if field.dataType == StringType =>
        val text = value().toString
        Seq(
          column.startsWith(text.take(1)),
          column.endsWith(text.takeRight(1)),
          column.contains(text)
        )
          .apply(r.nextInt(3))
      case 8 => literal <= column
      case _ =>
        val list = Seq.fill(1 + r.nextInt(4))(literal)
        column.isin((if (r.nextInt(4) == 0) list :+ lit(null).cast(field.dataType) else list): _*)
    }
  }

  private val tables = 12
  private val casesOfTable = 25

  test(s"${tables * casesOfTable} random filters and projections give what Parquet gives") {
    val ofParquet = collectable.filter(_ != NullType)
    var pushed = 0
    for (seed <- 1 to tables) withPath { path =>
      val random = new Random(1000L + seed)
      val schema =
        if (seed % 3 == 0) StructType(
          random.shuffle(ofParquet).take(12).zipWithIndex.map { case (t, i) =>
            StructField(s"c$i", t)
          }
        )
        else RandomDataGenerator.randomNestedSchema(random, 10, ofParquet)
      val data = rows(schema, 200, random)
      val source = frame(schema, data)
      source.write.parquet(path + "-parquet")
      val parquet = spark.read.parquet(path + "-parquet")
      parquet.coalesce(1).write.format("ncf")
        .option("blockRows", (20 + random.nextInt(100)).toString).save(path)
      val all = fields(schema, data)
      val cases = Seq.fill(casesOfTable)(predicate(all, 3, random))
      // One pass over Parquet gives every case's answer.
      val answers = parquet
        .select(cases.map(c => c.as("case")) ++ all.map(_.column.as("field")): _*)
        .collect()
      for ((condition, number) <- cases.zipWithIndex)
        withClue(s"table $seed, case $number, $condition of ${schema.toDDL}: ") {
          val chosen = all.indices.filter(_ => random.nextInt(3) == 0)
          val query = read(path).where(condition)
            .select(struct(lit(0) +: chosen.map(i => all(i).column.as(s"f$i")): _*))
          val counted =
            (found: Seq[Seq[Any]]) => found.groupBy(identity).map(p => (p._1, p._2.size))
          val found = query.collect().toSeq.map(_.getStruct(0).toSeq.tail.map(plain))
          val expected = answers.toSeq
            .filter(row => !row.isNullAt(number) && row.getBoolean(number))
            .map(row => chosen.map(i => plain(row.get(casesOfTable + i))))
          assert(counted(found) == counted(expected))
          val filters = query.queryExecution.optimizedPlan.exists(_.isInstanceOf[Filter])
          if (!filters) pushed += 1
        }
    }
    assert(pushed * 2 > tables * casesOfTable, s"only $pushed filters were pushed")
  }
}

object DifferentialSuite {

  /** A column or a field of a struct, with its values in the rows. */
  private final case class Field(column: Column, dataType: DataType, values: Seq[Any])
}
