"""Limits and functions of data sets."""

from __future__ import annotations

import os
from typing import Any

from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.lazy import frames, preview
from mlrun_like.artifacts.memory import set_in_memory_item
from mlrun_like.artifacts.placed import file_hash
from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.configuration import config

__all__ = [  # noqa: F822 - two are read late
    "ddf_sample_pct",
    "default_preview_rows_length",
    "get_df_stats",
    "max_csv",
    "max_ddf_size",
    "max_preview_columns",
    "upload_dataframe",
]

_SETTINGS = {
    "default_preview_rows_length": "preview_rows",
    "max_preview_columns": "preview_columns",
}
"""Read when they are asked for: to import a module reads no settings."""
max_csv = 10_000
"""From so many rows on, statistics are only computed on demand."""
ddf_sample_pct = 0.2
max_ddf_size = 1


def __getattr__(name: str) -> Any:
    if name not in _SETTINGS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(config, _SETTINGS[name])


def get_df_stats(df: Any) -> dict[str, Any]:
    """Statistics of each column of a table."""
    found: dict[str, Any] = preview().statistics(frames().to_pandas(df))
    return found


def upload_dataframe(
    df: Any, target_path: str, format: str, src_path: str | None = None, **kw: Any
) -> tuple[int | None, str | None]:
    """Write a table.

    Args:
        df: The table.
        target_path: Where it goes.
        format: Its format.
        src_path: A file that holds it already, which is then copied.
        kw: Options of the writer.

    Returns:
        Its bytes and its hash, as far as they are known.
    """
    if src_path and os.path.isfile(src_path):
        open_url(target_path).upload(src_path)
        return os.path.getsize(src_path), file_hash(src_path)
    if df is None:
        return None, None
    if scheme_of(target_path) == "memory":
        set_in_memory_item(target_path, df)
        return None, None
    item = open_url(target_path)
    with item.open("wb") as file:
        frames().write(df, file, format, kw)
    return item.stat().size, None
