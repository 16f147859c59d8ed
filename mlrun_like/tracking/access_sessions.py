"""Sessions of browsers, logins under way, and the audit log, in SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update

from mlrun_like.tracking.access_abilities import (
    AuditRow,
    AuditStore,
    SessionRow,
    SessionStore,
    UserRow,
)
from mlrun_like.tracking.access_users import to_user
from mlrun_like.tracking.part import SqlPart, chunks
from mlrun_like.tracking.schema_access import (
    access_audit,
    access_logins,
    access_sessions,
    access_users,
)
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["SqlSessions"]

_S, _L, _A = access_sessions.c, access_logins.c, access_audit.c


class SqlSessions(SqlPart, SessionStore, AuditStore):
    """See SessionStore and AuditStore."""

    def add_session(self, session: SessionRow) -> None:
        self.writer.transact(
            lambda tx: tx.execute(tx.prepared.insert(access_sessions).values(session._asdict()))
        )

    def find_session(self, session_id: str) -> tuple[SessionRow, UserRow] | None:
        statement = (
            select(*access_sessions.columns, *access_users.columns)
            .join_from(access_sessions, access_users, _S.user_id == access_users.c.user_id)
            .where(_S.session_id == session_id)
        )
        with self.database.read() as connection:
            row = connection.execute(statement).first()
        if row is None:
            return None
        size = len(access_sessions.columns)
        return SessionRow(*row[:size]), to_user(row[size:])

    def touch_session(self, session_id: str, seen: float) -> None:
        change = update(access_sessions).where(_S.session_id == session_id, _S.seen < seen)
        self.writer.transact(lambda tx: tx.execute(change.values(seen=seen)))

    def list_sessions(self, user_id: str) -> list[SessionRow]:
        statement = select(*access_sessions.columns).where(_S.user_id == user_id)
        with self.database.read() as connection:
            rows = connection.execute(statement.order_by(_S.seen.desc(), _S.session_id))
            return [SessionRow(*row) for row in rows]

    def end_sessions(self, *, session_id: str = "", user_id: str = "", but: str = "") -> int:
        where = [_S.session_id == session_id] if session_id else [_S.user_id == user_id]
        if but:
            where.append(_S.session_id != but)
        gone = delete(access_sessions).where(*where).returning(_S.session_id)
        return len(self.writer.transact(lambda tx: tx.execute(gone)))

    def purge_sessions(self, created: float, seen: float, logins: float) -> int:
        old = delete(access_sessions).where((_S.created < created) | (_S.seen < seen))
        begun = delete(access_logins).where(_L.created < logins)

        def act(tx: Transaction) -> int:
            return len(tx.execute(old.returning(_S.session_id))) + len(
                tx.execute(begun.returning(_L.login_id))
            )

        return self.writer.transact(act)

    def add_login(self, login_id: str, kind: str, body: Document, now: float) -> None:
        values = {"login_id": login_id, "kind": kind, "created": now, "body": json.dumps(body)}
        self.writer.transact(
            lambda tx: tx.execute(tx.prepared.insert(access_logins).values(values))
        )

    def take_login(self, login_id: str, kind: str, after: float) -> Document | None:
        where = (_L.login_id == login_id, _L.kind == kind)
        gone = delete(access_logins).where(*where).returning(_L.created, _L.body)
        rows = self.writer.transact(lambda tx: tx.execute(gone))
        if not rows or rows[0][0] < after:
            return None
        found: Document = json.loads(rows[0][1])
        return found

    def add_audit(self, rows: Sequence[AuditRow]) -> None:
        values = []
        for row in rows:
            one = row._asdict()
            del one["number"]
            one["detail"] = json.dumps(row.detail, default=str)
            values.append(one)

        def act(tx: Transaction) -> None:
            for part in chunks(values, 50):
                tx.execute(tx.prepared.insert(access_audit).values(list(part)))

        if values:
            self.writer.transact(act)

    def list_audit(  # noqa: PLR0913 - filters
        self, *, project: str | None = None, user: str = "", action: str = "", resource: str = "",
        text: str = "", since: float = 0.0, until: float = 0.0, before: int = 0, limit: int = 100,
    ) -> list[AuditRow]:  # fmt: skip
        statement = select(*access_audit.columns).order_by(_A.number.desc())
        if project is not None:
            statement = statement.where(_A.project == project)
        for column, wanted in ((_A.user, user), (_A.action, action), (_A.resource, resource)):
            if wanted:
                statement = statement.where(column == wanted)
        if text:
            part = text.lower()
            statement = statement.where(
                func.lower(_A.name).contains(part, autoescape=True)
                | func.lower(_A.user).contains(part, autoescape=True)
            )
        if since:
            statement = statement.where(_A.time >= since)
        if until:
            statement = statement.where(_A.time < until)
        if before:
            statement = statement.where(_A.number < before)
        if limit:
            statement = statement.limit(limit)
        with self.database.read() as connection:
            rows = [AuditRow(*row) for row in connection.execute(statement)]
        return [row._replace(detail=json.loads(str(row.detail))) for row in rows]

    def wrong_logins(self, since: float) -> list[tuple[str, str]]:
        # without an order, so that the index of times is used
        statement = select(_A.name, _A.address).where(
            _A.time >= since, _A.action == "login", _A.status == 401
        )
        with self.database.read() as connection:
            return [(str(row[0]), str(row[1])) for row in connection.execute(statement)]

    def purge_audit(self, before: float) -> int:
        gone = delete(access_audit).where(_A.time < before).returning(_A.number)
        return len(self.writer.transact(lambda tx: tx.execute(gone)))
