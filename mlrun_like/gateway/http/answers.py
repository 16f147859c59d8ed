"""Bytes of answers: status lines, refusals, and what a worker's answer may not say."""

from __future__ import annotations

import http
import re

import orjson

__all__ = [
    "BODILESS", "CLOSE", "CONTINUE", "LAST", "NO_END", "STATUS", "Refusal", "body_of", "chunk",
    "clean_lines", "declared_length", "refusal",
]  # fmt: skip

CLOSE = b"connection: close\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST = b"0\r\n\r\n"
BODILESS = frozenset({204, 205, 304})
"""Statuses whose answers have no body (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5)."""

_OURS = frozenset(
    {
        b"connection", b"content-length", b"date", b"keep-alive", b"proxy-authenticate",
        b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"x-request-id",
    }
)  # fmt: skip
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_MEMO_MOST = 2048  # heads of answers that are remembered
_MEMO_SIZE = 512  # bytes of one


def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Status"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode("latin-1")


STATUS = {status: _status_line(status) for status in range(100, 1000)}
"""Status lines."""
NO_END = "there is no empty line behind the headers"


class Refusal:
    """An answer that the gateway itself gives.

    Args:
        status: HTTP status.
        content: Header lines, an empty line and the body, as in `wire.ANSWER`.
    """

    __slots__ = ("content", "status")

    def __init__(self, status: int, content: bytes) -> None:
        self.status, self.content = status, content


def refusal(status: int, code: str, what: str, fix: str = "", headers: bytes = b"") -> Refusal:
    """A JSON answer that says why.

    Args:
        status: HTTP status.
        code: One word for programs.
        what: What is wrong, for people.
        fix: What to do about it.
        headers: Further header lines, such as `Retry-After`.

    >>> refusal(404, "route", "nothing is here").content.partition(b"\\r\\n\\r\\n")[2]
    b'{"error":"nothing is here","code":"route"}'
    """
    body = {"error": what, "code": code, **({"fix": fix} if fix else {})}
    data = orjson.dumps(body)
    start = b"content-type: application/json\r\n%bcontent-length: %d\r\n\r\n"
    return Refusal(status, start % (headers, len(data)) + data)


def chunk(data: bytes) -> bytes:
    """One part of a body of unknown length.

    >>> chunk(b"hello")
    b'5\\r\\nhello\\r\\n'
    """
    return b"%x\r\n%b\r\n" % (len(data), data)


_memo: dict[bytes, int] = {}


def body_of(status: int, content: bytes) -> tuple[bytes, int]:
    """An answer whose head is right, and where its body begins.

    Workers run other people's code. What they say about the connection is taken away, and the
    length is made true, so that one answer can never be read as two. Right heads are remembered.

    Args:
        status: HTTP status.
        content: Header lines, an empty line, the body.

    >>> body_of(200, b"content-length: 2\\r\\n\\r\\nhi")
    (b'content-length: 2\\r\\n\\r\\nhi', 21)
    >>> body_of(200, b"Connection: close\\r\\n\\r\\nhi")
    (b'content-length: 2\\r\\n\\r\\nhi', 21)

    Raises:
        ValueError: if there is no empty line.
    """
    at = content.find(b"\r\n\r\n") + 4
    head = content[:at]
    if status not in BODILESS and _memo.get(head) == len(content) - at:
        return content, at
    if content.startswith(b"\r\n"):
        lines, body = b"", content[2:]
    elif at > 3:
        lines, body = head[:-2], content[at:]
    else:
        raise ValueError(NO_END)
    if status in BODILESS:
        body = b""
        made = clean_lines(lines) + b"\r\n"
    else:
        made = b"%bcontent-length: %d\r\n\r\n" % (clean_lines(lines), len(body))
    if len(made) < _MEMO_SIZE and status not in BODILESS:
        if len(_memo) >= _MEMO_MOST:
            _memo.clear()
        _memo[made] = len(body)
        if sorted(made.split(b"\r\n")) == sorted(head.split(b"\r\n")):
            _memo[head] = len(body)  # the same lines in another order
    return made + body, len(made)


def clean_lines(lines: bytes) -> bytes:
    """Header lines that may be sent on: well formed, and none that is about the connection.

    >>> clean_lines(b"A: b\\r\\nTransfer-Encoding: chunked\\r\\nbad line\\r\\n")
    b'A: b\\r\\n'
    """
    found = []
    for line in lines.split(b"\r\n"):
        match = _LINE.fullmatch(line)
        if match is not None and match[1].lower() not in _OURS:
            found.append(b"%b: %b\r\n" % match.groups())
    return b"".join(found)


def declared_length(lines: bytes) -> int:
    """What header lines say about the length of the body; -1: nothing that can be used.

    >>> declared_length(b"Content-Length: 12\\r\\n"), declared_length(b"a: b\\r\\n")
    (12, -1)
    """
    found = -1
    for line in lines.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            value = value.strip()
            if not value.isdigit() or len(value) > 18 or found not in (-1, int(value)):
                return -1
            found = int(value)
    return found
