"""SetAggregates: AggregateByKey for the rows of a feature set, in events and in frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.feature_store.windows.frames import WindowFrames
from mlrun_like.feature_store.windows.keys import plain_key
from mlrun_like.feature_store.windows.states import decode, encode
from mlrun_like.feature_store.windows.values import values_of
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.tables import Table
from mlrun_like.serving.steps.windows_time import millis_of

__all__ = ["Read", "SetAggregates", "changed_windows_of"]

Key = tuple[Any, ...]
Read = Callable[[Sequence[Key]], Sequence[bytes | None]]
_ELSEWHERE = ("augmentation_fn", "enrich_with", "aliases", "use_windows_from_schema", "time_format")


class SetAggregates(AggregateByKey):
    """The aggregates of a feature set: windows by entity, in one of two forms at a time.

    Events have a state of each feature of their key; frames have all keys in arrays. Going from
    one form to the other costs as much as writing all windows once, so use one.

    Arguments and errors as for `AggregateByKey`; the table is not used.
    """

    def __init__(self, aggregates: Any, table: Any = None, **options: Any) -> None:
        super().__init__(aggregates, Table("aggregates"), **options)
        self.layouts = [aggregator.layout() for aggregator in self.aggregates]
        self.columns = [name for layout in self.layouts for name in layout.columns()]
        self.time_field = options.get("time_field") or ""
        key = options.get("key_field") or options.get("key") or ""
        self.key_fields = [key] if isinstance(key, str) and key else key
        self._frames: WindowFrames | None = None
        self._states: dict[Key, list[WindowState]] = {}
        self._blobs: dict[Key, bytes] = {}
        """Windows that are in neither form now."""
        self._changed: set[Key] = set()
        self._read_from: Read | None = None
        self.dumps_windows = True
        """Whether `get_state` gives the windows, too."""
        self._log: list[tuple[Key, float, list[float | None]]] = []
        self._log_frames: list[pd.DataFrame] = []

    @staticmethod
    def stands_for(found: Any, arguments: Mapping[str, Any]) -> bool:
        """Whether a step of this class and these arguments is one of the set's own aggregates."""
        return found is AggregateByKey and not any(arguments.get(name) for name in _ELSEWHERE)

    @property
    def in_frames(self) -> bool:
        """Whether whole chunks can be aggregated: keys and times are columns, or the event's."""
        if self._pace is not None:
            return False
        if any(one.aggr_filter or callable(one.field) for one in self.aggregates):
            return False  # functions of a row are called with rows
        return not callable(self.time_field) and not callable(self.key_fields)

    # Events -----------------------------------------------------------------------------------

    def process(self, event: Event) -> Iterable[Event]:
        own = event.key if self._key is None else self._key(event.body)
        millis = self._time(event)
        values = self._values(event.body)
        key = _key_of(own)
        self._log.append((key, millis, values))
        with self.table.lock:
            states = self._states_of(key)
            for state, value in zip(states, values, strict=True):
                if value is None or value != value:
                    state.touch(millis)
                elif not state.add(millis, value):
                    self._note_late(key, state.layout.name)
            self._changed.add(key)
            if self._pace is None:
                return (self._completed(event, own, millis, states),)
        return self._pace.take(event, own, millis)

    def send(self, event: Event, key: Any, millis: float | None = None) -> Event:
        """An event with the aggregates of its key."""
        moment = millis_of(event.time) if millis is None else millis
        with self.table.lock:
            return self._completed(event, key, moment, self._states_of(_key_of(key)))

    def _completed(
        self, event: Event, key: Any, millis: float, states: Sequence[WindowState]
    ) -> Event:
        found: dict[str, Any] = dict.fromkeys(self.columns)
        for state in states:
            state.read_into(found, millis)
        for name, value in found.items():
            if value != value:
                found[name] = None
        event.key = key
        event.body = self._augment(event.body, found)
        return event

    def _states_of(self, key: Key) -> list[WindowState]:
        found = self._states.get(key)
        if found is not None:
            return found
        if self._frames is not None:
            self._blobs.update(self._frames.items())
            self._changed.update(self._frames.changed())
            self._frames = None
        blob = self._stored([key])[0]
        parts = [None] * len(self.layouts) if blob is None else decode(blob, self.layouts)
        made = [
            WindowState(layout) if part is None else part
            for layout, part in zip(self.layouts, parts, strict=True)
        ]
        self._states[key] = made
        return made

    def _stored(self, keys: Sequence[Key]) -> list[bytes | None]:
        """The windows of keys that are new to the form in use."""
        held = [self._blobs.pop(key, None) for key in keys]
        absent = [place for place, blob in enumerate(held) if blob is None]
        if absent and self._read_from is not None:
            found = self._read_from([keys[place] for place in absent])
            for place, blob in zip(absent, found, strict=True):
                held[place] = blob
        return held

    # Frames -----------------------------------------------------------------------------------

    def aggregate(self, frame: pd.DataFrame, keys: Sequence[Any], times_us: Any) -> pd.DataFrame:
        """The aggregates of all rows of a chunk, then the columns that it has.

        Args:
            frame: The rows, in the order of their arrival.
            keys: A column of values for each entity.
            times_us: When each row happened, in microseconds since 1970.
        """
        if self._frames is None:
            self._park()
            self._frames = WindowFrames(self.aggregates)
            self._frames.load(self._stored)
        values = [values_of(frame, aggregator) for aggregator in self.aggregates]
        found = self._frames.run(keys, times_us, values)
        self.late_events = self._frames.late_rows
        self._note(keys, times_us, values)
        own = set(frame.columns)
        made: dict[Any, Any] = {name: found[name] for name in self.columns if name not in own}
        for name in frame.columns:
            made[name] = frame[name].array
        return pd.DataFrame(made, index=frame.index)

    def _park(self) -> None:
        for key, states in self._states.items():
            self._blobs[key] = encode(states)
        self._states = {}

    # What is kept -----------------------------------------------------------------------------

    def _note(self, keys: Sequence[Any], times_us: Any, values: Sequence[Any]) -> None:
        present = np.zeros(len(times_us), dtype=bool)
        for column in values:
            present |= ~np.isnan(column)
        if not present.any():
            return
        columns: dict[Any, Any] = {("key", n): pd.Series(key).array for n, key in enumerate(keys)}
        columns["time", 0] = pd.DatetimeIndex(np.asarray(times_us).view("M8[us]"), tz="UTC")
        for number, column in enumerate(values):
            columns["value", number] = column
        frame = pd.DataFrame({name: pd.Series(v).array for name, v in columns.items()})
        self._log_frames.append(frame[present] if not present.all() else frame)

    def take_log(self, entities: Sequence[str], timestamp_key: str) -> pd.DataFrame | None:
        """The values that went in since the last call; None: none did."""
        if self._log:
            held = [row for row in self._log if any(v is not None and v == v for v in row[2])]
            self._log = []
            if held:
                keys = [list(column) for column in zip(*(row[0] for row in held), strict=True)]
                micros = np.array([round(row[1] * 1000) for row in held], dtype=np.int64)
                values = [
                    np.array(column, dtype=np.float64)
                    for column in zip(*(row[2] for row in held), strict=True)
                ]
                self._note(keys, micros, values)
        if not self._log_frames:
            return None
        frames, self._log_frames = self._log_frames, []
        made = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
        names = [*entities, *self.key_fields]
        count = sum(column[0] == "key" for column in made.columns)
        names = list(self.key_fields or names[:count])
        made.columns = pd.Index([*names, timestamp_key or "time", *self._names])
        return made.reset_index(drop=True)

    def take_changed(self) -> dict[Key, bytes]:
        """The windows that changed since the last call."""
        found = {} if self._frames is None else self._frames.changed()
        for key in self._changed - set(found):
            blob = self.blob_of(key)
            if blob is not None:
                found[key] = blob
        self._changed = set()
        return found

    def peek_changed(self) -> set[Key]:
        """The keys whose windows changed since they were taken."""
        if self._frames is not None:
            self._changed.update(self._frames.changed())
        return set(self._changed)

    def blob_of(self, key: Key) -> bytes | None:
        """The windows of a key, if it is known here."""
        if key in self._states:
            return encode(self._states[key])
        found = None if self._frames is None else self._frames.blob(key)
        return self._blobs.get(key) if found is None else found

    def read_from(self, read: Read) -> None:
        """Read the windows of keys that are not known here when they first appear."""
        self._read_from = read

    def get_state(self) -> dict[str, Any]:
        """Everything, for `set_state`; without `dumps_windows` only what is not in windows."""
        pace = self._pace
        state: dict[str, Any] = {"windows": {}, "changed": set(), "late": self.late_events}
        state["held"] = [] if pace is None else pace.held()
        if self.dumps_windows:
            held = dict(self._blobs)
            held.update((key, encode(states)) for key, states in self._states.items())
            if self._frames is not None:
                held.update(self._frames.items())
            state.update(windows=held, changed=self.peek_changed())
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `get_state` gave, instead of what is here."""
        self._frames, self._states = None, {}
        self._blobs = dict(state["windows"])
        self._changed = set(state["changed"])
        self.late_events = state["late"]
        self._log, self._log_frames = [], []
        if self._pace is not None:
            self._pace.hold(state.get("held", []))


def _key_of(own: Any) -> Key:
    """An event's key as it is in tables: a tuple of plain values."""
    if isinstance(own, (list, tuple)):
        return tuple(map(plain_key, own))
    return (plain_key(own),)


def changed_windows_of(steps: Sequence[SetAggregates]) -> dict[Key, bytes]:
    """The windows of several steps that changed since the last call, by key."""
    if len(steps) == 1:
        return steps[0].take_changed()
    found: dict[Key, bytes] = {}
    layouts = [layout for step in steps for layout in step.layouts]
    for key in dict.fromkeys(key for step in steps for key in step.peek_changed()):
        blobs = [step.blob_of(key) for step in steps]
        states = [
            state
            for blob in blobs
            if blob is not None
            for state in decode(blob, layouts)
            if state is not None
        ]
        found[key] = encode(states)
    for step in steps:
        step.take_changed()
    return found
