"""Why a Spark driver failed or ended, from what it printed, with a fix."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mlrun_like.runtimes.finding import Finding

__all__ = ["cause_in", "clarified", "without_stack"]

_STACK = re.compile(r"\n\s+at [\w.$]+\(|\.java:\d+\)")
_LINES = 3
_Make = Callable[[re.Match[str]], Finding]


def cause_in(text: str) -> Finding | None:
    """The cause that an output or a traceback names, if it is one of Spark's known ones.

    >>> cause_in("java.lang.OutOfMemoryError: Java heap space").code
    'spark-out-of-memory'
    """
    for pattern, make in _PATTERNS:
        match = pattern.search(text)
        if match is not None:
            return make(match)
    return None


def clarified(error: str, text: str) -> str:
    """An error with the cause that stands in the text behind it.

    Args:
        error: The error as it was recorded.
        text: Its traceback and the last lines of the output.
    """
    found = cause_in(f"{error}\n{text}")
    if found is None or found.what in error:
        return error
    return f"{error}\n  cause: {found.what}\n  fix: {found.fix}"


def without_stack(error: str) -> str:
    """An error without Java's stack, which the traceback in the log has.

    >>> without_stack("Py4JJavaError: o1.x.\\n: java.E: bad\\n\\tat a.B(B.java:1)\\n")
    'Py4JJavaError: o1.x.: java.E: bad'
    """
    if not _STACK.search(error):
        return error
    lines: list[str] = []
    for line in error.splitlines():
        if not line.strip() or line.lstrip().startswith("at ") or len(lines) == _LINES:
            break
        lines.append(line)
    return "\n".join(lines).replace("\n: ", ": ")


def _simple(code: str, what: str, fix: str) -> _Make:
    def make(match: re.Match[str]) -> Finding:
        names: dict[str, Any] = {key: value or "" for key, value in match.groupdict().items()}
        return Finding(code, what.format(**names), "", fix)

    return make


_PATTERNS: tuple[tuple[re.Pattern[str], _Make], ...] = (
    (
        re.compile(r"serialVersionUID|local class incompatible|InvalidClassException"),
        _simple(
            "spark-version-differs",
            "this side and the cluster run different versions of Spark "
            "(Java classes with different serialVersionUID)",
            "install the cluster's version here: pip install pyspark==<version shown on the "
            "master's web page>, or point SPARK_HOME to that Spark",
        ),
    ),
    (
        re.compile(r"All masters are unresponsive"),
        _simple(
            "spark-master-unreachable",
            "no master answered: it is down, behind a firewall, or runs another version of Spark "
            "(it then refuses what it cannot read, and logs InvalidClassException)",
            "compare the version on the master's web page with `spark-submit --version`, and check "
            "the address",
        ),
    ),
    (
        re.compile(
            r"PYTHON_VERSION_MISMATCH|Python in worker has different version"
            r"(?: \(?(?P<one>[\d., ]+)\)?[^\d]+(?P<two>[\d., ]+))?"
        ),
        _simple(
            "python-version-differs",
            "the executors' Python has another version than the driver's",
            'name one of the same version: fn.set_env("PYSPARK_PYTHON", "/path/on/the/workers")',
        ),
    ),
    (
        re.compile(r'Cannot run program "(?P<name>[^"]+)"'),
        _simple(
            "python-missing",
            "the program {name!r} is not on the workers",
            'name the workers\' Python: fn.set_env("PYSPARK_PYTHON", "python3")',
        ),
    ),
    (
        re.compile(
            r"No FileSystem for scheme \"?(?P<name>\w+)|Class (?P<other>org\.apache\.hadoop"
            r"\.fs\.s3a\.S3AFileSystem) not found"
        ),
        _simple(
            "filesystem-missing",
            "Spark has no library for this store's addresses ({name}{other})",
            'add it: fn.spec.deps = {{"packages": ["org.apache.hadoop:hadoop-aws:<version>"]}} '
            "with the version of the hadoop-client jars in Spark's folder jars",
        ),
    ),
    (
        re.compile(r"unresolved dependency: (?P<name>[\w.#;:-]*\w)"),
        _simple(
            "package-unresolved",
            "the Maven package {name!r} of spec.deps cannot be resolved",
            "check its coordinates (group:artifact:version), or give the files as deps jars",
        ),
    ),
    (
        re.compile(r"Master removed our application: (?P<name>\w+)"),
        _simple(
            "spark-application-removed",
            "the master removed the application ({name}): its executors ended again and again",
            "read an executor's stderr on the worker's web page, or below its folder work/",
        ),
    ),
    (
        re.compile(r"ExecutorLostFailure \(executor \d+ exited (?P<why>[^\n]{0,200})"),
        _simple(
            "executor-lost",
            "executors were lost while they worked: {why}",
            "if they ran out of memory, fn.with_executor_requests(mem=...) or smaller partitions",
        ),
    ),
    (
        re.compile(r"java\.lang\.OutOfMemoryError: (?P<name>[^\n]{1,60})"),
        _simple(
            "spark-out-of-memory",
            "the JVM ran out of memory ({name})",
            'fn.with_driver_requests(mem="4g") or fn.with_executor_requests(mem="4g"); do not '
            "collect large frames to the driver",
        ),
    ),
    (
        re.compile(r"spark\.driver\.maxResultSize"),
        _simple(
            "result-too-large",
            "more was collected to the driver than spark.driver.maxResultSize",
            'log the frame as a data set instead, or fn.spec.spark_conf["spark.driver.'
            'maxResultSize"] = "4g"',
        ),
    ),
    (
        re.compile(r"UnsupportedClassVersionError|class file version"),
        _simple(
            "java-old",
            "Java is too old for this version of Spark",
            "install Java 17 or newer and set JAVA_HOME",
        ),
    ),
    (
        re.compile(r"JAVA_HOME is not set|Unable to locate a Java Runtime|java: not found"),
        _simple("java-missing", "there is no Java on this machine", "install Java 17 or newer"),
    ),
    (
        re.compile(r"Unrecognized VM option|Could not create the Java Virtual Machine"),
        _simple(
            "java-options",
            "the JVM did not start with its options",
            "check driver_java_options, executor_java_options and the memory sizes",
        ),
    ),
)
