"""WindowLog: the values that went into windows, beside a set's offline data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.targets.parquet import ParquetTarget
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob

__all__ = ["WindowLog", "window_log_path"]


def window_log_path(path: str, step: str) -> str:
    """Where the log of a step is, beside the offline target at `path`.

    >>> window_log_path("/data/set/", "Aggregates"), window_log_path("a.parquet", "x/y")
    ('/data/set.windows/Aggregates', 'a.parquet.windows/x%2Fy')
    """
    name = quote(step, safe=" ,+-@()")
    if not name or name.strip(".") == "":
        raise InvalidArgumentError(f"a step cannot be called {step!r:.60}")
    return f"{path.rstrip('/')}.windows/{name}"


class WindowLog:
    """The values of one aggregation step: entity columns, event time, a column per aggregate.

    Args:
        path: The folder; see `window_log_path`.
        storage_options: Arguments of fsspec's file system.

    >>> import pandas as pd
    >>> log = WindowLog(window_log_path("memory://doc-log", "Aggregates"))
    >>> with log.writer(WriteJob("f", entities=("user",))) as writer:
    ...     _ = writer.write_all([pd.DataFrame({"user": ["a"], "bids": [2.0]})], "1")
    >>> log.read(["bids"], entities=["user"]).to_pydict()
    {'user': ['a'], 'bids': [2.0]}
    """

    def __init__(self, path: str, storage_options: Any = None) -> None:
        self.target = ParquetTarget(
            "window-log", path, partitioned=False, storage_options=storage_options
        )

    def writer(self, job: WriteJob) -> TargetWriter:
        """A writer of a feed; what it commits follows the rules of targets."""
        return self.target.writer(job)

    def exists(self) -> bool:
        """Whether something was logged."""
        return self.target.exists()

    def read(
        self,
        columns: Sequence[str] | None = None,
        entities: Sequence[str] = (),
        times: tuple[str, Any, Any] = ("", None, None),
        filters: Any = None,
    ) -> Any:
        """The log as an Arrow table, in the order of arrival.

        Args:
            columns: The aggregates; None: all columns.
            entities: Columns that come first, besides.
            times: Column of the time, start (not included) and end (included).
            filters: As `additional_filters` of `as_df`.

        Raises:
            MissingFileError: if nothing was logged.
        """
        wanted = None
        if columns is not None:
            wanted = list(dict.fromkeys([*entities, *columns]))
        return self.target.as_arrow(wanted, times, filters)

    def purge(self) -> None:
        """Delete the log."""
        self.target.purge()
