"""A member of a group of a Redis stream.

A shard has one reader at a time. Who becomes its reader first takes over what earlier readers left
unacknowledged, then reads on. An entry that was handed out twice before is handed out alone, so
that one that kills its reader cannot take others with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.names import new_uid
from mlrun_like.streams.base import NO_HEADERS, Consumer, Forwarding, Record, Stream
from mlrun_like.streams.redis_leases import Membership
from mlrun_like.streams.redis_scripts import FORWARD, TAKE_OVER

if TYPE_CHECKING:
    from mlrun_like.streams.redis import RedisStream

__all__ = ["RedisConsumer", "record_of_entry"]

_SUSPECT = 2
"""Deliveries after which an entry is handed out alone."""
_MOST_BYTES = 16_000_000
"""What is forwarded in one step."""
_LOOK_AGAIN = 5.0
"""Seconds between looks for records that lost replies or late readers left behind."""


class RedisConsumer(Consumer, Forwarding):
    """Made by `RedisStream.consumer`; arguments as there."""

    def __init__(
        self, stream: RedisStream, group: str, name: str, shards: Iterable[int] | None
    ) -> None:
        self.group, self.name = group, name or new_uid()
        self._stream, self._client = stream, stream.client
        self._keys = stream.keys()
        self._members: Membership | None = None
        self._mine: list[int] = []
        self._work: dict[int, set[str]] = {n: set() for n in range(len(self._keys))}
        """Ids that were handed out and are not acknowledged."""
        self._behind: dict[int, str] = {}
        """Shards with records of earlier readers -> where to look on for them."""
        self._looked = time.monotonic()
        self._turn = 0
        self._closed = False
        if shards is None:
            key = f"{stream.name}:group:{group}"
            self._members = Membership(self._client, key, self.name, len(self._keys), stream.lease)
            return
        self._mine = sorted(set(shards))
        if not all(0 <= shard < len(self._keys) for shard in self._mine):
            raise InvalidArgumentError(
                f"shards {self._mine} do not all exist: the stream has {len(self._keys)}",
                where=stream.url,
            )
        self._behind = dict.fromkeys(self._mine, "")

    def read(self, max: int = 100, wait: float = 1.0) -> list[Record]:
        if self._closed:
            raise ConflictError(f"consumer {self.name!r} is closed", where=self._stream.url)
        deadline = time.monotonic() + wait
        while True:
            try:
                self._place()
                found = self._left_behind(max)
                left = deadline - time.monotonic()
                if not found and self._mine and not self._behind:
                    found = self._new(max, min(left, self._stream.lease / 4, 2.0))
            except StoreUnavailableError:
                # The lost reply may have held records.
                self._behind = dict.fromkeys(self._mine, "")
                raise
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            if not self._mine:
                time.sleep(min(left, 0.1))

    def ack(self, records: Sequence[Record]) -> None:
        if records:
            self._forward(records, (), fenced=False)
            self._stream.trim(self._mine)

    def forward(
        self, done: Sequence[Record], outputs: Sequence[tuple[Stream, Sequence[Record]]]
    ) -> bool:
        here = self._client.url
        streams = [stream for stream, _ in outputs]
        if not done or any(getattr(stream, "server", None) != here for stream in streams):
            return False
        if sum(len(record.body) for _, records in outputs for record in records) > _MOST_BYTES:
            return False  # it would hold up the server
        if self._forward(done, outputs, fenced=True) < 0:
            for record in done:
                self._work[record.shard].discard(record.id)
            if self._members is not None:
                self._members.ask_again()
            raise ConflictError(
                "another consumer reads these shards now; it has the records too",
                where=f"{self._stream.url}, consumer {self.name!r}",
            )
        self._stream.trim(self._mine)
        return True

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            if self._members is not None:
                self._members.leave()

    def _place(self) -> None:
        """Learn which shards are this member's now."""
        now = time.monotonic()
        if self._members is not None:
            shards = self._members.shards([n for n in self._mine if self._work[n]])
            if shards is not None:
                self._behind = {n: at for n, at in self._behind.items() if n in shards}
                self._behind.update((n, "") for n in shards if n not in self._mine)
                self._mine = shards
        if now - self._looked > _LOOK_AGAIN:
            self._looked = now
            for shard in self._mine:
                if self._unknown(shard):
                    self._behind.setdefault(shard, "")

    def _unknown(self, shard: int) -> bool:
        """Whether records are out that this member does not know of."""
        try:
            count = self._client.call("XPENDING", self._keys[shard], self.group)[0]
        except InvalidArgumentError:
            return True  # the group has gone: taking over makes it again
        return int(count) != len(self._work[shard])

    def _left_behind(self, most: int) -> list[Record]:
        """Records that earlier readers (this process before a lost reply among them) left."""
        found: list[Record] = []
        for shard in list(self._behind):
            key = self._keys[shard]
            if not self._behind[shard]:
                self._take_over(key)
                self._behind[shard] = "-"
            while len(found) < most and shard in self._behind:
                page = self._client.call(
                    "XPENDING", key, self.group, self._behind[shard], "+", 100, self.name
                )
                work = self._work[shard]
                rows = [
                    (row[0].decode(), int(row[3])) for row in page if row[0].decode() not in work
                ]
                if not page:
                    del self._behind[shard]
                    break
                ids = [id for id, count in rows if count < _SUSPECT]
                first = next((n for n, (_, count) in enumerate(rows) if count >= _SUSPECT), None)
                if first is not None:
                    ids = [id for id, _ in rows[:first]] or ([rows[0][0]] if not found else [])
                ids = ids[: most - len(found)]
                if not ids and rows:
                    return found  # a suspect waits for its turn alone
                if ids:
                    counts = dict(rows)
                    entries = self._client.call("XCLAIM", key, self.group, self.name, 0, *ids)
                    found += self._records(shard, entries, counts)
                    self._behind[shard] = f"({ids[-1]}"
                    if counts[ids[0]] >= _SUSPECT:
                        return found
                else:
                    self._behind[shard] = f"({page[-1][0].decode()}"
        return found

    def _take_over(self, key: str) -> None:
        cursor: Any = "0-0"
        while True:
            try:
                cursor = self._client.script(
                    TAKE_OVER, [key], [self.group, self.name, cursor], again=False
                )
            except InvalidArgumentError as exc:
                if "NOGROUP" not in exc.what and "no such key" not in exc.what:
                    raise
                self._stream.make_group(key, self.group)
                continue
            if cursor == b"0-0":
                return

    def _new(self, most: int, wait: float) -> list[Record]:
        count = len(self._mine)
        chosen = self._mine
        if most < count:  # every shard has its turn
            chosen = [self._mine[(self._turn + n) % count] for n in range(most)]
            self._turn += most
        keys = [self._keys[shard] for shard in chosen]
        command: list[Any] = ["XREADGROUP", "GROUP", self.group, self.name]
        command += ["COUNT", max(1, most // len(chosen))]
        if wait > 0:
            command += ["BLOCK", max(1, int(wait * 1000))]
        try:
            reply = self._client.call(*command, "STREAMS", *keys, *[">"] * len(keys))
        except InvalidArgumentError as exc:
            if "NOGROUP" not in exc.what:
                raise
            self._behind = dict.fromkeys(self._mine, "")  # the server was emptied
            return []
        found: list[Record] = []
        shards = {self._keys[shard].encode(): shard for shard in chosen}
        for key, entries in reply or ():
            found += self._records(shards[key], entries, {})
        return found

    def _records(self, shard: int, entries: Any, counts: dict[str, int]) -> list[Record]:
        found, work = [], self._work[shard]
        for entry in entries:
            if entry is None or entry[1] is None:
                continue  # it was deleted meanwhile
            id = entry[0].decode()
            record = record_of_entry(entry[1], id, shard)
            if counts:
                record.deliveries = counts[id] + 1
            work.add(id)
            found.append(record)
        return found

    def _forward(
        self,
        done: Sequence[Record],
        outputs: Sequence[tuple[Any, Sequence[Record]]],
        *,
        fenced: bool,
    ) -> int:
        ids: dict[int, list[str]] = {}
        for record in done:
            ids.setdefault(record.shard, []).append(record.id)
        members = self._members.key if fenced and self._members is not None else ""
        token = self._members.token if self._members is not None else ""
        keys = [members, *(self._keys[shard] for shard in ids)]
        arguments: list[Any] = [self.group, token, self.name, len(ids)]
        for index, (shard, list_) in enumerate(ids.items()):
            arguments += (index + 2, shard, len(list_), *list_)
        for stream, records in outputs:
            arguments += stream.placed(records, len(keys) + 1)
            keys += stream.keys()
        acked = int(self._client.script(FORWARD, keys, arguments))
        if acked >= 0:
            for record in done:
                self._work[record.shard].discard(record.id)
        return acked


def record_of_entry(fields: list[bytes], id: str, shard: int) -> Record:
    """An entry of a Redis stream as a record."""
    stored = int(id[: id.index("-")]) / 1000
    if fields[0] == b"body":
        count = len(fields)
        key = fields[3].decode("utf-8", "replace") if count > 2 else ""
        headers = _headers(fields[5]) if count > 4 else NO_HEADERS
        return Record(fields[1], key, headers, id, shard, stored)
    record = Record(b"", "", NO_HEADERS, id, shard, stored)
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    if b"body" in named:
        record.body = named[b"body"]
        record.key = named.get(b"key", b"").decode("utf-8", "replace")
        record.headers = _headers(named.get(b"headers", b""))
    else:  # added by another program
        texts = {
            k.decode("utf-8", "replace"): v.decode("utf-8", "replace") for k, v in named.items()
        }
        record.body = orjson.dumps(texts)
    return record


def _headers(text: bytes) -> dict[str, str]:
    try:
        found = orjson.loads(text) if text else {}
    except ValueError:
        found = {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
