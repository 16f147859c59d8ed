"""What goes to a registry and what comes back."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Protocol

__all__ = ["PIECE", "Answer", "Body", "Readable"]

PIECE = 1 << 18
"""Bytes that are read or sent at once."""


class Readable(Protocol):
    """Bytes to send."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


class Body(NamedTuple):
    """What a request carries: opened anew for each try."""

    size: int
    open: Callable[[], Readable]


class Answer:
    """A registry's answer. As a stream it must be read or closed (`with`)."""

    def __init__(
        self, response: http.client.HTTPResponse, url: str, done: Callable[[bool], None]
    ) -> None:
        self.status = response.status
        self.url = url
        self.headers: dict[str, str] = {}
        for name, value in response.getheaders():
            key = name.lower()
            self.headers[key] = f"{self.headers[key]}, {value}" if key in self.headers else value
        self.body = b""
        self._response = response
        self._done: Callable[[bool], None] | None = done
        self._left = response.length  # None: it ends with the last chunk, or the connection
        if self._left == 0:
            self.close()

    def read(self, size: int = PIECE) -> bytes:
        """The next bytes; empty at the end.

        Raises:
            ConnectionError: if the answer ends before the length it announced.
        """
        try:
            data = self._response.read1(size)
            if self._left is not None:
                self._left -= len(data)
                if not data and size and self._left > 0:
                    raise ConnectionError(f"the answer broke off {self._left} bytes before its end")
        except http.client.HTTPException as exc:
            self._end(reusable=False)
            raise ConnectionError(f"the answer broke off: {exc!r}") from exc
        except OSError:
            self._end(reusable=False)
            raise
        return data

    def load(self, limit: int, patience: float) -> None:
        """Read the whole body, at most `limit` bytes, and give the connection back."""
        if self._done is None:
            return
        parts, size, end = [], 0, time.monotonic() + patience
        while self._done is not None:
            data = self.read()
            if not data:
                break
            size += len(data)
            if size > limit:
                self.close()
                raise ConnectionError(f"the answer has more than {limit} bytes")
            if time.monotonic() > end:
                self.close()
                raise TimeoutError(f"the answer was not complete after {patience:.0f} s")
            parts.append(data)
        self.body = b"".join(parts)
        self.close()

    def close(self) -> None:
        """Give the connection back, or close it if something of the answer is left."""
        complete = self._left == 0 or self._response.isclosed()
        reusable = complete and not self._response.will_close
        if reusable:
            self._response.close()  # of the answer only: the connection is free for the next one
        self._end(reusable=reusable)

    def _end(self, *, reusable: bool) -> None:
        if self._done is not None:
            done, self._done = self._done, None
            done(reusable)

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
