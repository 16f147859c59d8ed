"""Targets that storey makes more freely than ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mlrun_like.compat.adapted.storey.steps import step_class
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps import targets_parquet, targets_table, targets_tsdb

__all__ = ["NoSqlTarget", "ParquetTarget", "TSDBTarget"]

_NoSql: Any = step_class(targets_table.NoSqlTarget, "targets")
_Parquet: Any = step_class(targets_parquet.ParquetTarget, "targets")
_Tsdb: Any = step_class(targets_tsdb.TSDBTarget, "targets")


class NoSqlTarget(_NoSql):  # type: ignore[misc]  # made above
    """See `mlrun_like.serving.steps.targets_table.NoSqlTarget`.

    A table that keeps nothing takes bodies that are no rows, too.
    """

    __module__ = "storey.targets"

    def process(self, event: Event) -> Iterable[Event]:
        no_row = not isinstance(event.body, (Mapping, Sequence)) and not self.table.storage.keeps
        if no_row and event.key is not None:
            return (event,)
        found: Iterable[Event] = super().process(event)
        return found


class ParquetTarget(_Parquet):  # type: ignore[misc]  # made above
    """See `mlrun_like.serving.steps.targets_parquet.ParquetTarget`."""

    __module__ = "storey.targets"
    _callback: Callable[[str, datetime], object] | None

    def begin(self) -> None:
        if self._callback is None:  # with one the target notes the times of events
            self._callback = _nobody
        super().begin()

    @property
    def _last_written_event(self) -> datetime | None:
        """The time of the newest event that was written."""
        found: datetime | None = self._newest
        return found


class TSDBTarget(_Tsdb):  # type: ignore[misc]  # made above
    """See `mlrun_like.serving.steps.targets_tsdb.TSDBTarget`.

    Without columns the first event is refused, not the target.
    """

    __module__ = "storey.targets"
    _no_columns = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not kwargs.get("columns") and not kwargs.get("infer_columns_from_data"):
            self._no_columns = len(args) < 4  # columns are the fourth argument
            kwargs = {**kwargs, "infer_columns_from_data": True} if self._no_columns else kwargs
        super().__init__(*args, **kwargs)

    def process(self, event: Event) -> Iterable[Event]:
        if self._no_columns:
            raise InvalidArgumentError(
                "columns are not defined, and not to be taken from the events",
                where=f"step {self.name!r}",
                fix="name columns, or infer_columns_from_data=True",
            )
        found: Iterable[Event] = super().process(event)
        return found


def _nobody(path: str, newest: datetime) -> None:
    """Who is told of the newest event, if nobody asked to be."""
