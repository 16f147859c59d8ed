"""QueryByKey: enriches events with aggregates and attributes that a table holds of their key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from mlrun_like.errors import InvalidTypeError
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.aggregate_functions import AGGREGATES
from mlrun_like.serving.steps.aggregate_keys import body_updater, key_of, table_of
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.aggregate_user import user_names
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.checks import check_strings
from mlrun_like.serving.steps.tables import Table
from mlrun_like.serving.steps.tables_schema import stored_layout
from mlrun_like.serving.steps.windows import FixedWindowType
from mlrun_like.serving.steps.windows_time import time_reader

__all__ = ["QueryByKey"]

_FEATURE = re.compile(r"(.+)_([0-9]+(?:ms|[smhd]))")


class QueryByKey(FlowStep):
    """Sends events on with features of their key, read from a table at each event.

    A feature that is called `{name}_{aggregate}_{window}` is computed from the windows that an
    `AggregateByKey` keeps in the table, here or in another process; any aggregate over windows
    that are not longer can be asked for. Other features are attributes of the key's row; missing
    ones are left out. The body of an event without a key becomes None.

    Args:
        features: Names of features.
        table: The table, or its name or URL in the context.
        key_field: What the key is: a field of the body, a list of fields, or a function of the
            body. By default `event.key`.
        time_field: The moment that aggregates are for: a field of the body, or a function of the
            event. By default `event.time`.
        augmentation_fn: Called with body and aggregates; gives the new body, over which attributes
            are put. By default the aggregates with the body's fields over them.
        aliases: Other names of features.
        fixed_window_type: Whether fixed windows are those under way or the last ones that ended.
        time_format: How times that are texts are written; ISO 8601 by default.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.

    >>> table = Table("users")
    >>> table["ann"] = {"age": 31, "city": "Oslo"}
    >>> [event] = QueryByKey(["age"], table, key_field="user").process(Event({"user": "ann"}))
    >>> event.body
    {'user': 'ann', 'age': 31}
    """

    kind: ClassVar[Kind] = "many"

    def __init__(  # noqa: PLR0913 - storey's signature
        self,
        features: list[str],
        table: Table | str,
        key_field: str | list[str] | Callable[[Any], Any] | None = None,
        time_field: str | Callable[[Event], Any] | None = None,
        augmentation_fn: Callable[[Any, dict[str, Any]], Any] | None = None,
        aliases: Mapping[str, str] | None = None,
        fixed_window_type: FixedWindowType = FixedWindowType.CurrentOpenWindow,
        time_format: str | None = None,
        key: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        step = type(self).__name__
        self.table = table_of(table, self.context, step)
        if not isinstance(fixed_window_type, FixedWindowType):
            raise InvalidTypeError(
                f"fixed_window_type={fixed_window_type!r:.80} is not a FixedWindowType",
                where=f"step class {step}",
                fix="FixedWindowType.CurrentOpenWindow or FixedWindowType.LastClosedWindow",
            )
        self._key = key_of(key_field if key_field is not None else key, step)
        self._time = time_reader(time_field, time_format, step)
        self._augment = augmentation_fn or body_updater
        self._aliases = dict(aliases or {})
        self._closed = fixed_window_type is FixedWindowType.LastClosedWindow
        self._wanted: dict[str, dict[str, list[str]]] = {}
        self._enrich_cols: list[str] = []
        for feature in check_strings(features, "features", step):
            found = _aggregate_in(feature) if self.table.supports_aggregations() else None
            if found is not None:
                name, aggregate, window = found
                self._wanted.setdefault(name, {}).setdefault(aggregate, []).append(window)
            else:
                self._enrich_cols.append(feature)
        self._aggrs = list(self._wanted)
        self._layouts: list[Layout] = []
        self._known = not self._wanted
        vars(self)["blocking"] = self.table.storage.blocking

    def process(self, event: Event) -> Iterable[Event]:
        key = event.key
        if self._key is not None:
            if event.body:
                key = self._key(event.body)
            if key is None or key == [None] or event.body is None:
                event.body = None
                return (event,)
        aggregates, attributes = self._read(key, self._time(event))
        body = self._augment(event.body, aggregates)
        if attributes:
            body.update(attributes)
        event.key = key
        event.body = body
        return (event,)

    def features_of(self, key: Any, millis: float) -> dict[str, Any]:
        """The features of a key at a moment.

        Args:
            key: The key.
            millis: The moment, in milliseconds since 1970.

        Raises:
            InvalidArgumentError: if the table does not aggregate one of them.
            StoreUnavailableError: if the table cannot be reached.
        """
        aggregates, attributes = self._read(key, millis)
        return {**aggregates, **attributes}

    def _read(self, key: Any, millis: float) -> tuple[dict[str, Any], dict[str, Any]]:
        if not self._known:
            self._read_layouts()
        found: dict[str, Any] = {}
        with self.table.lock:
            row = self.table.row(key, self._aggrs)
            for layout in self._layouts:
                held = row.aggregates.get(layout.name)
                if isinstance(held, WindowState):
                    held.read_into(found, millis, self._closed, layout)
                elif held is not None:
                    state = WindowState.from_plain(layout, held)
                    state.read_into(found, millis, self._closed)
        attributes = {
            self._aliases.get(name, name): row.attributes[name]
            for name in self._enrich_cols
            if name in row.attributes
        }
        return found, attributes

    def _read_layouts(self) -> None:
        schema = self.table.schema()
        if not schema and not self.table.storage.keeps:
            return  # nothing was aggregated yet, and nobody else can
        self._layouts = [
            stored_layout(schema, name, wanted, self.table.path, self._aliases)
            for name, wanted in self._wanted.items()
        ]
        self._known = True

    def close(self) -> None:
        self.table.close()


def _aggregate_in(feature: str) -> tuple[str, str, str] | None:
    """The name, aggregate and window in the name of an aggregated feature; None: it is none."""
    found = _FEATURE.fullmatch(feature)
    if found is None:
        return None
    known = [name for name in (*AGGREGATES, *user_names()) if found[1].endswith("_" + name)]
    if not known:
        return None
    aggregate = max(known, key=len)  # distinct_count, not count
    name = found[1][: -len(aggregate) - 1]
    return (name, aggregate, found[2]) if name else None
