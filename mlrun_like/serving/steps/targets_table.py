"""NoSqlTarget: writes events as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.aggregate_keys import table_of
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.tables import Table
from mlrun_like.serving.steps.targets_columns import Columns, parse_columns

__all__ = ["NoSqlTarget"]


class NoSqlTarget(FlowStep):
    """Sets attributes of the row of each event's key and passes the event on.

    The table writes rows when its `flush_interval_secs` have passed and when the flow ends; a
    table without an interval writes each event before it is passed on. Aggregates that an
    `AggregateByKey` keeps in the same table are written with them.

    Args:
        table: The table, or its name or URL in the context.
        columns: The attributes, in storey's notation (see `targets_columns`); by default all
            fields of the body. Fields that a body does not have stay as they are.
        infer_columns_from_data: Whether the fields of the first event are the columns.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.

    >>> table = Table("users")
    >>> _ = NoSqlTarget(table).process(Event({"age": 31}, key="ann"))
    >>> table["ann"]
    {'age': 31}
    """

    kind: ClassVar[Kind] = "many"

    def __init__(
        self,
        table: Table | str,
        columns: Sequence[Any] | None = None,
        infer_columns_from_data: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        step = type(self).__name__
        self.table = table_of(table, self.context, step)
        self.columns = Columns(
            parse_columns(columns, "columns", step), bool(infer_columns_from_data), step=step
        )
        self.table.written_by_target = True
        vars(self)["blocking"] = self.table.storage.blocking

    def begin(self) -> None:
        self.columns.begin()

    def process(self, event: Event) -> Iterable[Event]:
        if event.key is None:
            raise InvalidArgumentError(
                "Event could not be written to table because it has no key",
                where=f"step {self.name!r}",
                fix="set event.key, such as by SetEventMetadata(key_path='user')",
            )
        record = self.columns.record(event, missing=False)
        if not isinstance(record, Mapping):
            raise InvalidArgumentError(
                f"a {type(record).__name__} cannot be a row of a table without names of columns",
                where=f"step {self.name!r}",
            )
        self.table.update(event.key, record)
        if self.table.flush_interval_secs is None:
            self.table.flush_key(event.key)
        return (event,)

    def flush(self) -> Iterable[Event]:
        self.table.flush()
        return ()

    def close(self) -> None:
        self.table.close()
