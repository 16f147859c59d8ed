"""A Response as what goes over the wire: headers and bytes."""

from __future__ import annotations

import re
from typing import Any

from mlrun_like.serving.codec import encode
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.web.request import RawHeaders, refused

__all__ = ["content_of", "headers_of", "id_headers", "json_headers", "refusal"]

_JSON = (b"content-type", b"application/json")
_TEXT = b"text/plain; charset=utf-8"
_BYTES = b"application/octet-stream"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LONGEST_ID = 200
_OURS = frozenset({b"content-length", b"transfer-encoding", b"connection"})


def content_of(response: Response) -> tuple[bytes, bytes]:
    """The body as bytes, and its media type: bytes and text as they are, the rest as JSON.

    >>> content_of(Response({"a": 1}))
    (b'{"a":1}', b'application/json')

    Raises:
        TypeError: if it holds something JSON cannot carry.
    """
    body: Any = response.body
    given = response.content_type.encode("latin-1", "replace")
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), given or _BYTES
    if isinstance(body, str):
        return body.encode("utf-8", "replace"), given or _TEXT
    if body is None:
        return b"", given
    return encode(body), given or _JSON[1]


def headers_of(response: Response, kind: bytes) -> RawHeaders:
    """The headers of an answer, without its length.

    Raises:
        InvalidArgumentError: with the status 500, if a name or value cannot be sent, such as one
            with a line end.
    """
    found = [(b"content-type", kind)] if kind else []
    for name, value in response.headers.items():
        text = str(value)
        if not _NAME.fullmatch(name) or not _sendable(text):
            raise refused(
                f"the answer's header {name!r:.60} cannot be sent: {text!r:.80}",
                "header values are one line of Latin-1 text",
                500,
            )
        key = name.lower().encode("ascii")
        if key == b"content-type":
            found = [(key, text.encode("latin-1"))]
        elif key not in _OURS:  # the length and the connection are the server's affair
            found.append((key, text.encode("latin-1")))
    if not _sendable(kind.decode("latin-1")):
        raise refused(f"the answer's content type cannot be sent: {kind[:80]!r}", "", 500)
    return found


def _sendable(text: str) -> bool:
    if text.isascii() and text.isprintable():
        return True
    return all(char == "\t" or (" " <= char <= "\xff" and char != "\x7f") for char in text)


def id_headers(event: Event) -> RawHeaders:
    """The header that tells a client by which id its request was recorded, if its answer does not.

    >>> event = Event()
    >>> vars(event)["recorded_id"] = "a1"
    >>> id_headers(event)
    [(b'mlrun-event-id', b'a1')]
    """
    found = vars(event).get("recorded_id")
    if found is None:
        return []
    text = str(found)
    # the id may be the client's own: never a line end, nothing endless
    sendable = text.isascii() and text.isprintable() and len(text) <= _LONGEST_ID
    return [(b"mlrun-event-id", text.encode())] if sendable else []


def json_headers(length: int) -> RawHeaders:
    """The headers of a JSON answer of so many bytes."""
    return [_JSON, (b"content-length", b"%d" % length)]


def refusal(status: int, code: str, what: str, fix: str = "", **headers: str) -> Response:
    """The answer to a request that never becomes an event.

    >>> refusal(405, "method", "no", Allow="GET").headers
    {'Allow': 'GET'}
    """
    body = {"error": what, "code": code, "fix": fix}
    return Response(
        {key: value for key, value in body.items() if value},
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
    )
