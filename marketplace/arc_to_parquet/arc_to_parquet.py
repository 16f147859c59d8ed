"""Turns a packed CSV file of any size into Parquet."""

from __future__ import annotations

import codecs
import contextlib
import errno
import lzma
import re
import shutil
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

import mlrun_like as ml
from mlrun_like.artifacts.packed import packed_files
from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError, TooLargeError, nearest

__all__ = ["arc_to_parquet"]

_BLOCK = 8 << 20
_SHOWN = 5.0
_COLUMN = re.compile(r"In CSV column #(\d+)")
_WIDER = {pa.null(): pa.int64(), pa.int64(): pa.float64()}
_SUFFIXES = (".csv", ".tsv", ".txt")
_PARTS = 10_000
_ALIASES = {"str": "string", "object": "string", "float": "double", "int": "int64"}
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)


def arc_to_parquet(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    archive_url: ml.DataItem,
    header: Sequence[str | None] | None = None,
    chunksize: int = 0,
    dtype: dict[str, str] | None = None,
    encoding: str = "latin-1",
    key: str = "data",
    dataset: str | None = None,
    part_cols: Sequence[str] = (),
    file_ext: str = "parquet",
    index: bool = False,
    refresh_data: bool = False,
    stats: bool = False,
    max_bytes: int = 64 << 30,
) -> None:
    """Read a CSV file, packed or not, and store it as Parquet; memory holds a few megabytes of it.

    gz, bz2, xz, zip and tar are told by their content; several files in one archive are rows of one
    table. Types are found out, and made wider where later values do not fit.

    Args:
        context: The run.
        archive_url: The file: comma-separated, or by tabs if its name has `.tsv`.
        header: Names of columns, for a file without them; none: the first line has them.
        chunksize: The most rows of a group in the Parquet file; 0: as they come.
        dtype: Types by column, such as `{"zip": "string"}`, in Arrow's names.
        encoding: Of a file that is not UTF-8.
        key: The artifact's key.
        dataset: A folder for a data set in several files; none: one file.
        part_cols: Columns whose values become folders `name=value` of the data set.
        file_ext: parquet or csv.
        index: Whether a column `index` with the number of the row comes first.
        refresh_data: Whether a file that is there is made again.
        stats: Compute statistics of the data set, which reads all of it.
        max_bytes: The most bytes that may be unpacked.

    Raises:
        InvalidArgumentError: if it is no CSV, broken, or has values that `dtype` does not allow.
    """
    if file_ext not in ("parquet", "pq", "csv"):
        raise InvalidArgumentError(f"file_ext is {file_ext!r:.40}", fix="parquet or csv")
    folder = "" if dataset in (None, "None", "") else str(dataset)
    folder = folder or (key if part_cols else "")
    target = context.artifact_subpath(folder or f"{key}.{file_ext}")
    there = ml.get_dataitem(target)
    form = "csv" if file_ext == "csv" and not folder else "parquet"
    if there.exists() and not refresh_data:
        context.logger.info(f"{target} is there already; refresh_data makes it again")
        context.log_dataset(key, df=None, target_path=target, format=form, upload=False)
        return
    path, tabs = Path(archive_url.local()), ".tsv" in archive_url.url.lower()
    with tempfile.TemporaryDirectory(prefix="parquet-") as place:
        names, types = list(header or ()), dtype or {}
        reading = _Reading(context, path, names, types, encoding, tabs, max_bytes)
        out = Path(place) / ("out" if folder else f"out.{form}")
        reading.write(out, "" if folder else form, part_cols, chunksize, index)
        context.logger.info("written", rows=reading.rows, columns=reading.columns)
        context.log_results({"rows": reading.rows, "columns": reading.columns})
        if folder:
            _replace(out, target)
            context.log_dataset(key, df=None, target_path=target, format=form, upload=False)
            return
        frame = ml.get_dataitem(str(out)).as_df() if stats else None
        context.log_dataset(
            key, df=frame, stats=stats, local_path=None if stats else str(out), format=form,
            target_path=target, upload=True,
        )  # fmt: skip


def _replace(made: Path, target: str) -> None:
    """Put a folder where another one may be; on this machine it is whole or not there."""
    there = ml.get_dataitem(target)
    if "://" in target:
        there.delete(recursive=True)
        there.upload(made)
        return
    goal = Path(target)
    goal.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".parquet-", dir=goal.parent) as beside:
        fresh = Path(beside) / "new"
        shutil.copytree(made, fresh)
        if goal.exists():
            goal.rename(Path(beside) / "old")
        fresh.rename(goal)


class _Reading:
    """One file that is read, perhaps several times: with wider types than the time before."""

    def __init__(
        self, context: ml.MLClientCtx, path: Path, header: list[Any], dtype: dict[str, str],
        encoding: str, tabs: bool, most: int,
    ) -> None:  # fmt: skip
        self._context, self._path, self._most = context, path, most
        self._header = [] if header == [None] else [str(one) for one in header]
        self._delimiter = "\t" if tabs else ","
        self._types = {name: _arrow_type(kind, name) for name, kind in dtype.items()}
        self._fixed = set(self._types)
        self._names: list[str] = []
        self.rows = self.columns = 0
        self._encoding = "utf8" if self._is_utf8() else encoding
        if self._encoding != "utf8":
            context.logger.info(f"the file is not UTF-8; reading it as {encoding}")

    def _is_utf8(self) -> bool:
        decoder = codecs.getincrementaldecoder("utf-8")()
        with self._translated():
            for file in packed_files(self._path, _SUFFIXES, self._most):
                try:
                    while chunk := file.read(_BLOCK):
                        decoder.decode(chunk)
                    decoder.decode(b"", True)
                except UnicodeDecodeError:
                    return False
        return True

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TooLargeError as exc:
            raise TooLargeError(exc.what, where=self._path.name, fix="raise max_bytes") from exc
        except _BROKEN as exc:
            if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreUnavailableError(f"the disk is full: {tempfile.gettempdir()}") from exc
            said = " ".join(str(exc).split())[:200] or type(exc).__name__
            raise InvalidArgumentError(
                f"the file is broken: {said}", where=self._path.name
            ) from exc

    def write(self, out: Path, form: str, parts: Sequence[str], group: int, index: bool) -> None:
        """Write everything; a folder if there are parts or `form` is empty."""
        while True:
            try:
                with self._translated():
                    self._write(out, form, parts, group, index)
                return
            except pa.ArrowInvalid as exc:
                self._widen(exc)

    def _widen(self, exc: pa.ArrowInvalid) -> None:
        """Give the column that did not fit a wider type, or say what is wrong."""
        said = " ".join(str(exc).split())[:300]
        found = _COLUMN.search(said)
        name = self._names[int(found[1])] if found and self._names else ""
        if not name or name in self._fixed or self._seen[name] == pa.string():
            raise InvalidArgumentError(
                f"the file cannot be read as CSV: {said}",
                where=self._path.name,
                fix=f"dtype={{{name!r:.80}: 'string'}}" if name else "check delimiter and quotes",
            ) from exc
        wider = _WIDER.get(self._seen[name], pa.string())
        self._context.logger.info(f"column {name!r:.80} is {wider} from some row on; reading again")
        self._types[name] = wider

    def _write(self, out: Path, form: str, parts: Sequence[str], group: int, index: bool) -> None:
        self.rows, self._shown = 0, time.monotonic()
        batches = self._batches(index)
        first = next(batches, None)
        if first is None:
            first = _numbered(pa.RecordBatch.from_pylist([], schema=self._schema), 0, index)
        unknown = [name for name in parts if name not in first.schema.names]
        if unknown:
            raise _no_column("part_cols names", unknown[0], first.schema.names)
        self.columns = len(first.schema)
        reader = pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
        if not form:
            by = pads.partitioning(pa.schema([first.schema.field(n) for n in parts]), flavor="hive")
            pads.write_dataset(
                reader, out, format="parquet", partitioning=by if parts else None,
                existing_data_behavior="overwrite_or_ignore", max_partitions=_PARTS,
                max_open_files=64, use_threads=False,
            )  # fmt: skip
            return
        writer: Any = pc.CSVWriter if form == "csv" else pq.ParquetWriter
        with writer(str(out), first.schema) as opened:
            options = {"row_group_size": group} if group and form != "csv" else {}
            for batch in reader:
                opened.write_batch(batch, **options)

    def _batches(self, index: bool) -> Iterator[pa.RecordBatch]:
        names: list[str] = []
        for file in packed_files(self._path, _SUFFIXES, self._most):
            with self._open(file) as reader:
                self._schema = reader.schema
                self._names = reader.schema.names
                self._seen = dict(zip(self._names, reader.schema.types, strict=True))
                self._check_names(names)
                if not names:
                    # later files have the types of the first
                    self._types = {**self._seen, **self._types}
                names = self._names
                for batch in reader:
                    numbered = _numbered(batch, self.rows, index)
                    self.rows += len(batch)
                    if time.monotonic() - self._shown > _SHOWN:
                        self._shown = time.monotonic()
                        self._context.logger.info(f"{self.rows:,} rows so far")
                    yield numbered
        if not self._names:
            raise InvalidArgumentError("the archive has no files", where=self._path.name)

    def _check_names(self, before: list[str]) -> None:
        names = self._names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidArgumentError(
                f"two columns are called {twice!r:.80}",
                where=self._path.name,
                fix="give header, with a name for each column",
            )
        for name in sorted(self._fixed - set(names)):
            raise _no_column("dtype names", name, names)
        if before and before != names:
            raise InvalidArgumentError(
                "the files of the archive have different columns", where=self._path.name
            )

    def _open(self, file: IO[bytes]) -> Any:
        return pc.open_csv(
            pa.PythonFile(file, "r"),
            pc.ReadOptions(
                block_size=_BLOCK,
                encoding=self._encoding,
                column_names=self._header or None,
                use_threads=False,
            ),
            pc.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
            pc.ConvertOptions(column_types=self._types, strings_can_be_null=True),
        )


def _no_column(who: str, name: str, known: list[str]) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{who} the column {name!r:.80}, which is not there.{nearest(name, known)}",
        fix=f"columns: {', '.join(known[:20])}",
    )


def _numbered(batch: Any, start: int, index: bool) -> Any:
    if not index:
        return batch
    numbers = pa.array(range(start, start + len(batch)), pa.int64())
    names = ["index", *batch.schema.names]
    return pa.RecordBatch.from_arrays([numbers, *batch.columns], names=names)


def _arrow_type(name: str, column: str) -> Any:
    try:
        return pa.type_for_alias(_ALIASES.get(str(name), str(name)))
    except ValueError as exc:
        raise InvalidArgumentError(
            f"dtype of {column!r:.60} is {name!r:.60}",
            fix="string, int64, double, bool, date32, timestamp[us], ...",
        ) from exc
