"""Users, service accounts and their tokens in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select, update

from mlrun_like.errors import ConflictError, NotFoundError
from mlrun_like.tracking.access_abilities import AccessStore, TokenRow, TokenStore, UserRow
from mlrun_like.tracking.part import SqlPart
from mlrun_like.tracking.schema_access import (
    access_members,
    access_sessions,
    access_tokens,
    access_users,
)
from mlrun_like.tracking.transaction import Transaction

__all__ = ["SqlUsers", "to_user"]

_U, _T = access_users.c, access_tokens.c


def to_user(row: Any) -> UserRow:
    """A user out of the columns of `access_users`."""
    user = UserRow(*row)
    return user._replace(is_admin=bool(user.is_admin), disabled=bool(user.disabled))


def _values(user: UserRow) -> dict[str, Any]:
    values = user._asdict()
    values["is_admin"], values["disabled"] = int(user.is_admin), int(user.disabled)
    values["subject"] = user.subject or None
    return values


class SqlUsers(SqlPart, AccessStore, TokenStore):
    """See AccessStore and TokenStore."""

    def add_user(self, user: UserRow) -> None:
        def act(tx: Transaction) -> None:
            insert = tx.prepared.insert(access_users).values(_values(user))
            done = tx.execute(insert.on_conflict_do_nothing().returning(_U.user_id))
            if not done:
                raise _taken(user)

        self.writer.transact(act)

    def change_user(self, user: UserRow) -> None:
        def act(tx: Transaction) -> None:
            same = (_U.name == user.name) | (_U.subject == (user.subject or ""))
            if tx.execute(select(_U.user_id).where(same, _U.user_id != user.user_id)):
                raise _taken(user)
            change = update(access_users).where(_U.user_id == user.user_id).values(_values(user))
            if not tx.execute(change.returning(_U.user_id)):
                raise NotFoundError(f"there is no user {user.name!r}")

        self.writer.transact(act)

    def find_user(self, *, user_id: str = "", name: str = "", subject: str = "") -> UserRow | None:
        if user_id:
            where = _U.user_id == user_id
        elif name:
            where = _U.name == name
        else:
            where = _U.subject == (subject or None)
        with self.database.read() as connection:
            row = connection.execute(select(*access_users.columns).where(where)).first()
        return None if row is None else to_user(row)

    def list_users(self, kind: str = "") -> list[UserRow]:
        statement = select(*access_users.columns).order_by(_U.name)
        if kind:
            statement = statement.where(_U.kind == kind)
        with self.database.read() as connection:
            return [to_user(row) for row in connection.execute(statement)]

    def delete_user(self, user_id: str) -> bool:
        def act(tx: Transaction) -> bool:
            for table in (access_tokens, access_sessions, access_members):
                tx.execute(delete(table).where(table.c.user_id == user_id))
            gone = delete(access_users).where(_U.user_id == user_id).returning(_U.user_id)
            return bool(tx.execute(gone))

        return self.writer.transact(act)

    def has_users(self) -> bool:
        with self.database.read() as connection:
            return connection.execute(select(_U.user_id).limit(1)).first() is not None

    def add_token(self, token: TokenRow) -> None:
        self.writer.transact(
            lambda tx: tx.execute(tx.prepared.insert(access_tokens).values(token._asdict()))
        )

    def find_token(self, token_id: str) -> tuple[TokenRow, UserRow] | None:
        statement = (
            select(*access_tokens.columns, *access_users.columns)
            .join_from(access_tokens, access_users, _T.user_id == _U.user_id)
            .where(_T.token_id == token_id)
        )
        with self.database.read() as connection:
            row = connection.execute(statement).first()
        if row is None:
            return None
        size = len(access_tokens.columns)
        return TokenRow(*row[:size]), to_user(row[size:])

    def list_tokens(self, user_id: str = "") -> list[TokenRow]:
        statement = select(*access_tokens.columns).order_by(_T.created.desc(), _T.token_id)
        if user_id:
            statement = statement.where(_T.user_id == user_id)
        with self.database.read() as connection:
            return [TokenRow(*row) for row in connection.execute(statement)]

    def revoke_token(self, token_id: str, now: float) -> bool:
        change = (
            update(access_tokens)
            .where(_T.token_id == token_id, _T.revoked.is_(None))
            .values(revoked=now)
            .returning(_T.token_id)
        )
        return bool(self.writer.transact(lambda tx: tx.execute(change)))

    def touch_tokens(self, used: Mapping[str, float]) -> None:
        def act(tx: Transaction) -> None:
            for token_id, when in sorted(used.items()):
                older = _T.used.is_(None) | (_T.used < when)
                change = update(access_tokens).where(_T.token_id == token_id, older)
                tx.execute(change.values(used=when))

        if used:
            self.writer.transact(act)


def _taken(user: UserRow) -> ConflictError:
    return ConflictError(
        f"there is a user {user.name!r} already, or one with the same login at the provider",
        fix="choose another name; mlrun-like service user list   shows all",
    )
