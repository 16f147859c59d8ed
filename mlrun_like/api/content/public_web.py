"""Files of public web servers: a name is looked up once, and what was checked is called."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from typing import IO, Any
from urllib.parse import urlsplit

from mlrun_like.artifacts.stores import missing, redact
from mlrun_like.artifacts.web import WebStore
from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.notifications.inside import public_address

__all__ = ["PublicWebStore"]

_TIMEOUT = 20.0


class PublicWebStore(WebStore):
    """A WebStore without redirects, proxies and credentials, that calls public addresses only."""

    def _request(self, url: str, method: str = "GET", headers: dict[str, str] | None = None) -> Any:
        try:
            parts = urlsplit(url)
            host, secure = parts.hostname or "", parts.scheme == "https"
            port = parts.port or (443 if secure else 80)
        except ValueError as exc:
            raise InvalidArgumentError(f"{redact(url)!r} is not a usable URL") from exc
        if parts.username or parts.password or not host:
            raise InvalidArgumentError(f"{redact(url)!r} is not a usable URL")
        address = public_address(host, port)
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
        try:
            plain = socket.create_connection((address, port), timeout=_TIMEOUT)
            connection.sock = (
                ssl.create_default_context().wrap_socket(plain, server_hostname=host)
                if secure
                else plain
            )
            connection.request(
                method, parts.path or "/", headers={**(headers or {}), "Connection": "close"}
            )
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as exc:
            connection.close()
            raise StoreUnavailableError(f"{redact(url)!r} cannot be reached") from exc
        if answer.status == 416:
            connection.close()
            return io.BytesIO(b"")
        if answer.status in (404, 410):
            connection.close()
            raise missing(url)
        if answer.status not in (200, 206):
            connection.close()
            raise StoreUnavailableError(
                f"{redact(url)!r} answered {answer.status}", fix="redirects are not followed"
            )
        return answer

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """The answer as a file object."""
        if mode not in ("r", "rb", "rt"):
            raise InvalidArgumentError(f"{redact(path)!r} is read only")
        answer: IO[bytes] = self._request(path)
        return answer if "b" in mode else io.TextIOWrapper(answer, encoding=encoding or "utf-8")
