"""Some rows of a table in a file, without reading what is not shown; runs in the worker."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import math
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

__all__ = ["FORMATS", "MOST_COLUMNS", "read_table"]

FORMATS = ("csv", "tsv", "jsonl", "parquet", "feather")
MOST_COLUMNS = 200
_CELL = 300
_BINS = 20
_STATS_ROWS = 2000
_OPENERS: dict[str, Any] = {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}


class _Bounded(io.RawIOBase):
    """A file that ends after so many bytes, whatever it grows to when it is unpacked."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        super().__init__()
        self._file, self.left, self.cut = file, most, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self.left)
        if not wanted:
            self.cut = bool(self._file.read(1))
            return 0
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self.left -= len(data)
        return len(data)


def read_table(job: dict[str, Any]) -> dict[str, Any]:
    """Columns and rows.

    Args:
        job: `path`; `format` of `FORMATS`; `compression`; `offset` and `rows`; `columns`, empty:
            all; `most`: bytes that are read at most; `stats`: whether columns are described.
    """
    form = job["format"]
    readers = {"parquet": _parquet, "feather": _feather}
    found = readers[form](job) if form in readers else _lines(job)
    if job.get("stats"):
        found["stats"] = {
            column["name"]: _describe([row[n] for row in found["sample"]])
            for n, column in enumerate(found["columns"])
        }
        found["stats_rows"] = len(found["sample"])
    found.pop("sample", None)
    return found


def _parquet(job: dict[str, Any]) -> dict[str, Any]:
    offset, rows = job["offset"], job["rows"]
    pa.set_cpu_count(1)
    with pq.ParquetFile(job["path"], memory_map=True, pre_buffer=False) as file:
        total = file.metadata.num_rows
        schema = file.schema_arrow
        names, hidden = _choose(list(schema.names), job["columns"])
        groups: list[int] = []
        start = 0
        for number in range(file.metadata.num_row_groups):
            size = file.metadata.row_group(number).num_rows
            if groups or start + size > offset:
                groups.append(number)
            else:
                start += size
        wanted = max(rows, _STATS_ROWS if job.get("stats") else 0)
        batches = (
            file.iter_batches(
                batch_size=min(max(wanted, 1), 4096), row_groups=groups, columns=names,
                use_threads=False,
            )
            if groups
            else iter(())
        )  # fmt: skip
        sample = _rows_of(batches, names, offset - start, wanted)
    columns = [{"name": name, "type": str(schema.field(name).type)} for name in names]
    return _found(columns, sample, rows, offset, total, hidden)


def _feather(job: dict[str, Any]) -> dict[str, Any]:
    offset, rows = job["offset"], job["rows"]
    wanted = max(rows, _STATS_ROWS if job.get("stats") else 0)
    with pa.memory_map(job["path"]) as source:
        reader = ipc.open_file(source)
        names, hidden = _choose(list(reader.schema.names), job["columns"])
        batches = (reader.get_batch(n).select(names) for n in range(reader.num_record_batches))
        sample = _rows_of(batches, names, offset, wanted)
        types = [str(reader.schema.field(name).type) for name in names]
    columns = [{"name": n, "type": t} for n, t in zip(names, types, strict=True)]
    total = offset + len(sample) if len(sample) < wanted else None
    return _found(columns, sample, rows, offset, total, hidden)


def _rows_of(batches: Any, names: Sequence[str], skip: int, wanted: int) -> list[list[Any]]:
    sample: list[list[Any]] = []
    for batch in batches:
        if skip >= batch.num_rows:
            skip -= batch.num_rows
            continue
        part = batch.slice(skip, wanted - len(sample))
        skip = 0
        cells = [[_cell(value) for value in part.column(name)] for name in names]
        sample += [list(row) for row in zip(*cells, strict=True)]
        if len(sample) >= wanted:
            break
    return sample


def _cell(value: Any) -> Any:
    try:
        return _plain(value.as_py())
    except (ValueError, OverflowError, ArithmeticError):
        return _plain(str(value))


def _lines(job: dict[str, Any]) -> dict[str, Any]:
    offset, rows = job["offset"], job["rows"]
    wanted = max(rows, _STATS_ROWS if job.get("stats") else 0)
    opener = _OPENERS.get(job.get("compression") or "", open)
    with opener(job["path"], "rb") as file:
        bounded = _Bounded(file, job["most"])
        text = io.TextIOWrapper(io.BufferedReader(bounded), "utf-8-sig", "replace", newline="")
        try:
            names, records = _records(text, job["format"])
            names = names[: 100 * MOST_COLUMNS]
            chosen, hidden = _choose(names, job["columns"])
            places = [names.index(name) for name in chosen]
            sample = [
                [_plain(row[place]) if place < len(row) else None for place in places]
                for row in itertools.islice(records, offset, offset + wanted)
            ]
            more = next(records, None) is not None
        except csv.Error as exc:
            raise ValueError(str(exc)) from exc
        cut = bounded.cut or (bounded.left == 0 and more)
    total = None if more or cut else offset + len(sample)
    if job["format"] != "jsonl":
        sample, types = _typed(sample, len(chosen))
    else:
        types = [_type_of([row[n] for row in sample]) for n in range(len(chosen))]
    columns = [{"name": n, "type": t} for n, t in zip(chosen, types, strict=True)]
    found = _found(columns, sample, rows, offset, total, hidden)
    found["cut"] = cut
    return found


def _records(text: io.TextIOWrapper, form: str) -> tuple[list[str], Iterator[Sequence[Any]]]:
    if form != "jsonl":
        reader = csv.reader(text, delimiter="\t" if form == "tsv" else ",")
        names: list[str] = []
        for n, name in enumerate(next(reader, [])):
            names.append(name if name and name not in names else f"{name or 'column'}.{n}")
        return names, (row for row in reader if row)
    head = list(itertools.islice(_objects(text), 100))
    found = dict.fromkeys(str(key) for one in head for key in one)
    every = list(found)
    rows = ([one.get(key) for key in every] for one in itertools.chain(head, _objects(text)))
    return every, rows


def _objects(text: io.TextIOWrapper) -> Iterator[dict[str, Any]]:
    while line := text.readline(1 << 20):
        if line.strip():
            value = json.loads(line)
            yield value if isinstance(value, dict) else {"value": value}


def _choose(names: list[str], wanted: Sequence[str]) -> tuple[list[str], int]:
    """The columns to show, and how many there are besides."""
    if wanted:
        absent = [name for name in wanted if name not in names]
        if absent:
            raise ValueError(f"there is no column {absent[0]!r}")
        return list(dict.fromkeys(wanted))[:MOST_COLUMNS], 0
    own = list(dict.fromkeys(names))
    return own[:MOST_COLUMNS], max(0, len(own) - MOST_COLUMNS)


def _found(
    columns: list[dict[str, str]], sample: list[list[Any]], rows: int, offset: int,
    total: int | None, hidden: int,
) -> dict[str, Any]:  # fmt: skip
    return {
        "columns": columns, "rows": sample[:rows], "offset": offset, "total": total,
        "hidden_columns": hidden, "sample": sample,
    }  # fmt: skip


def _typed(rows: list[list[Any]], width: int) -> tuple[list[list[Any]], list[str]]:
    """Texts as numbers, where all texts of a column are numbers."""
    types = []
    for n in range(width):
        cells = [row[n] for row in rows if row[n] not in (None, "")]
        kind = "string"
        for name, form in (("integer", int), ("number", float)):
            try:
                if cells and all(len(cell) < 40 and math.isfinite(form(cell)) for cell in cells):
                    kind = name
                    for row in rows:
                        row[n] = None if row[n] in (None, "") else form(row[n])
                    break
            except ValueError:
                continue
        types.append(kind)
    return rows, types


def _type_of(cells: list[Any]) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int, float}:
        return "number"
    return names.get(kinds.pop(), "any") if len(kinds) == 1 else "any"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value[:_CELL]).decode("utf-8", "replace")
    text = value if isinstance(value, str) else str(value)
    text = text.encode("utf-8", "replace").decode() if not text.isascii() else text
    return text if len(text) <= _CELL else f"{text[:_CELL]}…"


def _describe(cells: list[Any]) -> dict[str, Any]:
    """Count, missing, and of numbers their range, mean and histogram."""
    there = [cell for cell in cells if cell is not None and cell != ""]
    numbers = [float(c) for c in there if isinstance(c, (int, float)) and not isinstance(c, bool)]
    found: dict[str, Any] = {"count": len(there), "missing": len(cells) - len(there)}
    if not numbers or len(numbers) != len(there):
        texts = [str(cell) for cell in there]
        return found | {"distinct": len(set(texts))}
    low, high = min(numbers), max(numbers)
    found |= {"min": low, "max": high, "mean": sum(numbers) / len(numbers)}
    width = (high - low) / _BINS
    if width and math.isfinite(width):
        counts = [0] * _BINS
        for value in numbers:
            counts[min(int((value - low) / width), _BINS - 1)] += 1
        found["hist"] = [counts, [low + n * width for n in range(_BINS + 1)]]
    return found
