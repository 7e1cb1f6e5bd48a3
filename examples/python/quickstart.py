"""NCF from PySpark: write, read, filter, append, overwrite, travel in time.

Run by tools/test_examples.sh as: spark-submit --jars <jar> quickstart.py CORPUS WORK
"""

import sys

from pyspark.sql import SparkSession, functions as f


def main(corpus: str, work: str) -> None:
    spark = SparkSession.builder.appName("NCF quick start").master("local[2]").getOrCreate()
    path = f"{work}/flights"

    flights = spark.read.parquet(f"{corpus}/flights3m.parquet")
    flights.write.format("ncf").save(path)

    late = spark.read.format("ncf").load(path).where("delay > 60 AND origin = 'SFO'")
    late.explain()
    expected = flights.where("delay > 60 AND origin = 'SFO'")
    assert late.exceptAll(expected).isEmpty() and late.count() == expected.count()

    flights.limit(10).write.format("ncf").mode("append").save(path)
    assert spark.read.format("ncf").load(path).count() == flights.count() + 10

    by_origin = flights.groupBy("origin").agg(f.count("*").alias("n"), f.avg("delay").alias("delay"))
    by_origin.write.format("ncf").mode("overwrite").save(path)
    assert spark.read.format("ncf").load(path).columns == ["origin", "n", "delay"]

    first = spark.read.format("ncf").option("versionAsOf", 0).load(path)
    assert first.count() == flights.count()

    parts = f"{work}/by-origin"
    flights.write.format("ncf").partitionBy("origin").save(parts)
    one = spark.read.format("ncf").load(parts).where("origin = 'SFO'")
    assert one.count() == flights.where("origin = 'SFO'").count()

    print(f"{flights.count()} rows written, read, filtered, appended, overwritten and partitioned")
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
