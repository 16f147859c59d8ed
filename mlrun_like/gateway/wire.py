"""What the gateway and a worker say to each other, over one socket.

A frame is the number of the request it belongs to, its kind, the length of its content, and the
content. Many requests share a socket, and many frames share a system call when there is much to do:
that, and that the worker writes its answers as the client reads them, is why a request by way of
the gateway costs little more than a direct one.

    REQUEST   gateway -> worker   `METHOD TARGET\\r\\nname: value\\r\\n...\\r\\n\\r\\n` and the body
    ANSWER    worker -> gateway   the status (two bytes), header lines, an empty line, the body
    START     worker -> gateway   the same without a body, which follows in CHUNKs
    CHUNK     worker -> gateway   a part of the body
    END       worker -> gateway   the body is complete
    ABORT     worker -> gateway   the body breaks off: its generator failed
    CREDIT    gateway -> worker   the client took so many bytes (4 bytes) of the CHUNKs
    CANCEL    gateway -> worker   nobody waits for this answer any more
    DRAIN     gateway -> worker   finish what is under way, then end (request 0)
    READY     worker -> gateway   JSON: `pid`; `phases`, seconds of each part of the start;
                                  `blocking`, whether it works on one request after the other;
                                  `concurrency`, how many it may have; `notes`
    FAILED    worker -> gateway   JSON: `error`, `traceback`: it could not start and ends
    ACKED     worker -> gateway   JSON: a stream's event that the handler acknowledged itself
    DRAINED   gateway -> worker   JSON: these shards of a stream went to somebody else
    NUMBERS   both ways           asks for, and brings, the worker's own metrics

Each REQUEST ends with exactly one of ANSWER, END and ABORT, also after a CANCEL.
Header lines are `name: value\\r\\n`, as in HTTP/1.1 (RFC 9112).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mlrun_like.errors import MLRunLikeError

__all__ = [
    "ABORT", "ACKED", "ANSWER", "CANCEL", "CHUNK", "CREDIT", "DRAIN", "DRAINED", "END", "FAILED",
    "NUMBERS", "READY", "REQUEST", "START", "WINDOW", "FrameReader", "frame", "heading",
    "joined", "split",
]  # fmt: skip

REQUEST, ANSWER, START, CHUNK, END, ABORT, CREDIT = 1, 2, 3, 4, 5, 6, 7
CANCEL, DRAIN, READY, FAILED, ACKED, DRAINED, NUMBERS = 8, 9, 10, 11, 12, 13, 14
WINDOW = 1 << 20
"""Bytes of CHUNKs that may be on their way to a client before it took any."""
_HEAD = struct.Struct("!IBI")
_MOST = 1 << 30


def frame(number: int, kind: int, content: bytes = b"") -> bytes:
    """The bytes of one frame.

    >>> frame(7, END)
    b'\\x00\\x00\\x00\\x07\\x05\\x00\\x00\\x00\\x00'
    """
    return _HEAD.pack(number, kind, len(content)) + content


def heading(number: int, kind: int, length: int) -> bytes:
    """The head of a frame whose content, `length` bytes, is sent after it.

    >>> heading(7, CHUNK, 2) + b"ab" == frame(7, CHUNK, b"ab")
    True
    """
    return _HEAD.pack(number, kind, length)


def joined(method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """The content of a REQUEST.

    >>> joined(b"POST", b"/a?b=1", [(b"x", b"y")], b"hello")
    b'POST /a?b=1\\r\\nx: y\\r\\n\\r\\nhello'
    """
    lines = [b"%b %b" % (method, target), *[b"%b: %b" % pair for pair in headers]]
    return b"%b\r\n\r\n%b" % (b"\r\n".join(lines), body)


def split(content: bytes) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]:
    """Method, target, headers and body of a REQUEST.

    >>> split(b'POST /a?b=1\\r\\nx: y\\r\\n\\r\\nhello')
    (b'POST', b'/a?b=1', [(b'x', b'y')], b'hello')
    """
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, _, target = first.partition(b" ")
    headers = []
    for line in lines:
        name, _, value = line.partition(b": ")
        headers.append((name, value))
    return method, target, headers, body


class FrameReader:
    """Frames from bytes as they come; each byte is copied once, however the frames are cut.

    >>> reader = FrameReader()
    >>> both = frame(1, CHUNK, b"a") + frame(1, END)
    >>> list(reader.feed(both[:12])), list(reader.feed(both[12:]))
    ([(1, 4, b'a')], [(1, 5, b'')])
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._needed = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Number, kind and content of each frame that is complete.

        Raises:
            MLRunLikeError: if a frame says that it is longer than a gigabyte: the other side
                speaks another language.
        """
        if self._parts:
            self._parts.append(data)
            self._size += len(data)
            if self._size < self._needed:
                return
            data = b"".join(self._parts)
            self._parts.clear()
        at, size, head = 0, len(data), _HEAD.size
        needed = head
        while size - at >= head:
            number, kind, length = _HEAD.unpack_from(data, at)
            if length > _MOST:
                raise MLRunLikeError(f"a frame of {length} bytes is not one of ours")
            end = at + head + length
            if end > size:
                needed += length
                break
            yield number, kind, data[at + head : end]
            at = end
        if at < size:
            self._parts.append(data[at:])
            self._size, self._needed = size - at, needed
