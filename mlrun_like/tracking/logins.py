"""Tokens that are got for names and passwords, each once in a while for the whole process."""

from __future__ import annotations

import hashlib
import json
import math
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mlrun_like.errors import MLRunLikeError, StoreUnavailableError, UnauthorizedError
from mlrun_like.registry import resolve

__all__ = ["Login", "forget_logins", "logged_in"]

_RENEWED = 12 * 3600.0
"""Seconds after which a login is made anew: tokens of services last a day at least."""
_AGAIN = 60.0
"""Seconds after which that is tried again, if it failed."""
_logins: dict[tuple[str, str, bytes], Login] = {}
"""By address, name and the password's digest: another password may be a wrong one."""
_lock = threading.Lock()


@dataclass(eq=False)
class Login:
    """A name and a password with their token, which connections ask for by calling this.

    Args:
        token: The newest token; empty: none yet.
        since: When it was got.
        going: In which process a newer one is being got, and what it will be.
        again: Gets a newer one than that it is given.
        refused: When name and password were refused, after the token had been.
    """

    token: str = ""
    since: float = 0.0
    going: tuple[int, Future[str]] | None = None
    again: Callable[[str], Login] | None = field(default=None, repr=False)
    refused: float = -math.inf

    def __call__(self) -> str:
        return self.token

    def after(self, refused: str) -> str:
        """The token after one that the service refused: a newer one is got, if there is none.

        Args:
            refused: That token; it is the answer if name and password were refused a moment ago.

        Raises:
            UnauthorizedError: if name and password are no longer right.
            MLRunLikeError: if the service does not give a token now.
        """
        lately = time.monotonic() - self.refused < _AGAIN
        if self.again is not None and self.token == refused and not lately:
            login = self.again(refused)
            if login is not self:  # it was forgotten meanwhile
                self.token = login.token
        return self.token


def forget_logins() -> None:
    """Forget the tokens that were got for names and passwords."""
    with _lock:
        _logins.clear()


def logged_in(address: Any, user: str, password: str, refused: str = "") -> Login:
    """The login with a token: one thread gets it, and others wait only if there is none yet.

    Args:
        address: The service's, as `parse_address` gives it.
        user: The name.
        password: The password.
        refused: A token that the service does not take any more, and that is as none.

    Raises:
        UnauthorizedError: if they are not right.
        MLRunLikeError: if there is no token yet, and the service does not give one now.
    """
    key = (address.url, user, hashlib.sha256(password.encode()).digest())
    with _lock:
        login = _logins.setdefault(key, Login())
        login.again = partial(logged_in, address, user, password)
        known, since = login.token, login.since
        known = "" if known == refused else known
        if known and time.monotonic() - since < _RENEWED:
            return login
        process, answer = login.going or (0, Future())
        mine = process != os.getpid()  # a fork has no thread that goes on with it
        if mine:
            answer = Future()
            login.going = os.getpid(), answer
    if not mine:
        if not known:
            answer.result()
        return login
    failed: MLRunLikeError = StoreUnavailableError(
        "the login was broken off", where=address.url, fix="try again"
    )
    found = ""
    try:
        found, since = _log_in(address, user, password), time.monotonic()
    except MLRunLikeError as exc:
        if isinstance(exc, UnauthorizedError) or not known:
            failed = exc
            raise
        # no answer to a login says nothing about the token, which is good for hours
        found, since = known, time.monotonic() - max(0.0, _RENEWED - _AGAIN)
    finally:
        with _lock:
            login.going = None
            if found:
                login.token, login.since, login.refused = found, since, -math.inf
            elif not login.token:
                _logins.pop(key, None)
            elif isinstance(failed, UnauthorizedError):
                # not with each request: the next session asks with the password again
                login.since, login.refused = -math.inf, time.monotonic()
        if found:
            answer.set_result(found)
        else:
            answer.set_exception(failed)
    return login


def _log_in(address: Any, user: str, password: str) -> str:
    client = resolve("mlrun_like.tracking.remote.client:Client")(address)
    name = f"{user}@{socket.gethostname()}"[:200]
    body = json.dumps({"user": user, "password": password, "name": name}).encode()
    try:
        answer = client.request("POST", "/session/token", body, {}, 0.0, anonymous=True)
        found = json.loads(answer.body)["token"]
    except (ValueError, LookupError, TypeError):
        found = None
    finally:
        client.close()
    if not isinstance(found, str) or not found:
        raise StoreUnavailableError(
            "the service's answer to a login cannot be read",
            where=address.url,
            fix="check the address, the setting 'dbpath'",
        )
    return found
