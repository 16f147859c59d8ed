"""Tables of access control: users, tokens, roles, sessions, logins under way, audit, secrets."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Table, Text

from mlrun_like.tracking.schema import metadata

__all__ = [
    "access_audit",
    "access_logins",
    "access_members",
    "access_secrets",
    "access_sessions",
    "access_tokens",
    "access_users",
]

access_users = Table(
    "access_users",
    metadata,
    Column("user_id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("email", String, nullable=False),
    # user or service
    Column("kind", String, nullable=False),
    # its hash; empty: none
    Column("password", String, nullable=False),
    # issuer and name at an OpenID Connect provider; NULL: none
    Column("subject", String, unique=True),
    Column("is_admin", Integer, nullable=False),
    Column("disabled", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("last_login", Double),
    sqlite_with_rowid=False,
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_id", String, primary_key=True),
    Column("user_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("hash", String, nullable=False),
    # with spaces between
    Column("scopes", String, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("revoked", Double),
    Column("used", Double),
    Index("access_tokens_by_user", "user_id"),
    sqlite_with_rowid=False,
)

access_members = Table(
    "access_members",
    metadata,
    Column("project", String, primary_key=True),
    Column("user_id", String, primary_key=True),
    # by hand, or by groups at the provider: a login changes only its own
    Column("source", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("created", Double, nullable=False),
    Index("access_members_by_user", "user_id"),
    sqlite_with_rowid=False,
)

access_sessions = Table(
    "access_sessions",
    metadata,
    # a hash of what the cookie has
    Column("session_id", String, primary_key=True),
    Column("user_id", String, nullable=False),
    Column("created", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("address", String, nullable=False),
    Column("agent", String, nullable=False),
    Index("access_sessions_by_user", "user_id"),
    sqlite_with_rowid=False,
)

access_logins = Table(
    "access_logins",
    metadata,
    # a hash of what goes through the browser; used once
    Column("login_id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("created", Double, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

access_audit = Table(
    "access_audit",
    metadata,
    Column(
        "number",
        BigInteger().with_variant(Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("time", Double, nullable=False),
    Column("user_id", String, nullable=False),
    Column("user", String, nullable=False),
    Column("via", String, nullable=False),
    Column("address", String, nullable=False),
    Column("action", String, nullable=False),
    Column("resource", String, nullable=False),
    Column("project", String, nullable=False),
    Column("name", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("request_id", String, nullable=False),
    Column("detail", Text, nullable=False),
    Index("access_audit_by_time", "time"),
    Index("access_audit_by_project", "project", "number"),
    Index("access_audit_by_user", "user", "number"),
    sqlite_autoincrement=True,
)

access_secrets = Table(
    "access_secrets",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    # sealed
    Column("value", Text, nullable=False),
    # which key: the beginning of its hash
    Column("key", String, nullable=False),
    Column("updated", Double, nullable=False),
    Column("updated_by", String, nullable=False),
    Index("access_secrets_by_key", "key"),
    sqlite_with_rowid=False,
)
