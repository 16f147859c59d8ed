"""Steps that make pandas frames of bodies: ToDataFrame, ReduceToDataFrame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep

__all__ = ["ReduceToDataFrame", "ToDataFrame"]

Columns = str | list[str] | None


class ToDataFrame(FlowStep):
    """Makes a frame of each body: usually of the lists that `Batch` gives.

    Args:
        index: The column, or columns, that become the index; None: rows are numbered.
        columns: Names of the columns.
        options: The arguments that all steps share; see `FlowStep`.

    >>> ToDataFrame(index="k").do([{"k": "a", "v": 1}])["v"]["a"].item()
    1
    """

    def __init__(self, index: Columns = None, columns: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.index = index
        self.columns = columns

    def do(self, body: Any) -> pd.DataFrame:
        frame = pd.DataFrame(body, columns=self.columns)
        return frame.set_index(self.index) if self.index else frame


class ReduceToDataFrame(FlowStep):
    """Makes one frame of all bodies, which the flow gives when it ends; nothing can follow.

    Args:
        index: The column, or columns, that become the index; None: rows are numbered.
        columns: Names of the columns.
        insert_key_column_as: Name of a column with the events' keys; a list if keys have parts.
        insert_processing_time_column_as: Name of a column with the events' times.
        insert_id_column_as: Name of a column with the events' ids.
        options: The arguments that all steps share; see `FlowStep`.

    >>> rows = ReduceToDataFrame(insert_key_column_as="key")
    >>> _ = rows.process(Event({"v": 1}, key="a"))
    >>> rows.result().to_dict("records")
    [{'v': 1, 'key': 'a'}]
    """

    kind: ClassVar[Kind] = "many"
    ends: ClassVar[bool] = True

    def __init__(
        self,
        index: Columns = None,
        columns: Any = None,
        insert_key_column_as: Columns = None,
        insert_processing_time_column_as: str | None = None,
        insert_id_column_as: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.index = index
        self.columns = columns
        self.insert_key_column_as = insert_key_column_as
        self.insert_processing_time_column_as = insert_processing_time_column_as
        self.insert_id_column_as = insert_id_column_as
        self.begin()

    def begin(self) -> None:
        self._rows: list[Any] = []
        self._events: list[Event] = []
        self._keeps_events = bool(
            self.insert_key_column_as
            or self.insert_processing_time_column_as
            or self.insert_id_column_as
        )

    def process(self, event: Event) -> Iterable[Event]:
        body = event.body
        if not isinstance(body, (dict, list)):
            raise InvalidArgumentError(
                "ToDataFrame step only supports input of type dictionary or list, "
                f"not {type(body)}",
                where=f"step {self.name!r}",
                fix="turn the body into a dictionary before this step",
            )
        self._rows.append(body)
        if self._keeps_events:
            self._events.append(event)
        return ()

    def result(self) -> pd.DataFrame:
        frame = pd.DataFrame(self._rows, columns=self.columns)
        if frame.empty:
            return frame
        if self.insert_key_column_as:
            frame[self.insert_key_column_as] = pd.DataFrame([e.key for e in self._events])
        if self.insert_processing_time_column_as:
            times = [event.processing_time for event in self._events]
            frame[self.insert_processing_time_column_as] = times
        if self.insert_id_column_as:
            frame[self.insert_id_column_as] = [event.id for event in self._events]
        return frame.set_index(self.index) if self.index else frame
