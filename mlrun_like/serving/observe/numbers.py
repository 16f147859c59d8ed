"""Rows of counters that cost an addition, shared by worker processes through files.

With a folder, each process has a file of its own, mapped into memory: nothing is flushed, and what
a process counted stays when it is killed. A reader adds up all files, those of dead workers too,
so sums never go back. A process holds a lock on its file while it lives, which tells the living
from the dead; files of many dead workers are merged into one.

A file is a row of segments; a segment is a row of entries (native byte order: one machine):

    u32 length of the entry, 0: end of the segment
    u32 length of the key
    key in UTF-8 (a JSON list), padded to 8 bytes
    float64 values
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import struct
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import new_uid
from mlrun_like.serving.observe.locks import create_held, is_held

__all__ = ["GAUGE", "Key", "Numbers", "Row", "add_rows"]

Key = tuple[str, ...]
Row = Any
"""Numbers by position: `row[2] += 1.0` (a view of memory)."""

GAUGE = "now"
"""First word of keys whose numbers hold only while their process lives."""

_SEGMENT = 1 << 16
_HEAD = struct.Struct("=II")
_LONGEST_KEY = 300
_MERGED = "merged.json"
_MANY_DEAD = 8


class Numbers:
    """Rows of numbers by key.

    Args:
        folder: Where processes share their numbers; None: they stay in this process.

    Raises:
        InvalidArgumentError: if the folder cannot be used.

    >>> numbers = Numbers()
    >>> numbers.row(("requests", "200"), 1)[0] += 1
    >>> numbers.totals()
    {('requests', '200'): [1.0]}
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder is not None else None
        self._changed: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._close: weakref.finalize[[int], Numbers] | None = None
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                _merge_dead(self.folder)
            except OSError as exc:
                raise InvalidArgumentError(
                    f"the folder for metrics cannot be used: {exc}", where=str(folder)
                ) from exc
        self._begin()
        if self.folder is not None:
            _watch_forks(self)

    def _begin(self) -> None:
        self._rows: dict[Key, Row] = {}
        self._segments: list[Any] = []
        self._used = _SEGMENT
        if self.folder is not None:
            self._path = self.folder / f"{os.getpid()}-{new_uid()}.numbers"
            self._close = weakref.finalize(self, os.close, create_held(self._path))

    def on_change(self, call: Callable[[], None]) -> None:
        """Call this method when all rows have become invalid: in a forked process."""
        self._changed.append(weakref.WeakMethod(call))

    def row(self, key: Key, count: int) -> Row:
        """The row of this key, made with `count` zeros when it is asked for first."""
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = self._make(key, count)
        return found

    def _make(self, key: Key, count: int) -> Row:
        text = json.dumps([part[:_LONGEST_KEY] for part in key]).encode()
        start = _HEAD.size + len(text) + -len(text) % 8
        size = start + 8 * count
        if self._used + size + _HEAD.size > _SEGMENT:
            self._segments.append(self._segment(max(_SEGMENT, size + _HEAD.size)))
            self._used = 0
        segment = self._segments[-1]
        at = self._used
        segment[at + _HEAD.size : at + _HEAD.size + len(text)] = text
        segment[at + 4 : at + 8] = struct.pack("=I", len(text))
        segment[at : at + 4] = struct.pack("=I", size)  # last: from now on it can be read
        self._used = at + size
        return memoryview(segment)[at + start : at + size].cast("d")

    def _segment(self, size: int) -> Any:
        if self._close is None:
            return bytearray(size)
        begin = len(self._segments) * _SEGMENT
        with open(self._path, "r+b") as stream:  # a mapping keeps its file open, and with it a lock
            stream.truncate(begin + _SEGMENT)
            return mmap.mmap(stream.fileno(), _SEGMENT, offset=begin)

    def totals(self) -> dict[Key, list[float]]:
        """The sums over all processes, dead ones included; gauges over living ones."""
        if self.folder is None:
            return {key: list(row) for key, row in self._rows.items()}
        sums: dict[Key, list[float]] = {}
        with _locked(self.folder, fcntl.LOCK_SH):
            merged, done = _read_merged(self.folder)
            add_rows(sums, merged, living=False)
            for path in sorted(self.folder.glob("*.numbers")):
                if path.name not in done:
                    living = is_held(path)
                    add_rows(sums, dict(_entries(path.read_bytes())), living=living)
        return sums

    def close(self) -> None:
        """Let go of the file; its numbers stay. Calling it twice is harmless."""
        if self._close is not None:
            self._close()

    def _forked(self) -> None:
        self.close()  # the parent's lock must not live on in this process
        self._begin()
        for reference in self._changed:
            call = reference()
            if call is not None:
                call()


_shared: weakref.WeakSet[Numbers] = weakref.WeakSet()
_watching = False


def _watch_forks(numbers: Numbers) -> None:
    global _watching
    if not _watching:
        os.register_at_fork(after_in_child=_after_fork)
        _watching = True
    _shared.add(numbers)


def _after_fork() -> None:
    for numbers in list(_shared):
        numbers._forked()


@contextlib.contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    with open(folder / "lock", "ab") as stream:
        fcntl.flock(stream, how)
        yield


def _entries(data: bytes) -> Iterator[tuple[Key, list[float]]]:
    """The rows in a file; an entry that makes no sense ends its segment."""
    for begin in range(0, len(data), _SEGMENT):
        at, end = begin, min(begin + _SEGMENT, len(data))
        while at + _HEAD.size <= end:
            size, length = _HEAD.unpack_from(data, at)
            start = _HEAD.size + length + -length % 8
            if not start <= size <= end - at or (size - start) % 8:
                break
            try:
                key = json.loads(data[at + _HEAD.size : at + _HEAD.size + length])
            except ValueError:
                break
            yield tuple(key), list(struct.unpack_from(f"={(size - start) // 8}d", data, at + start))
            at += size


def add_rows(
    sums: dict[Key, list[float]], rows: Mapping[Key, Sequence[float]], *, living: bool = True
) -> None:
    """Add rows to sums; gauges of processes that are dead do not count."""
    for key, values in rows.items():
        if key[0] == GAUGE and not living:
            continue
        known = sums.setdefault(key, [0.0] * len(values))
        if len(known) == len(values):  # another version counted otherwise: a new beginning
            known[:] = [a + b for a, b in zip(known, values, strict=True)]


def _read_merged(folder: Path) -> tuple[dict[Key, list[float]], set[str]]:
    """What was merged, and the names of the files in it (they may still be there)."""
    try:
        document = json.loads((folder / _MERGED).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}, set()
    return {tuple(key): values for key, values in document["rows"]}, set(document["files"])


def _merge_dead(folder: Path) -> None:
    """Put the numbers of dead workers into one file, if there are many."""
    with _locked(folder, fcntl.LOCK_EX):
        dead = [path for path in folder.glob("*.numbers") if not is_held(path)]
        if len(dead) < _MANY_DEAD:
            return
        sums, done = _read_merged(folder)
        for path in dead:
            if path.name not in done:
                add_rows(sums, dict(_entries(path.read_bytes())), living=False)
        document = {
            "rows": [[key, row] for key, row in sums.items()],
            "files": [p.name for p in dead],
        }
        fresh = folder / f"{_MERGED}.{os.getpid()}"
        fresh.write_text(json.dumps(document), encoding="utf-8")
        os.replace(fresh, folder / _MERGED)  # from here on the files in it do not count
        for path in dead:
            path.unlink(missing_ok=True)
