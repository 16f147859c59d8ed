"""Bytes on their way: answers by ranges, and bodies that arrive piece by piece.

Memory does not grow with the file: one piece is held at a time, in both directions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.stores import CHUNK, FileStats
from mlrun_like.errors import (
    IntegrityError,
    InvalidArgumentError,
    MissingFileError,
    OverloadedError,
    PreconditionError,
    TooLargeError,
)

__all__ = ["Incoming", "etag_of", "file_answer", "receive"]

T = TypeVar("T")
_TRANSFERS = 32
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_HEX = re.compile(r"[0-9a-f]{64}")
_STALLED = 60.0


class _Limit:
    """Threads that wait for slow senders are counted apart, so that other requests go on."""

    def __init__(self) -> None:
        self._limiter: anyio.CapacityLimiter | None = None

    def of(self) -> anyio.CapacityLimiter:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_TRANSFERS)
        return self._limiter


def etag_of(stats: FileStats, path: Any = None) -> str:
    """The mark of this version of a file, quoted as headers have it.

    Args:
        stats: What its place knows of it.
        path: Its path on this machine, if it has one.
    """
    parts = [stats.etag, str(stats.size), str(stats.modified.timestamp() if stats.modified else "")]
    if path is not None:
        try:
            found = path.stat()
            parts += [str(found.st_mtime_ns), str(found.st_ino)]
        except OSError:
            parts.append("?")
    return f'"{hashlib.sha256("/".join(parts).encode()).hexdigest()[:32]}"'


def file_answer(request: Request, item: DataItem, headers: Mapping[str, str]) -> Response:
    """The bytes of a file, or the range of them that a request asks for.

    Args:
        request: Its `Range`, `If-Range`, `If-Match` and `If-None-Match` are obeyed.
        item: The file.
        headers: Further headers, with `content-type`.

    Raises:
        MissingFileError: if it is not there, or is a folder.
        PreconditionError: if it is another version than `If-Match` names.
    """
    stats = item.stat()
    if stats.is_dir or stats.size is None:
        raise MissingFileError(f"file {str(item)!r} does not exist", fix="it is a folder: list it")
    size, etag = stats.size, etag_of(stats, item.store.local_path(item._path))
    sent = {**headers, "etag": etag, "accept-ranges": "bytes", "vary": "authorization, cookie"}
    if stats.modified is not None:
        sent["last-modified"] = stats.modified.strftime("%a, %d %b %Y %H:%M:%S GMT")
    wanted = request.headers.get("if-match")
    if wanted and wanted != "*" and etag not in [one.strip() for one in wanted.split(",")]:
        raise PreconditionError("the file has changed", fix="read it from its start")
    known = request.headers.get("if-none-match")
    if known and etag in [one.strip().removeprefix("W/") for one in known.split(",")]:
        return Response(status_code=304, headers=sent)
    start, end, status = 0, size, 200
    asked = request.headers.get("range")
    if asked and request.headers.get("if-range", etag) == etag:
        found = _range(asked, size)
        if found == (0, 0):
            sent["content-range"] = f"bytes */{size}"
            sent.pop("content-type", None)
            return Response(status_code=416, headers=sent)
        if found is not None:
            (start, end), status = found, 206
            sent["content-range"] = f"bytes {start}-{end - 1}/{size}"
    sent["content-length"] = str(end - start)
    if request.scope.get("mlrun_like.method", "GET") != "GET" or start == end:
        # asked by HEAD, or on behalf of a change that wants to know the version
        return Response(status_code=status, headers=sent)
    return StreamingResponse(_pieces(item, start, end), status, headers=sent)


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Start and end of one range; None: what is asked for is not understood, so all is sent;
    (0, 0): it lies beyond the file."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or (not match[1] and not match[2]):
        return None
    if not match[1]:
        count = min(int(match[2]), size)
        return (size - count, size) if count else (0, 0)
    start = int(match[1])
    end = min(int(match[2]) + 1, size) if match[2] else size
    return (start, end) if start < end else (0, 0)


def _pieces(item: DataItem, start: int, end: int) -> Iterator[bytes]:
    with item.open("rb") as file:
        if start:
            file.seek(start)
        left = end - start
        while left > 0:
            piece = file.read(min(CHUNK, left))
            if not piece:
                # the answer must not end as if it were whole: its length was promised
                raise IntegrityError("the file became shorter while it was sent")
            left -= len(piece)
            yield piece


class Incoming:
    """A body on its way into a file store, counted and hashed.

    Args:
        request: The request.
        limit: Most bytes; 0: no limit.
        digest: The SHA-256 that it must have; empty: not known.
        exact: How many bytes it must have; None: not known.
    """

    def __init__(
        self, request: Request, *, limit: int = 0, digest: str = "", exact: int | None = None
    ) -> None:
        self._stream: AsyncIterator[bytes] = request.stream().__aiter__()
        self._limit, self._digest, self._exact = limit, digest, exact
        self._sha256 = hashlib.sha256()
        self.size = 0
        declared = request.headers.get("content-length", "")
        self._declared = int(declared) if declared.isdigit() and len(declared) < 19 else None
        if digest and not _HEX.fullmatch(digest):
            raise InvalidArgumentError(
                f"x-content-sha256 {digest[:80]!r} is no SHA-256", fix="64 hexadecimal digits"
            )
        if limit and (self._declared or 0) > limit:
            raise _too_large(limit)

    @property
    def sha256(self) -> str:
        """The digest of what has come."""
        return self._sha256.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        """The pieces, for a thread of `receive`. What is wrong is raised before the last is out,
        so that a store that writes all or nothing writes nothing."""
        held = bytearray()
        while True:
            piece = anyio.from_thread.run(self._next)
            if piece is None:
                break
            self.size += len(piece)
            if self._limit and self.size > self._limit:
                raise _too_large(self._limit)
            self._sha256.update(piece)
            held += piece
            if len(held) >= CHUNK:
                yield bytes(held)
                held.clear()
        self._check()
        if held:
            yield bytes(held)

    def _check(self) -> None:
        expected = self._declared if self._exact is None else self._exact
        if expected is not None and self.size != expected:
            raise IntegrityError(f"{self.size} bytes came, and not {expected}", fix="send it again")
        if self._digest and self.sha256 != self._digest:
            raise IntegrityError(
                f"the bytes that came have the SHA-256 {self.sha256}, and not {self._digest}",
                fix="send them again",
            )

    async def _next(self) -> bytes | None:
        try:
            with anyio.fail_after(_STALLED):
                return await anext(self._stream)
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise InvalidArgumentError(f"nothing came for {_STALLED:g} s") from None
        except ClientDisconnect:
            raise InvalidArgumentError("the sender hung up") from None


_LIMIT = _Limit()


async def receive(work: Callable[[], T]) -> T:
    """Run `work`, which pulls the pieces of an `Incoming`, in a thread of its own kind.

    Raises:
        OverloadedError: if too many transfers go on.
    """
    limiter = _LIMIT.of()
    if limiter.statistics().tasks_waiting > 4 * _TRANSFERS:
        raise OverloadedError("too many files are being sent", fix="try again in a moment")
    return await anyio.to_thread.run_sync(work, limiter=limiter)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"the file has more than {limit} bytes", fix="ask for a larger service_upload_limit"
    )
