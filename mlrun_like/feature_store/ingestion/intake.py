"""Events that were accepted, on disk before anybody is told so: the start of a live ingestion.

A folder of segments `<number of the first event>.log`; each event is

    length (4 bytes) + CRC-32 (4 bytes) + JSON {"o": origin, "i": place there, "b": body, ...}

Numbers count events from 1. An event from a stream has its shard as origin and its id there: one
that comes again is not accepted again. What a kill tore off at the end of the last segment was
never acknowledged, and is cut off.
"""

from __future__ import annotations

import itertools
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from mlrun_like.errors import IntegrityError

__all__ = ["Intake", "Taken", "later"]

_HEAD = struct.Struct("<II")
_SEGMENT = 16 * 1024 * 1024
_LONGEST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Taken:
    """An accepted event.

    Args:
        number: Its number, from 1.
        body: The content, as JSON has it.
        origin: The stream's shard it is from; empty: no stream.
        place: Its id there.
        time: When it happened or came, ISO text; empty: unknown.
        key: Its key in the stream.
    """

    number: int
    body: Any
    origin: str = ""
    place: str = ""
    time: str = ""
    key: str = ""


def later(one: str, other: str) -> bool:
    """Whether one place in a shard is behind another: numbers, or Redis's `ms-n`.

    >>> later("10-2", "9-7"), later("5", "5"), later("1", "")
    (True, False, True)
    """
    return _order(one) > _order(other)


def _order(place: str) -> tuple[Any, ...]:
    parts = place.split("-")
    if all(part.isdigit() for part in parts):
        return (1, *(int(part) for part in parts))
    return (1, place) if place else (0,)


class Intake:
    """Accepts events durably, and gives them again after a restart. Safe for threads.

    Args:
        folder: Where the segments are.
        known: Origin -> place of what was accepted before and may be gone from the folder.
        after: Number of the last event that is not needed any more.
    """

    def __init__(
        self, folder: Path, known: Mapping[str, str] | None = None, after: int = 0
    ) -> None:
        self.folder = folder
        self.places: dict[str, str] = dict(known or {})
        self.number = after
        self._lock = threading.Lock()
        self._handle: BinaryIO | None = None
        self._size = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._waiting = [event for event in self._read() if event.number > after]

    def waiting(self) -> list[Taken]:
        """What was accepted before this start, and is needed again; once."""
        found, self._waiting = self._waiting, []
        return found

    def accept(self, events: Sequence[tuple[Any, str, str, str, str]]) -> list[Taken]:
        """Accept events: body, origin, place, time, key. They are on disk when this returns.

        Returns:
            Those that are new.

        Raises:
            OSError: if they cannot be written; none was accepted then.
            TypeError: if a body cannot be written as JSON.
        """
        with self._lock:
            number, places, taken, parts = self.number, dict(self.places), [], []
            for body, origin, place, time, key in events:
                if origin and not later(place, places.get(origin, "")):
                    continue
                if origin:
                    places[origin] = place
                number += 1
                raw = orjson.dumps(
                    {"o": origin, "i": place, "b": body, "t": time, "k": key},
                    option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY,
                )
                parts.append(_HEAD.pack(len(raw), zlib.crc32(raw)) + raw)
                taken.append(Taken(number, orjson.loads(raw)["b"], origin, place, time, key))
            if parts:
                self._append(b"".join(parts), taken[0].number)
            self.number, self.places = number, places
            return taken

    def _append(self, data: bytes, first: int) -> None:
        if self._handle is None or self._size >= _SEGMENT:
            if self._handle is not None:
                self._handle.close()
            self._handle = (self.folder / f"{first:020d}.log").open("ab", buffering=0)
            self._size = 0
        start = self._handle.tell()
        try:
            view = memoryview(data)
            while view:
                view = view[self._handle.write(view) :]
            os.fsync(self._handle.fileno())
        except OSError:
            self._handle.truncate(start)
            self._handle.close()
            self._handle = None
            raise
        self._size += len(data)

    def forget(self, number: int) -> None:
        """Events up to this number are not needed again."""
        with self._lock:
            segments = self._segments()
            for (_, path), (following, _) in itertools.pairwise(segments):
                if following <= number + 1:
                    path.unlink(missing_ok=True)

    def __enter__(self) -> Intake:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; may be repeated."""
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    def _segments(self) -> list[tuple[int, Path]]:
        found = [(int(p.stem), p) for p in self.folder.glob("*.log") if p.stem.isdigit()]
        return sorted(found)

    def _read(self) -> Iterator[Taken]:
        segments = self._segments()
        for at, (first, path) in enumerate(segments):
            number, good = first, 0
            data = path.read_bytes()
            for end, document in _records(data):
                good = end
                event = Taken(
                    number, document["b"], document["o"], document["i"], document["t"],
                    document.get("k", ""),
                )  # fmt: skip
                if event.origin and later(event.place, self.places.get(event.origin, "")):
                    self.places[event.origin] = event.place
                self.number = max(self.number, number)
                number += 1
                yield event
            if good == len(data):
                continue
            if at + 1 < len(segments):
                raise IntegrityError(
                    f"accepted events are damaged behind byte {good}", where=str(path)
                )
            os.truncate(path, good)
            if not good:
                path.unlink()


def _records(data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Whole records, each with where it ends."""
    at = 0
    while at + _HEAD.size <= len(data):
        size, crc = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + size
        raw = data[at + _HEAD.size : end]
        if size > _LONGEST or end > len(data) or zlib.crc32(raw) != crc:
            return
        yield end, orjson.loads(raw)
        at = end
