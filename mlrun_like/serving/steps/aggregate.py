"""AggregateByKey: enriches events with aggregates of the earlier events of their key."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Emit, Kind
from mlrun_like.serving.steps.aggregate_field import FieldAggregator, aggregators_of
from mlrun_like.serving.steps.aggregate_keys import body_updater, key_of, number, table_of
from mlrun_like.serving.steps.aggregate_pacing import Pace, pace_of
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.tables import Table
from mlrun_like.serving.steps.tables_entry import Entry
from mlrun_like.serving.steps.windows_emission import (
    EmitEveryEvent,
    EmitPolicy,
    emit_policy_of,
)
from mlrun_like.serving.steps.windows_time import millis_of, time_reader

__all__ = ["AggregateByKey", "FieldAggregator"]

_logger = logging.getLogger("mlrun_like.serving")
_NUMBERS = itertools.count()
"""Tells steps apart that use one table."""


class AggregateByKey(FlowStep):
    """Takes events into windows per key and sends them on with the aggregates of these windows.

    An event that is older than the newest of its key by the longest window, or more, is sent on
    without aggregates; `late_events` counts them. Aggregates over no events are NaN, except
    `count`, which is 0.

    Args:
        aggregates: `FieldAggregator`s, or their form as data (see `aggregators_of`).
        table: Where the windows are kept: a table, or its name or URL in the context.
        key_field: What events are grouped by: a field of the body, a list of fields, or a function
            of the body. By default `event.key`.
        time_field: When an event happened: a field of the body, or a function of the event. By
            default `event.time`. Times without a zone are UTC.
        emit_policy: When events are sent on; by default each, at once.
        augmentation_fn: Called with body and aggregates; gives the new body. By default the
            aggregates, with the body's fields over them.
        enrich_with: Attributes of the key's row in the table that are added as well.
        aliases: Other names of aggregates and attributes.
        use_windows_from_schema: Use the period in which the table already keeps a feature.
        time_format: How times that are texts are written, as for `datetime.strptime`; ISO 8601 by
            default.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
        InvalidArgumentError: if an argument is wrong.

    >>> from mlrun_like.serving.steps.windows import SlidingWindows
    >>> spent = FieldAggregator("spent", "amount", ["sum"], SlidingWindows(["1h"], "10m"))
    >>> step = AggregateByKey([spent], Table("cards"))
    >>> for minute in (0, 20, 70):
    ...     [event] = step.process(Event({"amount": 5}, key="ann", time=60 * minute))
    ...     print(event.body)
    {'spent_sum_1h': 5.0, 'amount': 5}
    {'spent_sum_1h': 10.0, 'amount': 5}
    {'spent_sum_1h': 10.0, 'amount': 5}
    """

    kind: ClassVar[Kind] = "many"

    def __init__(  # noqa: PLR0913 - storey's signature
        self,
        aggregates: Sequence[FieldAggregator | Mapping[str, Any]],
        table: Table | str,
        key_field: str | list[str] | Callable[[Any], Any] | None = None,
        time_field: str | Callable[[Event], Any] | None = None,
        emit_policy: EmitPolicy | Mapping[str, Any] | None = None,
        augmentation_fn: Callable[[Any, dict[str, Any]], Any] | None = None,
        enrich_with: list[str] | None = None,
        aliases: Mapping[str, str] | None = None,
        use_windows_from_schema: bool = False,
        time_format: str | None = None,
        key: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        step = type(self).__name__
        self.aggregates = aggregators_of(aggregates)
        policy = EmitEveryEvent() if emit_policy is None else emit_policy_of(emit_policy)
        self.table = table_of(table, self.context, step)
        self.late_events = 0
        """How many events came too late to be aggregated."""
        self._key = key_of(key_field if key_field is not None else key, step)
        self._time = time_reader(time_field, time_format, step)
        self._augment = augmentation_fn or body_updater
        self._aliases = dict(aliases or {})
        self._enrich = [(name, self._aliases.get(name, name)) for name in enrich_with or ()]
        self._use_schema = use_windows_from_schema
        self._pace: Pace | None = pace_of(policy, self)
        self._names = [aggregator.name for aggregator in self.aggregates]
        self._fields = [
            (
                aggregator.name,
                aggregator.aggr_filter,
                aggregator.value_extractor,
                aggregator.layout().hashes,
            )
            for aggregator in self.aggregates
        ]
        self._declared = False
        self._number = next(_NUMBERS)
        vars(self)["blocking"] = self.table.storage.blocking

    def _declare(self) -> None:
        schema = self.table.schema() if self._use_schema else {}
        layouts = [
            aggregator.layout(self._aliases, schema.get(aggregator.name, {}).get("period_millis"))
            for aggregator in self.aggregates
        ]
        self.table.declare(layouts)
        self._declared = True

    def process(self, event: Event) -> Iterable[Event]:
        key = event.key if self._key is None else self._key(event.body)
        millis = self._time(event)
        # first all that can fail: an event that fails must count nowhere
        values = self._values(event.body)
        table = self.table
        with table.lock:
            if not self._declared:
                self._declare()
            entry = table.entry(key)
            self._take_in(entry, millis, values)
            table.changed(entry)
            done = self.enriched(event, key, millis, entry) if self._pace is None else None
        if table.flush_interval_secs is None and not table.written_by_target:
            table.flush_key(key)
        if self._pace is None:
            return (done,) if done is not None else ()
        return self._pace.take(event, key, millis)

    def _values(self, body: Any) -> list[float | None]:
        values = []
        for name, keep, extract, texts in self._fields:
            value = extract(body) if keep is None or keep(body) else None
            values.append(value if type(value) is float else number(value, name, texts))
        return values

    def _take_in(self, entry: Entry, millis: float, values: list[float | None]) -> None:
        for state, value in zip(entry.group(self._number, self._names), values, strict=True):
            if value is None or value != value:
                state.touch(millis)
            elif not state.add(millis, value):
                self._note_late(entry.key, state.layout.name)

    def _note_late(self, key: Any, name: str) -> None:
        self.late_events += 1
        if self.late_events == 1:
            _logger.warning(
                "step %s: an event of key %r is too old for the windows of %s and is not "
                "aggregated; further ones are counted in late_events", self.name, key, name
            )  # fmt: skip

    def enriched(self, event: Event, key: Any, millis: float, entry: Entry) -> Event:
        """The event with its aggregates; call it with the table's lock held."""
        features: dict[str, Any] = {}
        for state in entry.group(self._number, self._names):
            state.read_into(features, millis)
        body = self._augment(event.body, features)
        for name, alias in self._enrich:
            if name in entry.attributes:
                body[alias] = entry.attributes[name]
        event.key = key
        event.body = body
        return event

    def send(self, event: Event, key: Any, millis: float | None = None) -> Event:
        """A held event, completed."""
        with self.table.lock:
            moment = millis_of(event.time) if millis is None else millis
            return self.enriched(event, key, moment, self.table.entry(key))

    def connect(self, emit: Emit) -> None:
        super().connect(emit)
        if self._pace is not None:
            self._pace.start()

    def flush(self) -> Iterable[Event]:
        held = list(self._pace.finish()) if self._pace is not None else []
        self.table.flush()
        return held

    def close(self) -> None:
        if self._pace is not None:
            self._pace.stop()
        self.table.close()
