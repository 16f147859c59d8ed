"""Frames and Arrow tables: exact types on the way in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest
from mlrun_like.feature_store.definitions.value_types import to_arrow
from mlrun_like.feature_store.targets.writing import WriteJob

__all__ = [
    "cast",
    "check_columns",
    "conform",
    "indexed",
    "pieces",
    "plain",
    "selected",
    "table_of",
    "to_frame",
    "to_pandas",
    "unify",
]

_PIECE = 250_000
_PANDAS = b"pandas"


def pieces(frame: Any) -> Iterator[Any]:
    """A pandas, Dask, Spark or Arrow table, as pandas frames or Arrow tables of a bounded size.

    Raises:
        InvalidTypeError: if it is something else.
    """
    if isinstance(frame, (pd.DataFrame, pa.Table)):
        yield frame
    elif isinstance(frame, pd.Series):
        yield frame.to_frame()
    elif hasattr(frame, "partitions") and hasattr(frame, "dask"):
        for part in frame.partitions:
            yield part.compute()
    elif hasattr(frame, "rdd") or hasattr(frame, "toLocalIterator"):
        yield from _spark_pieces(frame)
    elif hasattr(frame, "to_arrow"):  # Polars
        yield frame.to_arrow()
    else:
        raise InvalidTypeError(
            f"a {type(frame).__name__} cannot be written to a target", fix="give a DataFrame"
        )


def _spark_pieces(frame: Any) -> Iterator[pd.DataFrame]:
    if not frame.columns:
        return
    rows: list[Any] = []
    found = False
    for row in frame.toLocalIterator():
        rows.append(row.asDict())
        if len(rows) >= _PIECE:
            found = True
            yield pd.DataFrame(rows, columns=frame.columns)
            rows = []
    if rows or not found:
        yield pd.DataFrame(rows, columns=frame.columns)


def table_of(frame: Any, job: WriteJob) -> pa.Table:
    """A frame as an Arrow table; columns without any value get the type the job knows.

    Raises:
        InvalidTypeError: if it is no frame.
        InvalidArgumentError: if columns have one name, or one mixes types.
    """
    if isinstance(frame, pa.Table):
        table = frame
    elif isinstance(frame, pd.DataFrame):
        table = _from_pandas(frame)
    else:
        raise InvalidTypeError(f"a {type(frame).__name__} is no DataFrame or Arrow table")
    for place, one in enumerate(table.schema):
        if pa.types.is_null(one.type) and job.types.get(one.name):
            kind = to_arrow(job.types[one.name])
            table = table.set_column(
                place, pa.field(one.name, kind), pa.nulls(table.num_rows, kind)
            )
    return table


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    if any(name is not None for name in frame.index.names):
        names = [name for name in frame.index.names if name in frame.columns]
        frame = frame.reset_index(drop=bool(names) and len(names) == frame.index.nlevels)
    named = [str(name) for name in frame.columns]
    if len(set(named)) != len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise InvalidArgumentError(f"two columns have the name {twice!r:.80}", fix="rename one")
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as exc:
        raise InvalidArgumentError(
            f"the frame does not fit the columns of a table: {exc!s:.300}",
            fix="give each column values of one type",
        ) from exc


def selected(table: pa.Table, columns: Sequence[str], job: WriteJob) -> pa.Table:
    """The columns a target wants: those named, the key and the time; none named: all.

    Raises:
        InvalidArgumentError: if one is not there.
    """
    names = table.schema.names
    needed = [*job.entities, *job.merge, *filter(None, [job.timestamp_key])]
    check_columns([*columns, *needed], names, "the frame")
    if not columns:
        return table
    wanted = {*columns, *needed}
    return table.select([name for name in names if name in wanted])


def indexed(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The same rows, with a note for pandas: these columns are the index of frames read from it.

    The note is that of `pandas.DataFrame.to_parquet`; a table without notes of pandas stays so.
    """
    noted = (table.schema.metadata or {}).get(_PANDAS)
    if noted is None:
        return table
    note = orjson.loads(noted)
    wanted = [name for name in names if name in table.schema.names]
    if note.get("index_columns") == wanted:
        return table
    note["index_columns"] = wanted
    return table.replace_schema_metadata({**table.schema.metadata, _PANDAS: orjson.dumps(note)})


def check_columns(wanted: Iterable[str], names: Sequence[str], where: str) -> None:
    """See that all these columns exist.

    Raises:
        InvalidArgumentError: that names the first that does not.
    """
    for name in wanted:
        if name not in names:
            raise InvalidArgumentError(
                f"there is no column {str(name)[:80]!r}.{nearest(str(name), names)}",
                where=where,
                fix=f"columns: {', '.join(list(names)[:30])}",
            )


def unify(old: pa.Schema | None, new: pa.Schema, where: str) -> pa.Schema:
    """One schema that holds the rows of both: columns are added, numbers widened.

    Raises:
        InvalidArgumentError: if a column's types do not agree.

    >>> a, b = pa.schema([("x", pa.int64())]), pa.schema([("x", pa.float64()), ("y", pa.string())])
    >>> unify(a, b, "here").types
    [DataType(double), DataType(string)]
    """
    if old is None or old.equals(new):
        return new if old is None else old
    try:
        found = pa.unify_schemas([old, new], promote_options="permissive")
    except pa.ArrowException as exc:
        for one in new:
            kind = old.field(one.name).type if one.name in old.names else one.type
            if not _agree(kind, one.type):
                raise InvalidArgumentError(
                    f"column {one.name!r:.80} holds {kind} and cannot take {one.type}",
                    where=where,
                    fix="convert it, rename it, or overwrite the target",
                ) from exc
        raise InvalidArgumentError(f"types of columns do not agree: {exc}", where=where) from exc
    return found


def _agree(one: pa.DataType, two: pa.DataType) -> bool:
    try:
        pa.unify_schemas(
            [pa.schema([("x", one)]), pa.schema([("x", two)])], promote_options="permissive"
        )
    except pa.ArrowException:
        return False
    return True


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table in this schema: missing columns are null, types are widened."""
    if table.schema.equals(schema):
        return table
    columns = []
    for one in schema:
        place = table.schema.get_field_index(one.name)
        if place < 0:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, one.type)]))
        else:
            columns.append(cast(table.column(place), one.type))
    return pa.Table.from_arrays(columns, schema=schema)


def cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column in another type that holds its values."""
    if column.type.equals(kind):
        return column
    try:
        return column.cast(kind)
    except pa.ArrowNotImplementedError:
        if pa.types.is_dictionary(column.type):
            return cast(column.cast(column.type.value_type), kind)
        return column.cast(kind.value_type).dictionary_encode().cast(kind)


def plain(table: pa.Table) -> pa.Table:
    """The table with dictionaries as what they hold, for places that know none."""
    for place, one in enumerate(table.schema):
        if pa.types.is_dictionary(one.type):
            kind = one.type.value_type
            table = table.set_column(place, pa.field(one.name, kind), cast(table[place], kind))
    return table


def to_frame(table: pa.Table, df_module: Any = None, entities: Sequence[str] | None = None) -> Any:
    """A table as a data frame.

    Args:
        table: The rows.
        df_module: pandas (default) or a module with `from_arrow` or `from_pandas`.
        entities: Columns that become the index of a pandas frame.
    """
    made: Callable[[Any], Any] | None = getattr(df_module, "from_arrow", None)
    if made is not None:
        return made(table)
    frame = to_pandas(table)
    if df_module is not None and hasattr(df_module, "from_pandas"):
        if df_module.__name__.startswith("dask"):
            return df_module.from_pandas(frame, npartitions=1)
        return df_module.from_pandas(frame)
    return frame.set_index(list(entities)) if entities else frame


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A pandas frame with the types that were written; times beyond pandas' range stay objects."""
    try:
        frame: pd.DataFrame = indexed(table, ()).to_pandas()
    except (pa.ArrowInvalid, OverflowError, KeyError, TypeError, ValueError):
        # the notes on pandas types may be of a frame that had other columns
        frame = table.replace_schema_metadata(None).to_pandas(timestamp_as_object=True)
    return frame
