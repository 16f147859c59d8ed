"""A CSV file: rows are staged as Parquet and become text when they are shown."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from mlrun_like.errors import IntegrityError
from mlrun_like.feature_store.targets.frames import conform, plain, unify
from mlrun_like.feature_store.targets.layout import Layout, Parts
from mlrun_like.feature_store.targets.merging import kept_rows
from mlrun_like.feature_store.targets.parquet_parts import ParquetParts
from mlrun_like.feature_store.targets.state import Site, State, schema_of, schema_text
from mlrun_like.feature_store.targets.writing import WriteJob
from mlrun_like.names import new_uid

__all__ = ["CsvLayout", "csv_schema", "csv_tables"]

_BATCH = 65_536


class CsvLayout(Layout):
    """One file of text with a line of names."""

    def parts(self, site: Site, folder: str, job: WriteJob) -> Parts:
        return ParquetParts(site.files, folder)

    def plan(self, site: Site, state: State, feed: dict[str, Any], job: WriteJob) -> dict[str, Any]:
        replaced = job.overwrite and not feed.get("shown")
        fresh = schema_of(feed["schema"]) if feed["schema"] else None
        parts = [part[0] for part in feed["parts"]]
        rows = sum(part[2] for part in feed["parts"])
        there = not replaced and site.files.exists(site.single)
        before = state.bound
        if there and state.schema is None:
            before = csv_schema(site)
        schema = fresh if replaced or fresh is None else unify(before, fresh, site.where)
        schema = schema if schema is not None else before
        found: dict[str, Any] = {
            "schema": schema_text(schema) if schema is not None else "",
            "files": dict(state.files),
            "moves": [],
            "removes": [],
        }
        if schema is None or (there and not parts):
            return found
        old = state.files.get(site.single, 0)
        same = there and before is not None and schema.names == before.names
        name = f"{site.control}/made/{new_uid()}.staged"
        if job.live and same and not job.merge and site.files.is_local:
            _write(site, name, _staged(site, parts, schema), schema, header=False)
            found["append"] = [name, site.files.size(site.single)]
            found["files"] = {site.single: old + rows}
            return found
        mask = None
        if job.merge and parts:
            mask = _mask(site, state, schema, parts, there, job)
        tables = _all(site, before, schema, parts, there)
        left = _write(site, name, _masked(tables, mask), schema)
        found["moves"] = [[name, site.single]]
        found["files"] = {site.single: left}
        return found

    def apply(self, site: Site, publish: dict[str, Any]) -> None:
        super().apply(site, publish)
        if "append" not in publish:
            return
        staged, size = publish["append"]
        data = site.files.read(staged)
        if data is None:
            return
        # whatever an earlier attempt added goes first
        with open(site.files.path(site.single), "r+b") as file:
            file.truncate(size)
            file.seek(size)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        publish.setdefault("trash", []).append(staged)


def _all(
    site: Site, before: pa.Schema | None, schema: pa.Schema, parts: Sequence[str], there: bool
) -> Iterator[pa.Table]:
    if there:
        for table in csv_tables(site, before):
            yield conform(table, schema)
    yield from _staged(site, parts, schema)


def _staged(site: Site, parts: Sequence[str], schema: pa.Schema) -> Iterator[pa.Table]:
    for name in parts:
        source, system = site.files.source(name)
        with pq.ParquetFile(source, filesystem=system) as file:
            for batch in file.iter_batches(_BATCH):
                yield conform(pa.Table.from_batches([batch]), schema)


def _masked(tables: Iterator[pa.Table], mask: Any) -> Iterator[pa.Table]:
    start = 0
    for table in tables:
        end = start + table.num_rows
        if mask is not None:
            table = table.take(pa.array(np.flatnonzero(mask[start:end])))
        start = end
        yield table


def _mask(
    site: Site, state: State, schema: pa.Schema, parts: Sequence[str], there: bool, job: WriteJob
) -> Any:
    names = [*job.merge]
    if job.timestamp_key and job.timestamp_key not in names:
        names.append(job.timestamp_key)
    tables = [table.select(names) for table in _all(site, state.schema, schema, parts, there)]
    return kept_rows(pa.concat_tables(tables), job.merge, job.timestamp_key)


def _write(
    site: Site, name: str, tables: Iterator[pa.Table], schema: pa.Schema, *, header: bool = True
) -> int:
    rows = 0
    written = _as_text(schema.empty_table()).schema
    options = pacsv.WriteOptions(include_header=header, quoting_style="needed")
    with (
        site.files.sink(name) as file,
        pacsv.CSVWriter(file, written, write_options=options) as out,
    ):
        for table in tables:
            rows += table.num_rows
            out.write_table(_as_text(table).cast(written))
    site.files.sync([name])
    return rows


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind)) or "binary" in str(kind)


def _as_text(table: pa.Table) -> pa.Table:
    """Lists and structures as JSON, bytes as base64."""
    table = plain(table).replace_schema_metadata(None)
    for place, one in enumerate(table.schema):
        if _is_text(one.type):
            values = [_text(value) for value in table[place].to_pylist()]
            table = table.set_column(place, one.name, pa.array(values, pa.string()))
        elif pa.types.is_null(one.type):
            table = table.set_column(place, one.name, table[place].cast(pa.string()))
    return table


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return orjson.dumps(value, default=str).decode()


def _value(text: str | None, kind: pa.DataType) -> Any:
    if text is None:
        return None
    return base64.b64decode(text) if "binary" in str(kind) else orjson.loads(text)


def csv_schema(site: Site) -> pa.Schema:
    """The columns of a file that somebody else wrote, as its first lines look."""
    return next(csv_tables(site, None)).schema


def csv_tables(site: Site, schema: pa.Schema | None) -> Iterator[pa.Table]:
    """The rows of the file, piece by piece.

    Raises:
        IntegrityError: if it is no CSV file, or not the one that was written.
    """
    kinds = None
    if schema is not None:
        text = _as_text(schema.empty_table()).schema
        kinds = {one.name: one.type for one in text}
    source, system = site.files.source(site.single)
    file = source if system is None else system.open_input_stream(source)
    if not site.files.size(site.single):
        yield (schema or pa.schema([])).empty_table()
        return
    convert = pacsv.ConvertOptions(
        column_types=kinds, strings_can_be_null=True, quoted_strings_can_be_null=False,
        null_values=[""] if kinds is not None else None,
    )  # fmt: skip
    parse = pacsv.ParseOptions(newlines_in_values=True)
    try:
        with pacsv.open_csv(file, parse_options=parse, convert_options=convert) as reader:
            for batch in reader:
                yield _typed(pa.Table.from_batches([batch]), schema)
    except pa.ArrowException as exc:
        raise IntegrityError(
            f"the file is not the CSV that was written: {exc!s:.200}", where=site.where
        ) from exc


def _typed(table: pa.Table, schema: pa.Schema | None) -> pa.Table:
    if schema is None:
        return table
    for one in schema:
        place = table.schema.get_field_index(one.name)
        if place >= 0 and _is_text(one.type):
            values = [_value(value, one.type) for value in table[place].to_pylist()]
            table = table.set_column(place, one, pa.array(values, one.type))
    return conform(table, schema)
