"""Users and service accounts: what is right for a name, a password, a change."""

from __future__ import annotations

import re
import threading
import time
import uuid
from dataclasses import dataclass
from functools import cache
from typing import Any

from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError
from mlrun_like.gateway.http.hashes import check_hash, hash_password
from mlrun_like.tracking.access_abilities import UserRow
from mlrun_like.tracking.store import SqlStore

__all__ = [
    "UserChange",
    "add_user",
    "change_user",
    "check_password",
    "check_user_name",
    "delete_user",
    "is_user_name",
    "user_data",
    "user_named",
    "users_data",
]

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.@+]{0,126}[A-Za-z0-9])?\Z")
_EMAIL = re.compile(r"[^@\s<>\"']{1,64}@[^@\s<>\"']{1,190}\Z")
_LEAST, _MOST = 10, 1024
_hashing = threading.Semaphore(2)
"""A hash takes 16 MB and 40 ms of a core: many tries at once shall not take the machine."""


@cache
def _nobody() -> str:
    """What an unknown name's password is compared with, so that it takes as long."""
    return hash_password(uuid.uuid4().hex)


@dataclass(frozen=True)
class UserChange:
    """What changes of a user; None: stays."""

    email: str | None = None
    is_admin: bool | None = None
    disabled: bool | None = None
    password: str | None = None


def is_user_name(name: object) -> bool:
    """Whether a user could have this name.

    >>> is_user_name("anna"), is_user_name("a b")
    (True, False)
    """
    return isinstance(name, str) and _NAME.match(name) is not None


def check_user_name(name: str) -> str:
    """`name` if it may name a user, else InvalidArgumentError."""
    if not is_user_name(name):
        raise InvalidArgumentError(
            f"user name {str(name)[:80]!r} is not allowed",
            fix="letters, digits and - _ . @ +, at most 128, such as 'anna' or 'anna@example.com'",
        )
    return name


def _email(text: str) -> str:
    if not isinstance(text, str) or (text and not _EMAIL.match(text)):
        raise InvalidArgumentError(
            f"{str(text)[:80]!r} is no e-mail address", fix="write it as anna@example.com"
        )
    return text


def _password(text: str) -> str:
    if not isinstance(text, str) or not _LEAST <= len(text) <= _MOST:
        raise InvalidArgumentError(
            f"a password has {_LEAST} to {_MOST} characters",
            fix="choose a longer one: three words that do not belong together",
        )
    try:
        with _hashing:
            return hash_password(text)
    except UnicodeEncodeError as exc:
        raise InvalidArgumentError("a password has a character that is none") from exc


def add_user(
    store: SqlStore, name: str, *, email: str = "", password: str = "", is_admin: bool = False,
    kind: str = "user", subject: str = "",
) -> UserRow:  # fmt: skip
    """Add a user, or a service account (`kind="service"`), which has no password.

    Raises:
        InvalidArgumentError: if the name, address or password cannot be.
        ConflictError: if the name is taken.
    """
    if kind not in ("user", "service"):
        raise InvalidArgumentError(f"kind {str(kind)[:40]!r} is not known", fix="user or service")
    if kind == "service" and password:
        raise InvalidArgumentError(
            "a service account has no password", fix="make a token for it instead"
        )
    now = time.time()
    user = UserRow(
        uuid.uuid4().hex,
        check_user_name(name),
        _email(email),
        kind,
        _password(password) if password else "",
        subject or None,
        bool(is_admin),
        False,
        now,
        now,
    )
    store.add_user(user)
    return user


def user_named(store: SqlStore, name: str) -> UserRow:
    """The user of this name. Raises NotFoundError."""
    user = store.find_user(name=name) if is_user_name(name) else None
    if user is None:
        raise NotFoundError(
            f"there is no user {name[:128]!r}",
            fix="mlrun-like service user list   shows all",
        )
    return user


def change_user(store: SqlStore, name: str, change: UserChange, *, keep: str = "") -> UserRow:
    """Change a user. A new password or a lock ends its sessions, but for `keep`.

    Raises:
        NotFoundError: if there is none.
        ConflictError: if nobody could administrate the service any more.
    """
    user = user_named(store, name)
    new = user._replace(updated=time.time())
    if change.email is not None:
        new = new._replace(email=_email(change.email))
    if change.is_admin is not None:
        new = new._replace(is_admin=change.is_admin)
    if change.disabled is not None:
        new = new._replace(disabled=change.disabled)
    if change.password is not None:
        if user.kind == "service":
            raise InvalidArgumentError("a service account has no password")
        new = new._replace(password=_password(change.password))
    if user.is_admin and (new.disabled or not new.is_admin):
        _keep_an_admin(store, user)
    store.change_user(new)
    if new.disabled or change.password is not None:
        store.end_sessions(user_id=user.user_id, but="" if new.disabled else keep)
    return new


def delete_user(store: SqlStore, name: str) -> None:
    """Delete a user with its tokens, sessions and roles.

    Raises:
        NotFoundError: if there is none.
        ConflictError: if it is the last administrator.
    """
    user = user_named(store, name)
    if user.is_admin:
        _keep_an_admin(store, user)
    store.delete_user(user.user_id)


def check_password(user: UserRow | None, password: str) -> bool:
    """Whether it is the user's password; takes as long if there is no user or no password."""
    wanted = user.password if user is not None and user.password else _nobody()
    given = password[:_MOST].encode("utf-8", "surrogatepass")
    with _hashing:
        right = check_hash(wanted, given)
    return right and user is not None and wanted == user.password and not user.disabled


def user_data(user: UserRow) -> dict[str, Any]:
    """What the API shows of a user."""
    return {
        "name": user.name,
        "email": user.email,
        "kind": user.kind,
        "is_admin": user.is_admin,
        "disabled": user.disabled,
        "has_password": bool(user.password),
        "login": user.subject.partition("|")[0] if user.subject else "",
        "created": user.created,
        "updated": user.updated,
        "last_login": user.last_login,
    }


def users_data(store: SqlStore, kind: str = "") -> list[dict[str, Any]]:
    """All users, as the API shows them."""
    return [user_data(user) for user in store.list_users(kind)]


def _keep_an_admin(store: SqlStore, gone: UserRow) -> None:
    left = (
        user for user in store.list_users() if user.is_admin and not user.disabled and user != gone
    )
    if next(left, None) is None:
        raise ConflictError(
            f"{gone.name} is the only administrator of the service",
            fix="make another one first: mlrun-like service user add NAME --admin",
        )
