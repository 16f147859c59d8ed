"""StreamTarget and KafkaTarget: push events to a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.checks import check_count
from mlrun_like.serving.steps.drivers import key_text
from mlrun_like.serving.steps.targets import BatchTarget
from mlrun_like.serving.steps.targets_columns import Columns, parse_columns
from mlrun_like.streams import Record, Stream, open_stream
from mlrun_like.streams.base import to_body

__all__ = ["KafkaTarget", "StreamTarget"]

ShardingFunc = int | str | Callable[[Event], Any] | None


class _PushTarget(BatchTarget):
    """What both share."""

    blocking: ClassVar[bool] = True

    def __init__(
        self,
        sharding_func: ShardingFunc,
        columns: Sequence[str] | None,
        infer_columns_from_data: bool | None,
        full_event: bool | None,
        max_events: int,
        flush_after_seconds: float,
        **options: Any,
    ) -> None:
        super().__init__(max_events, flush_after_seconds, **options)
        step = type(self).__name__
        if isinstance(sharding_func, bool) or (
            sharding_func is not None
            and not isinstance(sharding_func, (int, str))
            and not callable(sharding_func)
        ):
            raise InvalidTypeError(
                f"Expected an int, string, or callable, got {sharding_func!r:.80} of type "
                f"{type(sharding_func)}",
                where=f"step class {step}",
            )
        self.sharding_func = sharding_func
        self.columns = Columns(
            parse_columns(columns, "columns", step), bool(infer_columns_from_data), step=step
        )
        self._wrap = bool(full_event)
        self._stream: Stream | None = None

    def begin(self) -> None:
        self.columns.begin()

    def open(self) -> Stream:
        """The stream that is pushed to."""
        raise NotImplementedError

    def entry_of(self, event: Event) -> Record:
        record = self.columns.record(event)
        if self._wrap:
            record = {"full_event_wrapper": True, "body": record}
            for name in ("key", "id"):
                value = getattr(event, name, None)
                if value is not None:
                    record[name] = value.isoformat() if isinstance(value, datetime) else value
        return Record(to_body(record), self._key_of(event))

    def _key_of(self, event: Event) -> str:
        found: Any
        if self.sharding_func is None:
            found = event.key
        elif isinstance(self.sharding_func, str):
            body = event.body
            found = body.get(self.sharding_func) if isinstance(body, Mapping) else None
        elif callable(self.sharding_func):
            found = self.sharding_func(event)
        else:
            found = self.sharding_func
        if isinstance(found, bytes):
            found = found.decode("utf-8", "replace")
        return "" if found is None else key_text(found)

    def write(self, part: Any, batch: list[Record]) -> None:
        if self._stream is None:
            self._stream = self.open()
        self._stream.push_records(batch)

    def finish(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


class StreamTarget(_PushTarget):
    """Pushes each event to a stream and passes it on.

    Records with one key are in one shard, in order. A batch is pushed when it is full, when its
    first event has waited long enough, and when the flow ends.

    Args:
        storage: A `Stream`, or None: `stream_path` is opened.
        stream_path: The stream's URL: `redis://...`, `kafka://...` or `memory://...`.
        sharding_func: Where the key of a record comes from: a field of the body, a function of the
            event, or a number, which puts all of them into one shard. By default `event.key`.
        batch_size: The most events that are held.
        columns: What is pushed, in storey's notation (see `targets_columns`); by default the body.
        infer_columns_from_data: Whether the fields of the first event are the columns.
        shards: Shards of the stream, if it is made.
        retention_period_hours: How long it keeps records, if it is made.
        full_event: Whether key and id are pushed as well, in the form that `$queue` steps read.
        flush_after_seconds: How long the first held event waits at most.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
        InvalidArgumentError: if the URL is wrong.

    >>> stream = open_stream("memory://doc-target")
    >>> target = StreamTarget(None, "memory://doc-target", columns=["n", "user=$key"])
    >>> _ = target.process(Event({"n": 1, "m": 2}, key="ann"))
    >>> target.close()
    >>> with stream.consumer("readers") as consumer:
    ...     [(record.key, record.body) for record in consumer.read(wait=0)]
    [('ann', b'{"n":1,"user":"ann"}')]
    """

    def __init__(  # noqa: PLR0913 - storey's signature
        self,
        storage: Stream | None = None,
        stream_path: str = "",
        sharding_func: ShardingFunc = None,
        batch_size: int = 8,
        columns: Sequence[str] | None = None,
        infer_columns_from_data: bool | None = None,
        shards: int = 1,
        retention_period_hours: float = 24,
        full_event: bool | None = None,
        flush_after_seconds: float = 1.0,
        **options: Any,
    ) -> None:
        step = type(self).__name__
        check_count(batch_size, "batch_size", step)
        super().__init__(
            sharding_func, columns, infer_columns_from_data, full_event,
            batch_size, flush_after_seconds, **options,
        )  # fmt: skip
        self.stream_path = stream_path
        self._made = {
            "shards": check_count(shards, "shards", step),
            "retention_in_hours": retention_period_hours,
        }
        if storage is not None and not isinstance(storage, Stream):
            raise InvalidTypeError(
                f"storage={storage!r:.80} is no stream",
                where=f"step class {step}",
                fix="give None and stream_path='redis://host/name'",
            )
        self._opened = storage if storage is not None else open_stream(stream_path, **self._made)

    def open(self) -> Stream:
        return self._opened


class KafkaTarget(_PushTarget):
    """Pushes each event to a Kafka topic and passes it on.

    Args:
        brokers: `host:port` of one broker or several, as a list or with commas.
        topic: The topic.
        producer_options: Options of the stream; see `mlrun_like.streams.kafka`.
        sharding_func: Where the key of a record comes from; see `StreamTarget`.
        columns: What is pushed, in storey's notation (see `targets_columns`); by default the body.
        infer_columns_from_data: Whether the fields of the first event are the columns.
        full_event: Whether key and id are pushed as well, in the form that `$queue` steps read.
        bootstrap_servers: Another name of `brokers`.
        max_events: The most events that are held.
        flush_after_seconds: How long the first of them waits at most.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
        InvalidArgumentError: if brokers or topic are missing.
    """

    def __init__(  # noqa: PLR0913 - storey's signature
        self,
        brokers: str | list[str] | None = None,
        topic: str = "",
        producer_options: Mapping[str, Any] | None = None,
        sharding_func: ShardingFunc = None,
        columns: Sequence[str] | None = None,
        infer_columns_from_data: bool | None = None,
        full_event: bool | None = None,
        bootstrap_servers: str | list[str] | None = None,
        max_events: int = 64,
        flush_after_seconds: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(
            sharding_func, columns, infer_columns_from_data, full_event,
            max_events, flush_after_seconds, **options,
        )  # fmt: skip
        servers = brokers or bootstrap_servers
        step = type(self).__name__
        if not servers:
            raise InvalidArgumentError("brokers must be defined", where=f"step class {step}")
        if not topic:
            raise InvalidArgumentError("topic must be defined", where=f"step class {step}")
        self.brokers = servers if isinstance(servers, str) else ",".join(servers)
        self.topic = topic
        self._options = dict(producer_options or {})

    def open(self) -> Stream:
        return open_stream(f"kafka://{self.brokers}/{self.topic}", **self._options)
