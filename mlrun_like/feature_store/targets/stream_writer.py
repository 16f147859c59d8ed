"""Rows as records of a stream, with positions that make a restart exact where it can be.

Redis takes records and position in one script: nothing is lost or doubled. Elsewhere the position
follows the records of each portion, so that a process that dies between the two pushes that
portion, at most 2,000 records, again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pyarrow as pa

from mlrun_like.errors import ConflictError
from mlrun_like.feature_store.targets.frames import plain, selected, table_of
from mlrun_like.feature_store.targets.positions import Positions
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob
from mlrun_like.streams.base import Record, Stream, to_body
from mlrun_like.streams.redis import RedisStream

__all__ = ["StreamWriter"]

_PORTION = 2_000

_PUSH = """
redis.call('HSETNX', KEYS[1], 'shards', ARGV[1])
local now = redis.call('HGET', KEYS[2], ARGV[2]) or ''
if now == ARGV[4] then return 0 end
if now ~= ARGV[3] then return -1 end
for i = 5, #ARGV, 4 do
  if ARGV[i + 2] ~= '' then
    redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', 'body', ARGV[i + 1], 'key', ARGV[i + 2])
  else
    redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', 'body', ARGV[i + 1])
  end
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
return 1
"""
# KEYS: meta, feeds (hash: feed -> how far), shards. ARGV: number of shards, feed, how far it was,
# how far it is then, and for each record: index of its shard in KEYS, body, key, nothing.
# Returns 0: it was pushed before; -1: another process writes the feed.


class StreamWriter(TargetWriter):
    """Pushes the rows of a feed.

    Args:
        stream: Where to; closed with the writer.
        job: What is written.
        columns: The columns; none: all.
    """

    def __init__(self, stream: Stream, job: WriteJob, columns: Sequence[str]) -> None:
        self._stream, self._job, self._columns = stream, job, list(columns)
        self._positions = Positions(
            stream.url, job.feed, last=not stream.url.startswith(("memory:", "dummy:"))
        )
        self._held: list[pa.Table] = []
        self._rows = 0
        self._at, self._skip = self._read()

    def _read(self) -> tuple[str, int]:
        if not isinstance(self._stream, RedisStream):
            return self._positions.get()
        found = self._stream.client.call_until("HGET", self._feeds(), self._job.feed)
        if not found:
            return "", 0
        position, more = orjson.loads(found)
        return str(position), int(more)

    def _feeds(self) -> str:
        return f"{self._stream.name}:feeds"

    def position(self) -> str:
        return self._read()[0]

    def write(self, frame: Any) -> None:
        table = plain(selected(table_of(frame, self._job), self._columns, self._job))
        if table.num_rows:
            self._held.append(table)

    def commit(self, position: str) -> None:
        # rows that a process pushed before it died come again, in the same order
        more = self._skip
        skip = more
        for records in _portions(self._records(), skip):
            self._push(records, self._at, more, self._at, more + len(records))
            more += len(records)
            self._rows += len(records)
        if (position, 0) != (self._at, more):
            self._push([], self._at, more, position, 0)
        self._held, self._at, self._skip = [], position, 0

    def _records(self) -> Iterator[Record]:
        for table in self._held:
            for start in range(0, table.num_rows, _PORTION):
                for row in _rows(table.slice(start, _PORTION)):
                    key = ".".join(str(row[name]) for name in self._job.entities)
                    yield Record(to_body(row), key)

    def _push(self, records: Sequence[Record], old: str, done: int, new: str, then: int) -> None:
        stream = self._stream
        if not isinstance(stream, RedisStream):
            if records:
                stream.push_records(records)
            self._positions.put(new, then)
            return
        before = orjson.dumps([old, done]) if old or done else b""
        arguments = [stream.shards, self._job.feed, before, orjson.dumps([new, then])]
        arguments += stream.placed(records, 3)
        keys = [stream.meta, self._feeds(), *stream.keys()]
        if stream.client.script(_PUSH, keys, arguments) == -1:
            raise ConflictError(
                f"feed {self._job.feed!r:.80} is being written by another process",
                where=stream.url,
                fix="wait until the other writer has ended",
            )

    def finish(self) -> dict[str, Any]:
        found = {
            "size": None, "path": self._stream.url, "last_written": None, "rows": self._rows,
            "run_id": self._job.run_id or None,
        }  # fmt: skip
        self.close()
        return found

    def abort(self) -> None:
        self._held = []
        self.close()

    def close(self) -> None:
        self._held = []
        self._stream.close()


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    for place, one in enumerate(table.schema):
        if pa.types.is_timestamp(one.type) and one.type.unit == "ns":
            kind = pa.timestamp("us", one.type.tz)
            table = table.set_column(place, one.name, table[place].cast(kind, safe=False))
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def _portions(records: Iterator[Record], skip: int) -> Iterator[list[Record]]:
    held: list[Record] = []
    for number, record in enumerate(records):
        if number < skip:
            continue
        held.append(record)
        if len(held) >= _PORTION:
            yield held
            held = []
    if held:
        yield held
