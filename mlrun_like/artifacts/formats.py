"""File formats by suffix, and which of them execute code when they are opened."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "COMPRESSIONS",
    "EXECUTING",
    "TABLES",
    "FrameRequest",
    "compression_of",
    "executes",
    "is_dask_frame",
    "is_frame",
    "is_spark_frame",
    "recorded_format",
    "suffix_of",
    "table_format",
]

TABLES: Mapping[str, str] = MappingProxyType(
    {
        "csv": "csv",
        "tsv": "tsv",
        "tab": "tsv",
        "parquet": "parquet",
        "pq": "parquet",
        "json": "json",
        "jsonl": "jsonl",
        "ndjson": "jsonl",
        "feather": "feather",
        "arrow": "feather",
        "orc": "orc",
        "xlsx": "xlsx",
        "xls": "xls",
        "html": "html",
        "htm": "html",
    }
)
"""Suffix or format name -> table format."""

COMPRESSIONS: Mapping[str, str] = MappingProxyType(
    {"gz": "gzip", "bz2": "bz2", "xz": "xz", "zip": "zip", "zst": "zstd"}
)

EXECUTING = frozenset(
    (
        "pkl",
        "pickle",
        "p",
        "joblib",
        "cloudpickle",
        "dill",
        "pt",
        "pth",
        "ckpt",
        "h5",
        "hdf5",
        "keras",
        "pyc",
        "so",
    )
)
"""Suffixes of files that can run any code when they are loaded."""

_FRAME_PACKAGES = frozenset({"pandas", "polars", "pyarrow", "dask", "dask_expr", "modin", "cudf"})


@dataclass(frozen=True)
class FrameRequest:
    """Which part of a table to read, and how; raises InvalidArgumentError if that is unclear.

    Args:
        columns: Only these, in this order; empty: all.
        format: A key of `TABLES`; empty: by suffix.
        df_module: The data frame package, such as `dask.dataframe`; None: pandas.
        time_column: The column that `start_time` and `end_time` restrict.
        start_time: Only rows after this time.
        end_time: Only rows up to this time.
        filters: `(column, operator, value)` triples that must all hold.
        options: Passed to the reader.
    """

    columns: Sequence[str] = ()
    format: str = ""
    df_module: Any = None
    time_column: str = ""
    start_time: Any = None
    end_time: Any = None
    filters: Sequence[tuple[str, str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ranged = self.start_time is not None or self.end_time is not None
        if ranged and not self.time_column:
            raise InvalidArgumentError(
                "start_time and end_time need time_column",
                fix='as_df(time_column="timestamp", ...)',
            )
        for one in self.filters:
            if not isinstance(one, (tuple, list)) or len(one) != 3:
                raise InvalidArgumentError(
                    f"filter {one!r} is not a (column, operator, value) triple",
                    fix='additional_filters=[("age", ">", 21)]',
                )


def suffix_of(name: str) -> str:
    """The last suffix of a file name or URL path in lower case, without the dot.

    >>> suffix_of("s3://bucket/a/iris.CSV?version=1")
    'csv'
    """
    if "://" in name:
        name = name.partition("?")[0].partition("#")[0]
    return PurePosixPath(name.rstrip("/")).suffix.lower().lstrip(".")


def compression_of(name: str) -> str | None:
    """The compression that a name's suffix tells, if any."""
    return COMPRESSIONS.get(suffix_of(name))


def table_format(name: str, format: str = "") -> str:
    """The table format of a file, from `format` or else its name.

    >>> table_format("iris.csv.gz"), table_format("iris", "pq")
    ('csv', 'parquet')

    Raises:
        InvalidArgumentError: if neither tells a known one.
    """
    if not format and compression_of(name) is not None:
        name = name.rpartition(".")[0]
    asked = format.lower().lstrip(".") or suffix_of(name)
    found = TABLES.get(asked)
    if found is None:
        raise InvalidArgumentError(
            f"file type unhandled: {asked!r} of {name.rpartition('/')[2]!r} is not a table format",
            fix=f"as_df(format=...) with one of: {', '.join(sorted(set(TABLES.values())))}",
        )
    return found


def recorded_format(format: str) -> str:
    """The format in an artifact's record, if tables have it; it counts, whatever the file's name.

    >>> recorded_format("csv"), recorded_format("tar.gz")
    ('csv', '')
    """
    return format if format.lower().lstrip(".") in TABLES else ""


def executes(name: str) -> bool:
    """Whether loading a file with this name can run code that is stored in it.

    >>> executes("model.pkl"), executes("model.json")
    (True, False)
    """
    if compression_of(name) is not None:
        name = name.rpartition(".")[0]
    return suffix_of(name) in EXECUTING


def is_frame(value: object) -> bool:
    """Whether a value is a table of any data frame package; loads none of them."""
    kind = type(value)
    root = kind.__module__.partition(".")[0]
    if root in _FRAME_PACKAGES:
        return kind.__name__ in ("DataFrame", "LazyFrame", "Table", "GeoDataFrame")
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_dask_frame(value: object) -> bool:
    """Whether a value is a table of Dask's, in parts that are not here; loads nothing."""
    kind = type(value)
    return kind.__module__.startswith(("dask.", "dask_expr.")) and kind.__name__ == "DataFrame"


def is_spark_frame(value: object) -> bool:
    """Whether a value is a distributed table of Spark's; loads nothing."""
    kind = type(value)
    root = kind.__module__.partition(".")[0]
    return root == "pyspark" and kind.__name__ == "DataFrame"
