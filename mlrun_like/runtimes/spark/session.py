"""The Spark session of a run, in the driver: made early, given to the handler, the same for all."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Mapping
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any

from mlrun_like.registry import require

__all__ = ["active_context", "provide", "session", "start_early"]

_lock = threading.Lock()
_made: Future[Any] | None = None


def start_early() -> None:
    """Begin to make the session in a thread: the JVM works while this process imports.

    pyspark itself is imported here: its modules import each other, which two threads must not do
    at the same time.
    """
    global _made
    require("pyspark.sql", feature="a Spark session", extra="spark")
    with _lock:
        if _made is None:
            _made = Future()
            threading.Thread(
                target=_make_into, args=(_made,), name="mlrun-like-spark", daemon=True
            ).start()


def session(properties: Mapping[str, str] = MappingProxyType({})) -> Any:
    """The session of this process, as `SparkSession.builder.getOrCreate()` gives it.

    Args:
        properties: Of a session that is made now.

    Raises:
        MissingDependencyError: if pyspark is not installed.
    """
    made = _made
    if made is None:
        return _make(properties)
    found = made.result()
    context = found.sparkContext
    if getattr(context, "_jsc", None) is None:  # somebody stopped it
        return _make(properties)
    # The JVM remembers by thread which session is active.
    found._jvm.org.apache.spark.sql.SparkSession.setActiveSession(found._jsparkSession)
    return found


def provide(job: Any) -> Any:
    """What a handler gets for an argument `spark`, and `context.spark`."""
    del job
    return session()


def active_context() -> Any:
    """The SparkContext of this process; None before there is one. Imports nothing."""
    context = getattr(sys.modules.get("pyspark"), "SparkContext", None)
    return getattr(context, "_active_spark_context", None)


def _make(properties: Mapping[str, str] = MappingProxyType({})) -> Any:
    sql = require("pyspark.sql", feature="a Spark session", extra="spark")
    with warnings.catch_warnings():
        # About versions of packages that the run may never use; pandas' own users see it again.
        warnings.filterwarnings("ignore", "PySpark does not yet", FutureWarning)
        builder = sql.SparkSession.builder
        for name, value in properties.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()


def _make_into(made: Future[Any]) -> None:
    try:
        made.set_result(_make())
    except BaseException as exc:  # noqa: BLE001 - raised where the session is asked for
        made.set_exception(exc)
