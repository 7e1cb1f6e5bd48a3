package io.ncf.spark

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.plans.logical.Filter

/** Filters are evaluated by NCF, and mean what they mean to Spark. */
class PushdownSuite extends SparkTestBase {

  private def withBoth(body: (DataFrame, DataFrame) => Unit): Unit = withPath { path =>
    RandomRows.frame(spark, 40000).write.parquet(path + "-parquet")
    val parquet = spark.read.parquet(path + "-parquet")
    parquet.write.format("ncf").option("blockRows", "8192").save(path)
    body(read(path), parquet)
  }

  /** Whether Spark still filters. */
  private def filters(frame: DataFrame): Boolean =
    frame.queryExecution.optimizedPlan.exists(_.isInstanceOf[Filter])

  private val pushed = Seq(
    "bool",
    "not bool",
    "i8 = 5",
    "i16 > 100",
    "i32 between 10 and 20",
    "i32 in (1, 2, 3, 49)",
    "i32 not in (1, 2, 3)",
    "i32 in (1, null)",
    "i32 not in (1, null)",
    "i64 <> 7",
    "i64 <=> null",
    "i64 <=> 7",
    "7 < i64",
    "f32 = cast('NaN' as float)",
    "f32 > cast(0 as float)",
    "f64 = 0.0d",
    "f64 = -0.0d",
    "f64 < 0.0d",
    "f64 > cast('Infinity' as double)",
    "f64 = cast('NaN' as double)",
    "f64 <> cast('NaN' as double)",
    "not (f64 >= 1.5d)",
    "f64 in (cast('NaN' as double), -0.0d)",
    "d9 > 12.34",
    "d18 <= -0.5",
    "d38 > 0",
    "s = ''",
    "s = '日本語'",
    "s > 'b'",
    "s >= 'größe'",
    "s like 'a%'",
    "s like '%e'",
    "s like '%pl%'",
    "s not like '%🙂%'",
    "s is null",
    "s is not null and i32 is null",
    "bin = X'00'",
    "bin > X'7F'",
    "day >= date'2020-01-01'",
    "ts < timestamp'1990-06-01 12:00:00'",
    "ts between timestamp'1999-12-31 23:59:59.5' and timestamp'2030-01-01 00:00:00'",
    "tsn > timestamp_ntz'2000-01-01 00:00:00'",
    "i8 = 3 or s = 'apple'",
    "(i8 > 3 and s = 'apple') or (i16 < 0 and bool)",
    "not (i8 > 3 and s = 'apple')",
    "not (i8 > 3 or s = 'apple')",
    "i8 is null or i8 < 0",
    "f64 = f64",
    "s = s",
    "i32 > 5 and i32 < 3"
  )

  private val notPushed = Seq(
    "ascii(s) = 5",
    "pmod(i32, 7) = 4",
    "rand() < 0.9999999999",
    "cast(f64 as string) = '7.0'",
    "reverse(s) = 'elppa'",
    "date_trunc('YEAR', ts) = timestamp'2001-01-01'",
    "s like 'a%b%c'"
  )

  test("every predicate gives what Parquet gives, and Spark filters no more") {
    withBoth { (ncf, parquet) =>
      for (condition <- pushed) withClue(condition) {
        assertSame(ncf.where(condition), parquet.where(condition))
        assert(!filters(ncf.where(condition)))
      }
    }
  }

  test("what cannot be pushed stays with Spark") {
    withBoth { (ncf, parquet) =>
      for (condition <- notPushed) withClue(condition) {
        assertSame(ncf.where(condition), parquet.where(condition))
        assert(filters(ncf.where(condition)))
        val both = s"$condition and i8 > 0"
        assertSame(ncf.where(both), parquet.where(both))
        assert(explain(ncf.where(both)).contains("i8 > 0"))
      }
    }
  }

  test("two columns of one type are compared natively") {
    withPath { path =>
      val source = spark.range(10000).selectExpr("id % 100 a", "id % 101 b", "cast(id as int) c")
      source.write.format("ncf").save(path)
      for (op <- Seq("=", "<", ">=", "<>", "<=>")) {
        assertSame(read(path).where(s"a $op b"), source.where(s"a $op b"))
        assert(!filters(read(path).where(s"a $op b")))
      }
      assertSame(read(path).where("a = c"), source.where("a = c"))
    }
  }

  test("a part of a disjunction that cannot be pushed still prunes by the rest") {
    withPath { path =>
      val source = spark.range(0, 100000, 1, 1).toDF("a")
      source.write.format("ncf").option("blockRows", "8192").save(path)
      val condition = "(a < 10 and sqrt(a) < 2) or (a > 99990 and sqrt(a) > 316.22)"
      val frame = read(path).where(condition)
      assert(frame.collect().map(_.getLong(0)).sorted.toSeq ==
        Seq(0L, 1L, 2L, 3L, 99996L, 99997L, 99998L, 99999L))
      assert(filters(frame))
      val metrics = frame.queryExecution.executedPlan.collectLeaves().flatMap(_.metrics).toMap
      assert(metrics("rowsOut").value < 100)
    }
  }

  test("the plan shows what was pushed and pruned") {
    withPath { path =>
      val source = spark.range(0, 100000, 1, 4).toDF("a")
      source.write.format("ncf").option("blockRows", "8192").save(path)
      val text = explain(read(path).where("a >= 99990"))
      assert(text.contains(s"ncf $path version 0"))
      assert(text.contains("PushedFilters: [a IS NOT NULL, a >= 99990]"))
      assert(text.contains("filesPruned: 3"))
      assert(text.contains("filesPlanned: 1"))
    }
  }

  test("pushdown.filters = false leaves filters to Spark") {
    withPath { path =>
      spark.range(100).toDF("a").write.format("ncf").save(path)
      val frame = spark.read.format("ncf").option("pushdown.filters", "false").load(path)
      assert(filters(frame.where("a = 3")))
      assert(frame.where("a = 3").count() == 1)
    }
  }

  test("a limit reads no more splits than it needs") {
    withPath { path =>
      spark.range(0, 100000, 1, 4).toDF("a").write.format("ncf").save(path)
      assert(read(path).limit(3).collect().length == 3)
      assert(explain(read(path).limit(3)).contains("limit: 3"))
      assert(read(path).limit(30000).count() == 30000)
      assert(read(path).where("a > 99000").limit(5).collect().length == 5)
    }
  }

  test("equal scans are shared, different ones are not") {
    withPath { path =>
      spark.range(1000).toDF("a").write.format("ncf").save(path)
      val left = read(path).where("a < 500").groupBy("a").count()
      val right = read(path).where("a < 400").groupBy("a").count()
      assert(left.union(left).collect().length == 1000)
      assert(left.union(right).collect().length == 900)
    }
  }

  private def explain(frame: DataFrame): String = frame.queryExecution.explainString(
    org.apache.spark.sql.execution.ExplainMode.fromString("formatted")
  )

  test("long chains of conditions are pushed, deep ones stay with Spark") {
    withPath { path =>
      val source = spark.range(1000).selectExpr("id a", "id + 1 b")
      source.write.format("ncf").save(path)
      def chain(terms: Int, op: String): String =
        (0 until terms).map(i => s"${if (i % 2 == 0) "a" else "b"} <> ${i * 3}").mkString(s" $op ")
      val ors = read(path).where((0 until 300).map(i => s"a = $i or b = $i").mkString(" or "))
      assert(!filters(ors) && ors.count() == 300)
      assert(!filters(read(path).where(chain(300, "and"))))
      assert(read(path).where(chain(300, "or")).count() == 1000)
      val deep = (0 until 60).foldLeft("a = 1")((inner, i) => s"(b = $i and ($inner)) or a = $i")
      assert(read(path).where(deep).count() == source.where(deep).count())
      val long = (0 until 60).map(i => s"(a + $i)").mkString("sum(", " + ", ")")
      assert(read(path).selectExpr(long).head().getLong(0) == 60 * 499500L + 1770 * 1000L)
    }
  }
}
