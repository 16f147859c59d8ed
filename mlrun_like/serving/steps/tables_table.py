"""Tables: rows by key, kept in this process and written to a driver in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.checks import check_count, check_seconds
from mlrun_like.serving.steps.drivers import Driver, Key, NoopDriver, Row, key_text
from mlrun_like.serving.steps.tables_entry import Entry
from mlrun_like.serving.steps.tables_schema import merged_schema
from mlrun_like.serving.steps.tables_writer import Writer

__all__ = ["Table"]


class Table:
    """A key-value table that steps join with, aggregate into, query and write.

    Args:
        table_path: Its name in the driver's place.
        storage: The driver. `NoopDriver()`: the table lives in this process only.
        partitioned_by_key: Whether each key is aggregated by one process. False: several processes
            add to the same keys, and see each other's events after two intervals at most.
        flush_interval_secs: How often changes are written, in seconds; what was read longer ago
            and other processes may have changed is read again. None: after every event.
        max_updates_in_flight: How many keys are written in one go.

    Raises:
        InvalidTypeError: if `storage` is no driver.
        InvalidArgumentError: if a number is wrong.

    >>> table = Table("users", NoopDriver())
    >>> table["ann"] = {"age": 31}
    >>> table["ann"], table["bob"]
    ({'age': 31}, {})
    """

    def __init__(
        self,
        table_path: str,
        storage: Driver | None = None,
        partitioned_by_key: bool = True,
        flush_interval_secs: float | None = 300,
        max_updates_in_flight: int = 256,
    ) -> None:
        storage = NoopDriver() if storage is None else storage
        if not isinstance(storage, Driver):
            raise InvalidTypeError(
                f"storage={storage!r:.80} is no driver",
                where=f"table {table_path!r:.80}",
                fix="such as NoopDriver(), RedisDriver(...), FileDriver(path); "
                "open_table(url) makes both",
            )
        if flush_interval_secs is not None:
            check_seconds(flush_interval_secs, "flush_interval_secs", "Table")
        self.path = str(table_path).strip("/")
        self.storage = storage
        self.partitioned_by_key = partitioned_by_key
        self.flush_interval_secs = flush_interval_secs or None
        self.max_updates_in_flight = check_count(
            max_updates_in_flight, "max_updates_in_flight", "Table"
        )
        self.lock = threading.RLock()
        """Held while rows are read or changed."""
        self.written_by_target = False
        """True: a `NoSqlTarget` decides when rows are complete."""
        self._entries: dict[str, Entry] = {}
        self._layouts: dict[str, Layout] = {}
        self._writer = Writer(
            self.path,
            storage,
            self.lock,
            self.max_updates_in_flight,
            self.flush_interval_secs if storage.keeps else None,
            not partitioned_by_key,
            self._forget,
        )

    def __repr__(self) -> str:
        return f"Table({self.path!r}, {type(self.storage).__name__})"

    def supports_aggregations(self) -> bool:
        """Whether the driver can keep aggregates."""
        return self.storage.supports_aggregations()

    # Rows -------------------------------------------------------------------------------------

    def entry(self, key: Key, fresh: bool = False) -> Entry:
        """The row of a key, read from the driver if it is not here; call it with `lock` held.

        Args:
            key: The key.
            fresh: Whether attributes that were read long ago are read again.
        """
        text = key if type(key) is str else key_text(key)
        found = self._entries.get(text)
        if found is None:
            row = self._writer.load(key, bool(self._layouts))
            shared = not self.partitioned_by_key
            found = Entry(key, row, self._layouts, shared, time.monotonic())
            self._entries[text] = found
            self._writer.start()
        elif (fresh or found.shared) and self.storage.keeps and self._is_old(found):
            found.refresh(self._writer.load(key, not self.partitioned_by_key), time.monotonic())
        found.used = True
        return found

    def changed(self, entry: Entry) -> None:
        """Note that a row is to be written; call it with `lock` held."""
        if self.storage.keeps:
            self._writer.mark(entry)

    def get(self, key: Key, attributes: Sequence[str] | None = None) -> dict[str, Any]:
        """Attributes of a row; empty if there is no such row.

        Args:
            key: The key.
            attributes: Which; None: all.

        Raises:
            StoreUnavailableError: if the driver cannot reach its place.
        """
        with self.lock:
            found = self.entry(key, fresh=True).attributes
            if attributes is None:
                return dict(found)
            return {name: found[name] for name in attributes if name in found}

    def update(self, key: Key, attributes: Mapping[str, Any]) -> None:
        """Set attributes of a row; others stay.

        Raises:
            StoreUnavailableError: if the driver cannot reach its place.
        """
        with self.lock:
            entry = self.entry(key)
            entry.update(attributes)
            self.changed(entry)

    def __getitem__(self, key: Key) -> dict[str, Any]:
        return self.get(key)

    def __setitem__(self, key: Key, attributes: Mapping[str, Any]) -> None:
        self.update(key, attributes)

    def __iter__(self) -> Iterator[Key]:
        """The keys that are in this process."""
        with self.lock:
            return iter([entry.key for entry in self._entries.values()])

    def row(self, key: Key, features: Sequence[str] = ()) -> Row:
        """What a query sees: this process's row, or what the driver has at this moment.

        Args:
            key: The key.
            features: The aggregated features that are wanted.

        Raises:
            StoreUnavailableError: if the driver cannot reach its place.
        """
        with self.lock:
            known = self._entries.get(key_text(key))
            unwritten = known is not None and self._writer.is_unwritten(known)
            if self.storage.keeps and not self._layouts and not unwritten:
                return self._writer.load(key, bool(features))
            entry = self.entry(key, fresh=True)
            row = Row(dict(entry.attributes))
            row.aggregates.update(entry.states)
            if self.storage.keeps and not entry.states.keys() >= set(features):
                row.aggregates = {**self._writer.load(key).aggregates, **row.aggregates}
            return row

    def _is_old(self, entry: Entry) -> bool:
        limit = self.flush_interval_secs or 0.0
        return not entry.writing and time.monotonic() - entry.read_at > limit

    # Aggregates -------------------------------------------------------------------------------

    def declare(self, layouts: Sequence[Layout]) -> None:
        """Say which features are aggregated into this table; what is stored must fit.

        Raises:
            InvalidArgumentError: if one is stored with another period or kind of window, or the
                driver cannot keep aggregates.
            StoreUnavailableError: if the driver cannot reach its place.
        """
        if not self.supports_aggregations():
            raise InvalidArgumentError(
                f"{type(self.storage).__name__} does not support aggregations",
                where=f"table {self.path!r}",
                fix="use a table in memory, in Redis or in a file: memory://, redis://, sqlite://",
            )
        with self.lock:
            stored = self._writer.load_schema()
            schema = merged_schema(stored, layouts, self.path)
            if schema != stored:
                self._writer.save_schema(schema)
            self._layouts.update({layout.name: layout for layout in layouts})
            for entry in self._entries.values():
                # its aggregates were not read, as nothing wanted them
                known = self._layouts.keys() <= entry.states.keys()
                entry.relayout(self._layouts, Row() if known else self._writer.load(entry.key))

    def schema(self) -> dict[str, Any]:
        """The features that are aggregated into this table, here or elsewhere.

        Raises:
            StoreUnavailableError: if the driver cannot reach its place.
        """
        with self.lock:
            stored = self._writer.load_schema()
            return merged_schema(stored, list(self._layouts.values()), self.path)

    # Writing ----------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write everything that has changed.

        Raises:
            StoreUnavailableError: if the driver cannot reach its place; what was not written stays
                in memory and is tried again with the next flush.
        """
        self._writer.flush()

    def flush_key(self, key: Key) -> None:
        """Write what has changed of one row; call it without `lock`.

        Raises:
            StoreUnavailableError: if the driver cannot reach its place.
        """
        self._writer.flush_key(key_text(key))

    def _forget(self) -> bool:
        # stored rows that were not used for a while are dropped, so that memory is bounded
        for text, entry in list(self._entries.items()):
            if not entry.used and text not in self._writer.dirty:
                del self._entries[text]
            entry.used = False
        return bool(self._entries)

    def close(self) -> None:
        """Write what has changed and release connections; the table can be used again.

        Raises:
            StoreUnavailableError: if the driver cannot reach its place.
        """
        self._writer.close()
