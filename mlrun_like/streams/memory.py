"""Streams inside this process, with the same promises as the others as long as it lives."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Consumer, Forwarding, Record, Stream, shard_of

__all__ = ["MemoryConsumer", "MemoryStream", "forget_streams"]


class _Group:
    """What a group has of each shard: where it reads on, and what is out."""

    def __init__(self, shards: int) -> None:
        self.next = [0] * shards
        self.out: list[dict[int, int]] = [{} for _ in range(shards)]
        """Number -> deliveries of records read and not acknowledged, in order."""
        self.again: list[deque[int]] = [deque() for _ in range(shards)]
        """Those of them whose reader has gone."""
        self.owner: list[MemoryConsumer | None] = [None] * shards
        self.members: list[MemoryConsumer] = []


class _Log:
    """The records of one stream; all access holds `changed`."""

    def __init__(self, shards: int) -> None:
        self.changed = threading.Condition(_lock)
        self.records: list[deque[Record]] = [deque() for _ in range(shards)]
        self.first = [0] * shards
        """Number of the oldest record that is kept."""
        self.groups: dict[str, _Group] = {}
        self.turn = 0

    def group(self, name: str) -> _Group:
        if name not in self.groups:
            group = self.groups[name] = _Group(len(self.records))
            group.next = list(self.first)
        return self.groups[name]

    def append(self, records: Iterable[Record]) -> None:
        count = len(self.records)
        for record in records:
            if record.key or count == 1:
                shard = shard_of(record.key, count)
            else:
                shard = self.turn = (self.turn + 1) % count
            number = self.first[shard] + len(self.records[shard])
            kept = Record(
                record.body, record.key, dict(record.headers), str(number), shard, time.time()
            )
            self.records[shard].append(kept)
        self.changed.notify_all()

    def trim(self, keep: int | None, hours: float | None) -> None:
        """Forget records that every group has acknowledged, or that nobody waits for."""
        if not self.groups and keep is None and hours is None:
            return
        oldest = time.time() - hours * 3600 if hours is not None else None
        for shard, records in enumerate(self.records):
            needed = self.first[shard] + len(records)
            for group in self.groups.values():
                needed = min([needed, group.next[shard], *list(group.out[shard])[:1]])
            while records and self.first[shard] < needed:
                if keep is not None and len(records) <= keep:
                    break
                if oldest is not None and records[0].time > oldest:
                    break
                records.popleft()
                self.first[shard] += 1


_lock = threading.RLock()
"""One for all logs: records move from one to another in one step."""
_logs: dict[str, _Log] = {}


def forget_streams() -> None:
    """Forget all streams of this process, with what is in them."""
    with _lock:
        _logs.clear()


class MemoryStream(Stream):
    """A stream in this process.

    Args:
        url: `memory://NAME`; without a name it is this object's own.
        shards: Number of shards if it is made.
        max_length: How many records of a shard are kept although every group has them.
        retention_in_hours: How long they are kept; with both, what passes one of them goes.
        timeout: Not used: memory is always there.
    """

    def __init__(
        self,
        url: str,
        *,
        shards: int | None = None,
        max_length: int | None = None,
        retention_in_hours: float | None = None,
        timeout: float | None = None,
    ) -> None:
        self.url = url
        self.name = url.partition("://")[2].strip("/")
        self._keep, self._hours = max_length, retention_in_hours
        self._wanted = shards or 1
        self._own = _Log(self._wanted) if not self.name else None

    @property
    def log(self) -> _Log:
        """The records; the stream is made if it is not there."""
        if self._own is not None:
            return self._own
        with _lock:
            if self.name not in _logs:
                _logs[self.name] = _Log(self._wanted)
            return _logs[self.name]

    @property
    def shards(self) -> int:
        return len(self.log.records)

    def push_records(self, records: Sequence[Record]) -> None:
        log = self.log
        with _lock:
            log.append(records)
            if not log.groups:
                log.trim(self._keep, self._hours)

    def consumer(
        self, group: str, name: str = "", shards: Iterable[int] | None = None
    ) -> MemoryConsumer:
        return MemoryConsumer(self, group, name, shards)

    def depth(self, group: str) -> int:
        log = self.log
        with _lock:
            found = log.groups.get(group)
            total = 0
            for shard, records in enumerate(log.records):
                end = log.first[shard] + len(records)
                start = found.next[shard] if found else log.first[shard]
                total += end - start + (len(found.out[shard]) if found else 0)
            return total

    def create(self, groups: Iterable[str] = ()) -> None:
        log = self.log
        with _lock:
            for group in groups:
                log.group(group)

    def delete(self) -> None:
        with _lock:
            _logs.pop(self.name, None)
            if self._own is not None:
                self._own = _Log(self._wanted)

    def close(self) -> None:
        """Nothing is held."""


class MemoryConsumer(Consumer, Forwarding):
    """A member of a group of a stream in memory."""

    def __init__(
        self, stream: MemoryStream, group: str, name: str, shards: Iterable[int] | None
    ) -> None:
        self.name = name or new_uid()
        self._stream, self._log = stream, stream.log
        self._closed = False
        with _lock:
            self._group = self._log.group(group)
            count = len(self._log.records)
            self.assigned = None if shards is None else sorted(set(shards))
            if self.assigned is not None and not all(0 <= n < count for n in self.assigned):
                raise InvalidArgumentError(
                    f"shards {self.assigned} do not all exist: the stream has {count}",
                    where=stream.url,
                )
            for member in [m for m in self._group.members if m.name == self.name]:
                member.close()
            self._group.members.append(self)
            self._share()

    def read(self, max: int = 100, wait: float = 1.0) -> list[Record]:
        deadline = time.monotonic() + wait
        with _lock:
            while True:
                if self._closed:
                    raise ConflictError(
                        f"consumer {self.name!r} is closed, or another took its name",
                        where=self._stream.url,
                    )
                self._share()
                found = self._take(max)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                self._log.changed.wait(left)

    def ack(self, records: Sequence[Record]) -> None:
        with _lock:
            for record in records:
                self._group.out[record.shard].pop(int(record.id), None)
            self._log.trim(self._stream._keep, self._stream._hours)
            self._log.changed.notify_all()

    def forward(
        self, done: Sequence[Record], outputs: Sequence[tuple[Stream, Sequence[Record]]]
    ) -> bool:
        if not all(isinstance(stream, MemoryStream) for stream, _ in outputs):
            return False
        with _lock:
            if self._closed or any(self._group.owner[record.shard] is not self for record in done):
                raise ConflictError("another consumer reads these shards now", where=self.name)
            for stream, records in outputs:
                stream.push_records(records)
            self.ack(done)
        return True

    def close(self) -> None:
        with _lock:
            if self._closed:
                return
            self._closed = True
            self._group.members.remove(self)
            for shard, owner in enumerate(self._group.owner):
                if owner is self:
                    self._release(shard)
            self._log.changed.notify_all()

    def _release(self, shard: int) -> None:
        self._group.owner[shard] = None
        self._group.again[shard] = deque(self._group.out[shard])

    def _share(self) -> None:
        """Give back shards above this member's share, take free ones up to it."""
        group, owner = self._group, self._group.owner
        if self.assigned is not None:
            for shard in self.assigned:
                if owner[shard] is None:
                    owner[shard] = self
            return
        sharing = [member for member in group.members if member.assigned is None]
        base, extra = divmod(len(owner), len(sharing))
        share = base + (sharing.index(self) < extra)
        mine = [shard for shard, member in enumerate(owner) if member is self]
        for shard in mine[share:]:
            if len(group.out[shard]) == len(group.again[shard]):  # nothing is in work
                self._release(shard)
                self._log.changed.notify_all()
        for shard, member in enumerate(owner):
            if len(mine) < share and member is None:
                owner[shard] = self
                mine.append(shard)

    def _take(self, most: int) -> list[Record]:
        found: list[Record] = []
        group = self._group
        for shard, member in enumerate(group.owner):
            if member is not self:
                continue
            records, first = self._log.records[shard], self._log.first[shard]
            again = group.again[shard]
            while len(found) < most and again:
                number = again.popleft()
                group.out[shard][number] = count = group.out[shard][number] + 1
                found.append(_handed(records[number - first], count))
            end = first + len(records)
            while len(found) < most and not again and group.next[shard] < end:
                number = group.next[shard]
                group.next[shard] = number + 1
                group.out[shard][number] = 1
                found.append(_handed(records[number - first], 1))
        return found


def _handed(record: Record, deliveries: int) -> Record:
    return Record(
        record.body, record.key, record.headers, record.id, record.shard, record.time, deliveries
    )
