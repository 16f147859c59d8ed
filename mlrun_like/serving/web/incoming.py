"""The values of a streaming reply, as its bytes come: the reader's half of `chunks.py`."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import decode, is_json

__all__ = ["ChunkReader"]

Raise = Callable[[int, Mapping[str, str], bytes], Any]


class ChunkReader:
    """Turns parts of a reply into values: events, lines of JSON, text or bytes.

    Args:
        failed: Called with status, headers and body of a failure; raises.

    >>> reader = ChunkReader(print)
    >>> list(reader.feed(200, {"content-type": "application/x-ndjson"}, b'{"a": 1}\\n{"a"'))
    [{'a': 1}]
    """

    def __init__(self, failed: Raise) -> None:
        self._failed = failed
        self._held = b""
        self._status = 200
        self._headers: Mapping[str, str] = {}
        self._read: Callable[[bytes], Iterator[Any]] | None = None
        self._text = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, status: int, headers: Mapping[str, str], part: bytes) -> Iterator[Any]:
        """The values that are complete with this part.

        Raises:
            MLRunLikeError: if the stream tells of a failure.
        """
        if self._read is None:
            self._status, self._headers = status, headers
            self._read = self._form(headers.get("content-type", ""))
        if self._status >= 300:
            self._held += part
            return
        yield from self._read(part)

    def end(self) -> Iterator[Any]:
        """The last value, if no mark followed it; or the failure that came instead of a stream."""
        if self._status >= 300:
            self._failed(self._status, self._headers, self._held)
        kind = self._headers.get("content-type", "")
        if self._held.strip() and (is_json(kind) or kind.startswith("application/x-ndjson")):
            yield decode(self._held)

    def _form(self, kind: str) -> Callable[[bytes], Iterator[Any]]:
        if kind.startswith("text/event-stream"):
            return self._events
        if kind.startswith("application/x-ndjson"):
            return self._lines
        if is_json(kind):  # not a stream: one value, at the end
            return self._hold
        return self._texts if kind.startswith("text/") else self._bytes

    def _hold(self, part: bytes) -> Iterator[Any]:
        self._held += part
        yield from ()

    def _texts(self, part: bytes) -> Iterator[Any]:
        if text := self._text.decode(part):
            yield text

    def _bytes(self, part: bytes) -> Iterator[Any]:
        if part:
            yield part

    def _lines(self, part: bytes) -> Iterator[Any]:
        *lines, self._held = (self._held + part).split(b"\n")
        for line in lines:
            if line.strip():
                yield decode(line)

    def _events(self, part: bytes) -> Iterator[Any]:
        *events, self._held = (self._held + part).replace(b"\r\n", b"\n").split(b"\n\n")
        for event in events:
            name, data = b"", []
            for line in event.split(b"\n"):
                field, _, value = line.partition(b":")
                value = value[1:] if value.startswith(b" ") else value
                if field == b"data":
                    data.append(value)
                elif field == b"event":
                    name = value
            if not data:  # a comment
                continue
            content = b"\n".join(data)
            if name == b"error":
                self._failed(500, {"content-type": "application/json"}, content)
            yield self._value(content)

    def _value(self, content: bytes) -> Any:
        if self._headers.get("mlrun-stream") == "text":
            return content.decode("utf-8", "replace")
        try:
            return decode(content)
        except InvalidArgumentError:
            return content.decode("utf-8", "replace")
