"""Requests from bytes: what httptools calls while it reads a connection."""

from __future__ import annotations

import collections
from typing import Any
from urllib.parse import unquote

import httptools

from mlrun_like.serving.event import Response
from mlrun_like.serving.web.answer import refusal
from mlrun_like.serving.web.body import too_large
from mlrun_like.serving.web.request import HttpEvent, RawHeaders
from mlrun_like.serving.web.watcher import Watcher

__all__ = ["RequestReader"]

_MOST_HEAD = 64 * 1024
_MOST_HEADERS = 256
_MOST_URL = 16 * 1024
_NOTED = frozenset({b"content-length", b"expect"})


class RequestReader:
    """The reading half of a connection: complete requests wait in `waiting`.

    Args:
        watcher: What all connections of a process share.
    """

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.parser: Any = httptools.HttpRequestParser(self)
        self.waiting: collections.deque[tuple[HttpEvent, bytes, bool]] = collections.deque()
        self.since = 0.0
        """When something last happened, by the watcher's clock."""
        self.reading = False
        """Whether a request has begun to arrive."""
        self.in_head = False
        self.old: bool | None = None
        """Whether the client speaks HTTP/1.0; None: nothing has arrived yet."""
        self.refused = False
        """Whether nothing of what the client sends matters any more."""
        self.unread = False
        """Whether the connection ends after the answers that are under way."""
        self.size = 0
        """Bytes of the body that is arriving."""
        self._head_size = self._chunk = 0
        self._url = b""
        self._headers: RawHeaders = []
        self._parts: list[bytes] = []
        self._noted: dict[bytes, bytes] = {}
        self.event: HttpEvent | None = None
        """The request that arrives, once its head is there."""
        self._keep = True

    def refuse(self, response: Response) -> None:
        """Answer with a failure and end the connection."""
        raise NotImplementedError

    def invite(self) -> None:
        """Tell the client to send the body."""
        raise NotImplementedError

    def read(self, data: bytes) -> None:
        """Take in what has come.

        Raises:
            httptools.HttpParserError: if it is not HTTP.
        """
        self._chunk = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.unread = True  # we stay with HTTP/1.1, and what follows is not
            if self.waiting:
                event, body, _ = self.waiting.pop()
                self.waiting.append((event, body, False))
        if self.in_head:
            self._head_size += len(data)
            if len(self._url) > _MOST_URL:
                self._refuse_url()
            elif self._head_size > _MOST_HEAD:
                self._refuse_head()

    def on_message_begin(self) -> None:
        self.reading = self.in_head = True
        self.since = self.watcher.now
        self.event = None
        self._head_size = self.size = 0
        self._url = b""
        self._headers = []
        self._parts = []
        self._noted.clear()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._headers.append((name, value))
        if name in _NOTED:
            self._noted[name] = value

    def on_headers_complete(self) -> None:
        self.in_head = False
        if self.refused:
            return
        parser = self.parser
        if self.old is None:
            version = parser.get_http_version()
            self.old = version == "1.0"
            if version not in ("1.0", "1.1"):
                self.refuse(refusal(505, "http", f"HTTP/{version} is not spoken here"))
                return
        self._keep = parser.should_keep_alive() and not self.old
        url, _, query = self._url.partition(b"?")
        self.event = HttpEvent.of(
            parser.get_method().decode("ascii"), self._path(url), query, self._headers
        )
        if len(self._url) > _MOST_URL:
            self._refuse_url()
        elif len(self._headers) > _MOST_HEADERS:
            self.refuse(refusal(431, "headers", f"there are more than {_MOST_HEADERS} headers"))
        elif self._head_size + self._chunk > _MOST_HEAD and self._is_head_too_large():
            self._refuse_head()
        elif self._noted:
            self._announced()

    def _is_head_too_large(self) -> bool:
        return sum(len(name) + len(value) for name, value in self._headers) > _MOST_HEAD

    def _announced(self) -> None:
        """Decide by what the head says about the body."""
        most = self.watcher.max_body
        length = self._noted.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > most:
            self.refuse(too_large(most))
        elif self._noted.get(b"expect", b"").lower() == b"100-continue":
            self.invite()

    def _path(self, url: bytes) -> str:
        if not url.startswith(b"/") and b"://" in url:  # the form for proxies
            url = b"/" + url.split(b"://", 1)[1].partition(b"/")[2]
        path = url.partition(b"#")[0].decode("latin-1")
        return unquote(path) if "%" in path else path

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self.size += len(body)
        if self.size > self.watcher.max_body and not self.refused:
            self._parts.clear()
            self.refuse(too_large(self.watcher.max_body))

    def on_message_complete(self) -> None:
        self.reading = False
        event = self.event
        if event is None or self.refused or self.unread:
            return
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts = []
        self.waiting.append((event, body, self._keep))

    def _refuse_url(self) -> None:
        self.refuse(refusal(414, "url", f"the URL is longer than {_MOST_URL} bytes"))

    def _refuse_head(self) -> None:
        self.refuse(refusal(431, "headers", f"the head is over {_MOST_HEAD} bytes"))
