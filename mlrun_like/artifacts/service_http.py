"""Requests to a service: one connection that is kept, retries with growing pauses, clear errors."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.artifacts.stores import missing
from mlrun_like.errors import (
    AccessDeniedError,
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    MLRunLikeError,
    PreconditionError,
    StoreUnavailableError,
    TooLargeError,
    UnauthorizedError,
)
from mlrun_like.tracking.remote.trust import service_tls

__all__ = ["Answer", "ServiceHttp"]

_TIMEOUT = 60.0
_PATIENCE = 60.0
_AGAIN = frozenset({429, 502, 503, 504})
_MOST = 1 << 16
_ERRORS: Mapping[str, type[MLRunLikeError]] = {
    error.code: error
    for error in (
        AccessDeniedError,
        ConflictError,
        IntegrityError,
        InvalidArgumentError,
        PreconditionError,
        StoreUnavailableError,
        TooLargeError,
        UnauthorizedError,
    )
}

Answer = http.client.HTTPResponse
"""What came back: status, headers, and the body to read."""


class ServiceHttp:
    """A way to one service; for one thread at a time.

    Args:
        address: `http(s)://host:port[/prefix]`.
        authorization: The header's value; empty: none is sent.
        patience: Seconds during which a service that is away is asked again.
    """

    def __init__(
        self, address: str, authorization: str = "", *, patience: float = _PATIENCE
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidArgumentError(
                f"{address!r} is no service's address", fix="for example http://127.0.0.1:8080"
            )
        self.shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._authorization = authorization
        self._patience = patience
        self._idle: http.client.HTTPConnection | None = None

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        shown: str = "",
    ) -> Answer:
        """The answer to a request that may be sent twice without harm; the body is not read yet.

        Raises:
            MissingFileError: for 404. Else the error that the service names.
            StoreUnavailableError: if it stays away.
        """
        until, pause = time.monotonic() + self._patience, 0.1
        while True:
            try:
                answer = self._send(method, path, body, headers or {})
                if answer.status not in _AGAIN:
                    break
                reason: Exception = _error(answer, shown)
                self._done(answer, keep=True)
            except (OSError, http.client.HTTPException) as exc:
                self.close()
                reason = exc
            if time.monotonic() + pause > until:
                if isinstance(reason, MLRunLikeError):
                    raise reason
                raise StoreUnavailableError(
                    f"the service at {self.shown} cannot be reached: {reason}",
                    where=shown,
                    fix="check that it runs, and the address in MLRUN_LIKE_DBPATH",
                ) from reason
            # somewhat by chance, so that many clients do not come back at the same moment
            time.sleep(pause * (0.5 + random.random()))
            pause = min(pause * 2, 5.0)
        if answer.status >= 400 and answer.status != 416:  # that is the end of a file
            error = _error(answer, shown)
            self._done(answer, keep=True)
            raise error
        return answer

    def json(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        shown: str = "",
    ) -> Any:
        """The value in the answer; broken off answers are asked for again by `send`'s rules."""
        answer = self.send(method, path, body=body, headers=headers, shown=shown)
        try:
            data = answer.read()
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise StoreUnavailableError(f"the answer of {self.shown} broke off: {exc}") from exc
        try:
            return json.loads(data) if data else None
        except ValueError as exc:
            raise StoreUnavailableError(
                f"{self.shown} did not answer as a service does", fix="check the address"
            ) from exc

    def close(self) -> None:
        """End the connection; the next request makes a new one."""
        connection, self._idle = self._idle, None
        if connection is not None:
            connection.close()

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        fresh = self._idle is None
        sent = {"Accept": "*/*", **headers}
        if self._authorization:
            sent["Authorization"] = self._authorization
        while True:
            connection = self._idle or self._connect()
            self._idle = connection
            try:
                connection.request(method, f"{self._prefix}/api/v1{path}", body=body, headers=sent)
                return connection.getresponse()
            except (OSError, http.client.HTTPException):
                self.close()
                if fresh:
                    raise
                fresh = True  # a kept connection may have been ended meanwhile: once anew

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=_TIMEOUT, context=service_tls()
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT)

    def _done(self, answer: Answer, *, keep: bool) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if keep and len(answer.read(_MOST)) < _MOST:
                return
        self.close()


def _error(answer: Answer, shown: str) -> MLRunLikeError:
    try:
        detail = json.loads(answer.read(_MOST))["detail"]
        what, code, fix = str(detail["what"]), str(detail["code"]), str(detail.get("fix", ""))
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        what, code, fix = f"the service answered {answer.status} {answer.reason}", "", ""
    if answer.status == 404 and code in ("", "not_found", "missing_file"):
        return missing(shown) if shown else StoreUnavailableError(what, fix=fix)
    kind = _ERRORS.get(code)
    if kind is None:
        kind = InvalidArgumentError if answer.status < 500 else StoreUnavailableError
        kind = {401: UnauthorizedError, 403: AccessDeniedError, 404: InvalidArgumentError}.get(
            answer.status, kind
        )
    return kind(what, where=shown, fix=fix)
