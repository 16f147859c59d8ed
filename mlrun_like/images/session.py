"""Requests to one registry: login, redirects, patience with errors that pass."""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from mlrun_like.errors import EngineError
from mlrun_like.images.answer import Answer, Body
from mlrun_like.images.auth import Credentials
from mlrun_like.images.challenge import Authorizer
from mlrun_like.images.connection import Connections
from mlrun_like.images.documents import MAX_DOCUMENT
from mlrun_like.images.explaining import explain, unreachable

__all__ = ["TRANSIENT", "TRIES", "Request", "Session", "passing", "pause"]

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that may be another one soon."""

TRIES = 5
"""How often a request that may be repeated is sent."""

_FIRST_PAUSE = 0.2  # seconds; doubled from try to try
_LONGEST_PAUSE = 20.0
_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)
_AGENT = {"User-Agent": "mlrun-like", "Accept-Encoding": "identity"}


class Request(NamedTuple):
    """One request to a registry.

    Args:
        method: Such as `"GET"`.
        path: Below the registry, or a whole address.
        scopes: What a token must allow, as in `repository:team/app:pull`.
        headers: Sent with it.
        body: What to send.
        limit: Bytes of the answer to read at once; None leaves it as a stream.
    """

    method: str
    path: str
    scopes: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    body: Body | None = None
    limit: int | None = MAX_DOCUMENT


class Session:
    """Everything that requests to one registry share.

    Args:
        registry: Its name, such as `"docker.io"`.
        host: Host and port that answer.
        insecure: Whether it may be without TLS, or with a certificate nobody checks.
        find_login: Finds the login, called when one is wanted.
        timeout: Seconds to wait for its next sign of life.
        tries: How often a request that may be repeated is sent at most.
    """

    def __init__(
        self,
        registry: str,
        host: str,
        *,
        insecure: bool,
        find_login: Callable[[], Credentials | None],
        timeout: float,
        tries: int = TRIES,
    ) -> None:
        self.registry = registry
        self.host = host
        self._tries = tries
        unchecked = frozenset({host}) if insecure else frozenset()
        self.connections = Connections(timeout, unchecked)
        self._auth = Authorizer(registry, find_login, self.connections, unchecked)
        # Without TLS first: a registry of this machine or network seldom has it.
        self._schemes = ["http", "https"] if insecure else ["https"]

    @property
    def login(self) -> Credentials | None:
        """The login that is used, if one was wanted."""
        return self._auth.login

    def call(self, request: Request, ok: Sequence[int], what: str, where: str) -> Answer:
        """Send a request that may be repeated, until it succeeds or surely does not.

        Args:
            request: What to send.
            ok: Statuses that are returned; others are errors.
            what: For messages, such as `"read manifest latest"`.
            where: For messages: the image or repository.

        Raises:
            BuildError: if the registry refuses.
            NotFoundError: if it does not have the thing.
            EngineError: if it cannot be reached.
        """
        for attempt in range(1, self._tries + 1):
            try:
                answer = self.once(request)
            except OSError as exc:
                if attempt == self._tries or not passing(exc, attempt):
                    raise unreachable(exc, self.host, where) from exc
                pause(attempt)
                continue
            if answer.status in ok:
                return answer
            if answer.status not in TRANSIENT or attempt == self._tries:
                break
            answer.close()
            pause(attempt, answer)
        raise self.refused(answer, what, where)

    def refused(self, answer: Answer, what: str, where: str) -> Exception:
        """The error for an answer that is no success."""
        try:
            answer.load(MAX_DOCUMENT, self.connections.timeout)
        except OSError:
            answer.body = answer.body or b""
        return explain(answer, what, where, self.login)

    def once(self, request: Request, *, again: bool = True) -> Answer:
        """Send a request once, logging in if that is wanted; any status is an answer.

        Args:
            request: What to send.
            again: Whether it may arrive twice.

        Raises:
            OSError: if there is no answer.
        """
        answer, sent = self._follow(request, again)
        if answer.status == 401:
            answer.close()
            if self._auth.learn(answer, request.scopes, sent):
                answer, _ = self._follow(request, again)
        return answer

    def url(self, path: str) -> str:
        """The address of a path, or of what the registry calls itself."""
        url = urljoin(f"{self._schemes[0]}://{self.host}", path)
        # Behind a proxy that ends TLS, registries often believe they are plain HTTP.
        if self._schemes == ["https"] and url.startswith("http:") and self._own(url):
            url = "https" + url.removeprefix("http")
        return url

    def close(self) -> None:
        """Close the connections."""
        self.connections.close()

    def _follow(self, request: Request, again: bool) -> tuple[Answer, Mapping[str, str]]:
        url, auth = self.url(request.path), self._auth.header(request.scopes)
        for _ in range(_REDIRECTS):
            answer = self._send(request, url, auth if self._own(url) else {}, again)
            location = answer.headers.get("location", "")
            if answer.status not in _MOVED or not location or request.body is not None:
                return answer, auth
            answer.close()
            before, url = urlsplit(url), urljoin(url, location)
            after = urlsplit(url)
            if after.scheme == "https" and before.scheme == "http" and self._own(url):
                self._schemes = ["https"]
            if after.scheme not in ("http", "https") or (before.scheme, after.scheme) == (
                "https",
                "http",
            ):
                raise EngineError(
                    f"the registry redirects to an address that is not used: {after.scheme}://"
                    f"{after.netloc}",
                    where=f"registry {self.host}",
                    fix="its operator must make it redirect to https",
                )
        raise EngineError(
            f"the registry redirects more than {_REDIRECTS} times",
            where=f"registry {self.host}, {before.scheme}://{before.netloc}",
            fix="its operator must look into its configuration",
        )

    def _own(self, url: str) -> bool:
        """Whether an address belongs to the registry itself."""
        parts = urlsplit(url)
        usual = ":443" if parts.scheme == "https" else ":80"
        return parts.netloc.removesuffix(usual) == self.host.removesuffix(usual)

    def _send(self, request: Request, url: str, auth: Mapping[str, str], again: bool) -> Answer:
        headers = {**_AGENT, **request.headers, **auth}
        limit = 0 if request.method == "HEAD" else request.limit

        def send(address: str) -> Answer:
            return self.connections.send(
                request.method, address, headers, request.body, limit=limit, again=again
            )

        if len(self._schemes) == 1 or not self._own(url):
            return send(url)
        # The first request finds out whether the registry speaks TLS.
        answer: Answer | None = None
        broken: OSError | None = None
        try:
            answer = send(url)
            if answer.status != 400:
                self._schemes = ["http"]
                return answer
        except (ConnectionRefusedError, socket.gaierror, TimeoutError):
            raise
        except OSError as exc:
            broken = exc
        try:
            found = send("https" + url.removeprefix("http"))
        except OSError as exc:
            if answer is not None:
                return answer
            raise (broken or exc) from exc
        self._schemes = ["https"]
        return found


def passing(exc: OSError, attempt: int) -> bool:
    """Whether another try may help."""
    if isinstance(exc, (ssl.SSLError, socket.gaierror, ConnectionRefusedError)):
        return False
    # Waiting for a silent host takes long enough to do it twice at most.
    return not isinstance(exc, TimeoutError) or attempt < 2


def pause(attempt: int, answer: Answer | None = None) -> None:
    """Wait before the next try: as long as the registry says, else longer from try to try."""
    wanted = answer.headers.get("retry-after", "") if answer is not None else ""
    seconds = _FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
    if wanted.isdecimal():
        seconds = max(seconds, float(wanted))
    time.sleep(min(seconds, _LONGEST_PAUSE))
