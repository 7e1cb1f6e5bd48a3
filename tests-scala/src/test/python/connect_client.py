"""A client of Spark Connect for ConnectSuite: all that crosses to the server and back. Ends with "connected".

Arguments: the server's URL and an empty folder.
"""

import glob
import sys

from pyspark.sql import SparkSession


def failure(body) -> str:
    """What the client says of a failure, which must be one of the server's."""
    try:
        body()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError("nothing failed")


def has(text: str, *parts: str) -> None:
    for part in parts:
        assert part in text, f"no {part!r} in: {text}"


def rows_in_and_out(spark: SparkSession, path: str) -> None:
    rows = spark.range(0, 20000, 1, 2).selectExpr("id a", "id % 5 p", "concat('ä ', id) s", "array(id, null) l")
    rows.write.format("ncf").partitionBy("p").save(path)
    read = spark.read.format("ncf").load(path)
    assert read.exceptAll(rows.select(*read.columns)).isEmpty() and read.count() == 20000
    found = read.where("p = 3 and a > 19990").orderBy("a").collect()
    assert [(row.a, row.s, row.l) for row in found] == [(n, f"ä {n}", [n, None]) for n in (19993, 19998)], found
    local = spark.createDataFrame([(1, "one"), (2, None)], "n int, t string")
    local.write.format("ncf").mode("overwrite").save(path + "-local")
    assert sorted(map(tuple, spark.read.format("ncf").load(path + "-local").collect())) == [(1, "one"), (2, None)]


def time_travel(spark: SparkSession, path: str) -> None:
    spark.read.format("ncf").load(path).limit(10).write.format("ncf").mode("append").save(path)
    count = lambda version: spark.read.format("ncf").option("versionAsOf", version).load(path).count()
    assert (count(0), count(1)) == (20000, 20010)


def errors(spark: SparkSession, path: str) -> None:
    option = failure(lambda: spark.read.format("ncf").option("verifyChecksum", "true").load(path).count())
    # Connect sends the names of options in lower case.
    has(option, "io.ncf.jni.NcfInvalidArgumentException", "unknown option verifychecksum; did you mean verifyChecksums?")
    version = failure(lambda: spark.read.format("ncf").option("versionAsOf", 99).load(path).count())
    has(version, "io.ncf.jni.", "99", path)
    has(failure(lambda: spark.read.format("ncf").load(path + "-none").count()), "PATH_NOT_FOUND", path)
    damaged = glob.glob(f"{path}/data/**/*.ncf", recursive=True)
    for file in damaged:
        with open(file, "r+b") as bytes_of:
            bytes_of.seek(300)
            bytes_of.write(b"damage")
    has(failure(lambda: spark.read.format("ncf").load(path).collect()), "NcfCorruptException", ".ncf")


def main(url: str, folder: str) -> None:
    spark = SparkSession.builder.remote(url).create()
    for check in [rows_in_and_out, time_travel, errors]:
        check(spark, f"{folder}/table")
    spark.stop()
    print("connected")


if __name__ == "__main__":
    main(*sys.argv[1:])
