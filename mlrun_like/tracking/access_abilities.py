"""What a store can do for access control: accounts, roles, sessions, audit, sealed secrets.

Stores know nothing of passwords or keys: they keep hashes and sealed texts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mlrun_like.types import Document

__all__ = [
    "AccessStore",
    "AuditRow",
    "AuditStore",
    "MemberRow",
    "MemberStore",
    "SecretRow",
    "SecretStore",
    "SessionRow",
    "SessionStore",
    "TokenRow",
    "TokenStore",
    "UserRow",
]


class UserRow(NamedTuple):
    """A user (`kind="user"`) or a service account (`service`); times: seconds since 1970."""

    user_id: str
    name: str
    email: str = ""
    kind: str = "user"
    password: str = ""
    subject: str | None = None
    is_admin: bool = False
    disabled: bool = False
    created: float = 0.0
    updated: float = 0.0
    last_login: float | None = None


class TokenRow(NamedTuple):
    """A token; `hash` is of its secret part, `scopes` have spaces between."""

    token_id: str
    user_id: str
    name: str
    hash: str
    scopes: str
    created: float
    expires: float | None = None
    revoked: float | None = None
    used: float | None = None


class MemberRow(NamedTuple):
    """A role that a user has in a project; `source` says who gave it (`manual`, `oidc`)."""

    project: str
    user_id: str
    source: str
    role: str
    created: float


class SessionRow(NamedTuple):
    """A browser that is logged in; `session_id` is a hash of what its cookie has."""

    session_id: str
    user_id: str
    created: float
    seen: float
    address: str = ""
    agent: str = ""


class AuditRow(NamedTuple):
    """Who did what, when, from where, and how it ended; `number` 0: not written yet."""

    number: int
    time: float
    user_id: str
    user: str
    via: str
    address: str
    action: str
    resource: str
    project: str
    name: str
    status: int
    request_id: str = ""
    detail: Document = {}  # noqa: RUF012 - a default of a tuple; nobody changes it


class SecretRow(NamedTuple):
    """A secret of a project, sealed with the key of that hash."""

    project: str
    name: str
    value: str
    key: str
    updated: float
    updated_by: str


class AccessStore(ABC):
    """Users and service accounts."""

    @abstractmethod
    def add_user(self, user: UserRow) -> None:
        """Add one. Raises ConflictError if the name or the subject is taken."""

    @abstractmethod
    def change_user(self, user: UserRow) -> None:
        """Replace one by its id. Raises NotFoundError, ConflictError."""

    @abstractmethod
    def find_user(self, *, user_id: str = "", name: str = "", subject: str = "") -> UserRow | None:
        """The user of this id, else of this name, else of this subject."""

    @abstractmethod
    def list_users(self, kind: str = "") -> list[UserRow]:
        """All, by name."""

    @abstractmethod
    def delete_user(self, user_id: str) -> bool:
        """Delete one with its tokens, sessions and roles; False if there is none."""

    @abstractmethod
    def has_users(self) -> bool:
        """Whether there is any."""


class TokenStore(ABC):
    """Tokens of users."""

    @abstractmethod
    def add_token(self, token: TokenRow) -> None:
        """Add one."""

    @abstractmethod
    def find_token(self, token_id: str) -> tuple[TokenRow, UserRow] | None:
        """A token with its user, also if it holds no more."""

    @abstractmethod
    def list_tokens(self, user_id: str = "") -> list[TokenRow]:
        """Tokens, newest first; of one user or of all."""

    @abstractmethod
    def revoke_token(self, token_id: str, now: float) -> bool:
        """Let a token hold no more; False if there is none that holds."""

    @abstractmethod
    def touch_tokens(self, used: Mapping[str, float]) -> None:
        """Record when tokens were used last."""


class MemberStore(ABC):
    """Who has which role in which project."""

    @abstractmethod
    def set_member(self, member: MemberRow) -> None:
        """Give a role; it replaces the one of the same project, user and source."""

    @abstractmethod
    def remove_member(self, project: str, user_id: str, source: str = "") -> bool:
        """Take a role; False if there was none."""

    @abstractmethod
    def list_members(self, project: str = "", user_id: str = "") -> list[MemberRow]:
        """Roles by project and user."""

    @abstractmethod
    def replace_roles(self, user_id: str, source: str, roles: Mapping[str, str]) -> None:
        """Let a user have exactly these roles of a source: project -> role."""

    @abstractmethod
    def claim_project(self, member: MemberRow) -> bool:
        """Give the first role in a project that nobody has a role in and that holds nothing;
        False if there is somebody or something. Two callers at once: one gets it."""


class SessionStore(ABC):
    """Browsers that are logged in, and logins that have begun."""

    @abstractmethod
    def add_session(self, session: SessionRow) -> None:
        """Add one."""

    @abstractmethod
    def find_session(self, session_id: str) -> tuple[SessionRow, UserRow] | None:
        """A session with its user."""

    @abstractmethod
    def touch_session(self, session_id: str, seen: float) -> None:
        """Record that it was used."""

    @abstractmethod
    def list_sessions(self, user_id: str) -> list[SessionRow]:
        """Sessions of a user, newest first."""

    @abstractmethod
    def end_sessions(self, *, session_id: str = "", user_id: str = "", but: str = "") -> int:
        """End one session, or all of a user except one; how many there were."""

    @abstractmethod
    def purge_sessions(self, created: float, seen: float, logins: float) -> int:
        """Remove sessions made or last seen before, and logins begun before; how many."""

    @abstractmethod
    def add_login(self, login_id: str, kind: str, body: Document, now: float) -> None:
        """Record a login that begins."""

    @abstractmethod
    def take_login(self, login_id: str, kind: str, after: float) -> Document | None:
        """What was recorded of a login begun after; it is gone then, so it works once."""


class AuditStore(ABC):
    """The log of who did what; nothing in it is changed."""

    @abstractmethod
    def add_audit(self, rows: Sequence[AuditRow]) -> None:
        """Append rows."""

    @abstractmethod
    def list_audit(  # noqa: PLR0913 - filters
        self, *, project: str | None = None, user: str = "", action: str = "", resource: str = "",
        text: str = "", since: float = 0.0, until: float = 0.0, before: int = 0, limit: int = 100,
    ) -> list[AuditRow]:  # fmt: skip
        """Rows, newest first.

        Args:
            project: Its project; None: any.
            user: The user's name.
            action: What was done.
            resource: To what kind of thing.
            text: A part of the thing's name or of the user's name, case ignored.
            since: At or after this time.
            until: Before this time; 0: to the last.
            before: Only rows with a smaller number; 0: from the newest.
            limit: At most so many; 0: all.
        """

    @abstractmethod
    def wrong_logins(self, since: float) -> list[tuple[str, str]]:
        """Name (empty: of nobody) and address of each login that was refused since then."""

    @abstractmethod
    def purge_audit(self, before: float) -> int:
        """Remove what is older; how many rows."""


class SecretStore(ABC):
    """Sealed secrets of projects."""

    @abstractmethod
    def put_secrets(self, project: str, rows: Sequence[SecretRow], gone: Sequence[str]) -> None:
        """Add or replace some and remove others, all at once."""

    @abstractmethod
    def list_secrets(self, project: str) -> list[SecretRow]:
        """The secrets of a project by name."""

    @abstractmethod
    def secrets_not_of(self, key: str, limit: int = 100) -> list[SecretRow]:
        """Some secrets of any project that another key sealed."""

    @abstractmethod
    def reseal_secrets(self, rows: Sequence[tuple[SecretRow, SecretRow]]) -> int:
        """Replace each first by its second if it still is the same; how many were."""
