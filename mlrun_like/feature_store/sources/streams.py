"""StreamSource and HttpSource: events that arrive one by one.

A live ingestion service reads them through triggers; `chunks` reads what a stream holds now, by
position, so that a scheduled ingestion of a stream takes each record once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import orjson

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.sources.base import Source, SourceChunk, write_position
from mlrun_like.feature_store.sources.opening import open_source
from mlrun_like.feature_store.sources.stream_reading import read_records
from mlrun_like.feature_store.sources.typed_rows import TypedRows
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.opening import open_stream, without_password

__all__ = ["HttpSource", "OnlineSource", "StreamSource"]

_LOG = logging.getLogger("mlrun_like.feature_store")


class OnlineSource(Source):
    """The base of sources whose events arrive one by one.

    Args:
        name: Its name.
        path: Its URL.
        attributes: Further arguments; `invalid_records`: `raise` (default) or `skip` records that
            are no JSON objects.
        key_field: The field, or fields, of the entity.
        time_field: The field of the event time.
        workers: How many workers a live service has.
    """

    online: bool = True
    support_spark: ClassVar[bool] = False

    def __init__(
        self,
        name: str | None = None,
        path: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        key_field: str | Sequence[str] | None = None,
        time_field: str | None = None,
        workers: int | None = None,
    ) -> None:
        super().__init__(name or "", path, attributes, key_field, time_field)
        self.workers = workers

    def describe(self) -> str:
        shown = without_password(self.path) if self.path else self.name
        return f"{type(self).__name__} {shown!r}"

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), **({"workers": self.workers} if self.workers else {})}

    def _loaded(self, struct: Mapping[str, Any]) -> None:
        self.workers = struct.get("workers")

    def streams(self) -> list[Stream]:
        """The streams that it reads."""
        return [open_stream(url, **self.stream_options()) for url in self.stream_urls()]

    def stream_urls(self) -> list[str]:
        """The addresses of its streams."""
        raise InvalidArgumentError(f"{self.describe()} is no stream")

    def stream_url(self) -> str:
        """The address of its stream; of several the first."""
        return self.stream_urls()[0]

    def stream_options(self) -> dict[str, Any]:
        """Options of `open_stream`."""
        return {}

    def trigger(self) -> dict[str, Any]:
        """Nuclio's mapping of the trigger that lets its events call a function."""
        raise InvalidArgumentError(f"{self.describe()} has no trigger")

    def add_nuclio_trigger(self, function: Any) -> Any:
        """Let its events call a function (MLRun's call); the function is returned."""
        return function.add_trigger(self.name or self.kind, self.trigger())

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        places: dict[str, dict[str, str]] = position.get("streams", {})
        typed = TypedRows(position.get("types"))
        first = str(self.attributes.get("seek_to") or self.attributes.get("initial_offset"))
        for stream in self.streams():
            with stream:
                done = places.setdefault(stream.name, {})
                read = {int(shard): at for shard, at in done.items()}
                for records in read_records(stream, read, size, first):
                    rows = [row for record in records for row in self._rows(record, stream)]
                    frame = typed.frame(rows)
                    done[str(records[-1].shard)] = records[-1].id
                    place = write_position(self.kind, streams=places, types=typed.kinds)
                    yield SourceChunk(frame, place, len(records))

    def _rows(self, record: Record, stream: Stream) -> list[dict[str, Any]]:
        try:
            value = orjson.loads(record.body)
            rows = value if isinstance(value, list) else [value]
            if not all(isinstance(row, dict) for row in rows):
                raise ValueError(f"it is a {type(value).__name__}, not an object")
        except ValueError as exc:
            if self.attributes.get("invalid_records") == "skip":
                _LOG.warning("record %s of %s is left out: %s", record.id, stream.url, exc)
                return []
            raise InvalidArgumentError(
                f"record {record.id} cannot be read as JSON: {exc!s:.100}",
                where=f"{stream.url}, shard {record.shard}: {record.body[:60]!r}",
                fix='attributes={"invalid_records": "skip"} leaves such records out',
            ) from exc
        return rows

    def _spark_frame(self, session: Any) -> Any:
        raise InvalidArgumentError(
            f"{type(self).__name__} cannot be a Spark frame", fix="ingest it with engine storey"
        )


class HttpSource(OnlineSource):
    """Events by HTTP requests to the live service; or, with a path, a file on a web server.

    Args: as of `OnlineSource`; `attributes["trigger_args"]` are those of `with_http`.
    """

    kind: ClassVar[str] = "http"

    def trigger(self) -> dict[str, Any]:
        return {"kind": "http", "maxWorkers": self.workers or 1}

    def add_nuclio_trigger(self, function: Any) -> Any:
        given = dict(self.attributes.get("trigger_args") or {})
        if self.workers:
            given.setdefault("workers", self.workers)
        return function.with_http(**given) if given else function

    def chunks(self, size: int = 100_000, *, after: str = "") -> Iterator[SourceChunk]:
        """The rows of the file at its path; see `Source.chunks`."""
        if not self.path:
            raise InvalidArgumentError(
                "an HttpSource without a path has no rows: they arrive as requests",
                fix="deploy_ingestion_service(source=HttpSource()), or path='https://host/a.csv'",
            )
        source = open_source(self.path).with_defaults(
            time_field=self.time_field, key_field=self.key_field
        )
        yield from source._with(start_time=self.start_time, end_time=self.end_time).chunks(
            size, after=after
        )


class StreamSource(OnlineSource):
    """Records of a stream: `redis://host:port/name`, `memory://name`, `v3io://...`, ...

    Args:
        name: Its name.
        group: The group that a live service reads as.
        seek_to: Where to begin: `earliest` or `latest`.
        shards: Number of shards if the stream is made.
        retention_in_hours: How long it keeps records if it is made.
        extra_attributes: Further attributes of the trigger.
        kwargs: `path`, `key_field`, `time_field`, `workers`, `attributes`.
    """

    kind: ClassVar[str] = "v3ioStream"

    def __init__(
        self,
        name: str = "stream",
        group: str = "serving",
        seek_to: str = "earliest",
        shards: int = 1,
        retention_in_hours: int | None = 24,
        extra_attributes: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        attributes = {
            "group": group,
            "seek_to": seek_to,
            "shards": shards,
            "retention_in_hours": retention_in_hours,
            "extra_attributes": dict(extra_attributes or {}),
            **(kwargs.pop("attributes", None) or {}),
        }
        super().__init__(name, attributes=attributes, **kwargs)

    def stream_urls(self) -> list[str]:
        if not self.path:
            raise InvalidArgumentError(
                "a StreamSource needs a path", fix='StreamSource(path="redis://host:6379/events")'
            )
        return [self.path]

    def stream_options(self) -> dict[str, Any]:
        if self.stream_url().partition("://")[0] not in ("memory", "redis", "rediss"):
            return {}  # others have no shards to choose
        given = {name: self.attributes.get(name) for name in ("shards", "retention_in_hours")}
        return {name: value for name, value in given.items() if value}

    def trigger(self) -> dict[str, Any]:
        (url,) = self.stream_urls()
        kind = url.partition("://")[0]
        given = self.attributes
        return {
            "kind": {"rediss": "redis", "amqp": "rabbit-mq", "amqps": "rabbit-mq"}.get(kind, kind),
            "url": url,
            "maxWorkers": self.workers or 1,
            "attributes": {
                "consumerGroup": given.get("group", "serving"),
                "initialOffset": given.get("seek_to", "earliest"),
                **(given.get("extra_attributes") or {}),
            },
        }

    def add_nuclio_trigger(self, function: Any) -> Any:
        if not self.stream_url().startswith("v3io"):
            return super().add_nuclio_trigger(function)
        given = self.attributes
        return function.add_v3io_stream_trigger(
            self.path,
            self.name,
            given.get("group", "serving"),
            given.get("seek_to", "earliest"),
            given.get("shards", 1),
            extra_attributes=given.get("extra_attributes"),
        )
