"""Uploads in parts: each part is a file of its own until all are there.

The parts wait in a folder of the project that no path of a user can name. It needs no memory of
this process, so that any of several services can take the next part, also after a restart.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson

from mlrun_like.api.content.transfer import Incoming
from mlrun_like.artifacts.service_root import UPLOADS, RootStore, check_path
from mlrun_like.artifacts.stores import join_url, read_chunks
from mlrun_like.errors import (
    ConflictError,
    IntegrityError,
    MissingFileError,
    NotFoundError,
    TooLargeError,
)
from mlrun_like.names import check_project

__all__ = ["MOST_OF_PART", "Upload", "start_upload", "sweep_uploads"]

MOST_OF_PART = 64 << 20
_ID = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"part-([0-9]{20})-([0-9]{12})")
_KEPT = 86_400.0
_BUSY: set[str] = set()
_LOCK = threading.Lock()


class Upload:
    """One file that comes in parts.

    Args:
        project: The project.
        upload_id: What `start_upload` gave.

    Raises:
        NotFoundError: if there is no such upload (any more).
    """

    def __init__(self, project: str, upload_id: str) -> None:
        if not _ID.fullmatch(upload_id):
            raise _gone(upload_id)
        self.project, self.id = check_project(project), upload_id
        self._store = RootStore()
        self._folder = join_url(self.project, UPLOADS, upload_id)
        try:
            self.head: dict[str, Any] = orjson.loads(self._store.read(self._in("upload.json")))
        except (MissingFileError, ValueError) as exc:
            raise _gone(upload_id) from exc
        self.path = check_path(str(self.head["path"]))

    def _in(self, name: str) -> str:
        return join_url(self._folder, name)

    def parts(self) -> list[tuple[int, int]]:
        """Offset and size of the parts that are there, in order."""
        found = (_PART.fullmatch(name) for name in self._store.list(self._folder))
        return sorted((int(match[1]), int(match[2])) for match in found if match)

    def state(self) -> dict[str, Any]:
        """What a sender must know to go on: the first byte that is missing."""
        done = self._done()
        parts = self.parts()
        received = 0
        for offset, size in parts:
            if offset <= received:
                received = max(received, offset + size)
        state = "done" if done else "working" if self.id in _BUSY else "open"
        return {
            "id": self.id,
            "path": self.path,
            "state": state,
            "received": done["size"] if done else received,
            "parts": len(parts),
            **({"sha256": done["sha256"]} if done else {}),
        }

    def take(self, offset: int, incoming: Incoming) -> int:
        """Store a part; the same part again replaces it. Its size."""
        temporary = self._in(f"coming-{os.urandom(8).hex()}")
        try:
            size = self._store.write(temporary, incoming.chunks())
            target = self._in(f"part-{offset:020d}-{size:012d}")
            here, there = self._store.local_path(temporary), self._store.local_path(target)
            if here is not None and there is not None:
                here.replace(there)
            else:
                with self._store.open(temporary) as file:
                    self._store.write(target, read_chunks(file))
        finally:
            self._store.delete(temporary)
        return size

    def complete(self, size: int, sha256: str, limit: int = 0) -> dict[str, Any]:
        """Put the parts together; the file appears if it has this size and digest.

        Asked again, it says what became of it, so that a sender whose connection broke can ask.

        Raises:
            ConflictError: if parts are missing.
            IntegrityError: if the bytes are others.
        """
        if limit and size > limit:
            raise TooLargeError(f"the file has {size} bytes", fix=f"at most {limit} are taken")
        with _LOCK:
            if self._done() or self.id in _BUSY:
                return self.state()
            _BUSY.add(self.id)
        try:
            self._store.write(join_url(self.project, self.path), self._whole(size, sha256))
            told = {"size": size, "sha256": sha256}
            self._store.write(self._in("done.json"), (orjson.dumps(told),))
            for offset, part in self.parts():
                self._store.delete(self._in(f"part-{offset:020d}-{part:012d}"))
        finally:
            _BUSY.discard(self.id)
        return self.state()

    def abandon(self) -> None:
        """Remove all parts."""
        self._store.delete(self._folder, recursive=True)

    def _done(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = orjson.loads(self._store.read(self._in("done.json")))
        except (MissingFileError, ValueError):
            return None
        return found

    def _whole(self, size: int, sha256: str) -> Iterator[bytes]:
        parts, at = self._chosen(size), 0
        digest = hashlib.sha256()
        for offset, length in parts:
            with self._store.open(self._in(f"part-{offset:020d}-{length:012d}")) as file:
                if offset < at:
                    file.seek(at - offset)
                for piece in read_chunks(file):
                    digest.update(piece)
                    at += len(piece)
                    yield piece
        if at != size or digest.hexdigest() != sha256:
            raise IntegrityError(
                f"the parts are {at} bytes with the SHA-256 {digest.hexdigest()}, and not "
                f"{size} with {sha256}",
                fix="send the file again",
            )

    def _chosen(self, size: int) -> list[tuple[int, int]]:
        """Parts that cover all bytes one after another."""
        chosen, at = [], 0
        for offset, length in self.parts():
            if offset <= at < offset + length:
                chosen.append((offset, length))
                at = offset + length
        if at != size:
            raise ConflictError(
                f"{at} bytes of {size} are here", fix=f"send the part that begins at byte {at}"
            )
        return chosen


def start_upload(project: str, path: str, user: str = "") -> Upload:
    """Begin an upload; what others left behind more than a day ago is removed.

    Raises:
        InvalidArgumentError: if the path cannot be used.
    """
    clean = check_path(path)
    sweep_uploads(project)
    upload_id = os.urandom(16).hex()
    head = {"path": clean, "user": user, "started": time.time()}
    place = join_url(check_project(project), UPLOADS, upload_id, "upload.json")
    RootStore().write(place, (orjson.dumps(head),))
    return Upload(project, upload_id)


def sweep_uploads(project: str, older: float = _KEPT) -> int:
    """Remove a project's uploads that were begun more than `older` seconds ago; how many."""
    store = RootStore()
    folder = join_url(check_project(project), UPLOADS)
    try:
        names = [name.rstrip("/") for name in store.list(folder)]
    except MissingFileError:
        return 0
    removed = 0
    for name in names:
        inner = join_url(folder, name)
        begun = _begun(store, inner)
        if begun is not None and time.time() - begun > older:
            store.delete(inner, recursive=True)
            removed += 1
    return removed


def _begun(store: RootStore, folder: str) -> float | None:
    """When an upload began, or its folder was last written; None: it is not known."""
    try:
        return float(orjson.loads(store.read(join_url(folder, "upload.json")))["started"])
    except (MissingFileError, ValueError, KeyError, TypeError):
        pass  # it is just being made, or broken
    try:
        modified = store.stat(folder).modified
    except MissingFileError:
        return None
    return modified.timestamp() if modified else None


def _gone(upload_id: str) -> NotFoundError:
    return NotFoundError(
        f"there is no upload {upload_id[:40]!r}", fix="begin a new one: they are kept for a day"
    )
