"""Streams that events are pushed to, and one that is read."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from mlrun_like.compat.adapted.runtimes.platforms import parse_path, split_path
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = [
    "HTTPOutputStream",
    "KafkaOutputStream",
    "OutputStream",
    "V3ioStreamClient",
    "watch_stream",
]


def _records(data: Any) -> list[Any]:
    return data if isinstance(data, list) else [data]


def _text(record: Any) -> str:
    return str(record) if isinstance(record, (str, bytes)) else json.dumps(record, default=str)


def _bytes(record: Any) -> bytes:
    return record if isinstance(record, bytes) else _text(record).encode()


class OutputStream:
    """A stream of v3io that events are pushed to; with `mock` they are kept.

    Args:
        stream_path: `<container>/<path>`.
        shards: How many it gets when it is made.
        retention_in_hours: How long events are kept.
        create: Make it if there is none.
        endpoint: The platform's address.
        access_key: Its key.
        mock: Keep events in this process.
        kwargs: Further arguments of other streams.
    """

    def __init__(
        self,
        stream_path: str,
        shards: int | None = None,
        retention_in_hours: int | None = None,
        create: bool = True,
        endpoint: str | None = None,
        access_key: str | None = None,
        mock: bool = False,
        **kwargs: Any,
    ) -> None:
        del kwargs
        self._container, self._stream_path = split_path(stream_path)
        self._made = {
            "shard_count": shards or 1,
            "retention_period_hours": retention_in_hours or 24,
        }
        self._create, self._mock = create, mock
        self._mock_queue: list[Any] = []
        named = {"endpoint": endpoint, "access_key": access_key}
        self._client: Any = None
        if not mock:
            v3io = require("v3io.dataplane", feature="streams of v3io")
            self._client = v3io.Client(**{key: value for key, value in named.items() if value})

    def push(self, data: Any, partition_key: str | None = None) -> None:
        """Add one event, or each of a list."""
        records = [{"data": _text(record)} for record in _records(data)]
        if partition_key is not None:
            records = [{**record, "partition_key": partition_key} for record in records]
        if self._mock:
            self._mock_queue.extend(records)
            return
        place = {"container": self._container, "stream_path": self._stream_path}
        if self._create:
            self._create = False
            self._client.stream.create(**place, **self._made, raise_for_status=lambda _: None)
        self._client.stream.put_records(**place, records=records)


class HTTPOutputStream:
    """An address that each event is posted to.

    Args:
        stream_path: The address.
    """

    def __init__(self, stream_path: str) -> None:
        self._stream_path = stream_path

    def push(self, data: Any) -> None:
        """Post one event, or each of a list.

        Raises:
            InvalidArgumentError: if it is refused.
        """
        httpx = require("httpx", feature="events over HTTP")
        for record in _records(data):
            answer = httpx.post(self._stream_path, content=_bytes(record), timeout=30)
            if answer.is_error:
                raise InvalidArgumentError(
                    f"API call failed push a new record through {self._stream_path}, "
                    f"status {answer.status_code}: {answer.reason_phrase}"
                )


class KafkaOutputStream:
    """A topic of Kafka that events are pushed to; with `mock` they are kept.

    Args:
        topic: The topic.
        brokers: `host:port`, or several.
        producer_options: Arguments of the producer.
        mock: Keep events in this process.
    """

    def __init__(
        self, topic: str, brokers: Any, producer_options: Any = None, mock: bool = False
    ) -> None:
        self._topic, self._brokers, self._mock = topic, brokers, mock
        self._options = dict(producer_options or {})
        self._producer: Any = None
        self._mock_queue: list[Any] = []

    def push(self, data: Any, partition_key: str | bytes | None = None) -> None:
        """Add one event, or each of a list."""
        if self._mock:
            self._mock_queue.extend(_records(data))
            return
        if self._producer is None:
            kafka = require("kafka", feature="streams of Kafka")
            self._producer = kafka.KafkaProducer(bootstrap_servers=self._brokers, **self._options)
        key = partition_key.encode() if isinstance(partition_key, str) else partition_key
        for record in _records(data):
            self._producer.send(self._topic, _bytes(record), key=key)


class V3ioStreamClient:
    """Reads one shard of a stream of v3io.

    Args:
        url: `v3io://<host>/<container>/<path>`.
        shard_id: The shard.
        seek_to: `EARLIEST`, `LATEST`, `TIME` or `SEQUENCE`.
        kwargs: Further arguments of seeking.
    """

    def __init__(
        self, url: str, shard_id: int = 0, seek_to: str | None = None, **kwargs: Any
    ) -> None:
        self._seek_to = (seek_to or "LATEST").upper()
        if self._seek_to not in ("EARLIEST", "LATEST", "TIME", "SEQUENCE"):
            raise InvalidArgumentError("seek_to must be one of EARLIEST, LATEST, TIME, SEQUENCE")
        endpoint, path = parse_path(url)
        self.url, self.shard_id, self._kwargs = url, shard_id, kwargs
        self._container, self._stream_path = split_path(path)
        self._client = require("v3io.dataplane", feature="streams of v3io").Client(
            endpoint=endpoint
        )
        self._location = ""

    def seek(self) -> int:
        """Go to where reading begins; 0: there is no stream yet."""
        answer = self._client.stream.seek(
            self._container,
            self._stream_path,
            self.shard_id,
            self._seek_to,
            raise_for_status=lambda _: None,
            **self._kwargs,
        )
        if answer.status_code == 404:
            return 0
        answer.raise_for_status()
        self._location = answer.output.location
        return int(answer.status_code)

    def get_records(self) -> list[Any]:
        """The events that came since the last time."""
        if not self._location and not self.seek():
            return []
        answer = self._client.stream.get_records(
            self._container, self._stream_path, self.shard_id, self._location
        )
        answer.raise_for_status()
        self._location = answer.output.next_location
        return list(answer.output.records)


def watch_stream(
    url: str,
    shard_ids: Sequence[int] | None = None,
    seek_to: str | None = None,
    interval: float | None = None,
    is_json: bool = False,
    **kwargs: Any,
) -> None:
    """Print the events of a stream of v3io as they come, until the keyboard interrupts."""
    shards = [V3ioStreamClient(url, one, seek_to, **kwargs) for one in shard_ids or (0,)]
    while True:
        for shard in shards:
            for record in shard.get_records():
                shown = json.loads(record.data) if is_json else record.data
                sys.stdout.write(f"{url}:{shard.shard_id} (#{record.sequence_number}) {shown}\n")
        time.sleep(interval or 3)
