"""Rows of a target of Parquet files: what is asked for is read, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from mlrun_like.errors import IntegrityError, InvalidArgumentError, InvalidTypeError
from mlrun_like.feature_store.targets.base import TIME_UNITS
from mlrun_like.feature_store.targets.files import is_hidden
from mlrun_like.feature_store.targets.frames import cast, check_columns, unify
from mlrun_like.feature_store.targets.partitions import segments, span_of, value_of
from mlrun_like.feature_store.targets.state import Site, State

__all__ = ["data_files", "dataset", "expression", "moment", "read", "time_filter"]

_SUFFIXES = (".parquet", ".pq")
_TRIES = 5


def data_files(site: Site, state: State | None) -> list[str]:
    """The data files of a target: those that were written here first, in the order of writing."""
    if site.single:
        return [site.single] if site.files.exists(site.single) else []
    found = [
        name
        for name in site.files.names()
        if name.endswith((site.suffix, *_SUFFIXES)) and not is_hidden(name)
    ]
    if state is None:
        return found
    there = set(found)
    ours = [name for name in state.files if name in there]
    return ours + sorted(there.difference(ours))


def dataset(site: Site, state: State | None, names: Sequence[str]) -> pads.FileSystemDataset:
    """The rows of some of the files as an Arrow dataset, columns of folders included."""
    schema = state.schema if state is not None else None
    folders = set(state.partitions) if state is not None else set()
    guessed: dict[str, pa.DataType] = {}
    sources = {name: site.files.source(name) for name in names}
    strangers = [name for name in names if state is None or name not in state.files]
    for name in strangers:
        schema = unify(schema, _file_schema(site, sources[name]), f"{site.where}: {name}")
    schema = schema if schema is not None else pa.schema([])
    if strangers:
        guessed = _guessed(strangers, set(schema.names))
        for label, kind in guessed.items():
            schema = schema.append(pa.field(label, kind))
    form = pads.ParquetFileFormat()
    fragments = [
        form.make_fragment(*sources[name], _guarantee(name, schema, folders | set(guessed)))
        for name in names
    ]
    system = sources[names[0]][1] if names else None
    return pads.FileSystemDataset(fragments, schema, form, system)


def _file_schema(site: Site, source: tuple[Any, Any]) -> pa.Schema:
    file, system = source
    try:
        return pq.read_schema(file, filesystem=system)
    except pa.ArrowInvalid as exc:
        raise IntegrityError(
            f"a file of the target is no Parquet file: {exc!s:.200}", where=site.where
        ) from exc
    finally:
        if isinstance(file, pa.BufferReader):
            file.seek(0)


def _guessed(names: Sequence[str], known: set[str]) -> dict[str, pa.DataType]:
    """Columns of folders that another program wrote, and their likely types."""
    values: dict[str, list[str | None]] = {}
    for name in names:
        for label, text in segments(name).items():
            if label not in known and label not in TIME_UNITS:
                values.setdefault(label, []).append(value_of(text))
    whole = {
        label: all(item is None or item.lstrip("-").isdecimal() for item in found)
        for label, found in values.items()
    }
    return {label: pa.int64() if number else pa.string() for label, number in whole.items()}


def _guarantee(name: str, schema: pa.Schema, folders: set[str]) -> Any:
    made = None
    for label, text in segments(name).items():
        if label not in folders:
            continue
        value, kind = value_of(text), schema.field(label).type
        if value is None:
            one = pads.field(label).is_null()
        else:
            one = pads.field(label) == _typed(value, kind)
        made = one if made is None else made & one
    return made


def _typed(text: str, kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        return pa.scalar(text == "True", kind)
    return pa.scalar(text, pa.string()).cast(kind)


def read(
    site: Site,
    state: State | None,
    columns: Sequence[str] | None,
    times: tuple[str, Any, Any],
    filters: Any,
) -> pa.Table:
    """The rows as a table, with start < time <= end.

    Raises:
        FileNotFoundError: if files went away meanwhile; read again.
        InvalidArgumentError: if a column or filter cannot be used.
    """
    name, start, end = times
    names = data_files(site, state)
    if name and state is not None and state.time_units:
        names = [item for item in names if _may_hold(item, state.time_units, start, end)]
    found = dataset(site, state, names)
    condition = expression(found.schema, times, filters, site.where)
    if columns is not None:
        check_columns(columns, found.schema.names, site.where)
    if not names:
        empty = found.schema.empty_table()
        return empty.select(list(columns)) if columns is not None else empty
    try:
        table = found.to_table(columns=list(columns) if columns is not None else None,
                               filter=condition)  # fmt: skip
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError) as exc:
        raise InvalidArgumentError(
            f"the target cannot be read like this: {exc!s:.300}", where=site.where
        ) from exc
    return _fitted(table, found.schema)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    for place, one in enumerate(table.schema):
        kind = schema.field(one.name).type
        if not one.type.equals(kind):
            table = table.set_column(place, pa.field(one.name, kind), cast(table[place], kind))
    return table.replace_schema_metadata(schema.metadata)


def _may_hold(name: str, units: Sequence[str], start: Any, end: Any) -> bool:
    found = segments(name)
    span = span_of({unit: found.get(unit, "") for unit in units})
    if span is None:
        return True
    first, behind = span
    return (start is None or moment(start) < behind) and (end is None or moment(end) >= first)


def moment(value: Any) -> pd.Timestamp:
    """A time, in UTC; a naive one is UTC.

    Raises:
        InvalidArgumentError: if it is none.

    >>> str(moment("2024-05-01"))
    '2024-05-01 00:00:00+00:00'
    """
    try:
        found = pd.Timestamp(value)
        if pd.isna(found):
            raise ValueError("it is empty")
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidArgumentError(f"{value!r:.80} is no time: {exc!s:.120}") from exc
    return found.tz_localize("UTC") if found.tzinfo is None else found.tz_convert("UTC")


def time_filter(schema: pa.Schema, times: tuple[str, Any, Any], where: str) -> Any:
    """The condition start < time <= end; None: there is none."""
    name, start, end = times
    if start is None and end is None:
        return None
    if not name:
        raise InvalidArgumentError(
            "a start or end needs the column of the time", where=where, fix="time_column='time'"
        )
    check_columns([name], schema.names, where)
    kind = schema.field(name).type
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        raise InvalidArgumentError(
            f"column {name!r:.80} is {kind}, not a time", where=where,
            fix="convert it with pandas.to_datetime before it is written",
        )  # fmt: skip
    field, made = pads.field(name), None
    if start is not None:
        made = field > _bound(start, kind)
    if end is not None:
        last = field <= _bound(end, kind)
        made = last if made is None else made & last
    return made


def _bound(value: Any, kind: pa.DataType) -> pa.Scalar:
    instant = moment(value)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.scalar(instant, pa.timestamp("ns", kind.tz))
    return pa.scalar(instant.tz_localize(None), pa.timestamp("ns"))


def expression(schema: pa.Schema, times: tuple[str, Any, Any], filters: Any, where: str) -> Any:
    """The condition of times and filters; None: every row.

    Raises:
        InvalidArgumentError: if a filter is malformed or names no column.
    """
    made = time_filter(schema, times, where)
    if filters:
        wanted = _filter(schema, filters, where)
        made = wanted if made is None else made & wanted
    return made


def _filter(schema: pa.Schema, filters: Any, where: str) -> Any:
    groups = filters if _nested(filters) else [filters]
    prepared: list[list[tuple[str, str, Any]]] = []
    for group in groups:
        prepared.append([])
        for one in group:
            if not isinstance(one, (tuple, list)) or len(one) != 3 or not isinstance(one[0], str):
                raise InvalidTypeError(
                    f"additional_filters cannot hold {one!r:.120}", where=where,
                    fix='write [("column", ">", 3)]',
                )  # fmt: skip
            name, operator, value = one
            check_columns([name], schema.names, where)
            kind = schema.field(name).type
            if pa.types.is_timestamp(kind) and not isinstance(value, (list, tuple, set)):
                value = _bound(value, kind)
            prepared[-1].append((name, operator, value))
    try:
        return pq.filters_to_expression(prepared)
    except (ValueError, TypeError, pa.ArrowException) as exc:
        raise InvalidArgumentError(
            f"additional_filters {filters!r:.200} cannot be used: {exc!s:.200}", where=where
        ) from exc


def _nested(filters: Any) -> bool:
    return all(
        isinstance(group, (list, tuple))
        and all(isinstance(one, (list, tuple)) and len(one) == 3 for one in group)
        for group in filters
    ) and not all(isinstance(one, (list, tuple)) and isinstance(one[0], str) for one in filters)
