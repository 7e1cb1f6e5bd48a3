package io.ncf.spark

/** How a scan is cut into tasks, and what the optimizer is told of its size. */
class PartitioningOfScansSuite extends SparkTestBase {

  private def partitions(path: String): Int = read(path).rdd.getNumPartitions

  test("a small table of several blocks uses every core") {
    withPath { path =>
      spark.range(0, 10000, 1, 1).toDF("a").write
        .format("ncf").option("blockRows", "1000").save(path)
      assert(dataFiles(path).size == 1)
      assert(partitions(path) == 2)
      assertSame(read(path), spark.range(10000).toDF("a"))
      assert(read(path).limit(5).count() == 5)
    }
  }

  test("partitions hold no more than maxPartitionBytes, in whole rounds of all cores") {
    withPath { path =>
      spark.range(0, 10000, 1, 1).toDF("a").write
        .format("ncf").option("blockRows", "1000").save(path)
      spark.conf.set("spark.sql.files.maxPartitionBytes", "9MB")
      try assert(partitions(path) == 6)
      finally spark.conf.unset("spark.sql.files.maxPartitionBytes")
    }
  }

  test("many small files are packed") {
    withPath { path =>
      spark.range(0, 20, 1, 20).toDF("a").write.format("ncf").save(path)
      assert(dataFiles(path).size == 20)
      assert(partitions(path) == 2)
    }
  }

  test("long strings are not small because their type might be") {
    withPath { path =>
      spark.range(0, 2000, 1, 1)
        .selectExpr(
          "concat_ws('', transform(sequence(1, 20), i -> sha2(cast(id * 20 + i as string), 256))) s"
        )
        .write.format("ncf").save(path)
      val size = read(path).queryExecution.optimizedPlan.stats.sizeInBytes
      assert(size > 1000 * 1000)
      spark.conf.set("spark.sql.sources.fileCompressionFactor", "3.0")
      try assert(read(path).queryExecution.optimizedPlan.stats.sizeInBytes > size * 2)
      finally spark.conf.unset("spark.sql.sources.fileCompressionFactor")
    }
  }
}
