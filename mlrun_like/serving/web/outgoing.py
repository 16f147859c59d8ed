"""Requests to other servers, with the standard library alone: kept connections, blocking and async.

The blocking and the async form share everything but the four lines that wait: `reply.py` turns
requests into bytes and bytes into replies. No redirects, cookies, proxies or compression: steps and
clients talk to known servers, and a connection that does nothing else takes a third of the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import socket
import ssl
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping
from typing import TypeVar

from mlrun_like.errors import TooLargeError
from mlrun_like.serving.web.blocking_io import SocketStream, is_readable
from mlrun_like.serving.web.reply import Address, Reply, ReplyReader, parse_url, request_bytes

__all__ = ["HttpClient"]

_READ = 256 * 1024
_MOST_IDLE = 64  # kept connections to one address
_T = TypeVar("_T")
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@functools.cache
def _trust(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class HttpClient:
    """Sends requests over kept connections, from any thread and any event loop.

    Args:
        timeout: Seconds for a whole request, or for the next part of a stream; None: for ever.
        verify: Whether certificates of https servers are checked.
        most: The most bytes of a reply that is read whole; None: any number.

    >>> HttpClient(timeout=2).send("GET", "http://127.0.0.1:9")
    ... # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ConnectionRefusedError: nobody listens there
    """

    def __init__(
        self, timeout: float | None = 60.0, *, verify: bool = True, most: int | None = None
    ) -> None:
        self.timeout, self._most = timeout, most
        self._verify = verify
        self._lock = threading.Lock()
        self._idle: dict[Address, list[socket.socket]] = {}
        self._idle_async: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[Address, list[_Streams]]
        ] = weakref.WeakKeyDictionary()

    def send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Send a request and wait for the whole reply, whatever its status.

        Args:
            method: In capitals.
            url: Whole URL; characters that URLs cannot hold are quoted.
            body: Content.
            headers: Header values by name.
            timeout: Seconds for this request, instead of the client's.

        Raises:
            InvalidArgumentError: if the URL or a header cannot be sent.
            TimeoutError: if it took too long.
            OSError: if the server cannot be reached or breaks off (then a ConnectionError).
            TooLargeError: if the reply has more bytes than the client takes.
        """
        limit = self.timeout if timeout is None else timeout
        until = None if limit is None else time.monotonic() + limit
        with self._stream(method, url, body, headers or {}, limit) as stream:
            stream.until = until
            found = _Bounded(url, self._most)
            for part in stream:
                found.add(part)
            stream.reply.body = b"".join(found.parts)
            return stream.reply

    def stream(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Iterator[tuple[Reply, bytes]]:
        """The reply's head with each part of its body, as they come; at least once."""
        limit = self.timeout if timeout is None else timeout
        with self._stream(method, url, body, headers or {}, limit) as stream:
            told = False
            for part in stream:
                told = True
                yield stream.reply, part
            if not told:
                yield stream.reply, b""

    def _stream(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], limit: float | None
    ) -> SocketStream:
        address, parts = parse_url(url)
        data = request_bytes(method, parts, headers, body)
        connection = self._take(address) or self._connect(address, limit)
        return SocketStream(
            functools.partial(self._give_back, address),
            connection,
            ReplyReader(method),
            data,
            limit,
        )

    async def send_async(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """`send` for an event loop."""
        limit = self.timeout if timeout is None else timeout
        return await _within(self._send_async(method, url, body, headers or {}), limit)

    async def _send_async(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        stream = self.stream_async(method, url, body, headers, math.inf)
        found = _Bounded(url, self._most)
        reply = Reply(0)
        async with contextlib.aclosing(stream):
            async for reply, part in stream:  # noqa: B007  the last one is the reply
                found.add(part)
        reply.body = b"".join(found.parts)
        return reply

    async def stream_async(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[tuple[Reply, bytes], None]:
        """The same for an event loop."""
        limit = self.timeout if timeout is None else timeout
        limit = None if limit == math.inf else limit
        address, parts = parse_url(url)
        data = request_bytes(method, parts, headers or {}, body)
        idle = self._idle_async.setdefault(asyncio.get_running_loop(), {}).setdefault(address, [])
        reader, writer = await self._open(address, idle, limit)
        state = ReplyReader(method)
        told = kept = False
        try:
            writer.write(data)
            await _within(writer.drain(), limit)
            while not state.done:
                part = state.feed(await _within(reader.read(_READ), limit))
                if part or (state.has_head and not told):
                    told = True
                    yield state.reply, part
            kept = state.keep_alive and len(idle) < _MOST_IDLE
            if kept:
                idle.append((reader, writer))
        finally:
            if not kept:
                writer.close()

    async def _open(
        self, address: Address, idle: list[_Streams], timeout: float | None
    ) -> _Streams:
        while idle:
            reader, writer = idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        trust = _trust(self._verify) if address.scheme == "https" else None
        made = asyncio.open_connection(address.host, address.port, ssl=trust, limit=_READ)
        return await _within(made, timeout)

    def close(self) -> None:
        """Close all kept connections; the client can still be used."""
        with self._lock:
            kept, self._idle = self._idle, {}
        for connections in kept.values():
            for connection in connections:
                connection.close()
        for loop, by_address in list(self._idle_async.items()):
            writers = [writer for idle in by_address.values() for _, writer in idle]
            by_address.clear()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_close_all, writers)

    async def close_async(self) -> None:
        """The same for an event loop."""
        idle = self._idle_async.pop(asyncio.get_running_loop(), {})
        writers = [writer for streams in idle.values() for _, writer in streams]
        _close_all(writers)
        for writer in writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        self.close()

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _connect(self, address: Address, timeout: float | None) -> socket.socket:
        connection = socket.create_connection((address.host, address.port), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme != "https":
            return connection
        try:
            return _trust(self._verify).wrap_socket(connection, server_hostname=address.host)
        except BaseException:
            connection.close()
            raise

    def _take(self, address: Address) -> socket.socket | None:
        """A kept connection that the server has not closed in the meantime."""
        while True:
            with self._lock:
                kept = self._idle.get(address)
                if not kept:
                    return None
                connection = kept.pop()
            if not is_readable(connection):
                return connection
            connection.close()

    def _give_back(self, address: Address, connection: socket.socket) -> None:
        with self._lock:
            kept = self._idle.setdefault(address, [])
            if len(kept) < _MOST_IDLE:
                kept.append(connection)
                return
        connection.close()


class _Bounded:
    """The parts of a reply, up to a number of bytes."""

    def __init__(self, url: str, most: int | None) -> None:
        self.parts: list[bytes] = []
        self._url, self._most, self._size = url, most, 0

    def add(self, part: bytes) -> None:
        """Add one, or raise TooLargeError."""
        self.parts.append(part)
        self._size += len(part)
        if self._most is not None and self._size > self._most:
            raise TooLargeError(f"the answer has more than {self._most:,} bytes", where=self._url)


async def _within(waited: Awaitable[_T], timeout: float | None) -> _T:
    try:
        return await asyncio.wait_for(waited, timeout)
    except asyncio.TimeoutError as exc:  # not the built-in one before Python 3.11
        raise TimeoutError(f"no answer within {timeout:g} s") from exc


def _close_all(writers: list[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.close()
