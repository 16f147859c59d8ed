"""Roles in projects, and sealed secrets of projects, in SQL."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, select, update

from mlrun_like.tracking import schema as t
from mlrun_like.tracking.access_abilities import MemberRow, MemberStore, SecretRow, SecretStore
from mlrun_like.tracking.part import SqlPart, chunks
from mlrun_like.tracking.schema_access import access_members, access_secrets
from mlrun_like.tracking.schema_documents import documents
from mlrun_like.tracking.schema_monitoring import model_endpoints
from mlrun_like.tracking.transaction import Transaction

__all__ = ["SqlMembers"]

_M, _S = access_members.c, access_secrets.c
_HOLDING = (t.runs, t.artifacts, t.functions, t.schedules, documents, model_endpoints)
_CLAIMS = 0x6D6C6C63
"""A number of PostgreSQL's locks that is ours."""


class SqlMembers(SqlPart, MemberStore, SecretStore):
    """See MemberStore and SecretStore."""

    def set_member(self, member: MemberRow) -> None:
        self.writer.transact(lambda tx: _put(tx, member))

    def remove_member(self, project: str, user_id: str, source: str = "") -> bool:
        where = [_M.project == project, _M.user_id == user_id]
        if source:
            where.append(_M.source == source)
        gone = delete(access_members).where(*where).returning(_M.user_id)
        return bool(self.writer.transact(lambda tx: tx.execute(gone)))

    def list_members(self, project: str = "", user_id: str = "") -> list[MemberRow]:
        statement = select(*access_members.columns).order_by(_M.project, _M.user_id, _M.source)
        if project:
            statement = statement.where(_M.project == project)
        if user_id:
            statement = statement.where(_M.user_id == user_id)
        with self.database.read() as connection:
            return [_member(row) for row in connection.execute(statement)]

    def replace_roles(self, user_id: str, source: str, roles: Mapping[str, str]) -> None:
        now = time.time()

        def act(tx: Transaction) -> None:
            mine = (_M.user_id == user_id, _M.source == source)
            held = dict(tuple(row) for row in tx.execute(select(_M.project, _M.role).where(*mine)))
            for project in sorted(set(held) - set(roles)):
                tx.execute(delete(access_members).where(*mine, _M.project == project))
            for project, role in sorted(roles.items()):
                if held.get(project) != role:
                    _put(tx, MemberRow(project, user_id, source, role, now))

        self.writer.transact(act)

    def claim_project(self, member: MemberRow) -> bool:
        name = member.project

        def act(tx: Transaction) -> bool:
            if tx.postgresql:
                # SQLite has one writer anyway
                tx.execute(select(func.pg_advisory_xact_lock(_CLAIMS, func.hashtext(name))))
            taken = [
                select(_M.user_id).where(_M.project == name),
                select(t.projects.c.name).where(t.projects.c.name == name),
                *(select(table.c.project).where(table.c.project == name) for table in _HOLDING),
            ]
            if any(tx.execute(statement.limit(1)) for statement in taken):
                return False
            _put(tx, member)
            return True

        return self.writer.transact(act)

    def put_secrets(self, project: str, rows: Sequence[SecretRow], gone: Sequence[str]) -> None:
        def act(tx: Transaction) -> None:
            for names in chunks(sorted(gone)):
                where = (_S.project == project, _S.name.in_(names))
                tx.execute(delete(access_secrets).where(*where))
            for row in sorted(rows):
                values = row._asdict()
                insert = tx.prepared.insert(access_secrets).values(values)
                tx.execute(
                    insert.on_conflict_do_update(index_elements=["project", "name"], set_=values)
                )

        self.writer.transact(act)

    def list_secrets(self, project: str) -> list[SecretRow]:
        statement = select(*access_secrets.columns).where(_S.project == project).order_by(_S.name)
        with self.database.read() as connection:
            return [SecretRow(*row) for row in connection.execute(statement)]

    def secrets_not_of(self, key: str, limit: int = 100) -> list[SecretRow]:
        statement = select(*access_secrets.columns).where(_S.key != key)
        statement = statement.order_by(_S.project, _S.name).limit(limit)
        with self.database.read() as connection:
            return [SecretRow(*row) for row in connection.execute(statement)]

    def reseal_secrets(self, rows: Sequence[tuple[SecretRow, SecretRow]]) -> int:
        def act(tx: Transaction) -> int:
            done = 0
            for old, new in rows:
                same = (_S.project == old.project, _S.name == old.name, _S.value == old.value)
                change = update(access_secrets).where(*same).values(value=new.value, key=new.key)
                done += len(tx.execute(change.returning(_S.name)))
            return done

        return self.writer.transact(act)


def _member(row: Sequence[object]) -> MemberRow:
    names = access_members.columns.keys()
    return MemberRow(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]


def _put(tx: Transaction, member: MemberRow) -> None:
    insert = tx.prepared.insert(access_members).values(member._asdict())
    tx.execute(
        insert.on_conflict_do_update(
            index_elements=["project", "user_id", "source"],
            set_={"role": member.role, "created": member.created},
        )
    )
