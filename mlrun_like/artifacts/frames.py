"""Reading and writing tables. Loads pandas and pyarrow; imported on first use, see `lazy`."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import IO, Any

import pandas as pd
import pyarrow as pa

from mlrun_like import registry
from mlrun_like.artifacts.formats import FrameRequest, compression_of, table_format
from mlrun_like.artifacts.selection import narrow, needed
from mlrun_like.artifacts.stores import FileStore, redact
from mlrun_like.errors import InvalidArgumentError, MissingDependencyError

__all__ = ["has_plain_index", "read", "to_bytes", "to_pandas", "write"]

_UNREADABLE = (
    ValueError, TypeError, KeyError, IndexError, OSError, EOFError, AttributeError,
    OverflowError, SyntaxError, struct.error, zipfile.BadZipFile, pa.ArrowException,
    pd.errors.EmptyDataError,
)  # fmt: skip


def read(store: FileStore, path: str, url: str, request: FrameRequest) -> Any:
    """The table in a file, or all tables of a folder one below the other.

    Raises:
        InvalidArgumentError: if the file is not what its format says, or a column is missing.
    """
    names = _names(store, path, url, request)
    if request.df_module is not None and request.df_module.__name__ != "pandas":
        return _read_foreign(store, path, url, names, request)
    if names is None:
        kept = None if request.options.get("chunksize") else _kept(store, path)
        if kept is not None:  # its name need not tell a format
            return narrow(kept, request, url)
        form = table_format(url, request.format)
        if request.options.get("chunksize"):
            return _read_in_chunks(store, path, url, form, request)
        return narrow(_read_file(store, path, url, form, request), request, url)
    form = _folder_format(url, [name for name, _ in names], request.format)
    if form == "parquet" and (table := _read_partitions(store, path, url, request)) is not None:
        return narrow(table, request, url)
    parts = [_read_file(store, inner, inner, form, request) for _, inner in names]
    return narrow(pd.concat(parts, ignore_index=True), request, url)


def _names(
    store: FileStore, path: str, url: str, request: FrameRequest
) -> list[tuple[str, str]] | None:
    """The data files of a folder, or None for a file."""
    if store.kind == "http" or not store.stat(path).is_dir:
        return None
    names = [
        (name, inner)
        for name, inner in store.walk(path)
        if not any(part.startswith((".", "_")) for part in name.split("/"))
    ]
    if not names:
        raise InvalidArgumentError(f"folder {redact(url)!r} holds no data files")
    return names


def _folder_format(url: str, names: Sequence[str], format: str) -> str:
    forms = {table_format(name, format) for name in names}
    if len(forms) != 1:
        raise InvalidArgumentError(
            f"folder {redact(url)!r} mixes formats: {', '.join(sorted(forms))}",
            fix="as_df(format=...) on a folder of one format",
        )
    return forms.pop()


def _kept(store: FileStore, path: str) -> pd.DataFrame | None:
    """A table that is kept as it is, in memory."""
    item = getattr(store, "item", None)
    value = None if item is None else item(path)
    return value.copy(deep=False) if isinstance(value, pd.DataFrame) else None


def _read_file(
    store: FileStore, path: str, url: str, form: str, request: FrameRequest
) -> pd.DataFrame:
    kept = _kept(store, path)
    if kept is not None:
        return kept
    file: IO[bytes] = (
        io.BytesIO(store.read(path)) if store.kind == "http" else store.open(path, "rb")
    )
    with file:
        try:
            frame = _READERS[form](file, url, request)
        except ImportError as exc:
            raise MissingDependencyError(
                f"reading {form} files needs a package that is not installed",
                where=redact(url),
                fix=str(exc),
            ) from exc
        except _UNREADABLE as exc:
            raise _broken(url, form, exc) from exc
    if not isinstance(frame, pd.DataFrame):
        raise _broken(url, form, TypeError(f"it holds a {type(frame).__name__}, not a table"))
    return frame


def _broken(url: str, form: str, exc: Exception) -> InvalidArgumentError:
    reason = " ".join(str(exc).split())[:200] or type(exc).__name__
    return InvalidArgumentError(
        f"{redact(url)!r} cannot be read as {form}: {reason}",
        fix="check the file, or name its format: as_df(format=...)",
    )


def _csv(separator: str) -> Callable[[IO[bytes], str, FrameRequest], pd.DataFrame]:
    def reader(file: IO[bytes], url: str, request: FrameRequest) -> pd.DataFrame:
        options = {"sep": separator, "compression": compression_of(url), **request.options}
        return pd.read_csv(file, usecols=needed(request), **options)  # type: ignore[no-any-return]

    return reader


def _parquet(file: IO[bytes], url: str, request: FrameRequest) -> pd.DataFrame:
    options = {"filters": list(request.filters) or None, **request.options}
    return pd.read_parquet(file, columns=needed(request), **options)


def _json(lines: bool) -> Callable[[IO[bytes], str, FrameRequest], pd.DataFrame]:
    def reader(file: IO[bytes], url: str, request: FrameRequest) -> pd.DataFrame:
        options = {"lines": lines, "compression": compression_of(url), **request.options}
        return pd.read_json(file, **options)  # type: ignore[no-any-return]

    return reader


def _excel(file: IO[bytes], url: str, request: FrameRequest) -> pd.DataFrame:
    registry.require("openpyxl", feature="reading and writing .xlsx files")
    found: pd.DataFrame = pd.read_excel(io.BytesIO(file.read()), **request.options)
    return found


def _html(file: IO[bytes], url: str, request: FrameRequest) -> pd.DataFrame:
    buffer: Any = io.BytesIO(file.read())
    return pd.read_html(buffer, **request.options)[0]


_READERS: Mapping[str, Callable[[IO[bytes], str, FrameRequest], pd.DataFrame]] = MappingProxyType(
    {
        "csv": _csv(","),
        "tsv": _csv("\t"),
        "parquet": _parquet,
        "json": _json(False),
        "jsonl": _json(True),
        "feather": lambda file, url, request: pd.read_feather(file, **request.options),
        "orc": lambda file, url, request: pd.read_orc(file, **request.options),
        "xlsx": _excel,
        "xls": lambda file, url, request: pd.read_excel(file, **request.options),
        "html": _html,
    }
)


def _read_in_chunks(
    store: FileStore, path: str, url: str, form: str, request: FrameRequest
) -> Iterator[pd.DataFrame]:
    with store.open(path, "rb") as file:
        try:
            for part in _READERS[form](file, url, request):
                yield narrow(part, request, url)  # type: ignore[arg-type]
        except _UNREADABLE as exc:
            raise _broken(url, form, exc) from exc


def _read_partitions(
    store: FileStore, path: str, url: str, request: FrameRequest
) -> pd.DataFrame | None:
    """A folder as one data set, so that `name=value` folders become columns."""
    if store.local_path(path) is None and not hasattr(store, "filesystem"):
        return None
    try:
        return pd.read_parquet(
            path,
            columns=needed(request),
            filters=list(request.filters) or None,
            filesystem=getattr(store, "filesystem", None),
            **request.options,
        )
    except _UNREADABLE as exc:
        raise _broken(url, "parquet", exc) from exc


def _read_foreign(
    store: FileStore,
    path: str,
    url: str,
    names: list[tuple[str, str]] | None,
    request: FrameRequest,
) -> Any:
    """Let another data frame package read; it needs files of this machine."""
    module = request.df_module
    if request.time_column or request.filters or store.local_path(path) is None:
        frame = read(store, path, url, FrameRequest(**{**vars(request), "df_module": None}))
        if hasattr(module, "from_pandas"):
            extra = {"npartitions": 1} if module.__name__.startswith("dask") else {}
            return module.from_pandas(frame, **extra)
        return module.DataFrame(frame)
    form = table_format(names[0][0] if names else url, request.format)
    reader = getattr(module, f"read_{form}", None)
    if reader is None:
        raise InvalidArgumentError(f"{module.__name__} cannot read {form} files", where=redact(url))
    target: Any = path if names is None or form == "parquet" else [inner for _, inner in names]
    if request.columns:
        option = "columns" if form == "parquet" or module.__name__ == "polars" else "usecols"
        return reader(target, **{option: list(request.columns), **request.options})
    return reader(target, **request.options)


def to_pandas(table: Any) -> pd.DataFrame:
    """A table of any data frame package as pandas'."""
    if isinstance(table, pd.DataFrame):
        return table
    for method in ("collect", "compute", "to_pandas"):
        if hasattr(table, method):
            table = getattr(table, method)()
        if isinstance(table, pd.DataFrame):
            return table
    raise InvalidArgumentError(f"{type(table).__name__} is not a table", fix="give a DataFrame")


def has_plain_index(frame: pd.DataFrame) -> bool:
    """Whether the index only counts the rows, so that nothing is lost without it."""
    index = frame.index
    return (
        isinstance(index, pd.RangeIndex)
        and index.name is None
        and index.start == 0
        and index.step == 1
    )


def to_bytes(table: Any, name: str) -> bytes:
    """The table as a file of the format that `name`'s suffix tells, or else csv."""
    buffer = io.BytesIO()
    suffix = name.rpartition(".")[2].lower()
    write(table, buffer, suffix if suffix in ("parquet", "pq", "json", "jsonl") else "csv")
    return buffer.getvalue()


def write(
    table: Any, file: IO[bytes], format: str, options: Mapping[str, Any] | None = None
) -> None:
    """Write a table; an index that means something is kept.

    Raises:
        InvalidArgumentError: if the format cannot hold this table.
    """
    frame, form = to_pandas(table), table_format("", format)
    more = dict(options or {})
    keep_index = more.pop("index", not has_plain_index(frame))
    try:
        if form in ("csv", "tsv"):
            more.setdefault("sep", "," if form == "csv" else "\t")
            frame.to_csv(file, index=keep_index, **more)
        elif form == "parquet":
            frame.to_parquet(file, index=True if keep_index else None, **more)
        elif form in ("json", "jsonl"):
            flat = frame.reset_index() if keep_index else frame
            lines = {"lines": True} if form == "jsonl" else {}
            flat.to_json(file, **{"orient": "records", "date_format": "iso", **lines, **more})
        elif form == "feather":
            (frame.reset_index() if keep_index else frame).to_feather(file, **more)
        elif form == "xlsx":
            registry.require("openpyxl", feature="reading and writing .xlsx files")
            frame.to_excel(file, index=keep_index, **more)
        elif form == "html":
            file.write(frame.to_html(index=keep_index, **more).encode())
        else:
            raise InvalidArgumentError(f"tables cannot be written as {form}")
    except (pa.ArrowException, ValueError, TypeError) as exc:
        if isinstance(exc, InvalidArgumentError):
            raise
        raise InvalidArgumentError(
            f"the table cannot be written as {form}: {' '.join(str(exc).split())[:300]}",
            fix="give each column one type and its own name, or use format='csv'",
        ) from exc
