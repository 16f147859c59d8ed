"""Requests to a service: tries again until the deadline, and tells what is wrong in our errors."""

from __future__ import annotations

import gzip
import json
import logging
import secrets
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import (
    IncompatibleVersionError,
    MLRunLikeError,
    RateLimitError,
    SpecError,
    StoreUnavailableError,
    UnauthorizedError,
)
from mlrun_like.tracking.logins import Login
from mlrun_like.tracking.remote.address import Address
from mlrun_like.tracking.remote.answers import error_of, error_of_another
from mlrun_like.tracking.remote.connections import Answer, Connections
from mlrun_like.tracking.remote.credentials import token_for
from mlrun_like.tracking.remote.protocol import METHODS, OLDEST, REVISION, wire_of
from mlrun_like.tracking.remote.retrying import Patience, retry_after
from mlrun_like.tracking.remote.trust import why_not_trusted

__all__ = ["API", "Client"]

API = "/api/v1"
_log = logging.getLogger("mlrun_like.tracking")
_OURS = frozenset({"authorization", "content-encoding", "content-length", "content-type", "host"})
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_TELL_AFTER = 2
_SHORT = 5.0  # seconds for a request that is tried once
_LARGE = 64 << 10
"""Bytes above which bodies are packed, except for this machine."""
_warned: set[str] = set()
"""Services for which it was said that the token can be read on its way."""


class Client:
    """Speaks to one service.

    Args:
        address: The service.
        token: The token to send, or what gives it; empty: the one that is known for the address.
        headers: More headers of each request, below what it says itself.
    """

    def __init__(
        self,
        address: Address,
        token: str | Callable[[], str] = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.address = address
        self._token, self._headers = token, dict(headers or {})
        self.connections = Connections(address)
        self._spec: dict[str, Any] | None = None

    def token(self) -> str:
        """The token to send; empty: none."""
        own = self._token
        return own() if callable(own) else own or token_for(self.address.url)

    def call(self, name: str, arguments: Mapping[str, Any], *, patient: bool = True) -> Any:
        """Call a method of the store and give its result.

        Args:
            name: The method.
            arguments: By name; those that have their default are not sent.
            patient: Try again until the deadline, if the service is away; else once.

        Raises:
            StoreUnavailableError: if the service cannot be reached.
            MLRunLikeError: what the service raised.
        """
        wire, row = wire_of(name, False), METHODS[name]
        try:
            sent = {
                key: wire.arguments[key].write(value)
                for key, value in arguments.items()
                if not _is_default(value, wire.signature.parameters[key].default)
            }
            body = json.dumps(sent, separators=(",", ":")).encode("ascii")
        except (TypeError, ValueError, RecursionError, AttributeError) as exc:
            raise SpecError(
                f"what {name} was given cannot be recorded: {exc}",
                fix="use only None, bool, numbers, text, lists and dicts",
            ) from exc
        headers = {"Idempotency-Key": secrets.token_hex(16)} if row.kind == "change" else {}
        seconds = config.remote_deadline if patient else 0.0
        answer = self.request("POST", f"/store/{name}", body, headers, seconds)
        try:
            return wire.result.read(self._json(answer)["result"])
        except (LookupError, TypeError, ValueError, AttributeError) as exc:
            raise self._not_ours(f"its answer to {name} cannot be read") from exc

    def deliver(self, body: bytes, count: int, seconds: float) -> list[Any]:
        """Deliver a batch of operations; the entries of those that were refused.

        Args:
            body: The batch.
            count: How many operations it has: the answer must account for each of them, or nobody
                knows who took them.
            seconds: How long a service that asks for time gets it; one that is away gets none, for
                records wait on disk and not in memory.
        """
        answer = self.request("POST", "/store/operations", body, {}, seconds, waits=False)
        found = self._json(answer)
        taken, refused = found.get("taken"), found.get("refused")
        if not isinstance(taken, int) or not isinstance(refused, list):
            raise self._not_ours("it does not say what it took of a delivery")
        if taken + len(refused) != count:
            raise self._not_ours(f"of {count} records it took {taken}, refused {len(refused)}")
        return refused

    def spec(self, *, fresh: bool = False) -> dict[str, Any]:
        """What the service says of itself; asked once.

        Raises:
            IncompatibleVersionError: if one side is too old for the other.
            StoreUnavailableError: if it cannot be reached, or is something else.
        """
        if self._spec is None or fresh:
            found = self._json(self.request("GET", "/client-spec", b"", {}, 0.0))
            store = found.get("store")
            if not isinstance(store, dict):
                raise self._not_ours("it does not say that it is one")
            self._compatible(store, str(found.get("version", "?")))
            self._spec = found
        return self._spec

    def methods(self) -> frozenset[str]:
        """What the service can be asked; nothing, if it does not answer now."""
        try:
            found = self.spec()["store"].get("methods")
        except MLRunLikeError:
            return frozenset()
        return frozenset(map(str, found)) if isinstance(found, list) else frozenset()

    def request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float,
        *, waits: bool = True, anonymous: bool = False,
    ) -> Answer:  # fmt: skip
        """Send a request until it is answered, or for so many seconds (0: once, and not for long).

        `waits=False`: again only if the service asks for a while; `anonymous`: without a token.

        Raises:
            StoreUnavailableError: if there is no answer.
            MLRunLikeError: the error that was answered.
        """
        patience = Patience(seconds)
        ours = {"Accept": "application/json", "X-Mlrun-Like-Protocol": str(REVISION), **headers}
        known = {name.lower() for name in ours} | _OURS
        more = {name: text for name, text in self._headers.items() if name.lower() not in known}
        sent = {**more, **ours}
        if body:
            sent["Content-Type"] = "application/json"
        if not self.address.loopback:
            sent["Accept-Encoding"] = "gzip"
            if len(body) > _LARGE:
                body = gzip.compress(body, 1, mtime=0)
                sent["Content-Encoding"] = "gzip"
        asks = bool(body) and not anonymous
        token, again = self.token() if asks else "", True  # what has none is for everybody
        while True:
            if token:
                self._warn_open()
                sent["Authorization"] = f"Bearer {token}"
            asked = 0.0
            problem: MLRunLikeError
            try:
                answer = self._once(method, API + path, body, sent, patience)
            except (OSError, HTTPException) as exc:
                if isinstance(exc, ssl.SSLCertVerificationError):
                    raise self.unreachable(exc) from exc
                problem = self.unreachable(exc)
                if not waits:
                    raise problem from exc
            else:
                if 200 <= answer.status < 300:
                    return answer
                problem = self._error(answer)
                if isinstance(problem, UnauthorizedError) and asks:
                    newer = self.token()
                    if newer == token and again and isinstance(self._token, Login):
                        newer, again = self._token.after(token), False
                    if newer != token:  # somebody logged in meanwhile
                        token = newer
                        continue
                if answer.status not in _LATER:
                    raise problem
                asked = retry_after(answer.headers.get("retry-after", ""))
                if not (waits or asked):
                    raise problem
            if not patience.wait(asked):
                if isinstance(problem, RateLimitError):
                    problem.retry_after = asked or 1.0
                raise problem
            if waits and patience.tries == _TELL_AFTER:
                _log.warning("%s; trying for %g s", problem.what, patience.seconds)

    def _warn_open(self) -> None:
        """Say once that others can read the token on its way."""
        address = self.address
        if address.tls or address.loopback or address.origin in _warned:
            return
        _warned.add(address.origin)
        _log.warning(
            "the token for %s is sent without encryption, and who reads it on its way can use it; "
            "use https:// if it leaves your own network",
            address.origin,
        )

    def unreachable(self, exc: BaseException) -> StoreUnavailableError:
        """The error for a service that does not answer; its text holds no secrets."""
        if isinstance(exc, TimeoutError):
            why, fix = "it does not answer in time", "try again, or set remote_timeout"
        elif isinstance(exc, ConnectionRefusedError):
            why, fix = "nothing listens there", "start it: mlrun-like service start"
        elif isinstance(exc, ssl.SSLError):
            why, fix = why_not_trusted(exc)
        else:
            why, fix = f"{exc}" or type(exc).__name__, "check the address, the setting 'dbpath'"
        what = f"the tracking service cannot be reached: {why[:200]}"
        return StoreUnavailableError(what, where=self.address.url, fix=fix)

    def close(self) -> None:
        """Close all connections; the next request connects anew."""
        self.connections.close()

    def _once(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], patience: Patience
    ) -> Answer:
        most = config.remote_timeout
        timeout = patience.timeout(most if patience.seconds else min(most, _SHORT))
        while True:
            answer = self.connections.request(method, path, body, headers, timeout)
            if answer is not None:
                return answer
            self.connections.close()  # those that are left are as old

    def _error(self, answer: Answer) -> MLRunLikeError:
        known = error_of(answer.status, answer.body, self.address.url)
        if answer.status == 404 and known is None:
            return self._not_ours("it does not know this path")
        if 300 <= answer.status < 400:
            place = answer.headers.get("location", "")[:200]
            return self._not_ours(f"it sends us on to {place!r}, which is not followed")
        if known is None:
            return error_of_another(answer.status, self.address.url)
        if isinstance(known, UnauthorizedError):  # the service cannot know what its client is
            known.fix = f"mlrun-like login {self.address.url}, or set MLRUN_LIKE_ACCESS_KEY"
        return known

    def _not_ours(self, why: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"what answers there is no mlrun-like service: {why}",
            where=self.address.url,
            fix="check the address: the setting 'dbpath' (MLRUN_LIKE_DBPATH)",
        )

    def _json(self, answer: Answer) -> dict[str, Any]:
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._not_ours("its answer is no JSON object")
        return found

    def _compatible(self, store: Mapping[str, Any], version: str) -> None:
        theirs, oldest = store.get("revision"), store.get("oldest")
        if not isinstance(theirs, int) or not isinstance(oldest, int):
            raise self._not_ours("it does not say which protocol it speaks")
        if oldest > REVISION:
            raise IncompatibleVersionError(
                f"the service (version {version}) speaks to clients from protocol {oldest} on, "
                f"this one has {REVISION}",
                where=self.address.url,
                fix="pip install --upgrade mlrun-like",
            )
        if theirs < OLDEST:
            raise IncompatibleVersionError(
                f"the service (version {version}) speaks protocol {theirs}, this client needs "
                f"{OLDEST} or later",
                where=self.address.url,
                fix="update the service, or install its version here",
            )


def _is_default(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)
