"""DFTarget: rows that are kept in this process, for reading as a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads

from mlrun_like.errors import StateError
from mlrun_like.feature_store.targets.base import BaseStoreTarget
from mlrun_like.feature_store.targets.frames import (
    check_columns,
    conform,
    selected,
    table_of,
    unify,
)
from mlrun_like.feature_store.targets.merging import kept_rows
from mlrun_like.feature_store.targets.reading import expression
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob

__all__ = ["DFTarget"]


class DFTarget(BaseStoreTarget):
    """Rows in this process.

    Args:
        name: Its name; by default `dataframe`.
        options: Arguments of all targets.

    >>> import pandas as pd
    >>> target = DFTarget()
    >>> _ = target.write_dataframe(pd.DataFrame({"a": [1]}))
    >>> target.as_df()["a"].tolist()
    [1]
    """

    kind = "dataframe"

    def __init__(self, name: str = "dataframe", **options: Any) -> None:
        super().__init__(name, **options)

    _table: pa.Table | None = None

    @property
    def feeds(self) -> dict[str, tuple[str, list[pa.Table], int]]:
        """Of each feed: its position, what it committed that is not shown, and all its rows."""
        found: dict[str, tuple[str, list[pa.Table], int]]
        found = vars(self).setdefault("_feeds", {})
        return found

    def set_df(self, df: Any) -> None:
        """Keep a frame; None: nothing."""
        self._table = None if df is None else table_of(df, WriteJob("set"))

    def writer(self, job: WriteJob) -> TargetWriter:
        return _Writer(self, job)

    def as_arrow(
        self,
        columns: Sequence[str] | None = None,
        times: tuple[str, Any, Any] = ("", None, None),
        filters: Any = None,
    ) -> Any:
        table = self._table
        if table is None:
            raise self.missing()
        names = list(columns) if columns is not None else table.schema.names
        check_columns(names, table.schema.names, "the data frame")
        condition = expression(table.schema, times, filters, "the data frame")
        return pads.dataset(table).to_table(columns=names, filter=condition)

    def exists(self) -> bool:
        return self._table is not None

    def get_target_templated_path(self) -> str:
        return ""

    def purge(self) -> None:
        self._table = None


class _Writer(TargetWriter):
    def __init__(self, target: DFTarget, job: WriteJob) -> None:
        self._target, self._job = target, job
        self._held: list[pa.Table] = []

    def _feed(self) -> tuple[str, list[pa.Table], int]:
        return self._target.feeds.get(self._job.feed, ("", [], 0))

    def position(self) -> str:
        return self._feed()[0]

    def write(self, frame: Any) -> None:
        self._held.append(selected(table_of(frame, self._job), self._target.columns, self._job))

    def commit(self, position: str) -> None:
        _, done, rows = self._feed()
        rows += sum(table.num_rows for table in self._held)
        self._target.feeds[self._job.feed] = (position, [*done, *self._held], rows)
        self._held = []
        if self._job.live:
            self._show()

    def _show(self) -> None:
        target = self._target
        position, tables, rows = self._feed()
        if not tables:
            return
        if target._table is not None and not self._job.overwrite:
            tables = [target._table, *tables]
        schema = None
        for table in tables:
            if table.num_rows or schema is None:
                schema = unify(schema, table.schema, "the data frame")
        filled = [table for table in tables if table.num_rows]
        whole = pa.concat_tables([conform(table, schema) for table in filled] or tables[:1])
        if self._job.merge:
            mask = kept_rows(whole, self._job.merge, self._job.timestamp_key)
            whole = whole.filter(pa.array(mask))
        target._table = whole
        target.feeds[self._job.feed] = (position, [], rows)

    def finish(self) -> dict[str, Any]:
        if self._held:
            raise StateError(
                "rows were written and not committed",
                where=f"target {self._target.name!r}",
                fix="call commit(position) before finish()",
            )
        self._show()
        table = self._target._table
        return {
            "size": None if table is None else table.nbytes,
            "path": "",
            "last_written": None,
            "rows": self._feed()[2],
            "run_id": self._job.run_id or None,
        }

    def abort(self) -> None:
        self._held = []
        self._target.feeds.pop(self._job.feed, None)
