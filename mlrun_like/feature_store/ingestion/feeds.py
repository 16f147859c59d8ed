"""Where an ingestion keeps how far it is, so that another process goes on after a kill.

A feed is one ingestion, from its first chunk to its end. Its folder holds

    feed.json         what it reads and writes
    point-<n>         the state of the transformation and of the statistics after chunk n
    lock              held by the process that works on it

A point is written before the targets commit chunk n, and the two newest points are kept: after a
kill every target has committed either the newest or the one before, so the state that fits the
target that is furthest behind is always there.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlrun_like.errors import ConflictError, IntegrityError, NotFoundError
from mlrun_like.names import new_uid

__all__ = ["START", "Feed", "Place", "Point", "find_feed", "list_feeds"]

_KEPT = 2
_MAGIC = b"MLFP1\n"


@dataclass(frozen=True)
class Place:
    """A place in a feed: what targets keep as their position.

    Args:
        chunk: Number of the last chunk that is in; 0: none.
        at: The source's own position behind it.
        rows: Rows read from the source up to here.
        ended: Nothing follows.

    >>> Place.read(str(Place(3, "x", 30))) == Place(3, "x", 30), Place.read("").chunk
    (True, 0)
    """

    chunk: int = 0
    at: str = ""
    rows: int = 0
    ended: bool = False

    def __str__(self) -> str:
        document = {"chunk": self.chunk, "at": self.at, "rows": self.rows, "ended": self.ended}
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Place:
        """From a target's position; empty text is the start.

        Raises:
            IntegrityError: if it is not a place.
        """
        if not text:
            return cls()
        try:
            found = json.loads(text)
            return cls(int(found["chunk"]), str(found["at"]), int(found["rows"]), found["ended"])
        except (ValueError, KeyError, TypeError) as exc:
            raise IntegrityError(
                f"a target keeps {text!r:.80} as the place of an ingestion, which it is not"
            ) from exc


START = Place()


@dataclass
class Point:
    """What is needed to go on behind a place.

    Args:
        place: The place.
        counts: Rows written, rejected, ... so far.
        parts: Name -> bytes: states.
    """

    place: Place
    counts: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, bytes] = field(default_factory=dict)

    def dump(self) -> bytes:
        """As bytes."""
        sizes = {name: len(part) for name, part in self.parts.items()}
        head = json.dumps({"place": str(self.place), "counts": self.counts, "sizes": sizes})
        raw = head.encode()
        return b"".join([_MAGIC, struct.pack("<Q", len(raw)), raw, *self.parts.values()])

    @classmethod
    def load(cls, data: bytes, where: str) -> Point:
        """From bytes.

        Raises:
            IntegrityError: if they are not a point.
        """
        try:
            if not data.startswith(_MAGIC):
                raise ValueError("not a point")
            at = len(_MAGIC) + 8
            (size,) = struct.unpack("<Q", data[len(_MAGIC) : at])
            head = json.loads(data[at : at + size])
            at += size
            parts = {}
            for name, length in head["sizes"].items():
                parts[name] = data[at : at + length]
                at += length
            if at != len(data):
                raise ValueError(f"{len(data) - at} bytes too many")
            return cls(Place.read(head["place"]), head["counts"], parts)
        except (ValueError, KeyError, TypeError, struct.error) as exc:
            raise IntegrityError(
                f"the state of an ingestion is damaged: {exc}", where=where
            ) from exc


class Feed:
    """One ingestion's folder.

    Args:
        folder: `<root>/<feed id>`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = folder.name

    @classmethod
    def create(cls, root: Path, document: Mapping[str, Any], feed: str = "") -> Feed:
        """A new feed.

        Args:
            root: Folder of the feature set's feeds.
            document: What it reads and writes.
            feed: Its id, else a random one.

        Raises:
            ConflictError: if there is one of that id.
        """
        made = cls(root / (feed or new_uid()))
        try:
            made.folder.mkdir(parents=True)
        except FileExistsError:
            raise ConflictError(
                f"there is an unfinished ingestion {made.id!r}",
                where=str(root),
                fix=f"go on with it: resume={made.id!r}",
            ) from None
        _write(made.folder / "feed.json", json.dumps(dict(document), indent=1).encode())
        return made

    def document(self) -> dict[str, Any]:
        """What it reads and writes.

        Raises:
            IntegrityError: if the file is damaged.
        """
        path = self.folder / "feed.json"
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError) as exc:
            raise IntegrityError(f"an ingestion's file is damaged: {exc}", where=str(path)) from exc
        return dict(found)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """No other process works on it meanwhile.

        Raises:
            ConflictError: if one does already.
        """
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ConflictError(
                    f"another process works on ingestion {self.id!r}",
                    where=str(self.folder),
                    fix="wait until it ends",
                ) from None
            yield
        finally:
            os.close(handle)

    def keep(self, point: Point) -> None:
        """Write a point, durably; older ones than the one before it go."""
        _write(self._path(point.place.chunk), point.dump())
        for number in self._numbers()[:-_KEPT]:
            self._path(number).unlink(missing_ok=True)

    def point(self, chunk: int) -> Point:
        """The point of a chunk; that of chunk 0 is the start.

        Raises:
            NotFoundError: if there is none.
            IntegrityError: if it is damaged.
        """
        if chunk == 0:
            return Point(START)
        path = self._path(chunk)
        try:
            return Point.load(path.read_bytes(), str(path))
        except FileNotFoundError:
            raise NotFoundError(
                f"ingestion {self.id!r} has no state after chunk {chunk}, which a target is at",
                where=str(self.folder),
                fix="ingest anew with overwrite=True",
            ) from None

    @property
    def touched(self) -> bool:
        """Whether there is a point, so that a target may have committed something."""
        return bool(self._numbers())

    def remove(self) -> None:
        """Forget it: it ended, or was given up."""
        gone = self.folder.with_name(f".{self.id}.gone")
        try:
            self.folder.rename(gone)  # at once, so that nobody finds half a feed
        except FileNotFoundError:
            return
        shutil.rmtree(gone, ignore_errors=True)

    def _path(self, chunk: int) -> Path:
        return self.folder / f"point-{chunk}"

    def _numbers(self) -> list[int]:
        names = [path.name for path in self.folder.glob("point-*")]
        return sorted(int(name[6:]) for name in names if name[6:].isdigit())


def list_feeds(root: Path) -> list[Feed]:
    """The unfinished ingestions below a folder, oldest first."""
    found = []
    for path in root.glob("*/feed.json"):
        if not path.parent.name.startswith("."):
            found.append((path.stat().st_mtime_ns, path.parent))
    return [Feed(folder) for _, folder in sorted(found)]


def find_feed(root: Path, resume: str | bool) -> Feed | None:
    """The feed to go on with; None if `resume` is True and there is none.

    Raises:
        NotFoundError: if it is named and not there.
    """
    known = list_feeds(root)
    if resume is True:
        return known[-1] if known else None
    for feed in known:
        if feed.id == resume:
            return feed
    raise NotFoundError(
        f"there is no unfinished ingestion {resume!r:.60}",
        where=str(root),
        fix=f"unfinished: {', '.join(feed.id for feed in known) or 'none; it may have ended'}",
    )


def _write(path: Path, data: bytes) -> None:
    """A whole file or none."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)
