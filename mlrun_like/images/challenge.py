"""How a registry wants to be logged in to: Basic, or tokens of a token server.

The token protocol is the distribution project's "Token Authentication" and its OAuth2 form.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from mlrun_like.errors import BuildError, EngineError
from mlrun_like.images.answer import Answer, Body
from mlrun_like.images.auth import Credentials
from mlrun_like.images.connection import Connections, is_local
from mlrun_like.images.sources import BytesSource

__all__ = ["Authorizer", "parse_challenges"]

_MAX_TOKEN = 1 << 20
_MAX_HEADER = 8192
_DEFAULT_LIFE = 60.0  # seconds, by the specification
_MARGIN = 10.0  # seconds before its end from which a token is not used any more
_CLIENT = "mlrun-like"
_WORD = re.compile(
    r'\s*,?\s*(?:(?P<key>[A-Za-z_-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))'
    r"|(?P<scheme>[A-Za-z][A-Za-z0-9_-]*))"
)


def parse_challenges(text: str) -> dict[str, dict[str, str]]:
    """The schemes of a `WWW-Authenticate` header (RFC 9110) with their parameters.

    >>> parse_challenges('Bearer realm="https://auth/token",service="reg", Basic realm="x"')
    {'bearer': {'realm': 'https://auth/token', 'service': 'reg'}, 'basic': {'realm': 'x'}}
    """
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    position = 0
    while (match := _WORD.match(text, position)) is not None:
        position = match.end()
        if match["scheme"]:
            current = found.setdefault(match["scheme"].lower(), {})
        else:
            quoted = match["quoted"]
            value = match["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            current.setdefault(match["key"].lower(), value)
    return found


class _Token(NamedTuple):
    text: str
    ends: float


class Authorizer:
    """Gives each request its `Authorization`, and learns from a 401 what is wanted.

    Args:
        registry: Name for messages.
        find: Finds the login; called when one is wanted, once.
        connections: Used to ask the token server.
        trusted: Hosts a password may be sent to without TLS.
    """

    def __init__(
        self,
        registry: str,
        find: Callable[[], Credentials | None],
        connections: Connections,
        trusted: frozenset[str] = frozenset(),
    ) -> None:
        self.registry = registry
        self._find = find
        self._connections = connections
        self._trusted = trusted
        self._found = False
        self._login: Credentials | None = None
        self._basic = False
        self._bearer: dict[str, str] | None = None
        self._tokens: dict[tuple[str, ...], _Token] = {}
        self._lock = threading.RLock()

    @property
    def login(self) -> Credentials | None:
        """The login that was looked up, if one was wanted and there is one."""
        return self._login

    def header(self, scopes: Sequence[str]) -> dict[str, str]:
        """The header for a request that needs these scopes, as far as it is known what to send.

        Raises:
            BuildError: if the token server refuses.
            EngineError: if it cannot be reached.
        """
        if self._bearer is not None:
            given = self._login.bearer if self._login is not None else ""
            return {"Authorization": f"Bearer {given or self._token(tuple(scopes))}"}
        if self._basic and self._login is not None:
            return {"Authorization": _basic(self._login)}
        return {}

    def learn(self, answer: Answer, scopes: Sequence[str], sent: Mapping[str, str]) -> bool:
        """Take in a 401; whether another try with `header()` may succeed."""
        offered = parse_challenges(answer.headers.get("www-authenticate", "")[:_MAX_HEADER])
        before = sent.get("Authorization", "")
        with self._lock:
            if not self._found:
                self._login, self._found = self._find(), True
            login = self._login
            if "bearer" in offered:
                self._bearer = offered["bearer"]
                held = self._tokens.get(tuple(scopes))
                if held is not None and before == f"Bearer {held.text}":
                    del self._tokens[tuple(scopes)]
                return not (login is not None and login.bearer and before)
            if "basic" in offered and login is not None and login.user:
                self._basic = True
                return not before
        return False

    def _token(self, scopes: tuple[str, ...]) -> str:
        with self._lock:
            held = self._tokens.get(scopes)
            if held is None or held.ends < time.monotonic():
                held = self._tokens[scopes] = self._fetch(scopes)
            return held.text

    def _fetch(self, scopes: tuple[str, ...]) -> _Token:
        bearer = self._bearer or {}
        realm, service = bearer.get("realm", ""), bearer.get("service", "")
        parts = urlsplit(realm)
        where = f"token server {parts.scheme}://{parts.netloc}{parts.path} of {self.registry}"
        login = self._login
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise EngineError(
                f"the registry names a token server that is no address: {realm!r:.200}", where=where
            )
        if login and parts.scheme == "http" and not self._may_read(parts.netloc):
            raise BuildError(
                "the registry wants the password sent without encryption, which is not done",
                where=where,
                fix=f"ask its operator for https, or add {parts.netloc} to "
                "MLRUN_LIKE_INSECURE_REGISTRIES",
            )
        try:
            answer = self._ask(realm, service, scopes)
        except OSError as exc:
            raise EngineError(
                f"the token server cannot be reached: {exc}",
                where=where,
                fix="check the network; a proxy is taken from HTTPS_PROXY",
            ) from exc
        if answer.status != 200:
            raise _refused(answer, login, where)
        return _read_token(answer.body, where)

    def _may_read(self, netloc: str) -> bool:
        return netloc in self._trusted or is_local(netloc)

    def _ask(self, realm: str, service: str, scopes: tuple[str, ...]) -> Answer:
        login = self._login
        if login is not None and login.identity:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": login.identity,
                "client_id": _CLIENT,
                "service": service,
                "scope": " ".join(scopes),
            }
            body = BytesSource(urlencode(form).encode())
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            return self._connections.send(
                "POST", realm, kind, Body(body.size, lambda: body.open(0)), limit=_MAX_TOKEN
            )
        query = [("service", service)] if service else []
        if login is not None and login.user:
            query.append(("account", login.user))
        query += [("scope", scope) for scope in scopes]
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        headers = {"Authorization": _basic(login)} if login is not None and login.user else {}
        return self._connections.send("GET", url, headers, limit=_MAX_TOKEN)


def _basic(login: Credentials) -> str:
    return "Basic " + base64.b64encode(f"{login.user}:{login.password}".encode()).decode()


def _refused(answer: Answer, login: Credentials | None, where: str) -> BuildError | EngineError:
    if answer.status in (400, 401, 403):
        if login is None:
            return BuildError(
                "the registry wants a login and there is none",
                where=where,
                fix="podman login HOST, or set MLRUN_LIKE_REGISTRY_AUTH=HOST=user:password",
            )
        return BuildError(
            f"the token server does not accept the login of {login.user or 'the token'!r}",
            where=f"{where}, login from {login.origin or 'the caller'}",
            fix="check user and password; log in again with 'podman login' or 'docker login'",
        )
    return EngineError(f"the token server answers with status {answer.status}", where=where)


def _read_token(body: bytes, where: str) -> _Token:
    try:
        document = json.loads(body)
        text = document.get("token") or document.get("access_token")
        life = float(document.get("expires_in") or _DEFAULT_LIFE)
        if not isinstance(text, str) or not text.isascii() or not text.isprintable():
            raise ValueError("no token in it")
    except (ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise EngineError(f"the token server's answer is not readable: {exc}", where=where) from exc
    return _Token(text, time.monotonic() + max(life - _MARGIN, 1.0))
