"""A job for SubmitSuite: writes, reads and filters through PySpark, compared with Parquet. Ends with "as Parquet"."""

import sys

from pyspark.sql import DataFrame, SparkSession, functions as f


def answer(rows: DataFrame) -> tuple:
    """How many rows, and a digest of all of them, in whatever order."""
    digest = f.xxhash64(*[f.col(name) for name in sorted(rows.columns)]).cast("decimal(38,0)")
    count, total = rows.select(digest.alias("digest")).agg(f.count("*"), f.sum("digest")).first()
    assert count > 0
    return count, total


def compare(what: str, actual: DataFrame, expected: DataFrame) -> None:
    assert answer(actual) == answer(expected), what


def main(folder: str) -> None:
    spark = SparkSession.builder.appName("submitted").getOrCreate()
    rows = spark.range(0, 20000, 1, 3).selectExpr(
        "id a", "cast(id % 7 as int) p", "concat('value ', id % 100) s", "if(id % 11 = 0, null, id / 3) x", "array(id, null) l"
    )
    rows.write.format("ncf").partitionBy("p").save(f"{folder}/ncf")
    rows.write.partitionBy("p").parquet(f"{folder}/parquet")
    ncf = spark.read.format("ncf").load(f"{folder}/ncf")
    parquet = spark.read.parquet(f"{folder}/parquet")
    for condition in ["true", "p = 3", "s = 'value 5' and x is not null", "a > 19000 or l[0] = 4"]:
        compare(condition, ncf.where(condition), parquet.where(condition))

    # Spark feeds Python from another thread than the one that ends the task.
    longer = f.udf(lambda text: text + "!", "string")
    compare("udf", ncf.select("a", longer("s").alias("t")), parquet.select("a", longer("s").alias("t")))
    assert ncf.select(longer("s")).limit(3).count() == 3

    try:
        rows.withColumn("a", f.lit("text")).write.format("ncf").mode("append").save(f"{folder}/ncf")
        raise AssertionError("text went into a column of numbers")
    except Exception as error:
        assert "NcfInvalidArgumentException" in str(error) and "does not fit the table" in str(error), error
    spark.stop()
    print("as Parquet")


if __name__ == "__main__":
    main(sys.argv[1])
