"""Tables that Spark reads, and the addresses it knows. Loads pyspark; imported on first use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from mlrun_like.artifacts.formats import table_format
from mlrun_like.artifacts.ports import Item
from mlrun_like.artifacts.stores import redact, scheme_of
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "CSV",
    "FORMATS",
    "address_for_spark",
    "data_files",
    "first_lines",
    "is_local",
    "knows",
    "read_frame",
]

FORMATS: Mapping[str, str] = {"parquet": "parquet", "csv": "csv", "jsonl": "json"}
"""Our name of a format -> Spark's."""
CSV: Mapping[str, Any] = {"header": True, "escape": '"'}  # as RFC 4180 and all others write it
_SCHEMES = {"s3": "s3a", "az": "abfss", "gcs": "gs"}


def read_frame(item: Item) -> DataFrame:
    """An input as a table of Spark's, read by the executors where they can.

    Args:
        item: A DataItem.

    Raises:
        InvalidArgumentError: if it is no table.
    """
    session = SparkSession.builder.getOrCreate()
    form = _format_of(item)
    address = address_for_spark(item.url)
    literal = _literal(address)
    refused = (
        form not in (*FORMATS, "orc")
        or not knows(session, address)
        or (form == "csv" and literal != address)  # Spark looks for such a name in two ways
        or (form == "parquet" and _has_nanoseconds(item))
    )
    if refused:
        return _from_memory(session, item.as_df())
    reader = session.read
    if form == "csv":
        reader = reader.options(**CSV, inferSchema=True, multiLine=True)
    try:
        return reader.format(FORMATS.get(form, form)).load(literal)
    except (PySparkException, Py4JJavaError) as exc:
        raise InvalidArgumentError(
            f"Spark cannot read it as {form}: {first_lines(exc)}",
            where=redact(item.url),
            fix="check the file, and that all machines of the cluster see its address",
        ) from exc


def address_for_spark(url: str) -> str:
    """A URL as Hadoop's file systems write it: their own schemes, nothing quoted.

    >>> address_for_spark("s3://bucket/a.parquet"), address_for_spark("/data/a b.csv")
    ('s3a://bucket/a.parquet', 'file:///data/a b.csv')
    """
    scheme = scheme_of(url)
    if not scheme:
        return f"file://{Path(url).absolute().as_posix()}"
    rest = url.partition("://")[2]
    return f"{_SCHEMES.get(scheme, scheme)}://{rest}"


def _literal(address: str) -> str:
    """An address for a reader, which takes it as a pattern."""
    return re.sub(r"([*?\[\]{}\\])", r"\\\1", address)


def knows(session: SparkSession, address: str) -> bool:
    """Whether Spark has a file system for an address."""
    scheme = scheme_of(address)
    if scheme in ("", "file"):
        return True
    context: Any = session.sparkContext
    try:
        context._jvm.org.apache.hadoop.fs.FileSystem.getFileSystemClass(
            scheme, context._jsc.hadoopConfiguration()
        )
    except Exception:  # noqa: BLE001 - a Java error of any kind means that there is none
        return False
    return scheme not in ("http", "https")


def is_local(session: SparkSession) -> bool:
    """Whether driver and executors are one process of this machine."""
    return str(session.conf.get("spark.master", "")).startswith("local")


def _from_memory(session: SparkSession, frame: pd.DataFrame) -> DataFrame:
    table = pa.Table.from_pandas(frame)
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type)
        else field
        for field in table.schema
    ]
    table = table.cast(pa.schema(fields), safe=False).replace_schema_metadata(None)
    try:
        return session.createDataFrame(table)
    except TypeError:  # before Spark 4
        return session.createDataFrame(table.to_pandas())


def _has_nanoseconds(item: Item) -> bool:
    if scheme_of(item.url):
        return False
    try:
        schema = ds.dataset(item.local(), format="parquet").schema
    except (pa.ArrowException, OSError):
        return False
    return any(pa.types.is_timestamp(kind) and kind.unit == "ns" for kind in schema.types)


def _format_of(item: Item) -> str:
    spec = getattr(item.meta, "spec", None)
    form = str(getattr(spec, "format", "") or "")
    if form:
        return table_format("", form)
    if item.suffix:
        return table_format(item.url)
    path = Path(item.local())
    files = data_files(path) if path.is_dir() else []
    if not files:
        return table_format(item.url)
    return table_format(files[0].name)


def data_files(folder: Path) -> list[Path]:
    """The files with rows: not the committer's marks, nor Hadoop's check sums."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
    )


def first_lines(exc: Exception) -> str:
    """What an error of Spark's says, without Java's stack."""
    return " ".join(re.split(r"\n(?:JVM stacktrace|\s+at )", str(exc))[0].split())[:300]
