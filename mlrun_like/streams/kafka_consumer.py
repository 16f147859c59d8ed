"""A member of a Kafka consumer group, or a reader of given partitions.

Offsets are committed only for records that were acknowledged, up to the first gap. When partitions
go to another member, what is done is committed first; the rest is read again there. How often the
first record that is not done was begun with travels as metadata of the commit: after two readers
died of a partition its records are handed out one by one, so that the one that kills is found.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.registry import require
from mlrun_like.streams.base import Consumer, Record
from mlrun_like.streams.kafka_messages import record_of, weakly
from mlrun_like.streams.kafka_offsets import Partition

if TYPE_CHECKING:
    from mlrun_like.streams.kafka import KafkaStream

__all__ = ["KafkaConsumer"]

_logger = logging.getLogger("mlrun_like.streams")


class KafkaConsumer(Consumer):
    """Made by `KafkaStream.consumer`; arguments as there."""

    def __init__(
        self, stream: KafkaStream, group: str, name: str, shards: Iterable[int] | None
    ) -> None:
        self._kafka: Any = require("confluent_kafka", feature="a kafka:// stream", extra="kafka")
        self._stream, self.group, self.name = stream, group, name
        self._partitions: dict[int, Partition] = {}
        self._held: list[Any] = []
        """Messages that were fetched but not handed out."""
        self._commits: dict[int, int] = {}
        """Partition -> offset that is still to be committed."""
        self._again = False
        """Whether there is something to commit that was not sent, or failed."""
        self._asked = False
        """Whether a commit was sent that is not answered."""
        self.gone: list[int] = []
        """Partitions that went to another member; who looks at it empties it."""
        self._closed = False
        self._shared = shards is None
        assigned = None if shards is None else sorted(set(shards))
        if assigned is not None and not all(0 <= n < stream.shards for n in assigned):
            raise InvalidArgumentError(
                f"shards {assigned} do not all exist: the topic has {stream.shards} partitions",
                where=stream.url,
            )
        settings: dict[str, Any] = {
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            # long steps are allowed: whether the process lives is told by heartbeats
            "max.poll.interval.ms": 3_600_000,
            "session.timeout.ms": 15_000,
            "on_commit": weakly(self._on_commit),
        }
        if name and assigned is None:
            settings["group.instance.id"] = name  # its place is kept while it restarts
        stream.shards  # noqa: B018  the topic must exist
        self._consumer = stream.make(self._kafka.Consumer, {**settings, **stream.consumer_options})
        if assigned is None:
            self._consumer.subscribe(
                [stream.name],
                on_assign=weakly(self._on_assign),
                on_revoke=weakly(self._on_revoke),
                on_lost=weakly(self._on_lost),
            )
            return
        try:
            self._consumer.assign(self._start(assigned))
        except self._kafka.KafkaException as exc:
            self._consumer.close()
            raise stream.unavailable(exc) from exc

    def read(self, max: int = 100, wait: float = 1.0) -> list[Record]:
        if self._closed:
            raise ConflictError(f"consumer {self.name!r} is closed", where=self._stream.url)
        deadline = time.monotonic() + wait
        while True:
            found = self._hand_out(max)
            left = deadline - time.monotonic()
            if found or (left < 0 and wait > 0):
                return found
            try:
                if self._again and not self._asked:
                    self._again = False
                    self._commit_done()
                first = self._consumer.poll(left if left > 0 else 0)
                messages = [] if first is None else [first]
                if first is not None and max > 1:  # what has come too, without waiting
                    messages += self._consumer.consume(min(max, 10_000) - 1, 0)
            except (self._kafka.KafkaException, RuntimeError) as exc:
                raise self._stream.unavailable(exc) from exc
            for message in messages:
                error = message.error()
                if error is None:
                    self._held.append(message)
                else:
                    self._heard(error)
            if wait <= 0:
                return self._hand_out(max)

    def ack(self, records: Sequence[Record]) -> None:
        for record in records:
            partition = self._partitions.get(record.shard)
            # none: it is another member's now, which reads the record again
            if partition is not None:
                place = partition.done(int(record.id))
                if place is not None:
                    self._commits[record.shard] = place
        self._commit_done()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._leave(list(self._partitions))
            self._consumer.close()

    def _hand_out(self, most: int) -> list[Record]:
        found: list[Record] = []
        taken = 0
        for message in self._held[:most]:
            partition = self._partitions.setdefault(message.partition(), Partition())
            if partition.alone and found:
                break
            taken += 1
            partition.offsets.handed(message.offset())
            found.append(record_of(message, partition.begun))
            if partition.alone:
                break
        del self._held[:taken]
        return found

    def _heard(self, error: Any) -> None:
        """Most reports are of troubles that the client library gets over by itself."""
        if error.fatal():
            raise ConflictError(
                f"another process has taken the name {self.name!r} in this group: {error.str()}",
                where=self._stream.url,
                fix="give each process a name of its own",
            )
        kinds = self._kafka.KafkaError
        if error.code() in (
            kinds._ALL_BROKERS_DOWN,
            kinds._AUTHENTICATION,
            kinds.TOPIC_AUTHORIZATION_FAILED,
            kinds.GROUP_AUTHORIZATION_FAILED,
        ):
            raise self._stream.unavailable(error.str())
        _logger.debug("%s: %s", self._stream.url, error.str())

    def _commit_done(self) -> None:
        """Commit what is done.

        Members that share partitions do not wait for the answer: while partitions are shared out
        anew there is none, and who waits for it holds the others up. What is not confirmed is sent
        again.
        """
        if not self._commits:
            return
        if not self._shared:
            self._commit(self._commits)
            return
        if self._asked:
            self._again = True  # one at a time
            return
        try:
            self._consumer.commit(offsets=self._places(self._commits), asynchronous=True)
            self._asked = True
        except self._kafka.KafkaException as exc:
            _logger.debug("%s: a commit failed: %s", self._stream.url, exc)
            self._again = True

    def _on_commit(self, error: Any, places: list[Any]) -> None:
        self._asked = False
        self._again = self._again or error is not None
        for place in places if error is None else ():
            if self._commits.get(place.partition) == place.offset and place.error is None:
                del self._commits[place.partition]

    def _places(self, offsets: Mapping[int, int]) -> list[Any]:
        place, name = self._kafka.TopicPartition, self._stream.name
        return [
            place(name, shard, offset, metadata=self._partitions[shard].note())
            for shard, offset in offsets.items()
        ]

    def _commit(self, places: dict[int, int]) -> None:
        """Commit and wait for the answer."""
        try:
            self._consumer.commit(offsets=self._places(places), asynchronous=False)
        except self._kafka.KafkaException as exc:
            kinds = self._kafka.KafkaError
            if exc.args[0].code() in (
                kinds.ILLEGAL_GENERATION,
                kinds.UNKNOWN_MEMBER_ID,
                kinds.REBALANCE_IN_PROGRESS,
                kinds._ASSIGNMENT_LOST,
            ):
                if not self._shared:
                    raise ConflictError(
                        f"group {self.group!r} has members that share partitions, so nobody can "
                        "read given shards with it",
                        where=self._stream.url,
                        fix="use another group",
                    ) from exc
                _logger.debug("%s: not committed: %s", self._stream.url, exc)
                return  # shared out anew meanwhile: read again
            raise self._stream.unavailable(exc) from exc
        places.clear()

    def _start(self, shards: Iterable[int]) -> list[Any]:
        """Where to read on, and that it is begun with once more."""
        name, place = self._stream.name, self._kafka.TopicPartition
        timeout = self._stream.timeout
        found, begun = [], {}
        for known in self._consumer.committed([place(name, n) for n in shards], timeout=timeout):
            offset = known.offset
            low, _ = self._consumer.get_watermark_offsets(known, timeout=timeout)
            partition = self._partitions[known.partition] = Partition.read(known.metadata)
            partition.begin()
            partition.first = begun[known.partition] = max(offset, low)
            found.append(place(name, known.partition, max(offset, low)))
        if begun:
            self._commit(begun)
        return found

    def _on_assign(self, consumer: Any, places: list[Any]) -> None:
        consumer.incremental_assign(self._start(place.partition for place in places))

    def _on_revoke(self, consumer: Any, places: list[Any]) -> None:
        self._leave([place.partition for place in places])
        consumer.incremental_unassign(places)

    def _on_lost(self, consumer: Any, places: list[Any]) -> None:
        self._forget([place.partition for place in places])
        consumer.incremental_unassign(places)

    def _leave(self, shards: Sequence[int]) -> None:
        """Commit what is done, and take back that the rest was begun with: nobody died of it."""
        places = {}
        for shard in shards:
            partition = self._partitions.get(shard)
            if partition is not None:
                partition.begun -= 1
                places[shard] = self._commits.get(shard, partition.first)
        try:
            if places:
                self._commit(places)
        except Exception as exc:  # noqa: BLE001  the rest is read again, which is allowed
            _logger.warning("%s: the last commit failed: %s", self._stream.url, exc)
        self._forget(shards)

    def _forget(self, shards: Sequence[int]) -> None:
        self.gone += shards
        for shard in shards:
            self._partitions.pop(shard, None)
            self._commits.pop(shard, None)
        self._held = [message for message in self._held if message.partition() not in shards]
