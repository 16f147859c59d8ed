"""Events from Redis Streams, Kafka, RabbitMQ, NATS and MQTT."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway.triggers.brokers import grave_beside, open_streams
from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.event import Event
from mlrun_like.gateway.triggers.kafka import skip_to_end
from mlrun_like.gateway.triggers.source import Source
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Consumer, Record, Stream
from mlrun_like.streams.kafka_consumer import KafkaConsumer

__all__ = ["StreamSource", "member_name"]

_LOG = logging.getLogger("mlrun_like.gateway.triggers")


class StreamSource(Source):
    """One or several streams, read as a member of a group."""

    def __init__(self, config: TriggerConfig, home: Path) -> None:
        super().__init__(config, home)
        self._streams: list[Stream] = []
        self._inlets: list[Consumer] = []
        self._turn = self._life = 0

    def open(self) -> None:
        self.close()
        self._life += 1
        config = self.config
        try:
            for stream in open_streams(config):
                self._streams.append(stream)
                self._inlets.append(self._join(stream))
        except BaseException:
            self.close()
            raise

    def _join(self, stream: Stream) -> Consumer:
        config = self.config
        given = config.attributes.get("partitions") or None
        shards = [int(number) for number in given] if given else None
        if "latest" in (config.attributes.get("initialOffset"), config.attributes.get("seekTo")):
            skip_to_end(stream, config.group)
        # a place in a group is one reader's: other triggers and topics have names of their own
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{config.id}-{stream.name}")
        group, name = config.group, f"{member_name(self.home)}-{plain}"
        if config.kind == "mqtt":
            # without a shared name every gateway gets every message
            group = str(config.attributes.get("sharedGroup") or "")
            name = str(config.attributes.get("clientID") or name)
        return stream.consumer(group, name, shards)

    def read(self, most: int, wait: float) -> list[Event]:
        found: list[Event] = []
        count = len(self._inlets)
        for turn in range(count):
            index = (self._turn + turn) % count
            left = most - len(found)
            if left <= 0:
                break
            pause = 0.0 if found else wait / count
            records = self._inlets[index].read(left, pause)
            found += [self._event(index, record) for record in records]
        self._turn += 1
        if self.config.kind == "nats" and not self.notes:
            self._tell_nats()
        return found

    def gone(self) -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        for stream, inlet in zip(self._streams, self._inlets, strict=True):
            if isinstance(inlet, KafkaConsumer):
                found.update((stream.name, shard) for shard in inlet.gone)
                inlet.gone.clear()
        return found

    def _tell_nats(self) -> None:
        if all(getattr(inlet, "keeps", True) for inlet in self._inlets):
            self.notes.append("JetStream: at least once")
        else:
            self.notes.append(
                "core NATS: at most once; what comes while no gateway reads is lost. A JetStream "
                "stream that takes the subject keeps it"
            )

    def _event(self, index: int, record: Record) -> Event:
        stream = self._streams[index]
        kind = self.config.kind
        by_key = kind in ("mqtt", "nats", "rabbit-mq")
        event = Event(
            record.body,
            record.headers,
            topic=record.key if by_key else stream.name,
            key=record.key,
            offset=record.id,
            shard=record.shard,
            time=record.time,
            id=_id(kind, stream.name, record),
        )
        event.shards = stream.shards
        event.path = self.config.path
        # each earlier reader that died over it was a try
        event.tries = max(0, record.deliveries - 2)
        event.raw = (self._life, index, record)
        return event

    def ack(self, events: Sequence[Event]) -> None:
        by_inlet: dict[int, list[Record]] = {}
        for event in events:
            life, index, record = event.raw
            if life != self._life:
                continue  # of readers that are closed: it is handed out again
            by_inlet.setdefault(index, []).append(record)
        for index, records in by_inlet.items():
            if index < len(self._inlets):
                self._inlets[index].ack(records)

    def grave(self) -> str:
        return grave_beside(self.config)

    def depth(self) -> int | None:
        if self.config.kind == "mqtt":
            return None
        return max(0, sum(stream.depth(self.config.group) for stream in list(self._streams)))

    def close(self) -> None:
        inlets, self._inlets = self._inlets, []
        streams, self._streams = self._streams, []
        parts: list[Consumer | Stream] = [*inlets, *streams]
        for part in parts:
            try:
                part.close()
            except (MLRunLikeError, OSError) as exc:
                _LOG.debug("%s: %r", self.config.id, exc)


def _id(kind: str, name: str, record: Record) -> str:
    """The id of an event: the same when it comes again, where the broker names messages."""
    if kind in ("kafka-cluster", "redis", "nats"):
        return f"{name}-{record.shard}-{record.id}"
    return record.headers.get("message-id", "")


def member_name(home: Path) -> str:
    """This gateway's name among the members of a group; kept, so that it comes back to its place
    after a restart, however it ended."""
    path = home / "member"
    try:
        return path.read_text().strip() or path.name
    except FileNotFoundError:
        name = f"gateway-{new_uid()[-12:]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), path.open("x") as file:
            file.write(name)
        return path.read_text().strip() or name
