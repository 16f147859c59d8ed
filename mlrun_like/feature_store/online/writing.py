"""OnlineWriter: the newest row of each entity, and its windows, into an online store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.feature_store.online.codec import encode_row
from mlrun_like.feature_store.online.columns import Utc, encode_rows
from mlrun_like.feature_store.online.keys import STATES, KeyBuilder, key_builder, prefix_of
from mlrun_like.feature_store.online.places import default_namespace
from mlrun_like.feature_store.online.store import OnlineStore, Row, State
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob

__all__ = ["OnlineWriter"]

_STAGED = "\x00staged"


class OnlineWriter(TargetWriter):
    """Writes a feed of rows, of which the one with the newest event time stays for each entity.

    A live feed, and the first one of a feature set, can be read from each commit on; others are
    staged and shown by `finish`. Rows whose entity is missing are left out and counted.

    Args:
        store: Where to.
        job: What is written, and for whom.
        namespace: What keys start with; by default `<project>/<name>`.
        columns: The columns to keep; empty: all but the entities.

    Raises:
        InvalidArgumentError: if there are no entities.
    """

    def __init__(
        self,
        store: OnlineStore,
        job: WriteJob,
        namespace: str = "",
        columns: Sequence[str] = (),
    ) -> None:
        if not job.entities:
            raise InvalidArgumentError(
                "an online store needs entities: rows are found by them",
                where=f"feature set {job.name!r}",
                fix='FeatureSet(..., entities=[Entity("user")])',
            )
        self.store = store
        self.job = job
        self.namespace = namespace or default_namespace(job.project, job.name)
        self.missing_entities = 0
        """How many rows had no entity."""
        self._columns = list(columns)
        types = [job.types.get(name) for name in job.entities]
        self._key: KeyBuilder = key_builder(self.namespace, types)
        self._state_key: KeyBuilder = key_builder(self.namespace, types, STATES)
        self._prefixes = (prefix_of(self.namespace), prefix_of(self.namespace, STATES))
        feed = job.feed.encode("utf-8", "surrogatepass")
        self._stage = b"s1:%d:%b:" % (len(feed), feed)
        self._staged: bool | None = False if job.live else None
        self._rows: list[Row] = []
        self._states: dict[bytes, bytes] = {}
        self._written = 0
        self._newest: int | None = None

    def position(self) -> str:
        """The last committed position of this feed; empty: none."""
        staged = "" if self.job.live else self.store.position(self.job.feed + _STAGED)
        return staged or self.store.position(self.job.feed)

    # Rows -------------------------------------------------------------------------------------

    def write(self, frame: Any) -> None:
        """Add the rows of a frame: the newest of each entity.

        Raises:
            NotFoundError: if an entity or the event time is no column.
            InvalidTypeError: if a value cannot be kept.
        """
        if not isinstance(frame, pd.DataFrame):
            frame = frame.to_pandas()
        frame = self._with_columns(frame)
        if not len(frame):
            return
        times = self._times(frame)
        self._note(len(frame), int(times.max()))
        entities = list(self.job.entities)
        order = np.argsort(times, kind="stable")
        last = ~frame[entities].iloc[order].duplicated(keep="last").to_numpy()
        chosen = order[last]
        frame, times = frame.iloc[chosen], times[chosen]
        values = [_items(frame[name]) for name in entities]
        keys = list(map(self._key, zip(*values, strict=True)))
        names = self._columns or [str(name) for name in frame.columns if name not in entities]
        blobs = encode_rows(names, [_values(frame[name]) for name in names], times)
        before = len(self._rows)
        rows = zip(keys, blobs, times.tolist(), strict=True)
        self._rows.extend([(key, blob, at) for key, blob, at in rows if key is not None])
        self.missing_entities += len(keys) - len(self._rows) + before

    def write_row(self, values: Mapping[str, Any], micros: int | None = None) -> None:
        """Add one row, of an event.

        Args:
            values: Its columns, the entities among them.
            micros: Its event time in microseconds since 1970; None: the column's, or now.
        """
        entities = self.job.entities
        key = self._key([values.get(name) for name in entities])
        if key is None:
            self.missing_entities += 1
            return
        if micros is None:
            moment = values.get(self.job.timestamp_key) if self.job.timestamp_key else None
            micros = _micros_of(moment)
        names = self._columns or [name for name in values if name not in entities]
        row = {name: values.get(name) for name in names}
        self._note(1, micros)
        self._rows.append((key, encode_row(micros, row), micros))

    def write_windows(self, changed: Mapping[tuple[Any, ...], bytes]) -> None:
        """Add windows of entities, which replace stored ones with the next commit.

        Args:
            changed: Blobs by the values of the entities.
        """
        for values, blob in changed.items():
            key = self._state_key(values)
            if key is not None:
                self._states[key] = blob

    def read_windows(self, entities: Sequence[tuple[Any, ...]]) -> list[bytes | None]:
        """The windows of entities as this feed left them; None: there are none."""
        keys = [self._state_key(values) for values in entities]
        known = [key for key in keys if key is not None]
        found: dict[bytes, bytes | None] = dict(zip(known, self.store.read(known), strict=True))
        if self._is_staged():
            staged = self.store.read([self._stage + key for key in known])
            if self.job.overwrite:
                found = {}
            found.update((key, blob) for key, blob in zip(known, staged, strict=True) if blob)
        found.update((key, self._states[key]) for key in known if key in self._states)
        return [None if key is None else found.get(key) for key in keys]

    # Committing -------------------------------------------------------------------------------

    def commit(self, position: str) -> None:
        """All that was written since the last commit lasts from now on, with the position."""
        rows: Sequence[Row] = self._rows
        states: Sequence[State] = list(self._states.items())
        feed = self.job.feed
        if self._is_staged():
            stage, feed = self._stage, feed + _STAGED
            rows = [(stage + key, blob, micros) for key, blob, micros in rows]
            states = [(stage + key, blob) for key, blob in states]
        self.store.write(
            rows, ttl_millis=self.job.ttl_millis, position=(feed, position), states=states
        )
        self._rows, self._states = [], {}

    def finish(self) -> dict[str, Any]:
        """Show everything, instead of the old content if the job overwrites."""
        staged = self.store.position(self.job.feed + _STAGED) if not self.job.live else ""
        shown = self.store.position(self.job.feed)
        if staged:
            if shown != staged:  # else it was killed just behind the swap
                prefixes = self._prefixes if self.job.overwrite else ()
                self.store.swap(self._stage, prefixes, (self.job.feed, staged))
            self.store.write([], position=(self.job.feed + _STAGED, ""))
        elif self.job.overwrite and not shown and self._is_staged():  # nothing is the new content
            for prefix in self._prefixes:
                self.store.purge(prefix)
        newest = self._newest
        return {
            "size": None,
            "path": self.store.url,
            "rows": self._written,
            "last_written": None
            if newest is None
            else pd.Timestamp(newest, unit="us", tz="UTC").to_pydatetime(),
        }

    def abort(self) -> None:
        """Forget what was staged; what a live feed committed stays."""
        self._rows, self._states = [], {}
        if self.job.live:
            return
        if self._is_staged():
            self.store.purge(self._stage)
            self.store.write([], position=(self.job.feed + _STAGED, ""))
        elif self.store.position(self.job.feed):  # the first feed of the set: nothing was before
            for prefix in self._prefixes:
                self.store.purge(prefix)
            self.store.write([], position=(self.job.feed, ""))

    def close(self) -> None:
        """Forget what was not committed; the store stays open."""
        self._rows, self._states = [], {}

    # ------------------------------------------------------------------------------------------

    def _is_staged(self) -> bool:
        """Whether this feed is shown by `finish` only; what its commits did decides."""
        if self._staged is None:
            if self.store.position(self.job.feed + _STAGED):
                self._staged = True
            elif self.store.position(self.job.feed):
                self._staged = False
            else:
                self._staged = any(
                    next(iter(self.store.scan(prefix)), None) is not None
                    for prefix in self._prefixes
                )
        return self._staged

    def _with_columns(self, frame: pd.DataFrame) -> pd.DataFrame:
        wanted = [*self.job.entities, *self._columns]
        if self.job.timestamp_key:
            wanted.append(self.job.timestamp_key)
        if not set(wanted) <= set(frame.columns) and any(frame.index.names):
            frame = frame.reset_index()
        for name in wanted:
            if name not in frame.columns:
                raise NotFoundError(
                    f"the data has no column {name!r}.{nearest(name, map(str, frame.columns))}",
                    where=f"feature set {self.job.name!r}",
                    fix="check the entities and the timestamp_key of the feature set",
                )
        return frame

    def _times(self, frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
        if not self.job.timestamp_key:
            return np.full(len(frame), time.time_ns() // 1000, dtype=np.int64)
        moments = pd.to_datetime(frame[self.job.timestamp_key], utc=True)
        moments = moments.astype("datetime64[us, UTC]")
        found = moments.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        return np.where(np.isnat(found), 0, found.astype(np.int64))

    def _note(self, rows: int, micros: int) -> None:
        self._written += rows
        self._newest = micros if self._newest is None else max(self._newest, micros)


def _values(column: pd.Series) -> Any:
    """The values of a column for `encode_rows`."""
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy() if column.dtype.kind in "fiubM" else _items(column)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return Utc(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    return _items(column)


def _items(column: pd.Series) -> list[Any]:
    """The values of a column as Python's; None for what is missing."""
    values = column.tolist()
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "O":
        return values  # objects look after themselves
    missing = column.isna().to_numpy()
    for index in np.flatnonzero(missing).tolist():
        values[index] = None
    return values


def _micros_of(moment: Any) -> int:
    if moment is None:
        return time.time_ns() // 1000
    stamp = pd.Timestamp(moment)
    if pd.isna(stamp):
        return 0
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return int(stamp.value // 1000)
