from __future__ import annotations

import pytest

from mlrun_like.runtimes.spark.explain import cause_in, clarified, without_stack

# lines as Spark 3.5 and 4.x print them
CASES = [
    (
        "java.io.InvalidClassException: org.apache.spark.rpc.netty.RpcEndpointVerifier"
        "; local class incompatible: stream classdesc serialVersionUID = 5378738997755484868, local"
        " class serialVersionUID = 7789290765573734431",
        "spark-version-differs",
        "pip install pyspark",
    ),
    (
        "10:34:29 ERROR SchedulerBackend: Application has been killed. Reason: All masters"
        " are unresponsive! Giving up.",
        "spark-master-unreachable",
        "version",
    ),
    (
        "pyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in"
        " worker has different version: 3.9 than that in driver: 3.11, PySpark cannot run",
        "python-version-differs",
        "PYSPARK_PYTHON",
    ),
    (
        'java.io.IOException: Cannot run program "/venv/bin/python": error=2, No such file or'
        " directory",
        "python-missing",
        "PYSPARK_PYTHON",
    ),
    (
        'org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme "gs"',
        "filesystem-missing",
        "packages",
    ),
    (
        "java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found",
        "filesystem-missing",
        "hadoop-aws",
    ),
    (
        "[UNRESOLVED DEPENDENCIES] unresolved dependency: org.none#none;1.0: not found",
        "package-unresolved",
        "coordinates",
    ),
    (
        "ERROR TaskSchedulerImpl: Exiting due to error from cluster scheduler: Master removed our"
        " application: FAILED",
        "spark-application-removed",
        "work/",
    ),
    (
        "Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times: ExecutorLostFailure"
        " (executor 1 exited caused by one of the running tasks) Reason: Command exited with 137",
        "executor-lost",
        "with_executor_requests",
    ),
    ("java.lang.OutOfMemoryError: Java heap space", "spark-out-of-memory", "with_driver_requests"),
    (
        "Total size of serialized results of 3 tasks (1050.1 MiB) is bigger than"
        " spark.driver.maxResultSize (1024.0 MiB)",
        "result-too-large",
        "maxResultSize",
    ),
    (
        "java.lang.UnsupportedClassVersionError: org/apache/spark/launcher/Main was compiled by"
        " a more recent version of the Java Runtime (class file version 61.0)",
        "java-old",
        "JAVA_HOME",
    ),
    ("JAVA_HOME is not set", "java-missing", "Java 17"),
    ("Error: Could not create the Java Virtual Machine.", "java-options", "java_options"),
]


@pytest.mark.parametrize(("text", "code", "fix"), CASES, ids=[case[1] for case in CASES])
def test_causes(text: str, code: str, fix: str) -> None:
    found = cause_in(f"one line\n{text}\nat org.apache.spark.X(X.scala:1)\n")
    assert found is not None
    assert found.code == code
    assert fix in found.fix


def test_javas_stack_is_left_to_the_log() -> None:
    error = (
        "Py4JJavaError: An error occurred while calling None.SparkSession.\n: java.lang."
        "IllegalStateException: Cannot call methods on a stopped SparkContext.\nThis stopped "
        "SparkContext was created at:\n\norg.apache.spark.X.<init>(X.scala:5)\n\tat a.B(C.java:1)\n"
    )
    assert without_stack(error).endswith("created at:") and "X.scala" not in without_stack(error)
    assert without_stack("ValueError: two\nlines") == "ValueError: two\nlines"


def test_other_text_has_no_cause() -> None:
    assert cause_in("") is None
    assert cause_in("ValueError: bad data\n" * 1000) is None


def test_an_error_gets_its_cause_once() -> None:
    error = clarified("Py4JJavaError: An error occurred", CASES[9][0])
    assert "cause: the JVM ran out of memory (Java heap space)" in error
    assert clarified(error, CASES[9][0]) == error
    assert clarified("ValueError: x", "") == "ValueError: x"
