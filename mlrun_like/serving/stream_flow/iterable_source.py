"""Base of sources that end by themselves: what they hold is read in the background."""

from __future__ import annotations

import asyncio
import datetime
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event, to_time
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.stream_flow.controller import FlowAwaiter
from mlrun_like.serving.stream_flow.emitted import Ids
from mlrun_like.serving.stream_flow.feeders import DirectFeeder, Feeder, LoopFeeder, LoopThread
from mlrun_like.serving.stream_flow.flow_state import Flow

__all__ = ["IterableSource"]

_logger = logging.getLogger("mlrun_like.serving")

_BUFFER = 8
_ROWS = 4096  # taken from a frame at once


class IterableSource(FlowStep):
    """Base of sources that read tables.

    Rows whose key is missing are logged and left out.

    Args:
        key_field: The column, or columns, that are the key of events.
        id_field: The column that is their id; None: each gets a new one.
        time_field: The column, or its number, that is their time; None: now.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if `key_field` or `id_field` is not a name.
    """

    legal_first_step: ClassVar[bool] = True

    def __init__(
        self,
        key_field: str | Sequence[str] | None = None,
        id_field: str | None = None,
        time_field: str | int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.key_field = key_field
        self.id_field = id_field
        self.time_field = time_field
        self._keys = _names(key_field)
        if id_field is not None and not isinstance(id_field, str):
            raise InvalidArgumentError("id_field must be a string")

    def prepare(self) -> None:
        """Fail now, in the caller's thread, if it is clear that reading will fail."""

    def frames(self) -> Iterable[tuple[pd.DataFrame, str]]:
        """Frames, and where each comes from."""
        raise NotImplementedError

    def body(self, row: dict[str, Any], columns: Sequence[Any]) -> Any:
        """The body of the event for a row."""
        return row

    def run(self) -> FlowAwaiter:
        """Start the flow; reading goes on in the background.

        Raises:
            GraphError: naming every mistake of the flow.
        """
        self.prepare()
        flow = Flow(self)
        feeder: Feeder = LoopThread(flow, _BUFFER) if flow.is_async else DirectFeeder(flow)
        threading.Thread(target=self._read, args=(feeder,), name="flow-source").start()
        return FlowAwaiter(flow)

    async def run_async(self) -> Any:
        """Run the flow in the running loop; gives its value.

        Raises:
            Exception: what a step or reading raised.
        """
        self.prepare()
        flow = Flow(self, in_loop=True)
        loop = asyncio.get_running_loop()
        if not flow.is_async:
            await loop.run_in_executor(None, self._read, DirectFeeder(flow))
        else:
            feeder = LoopFeeder(flow, _BUFFER)
            events = self._events()
            try:
                while chunk := await loop.run_in_executor(None, next, events, None):
                    for event in chunk:
                        await feeder.enter(event)
                    if flow.error is not None:
                        break
            except Exception as exc:  # noqa: BLE001  raised below, like errors of steps
                flow.fail(exc)
            feeder.end()
            await feeder.wait_ended()
        flow.raise_error()
        return flow.result

    def _read(self, feeder: Feeder) -> None:
        flow = feeder.flow
        try:
            for chunk in self._events():
                for event in chunk:
                    feeder.feed(event)
                if flow.error is not None:
                    break
        except Exception as exc:  # noqa: BLE001  raised to who awaits the flow
            flow.fail(exc)
        feeder.finish()

    def _events(self) -> Iterator[list[Event]]:
        ids = Ids()
        for frame, place in self.frames():
            self.check_columns(frame, place)
            columns = list(frame.columns)
            if not (len(frame.index.names) == 1 and frame.index.names[0] is None):
                frame = frame.reset_index()
            when = self.time_field
            if isinstance(when, int) and when not in frame.columns:
                when = frame.columns[when]
            for start in range(0, len(frame), _ROWS):
                rows: Any = frame.iloc[start : start + _ROWS].to_dict("records")
                made = (self._event(row, columns, when, ids) for row in rows)
                yield [event for event in made if event is not None]

    def _event(self, row: dict[str, Any], columns: list[Any], when: Any, ids: Ids) -> Event | None:
        keys = [row[name] for name in self._keys]
        if keys:
            missing = [name for name, key in zip(self._keys, keys, strict=True) if pd.isna(key)]
            if missing:
                logger = getattr(self.context, "logger", None) or _logger
                logger.error(
                    "Encountered null values in the following key fields: "
                    f"{', '.join(missing)}, in line: {row}."
                )
                return None
        event = Event(self.body(row, columns))
        event.id = row[self.id_field] if self.id_field else ids.of(ids.next())
        if keys:
            event.key = keys[0] if isinstance(self.key_field, str) else keys
        if when is not None:
            moment = row[when]
            if isinstance(moment, (str, int, float, datetime.datetime)) and not pd.isna(moment):
                event.time = to_time(moment)
        return event

    def check_columns(self, frame: pd.DataFrame, place: str = "") -> None:
        """Raise if the columns that make keys and ids are not there.

        Raises:
            InvalidArgumentError: naming them.
        """
        known = {*frame.columns, *frame.index.names}
        told = f" File path: {place}." if place else ""
        missing = [name for name in self._keys if name not in known]
        if len(missing) == 1:
            raise InvalidArgumentError(
                f"key column '{missing[0]}' is missing from dataframe.{told}"
            )
        if missing:
            raise InvalidArgumentError(f"key columns {missing} are missing from dataframe.{told}")
        if self.id_field and self.id_field not in known:
            raise InvalidArgumentError(
                f"id column '{self.id_field}' is missing from dataframe.{told}"
            )


def _names(key_field: Any) -> list[str]:
    if key_field is None:
        return []
    names = [key_field] if isinstance(key_field, str) else key_field
    if isinstance(names, Mapping) or not isinstance(names, Iterable):
        raise InvalidArgumentError("key_field must be a string or list of strings")
    found = list(names)
    if not all(isinstance(name, str) for name in found):
        raise InvalidArgumentError("key_field must be a string or list of strings")
    return found
