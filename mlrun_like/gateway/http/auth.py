"""Who may call a function: bearer tokens or user names with passwords, and what each may do.

    Options.auth = {"kind": "none" | "bearer" | "basic",
                    "callers": [{"name": "anna", "hash": "sha256:...", "scopes": ["invoke"]}]}

Scopes: `invoke` allows everything, `invoke:GET` a method, `invoke:GET:/v2/*` a method under a path,
`invoke:*:/v2/*` all methods there, `invoke:POST:/predict` that path alone. Paths are those that the
function sees. A caller without the list `scopes` has `invoke`; with an empty list, nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote_to_bytes

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.http.answers import Refusal, refusal
from mlrun_like.gateway.http.hashes import check_hash, is_password, token_digest

__all__ = ["Caller", "Guard", "check_auth"]

_REMEMBERED = 300.0  # seconds that a right password is remembered
_FORGOTTEN = 10.0  # seconds that a wrong one is
_MOST = 4096  # pairs that are remembered
_MOST_WAITING = 64  # passwords that wait for a thread


class Caller:
    """Somebody with a secret.

    Args:
        name: Who; for the log and the rate limit.
        hash: What is kept of the secret.
        scopes: What it may do.

    >>> caller = Caller("anna", "", ["invoke:GET:/v2/*"])
    >>> [caller.may(b"GET", path) for path in (b"/v2/x", b"/v1", b"/v2/../v1", b"/v2/%2e%2e/v1")]
    [True, False, False, False]
    """

    def __init__(self, name: str, hash: str, scopes: list[str]) -> None:
        self.name, self.hash = name, hash
        self.header = name.encode("utf-8", "replace")
        self.everything = "invoke" in scopes
        self._rules: list[tuple[bytes, bytes]] = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            if kind != "invoke":
                raise InvalidArgumentError(
                    f"scope {scope!r:.80} of caller {name!r:.80} is none of ours",
                    fix="write invoke, invoke:GET or invoke:GET:/path/*",
                )
            method, _, path = rest.partition(":")
            self._rules.append((method.upper().encode() or b"*", path.encode() or b"*"))

    def may(self, method: bytes, path: bytes) -> bool:
        """Whether the caller may send this method to this path (without its query)."""
        if self.everything:
            return True
        path = unquote_to_bytes(path)
        parts = path.replace(b"\\", b"/").split(b"/")
        if b".." in parts or b"." in parts or b"%" in path or b"" in parts[1:-1]:
            return False  # who cleans such a path up gets another one than we looked at
        asked = b"GET" if method == b"HEAD" else method
        for allowed, pattern in self._rules:
            if allowed in (b"*", asked, method):
                if pattern == b"*" or path == pattern:
                    return True
                if pattern.endswith(b"/*") and path.startswith(pattern[:-1]):
                    return True
        return False


class Guard:
    """The decisions of one function.

    Args:
        auth: `Options.auth`.
        realm: What browsers show; the function.
        threads: Where passwords are compared; they take long on purpose.

    Raises:
        InvalidArgumentError: if a kind, hash or scope cannot be used.
    """

    def __init__(
        self, auth: Mapping[str, Any], realm: str, threads: ThreadPoolExecutor | None = None
    ) -> None:
        self.kind = str(auth.get("kind") or "none")
        if self.kind not in ("none", "bearer", "basic"):
            raise InvalidArgumentError(
                f"auth kind {self.kind!r:.80} is unknown", fix="use none, bearer or basic"
            )
        self.open = self.kind == "none"
        """Whether everybody may call."""
        self._threads = threads
        self._salt = os.urandom(16)
        self._callers: dict[bytes, Caller] = {}
        self._known: dict[bytes, tuple[Caller | None, float]] = {}
        self._waiting: dict[bytes, Future[Caller | None]] = {}
        for row in auth.get("callers") or ():
            scopes = row.get("scopes")
            scopes = ["invoke"] if scopes is None else [str(scope) for scope in scopes]
            caller = Caller(str(row.get("name", "")), str(row.get("hash", "")), scopes)
            if self.kind == "bearer":
                self._callers[token_digest(caller.hash)] = caller
            elif self.kind == "basic":
                check_hash(caller.hash if not is_password(caller.hash) else _shape(caller), b"")
                self._callers[caller.header] = caller
        what = 'Bearer realm="%s"' if self.kind == "bearer" else 'Basic realm="%s", charset="UTF-8"'
        asks = what % realm.replace('"', "").replace("\\", "")
        how = "Authorization: Bearer <token>" if self.kind == "bearer" else "a user and password"
        self._absent = refusal(
            401,
            "unauthorized",
            f"function {realm} is not open to everybody",
            f"send {how}",
            b"www-authenticate: %b\r\n" % asks.encode("latin-1", "replace"),
        )
        wrong = asks + (', error="invalid_token"' if self.kind == "bearer" else "")
        self._wrong = refusal(
            401,
            "unauthorized",
            f"function {realm} does not know this caller",
            f"send {how}",
            b"www-authenticate: %b\r\n" % wrong.encode("latin-1", "replace"),
        )
        self._busy = refusal(
            503, "busy", "too many passwords are being looked at", headers=b"retry-after: 1\r\n"
        )

    def find(self, given: bytes) -> Caller | Refusal | Future[Caller | None]:
        """Who the value of `Authorization` names, or why nobody; a future: a thread looks at it."""
        if not given:
            return self._absent
        scheme, _, secret = given.partition(b" ")
        if self.kind == "bearer":
            if scheme.lower() != b"bearer":
                return self._wrong
            digest = hashlib.sha256(secret.strip()).digest()
            # what is looked up is a hash that the sender cannot choose: the time tells nothing
            return self._callers.get(digest) or self._wrong
        if scheme.lower() != b"basic":
            return self._wrong
        key = hmac.digest(self._salt, secret, "sha256")
        known = self._known.get(key)
        if known is not None and known[1] > time.monotonic():
            return known[0] or self._wrong
        return self._look(key, secret)

    def answer(self, caller: Caller | None) -> Caller | Refusal:
        """What the future of `find` brought."""
        return caller or self._wrong

    def _look(self, key: bytes, secret: bytes) -> Refusal | Future[Caller | None]:
        if key in self._waiting:
            return self._waiting[key]
        if self._threads is None or len(self._waiting) >= _MOST_WAITING:
            return self._busy
        future = self._threads.submit(self._compare, secret)
        self._waiting[key] = future
        future.add_done_callback(lambda _: self._remember(key, future))
        return future

    def _compare(self, secret: bytes) -> Caller | None:
        try:
            name, _, password = base64.b64decode(secret.strip(), validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return None
        caller = self._callers.get(name)
        if caller is None:  # takes as long as a wrong password, so that names cannot be tried out
            hashes = [caller.hash for caller in self._callers.values()]
            if hashes:
                check_hash(hashes[0], password)
            return None
        return caller if check_hash(caller.hash, password) else None

    def _remember(self, key: bytes, future: Future[Caller | None]) -> None:
        self._waiting.pop(key, None)
        if future.cancelled() or future.exception() is not None:
            return
        if len(self._known) >= _MOST:
            self._known = {}
        caller = future.result()
        lasts = _REMEMBERED if caller is not None else _FORGOTTEN
        self._known[key] = caller, time.monotonic() + lasts


def _shape(caller: Caller) -> str:
    """The hash of a password with the least work, to see whether its form is right."""
    kind, *parts = caller.hash.split(":")
    cheap = {"scrypt": ["2", "1", "1"], "pbkdf2_sha256": ["1"]}[kind]
    given = parts[: len(cheap)]
    if not all(part.isdigit() and part != "0" for part in given):
        parts = []
    return ":".join([kind, *cheap, *parts[len(cheap) :]])


def check_auth(auth: Mapping[str, Any]) -> None:
    """Look at `Options.auth` before a function is deployed.

    >>> check_auth({"kind": "bearer", "callers": [{"name": "a", "hash": "s3cret"}]})
    Traceback (most recent call last):
    mlrun_like.errors.values.InvalidArgumentError: the hash of a caller's token is not sha256:...

    Raises:
        InvalidArgumentError: naming what cannot be used.
    """
    Guard(auth, "")
