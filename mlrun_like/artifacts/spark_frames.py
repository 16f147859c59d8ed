"""Spark's tables as data sets: written by the executors, described from what they wrote."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.digests import Digest
from mlrun_like.artifacts.lazy import preview
from mlrun_like.artifacts.spark_reading import (
    CSV,
    FORMATS,
    address_for_spark,
    data_files,
    first_lines,
    is_local,
    knows,
)
from mlrun_like.artifacts.stores import join_url, redact, scheme_of
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.artifact import ArtifactDoc

__all__ = ["SparkWriter"]

_OWN = ("partition_by", "partition_cols")
_SMALL_ROWS, _SMALL_COLUMNS = 10_000, 100
_HASHED = 1 << 30
"""Bytes up to which a folder is read once more for its digest."""


class SparkWriter:
    """Writes a table of Spark's as a folder with one file for each partition.

    Args:
        doc: The data set's record, which is filled in.
        frame: The table.
        options: For Spark's writer; `partition_by` (or `partition_cols`) makes a folder for each
            value of these columns.
        wanted: Rows in the preview, whether statistics are computed, whether both are unlimited.

    Raises:
        InvalidArgumentError: if the format is not one that Spark writes here.
    """

    def __init__(
        self,
        doc: ArtifactDoc,
        frame: Any,
        options: Mapping[str, Any],
        wanted: tuple[int | None, bool | None, bool],
    ) -> None:
        to_spark = getattr(frame, "to_spark", None)  # pandas' interface on Spark
        self.frame: DataFrame = frame if to_spark is None else to_spark()
        self._doc = doc
        self._options = dict(options)
        self._wanted = wanted
        form = doc.spec.format or "parquet"
        if form not in FORMATS:
            raise InvalidArgumentError(
                f"a Spark DataFrame cannot be logged as {form}",
                fix=f"use one of: {', '.join(FORMATS)}; or log df.toPandas()",
            )
        doc.spec.header = list(self.frame.columns)
        doc.spec.schema_ = {
            "fields": [{"name": name, "type": _schema_type(kind)}
                       for name, kind in self.frame.dtypes]
        }  # fmt: skip

    def write(self, target: str) -> dict[str, Digest]:
        """Write it; gives the digest of each file.

        Raises:
            InvalidArgumentError: if Spark cannot write there, or the executors wrote to disks that
                this machine does not see.
        """
        session = self.frame.sparkSession
        if not scheme_of(target):
            found = self._write_folder(session, target)
        elif knows(session, address_for_spark(target)):
            self._save(address_for_spark(target))
            self._describe(target)
            found = {}
        else:
            found = self._write_and_copy(session, target)
        return found

    def _write_folder(self, session: SparkSession, target: str) -> dict[str, Digest]:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        self._save(address_for_spark(target))
        files = data_files(Path(target))
        if not files and not is_local(session):
            raise InvalidArgumentError(
                f"the executors wrote {redact(target)!r} to disks of their own, which this machine "
                "does not see",
                fix="use an artifact_path that all machines share: a mounted folder, s3://, hdfs://",
            )
        self._describe(target)
        return _digests(Path(target), files)

    def _write_and_copy(self, session: SparkSession, target: str) -> dict[str, Digest]:
        """For stores that Spark has no library for: here, then by our own."""
        if not is_local(session):
            raise InvalidArgumentError(
                f"Spark has no library for {redact(target)!r}",
                fix='fn.spec.deps = {"packages": ["org.apache.hadoop:hadoop-aws:<version>"]}, or '
                "an artifact_path that Spark knows",
            )
        folder = Path(tempfile.mkdtemp(prefix="mlrun-like-"))
        try:
            found = self._write_folder(session, str(folder / "data"))
            for path in data_files(folder / "data"):
                name = path.relative_to(folder / "data").as_posix()
                open_url(join_url(target, name)).write(open_url(str(path)).chunks())
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return found

    def _save(self, address: str) -> None:
        options = {name: value for name, value in self._options.items() if name not in _OWN}
        writer = self.frame.write.mode(str(options.pop("mode", "overwrite")))
        columns = next((self._options[name] for name in _OWN if self._options.get(name)), None)
        if columns:
            writer = writer.partitionBy(*([columns] if isinstance(columns, str) else columns))
        form = FORMATS[self._doc.spec.format or "parquet"]
        if form == "csv":
            options = {**CSV, **options}
        try:
            writer.options(**options).format(form).save(address)
        except PySparkException as exc:
            if type(exc).__name__ not in ("AnalysisException", "IllegalArgumentException"):
                raise
            raise InvalidArgumentError(
                f"the DataFrame cannot be written as {form}: {first_lines(exc)}",
                where=redact(address),
                fix="give each column one type and its own name, such as df.select(...)",
            ) from exc

    def _describe(self, target: str) -> None:
        """Length, preview and statistics, read from the files without another job of Spark's."""
        rows, stats, unlimited = self._wanted
        table = self._open(target)
        if table is None:
            return
        limit = config.preview_rows if rows is None else rows
        count = table.count_rows()
        small = count < _SMALL_ROWS and len(table.schema.names) < _SMALL_COLUMNS
        whole = unlimited or stats is True or (small and stats is None)
        head = table.to_table() if whole else table.head(max(limit, 1))
        frame = head.to_pandas(ignore_metadata=True)
        preview().describe(
            self._doc, frame, rows=rows, stats=whole and stats is not False, unlimited=unlimited
        )
        self._doc.spec.length = count

    def _open(self, target: str) -> Any:
        item = open_url(target)
        own = item.store.local_path(item._path)
        filesystem = getattr(item.store, "filesystem", None)
        if own is None and filesystem is None:
            return None
        form: Any = {"jsonl": "json"}.get(self._doc.spec.format, self._doc.spec.format or "parquet")
        path = str(own) if own is not None else item._path
        return ds.dataset(path, format=form, partitioning="hive", filesystem=filesystem)


def _digests(folder: Path, files: list[Path]) -> dict[str, Digest]:
    found = {}
    size = sum(path.stat().st_size for path in files)
    for path in files:
        digest = found[path.relative_to(folder).as_posix()] = Digest()
        if size > _HASHED:
            digest.size = path.stat().st_size
            continue
        for _ in digest.passing(DataItem.chunks(open_url(str(path)))):
            pass
    return found


def _schema_type(kind: str) -> str:
    """The type's name in the table schema standard."""
    names = {
        "boolean": "boolean",
        "date": "datetime",
        "float": "number",
        "double": "number",
    }
    if kind in ("tinyint", "smallint", "int", "bigint"):
        return "integer"
    if kind.startswith("timestamp"):
        return "datetime"
    return "number" if kind.startswith("decimal") else names.get(kind, "string")
