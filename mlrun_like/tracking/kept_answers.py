"""Answers that are kept for a day: a request that is sent again gets the first one."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import delete, select, update

from mlrun_like.tracking.part import SqlPart
from mlrun_like.tracking.schema_tasks import kept_answers
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.tracking.window_rows import store_clock

__all__ = ["KeptAnswer", "KeptAnswers"]

_K = kept_answers.c


class KeptAnswer(NamedTuple):
    """What is known of an earlier request; status 0: it is being worked on."""

    digest: str
    status: int
    headers: str = ""
    body: bytes = b""


class KeptAnswers:
    """The first answers, by user and key.

    Args:
        store: Where they are.
    """

    def __init__(self, store: SqlPart) -> None:
        self._store = store

    def begin(
        self, user: str, key: str, digest: str, owner: str, patience: float
    ) -> KeptAnswer | None:
        """Note that a request is worked on; None: go on, else what an earlier one left.

        Args:
            user: Who asks.
            key: The request's own key.
            digest: Of the whole request.
            owner: Who works on it: different each time.
            patience: Seconds after which one that left no answer is taken for dead.
        """
        place = (_K.user == user) & (_K.key == key)

        def act(tx: Transaction) -> KeptAnswer | None:
            now = store_clock(tx)
            row = {
                "user": user,
                "key": key,
                "digest": digest,
                "status": 0,
                "made": now,
                "owner": owner,
                "headers": "",
                "body": b"",
            }
            insert = tx.prepared.insert(kept_answers).values(row)
            dead = (_K.status == 0) & (_K.made < now - patience) & (_K.digest == digest)
            taken = insert.on_conflict_do_update(
                index_elements=["user", "key"],
                set_={"owner": insert.excluded.owner, "made": insert.excluded.made},
                where=dead,
            ).returning(_K.key)
            if tx.execute(taken):
                return None
            rows = tx.execute(select(_K.digest, _K.status, _K.headers, _K.body).where(place))
            return _answer(rows[0]) if rows else None

        return self._store.writer.transact(act)

    def find(self, user: str, key: str) -> KeptAnswer | None:
        """What is known now."""
        statement = select(_K.digest, _K.status, _K.headers, _K.body)
        with self._store.database.read() as connection:
            row = connection.execute(statement.where(_K.user == user, _K.key == key)).first()
        return _answer(row) if row else None

    def keep(self, user: str, key: str, owner: str, answer: KeptAnswer) -> None:
        """Keep the answer of who began."""

        def act(tx: Transaction) -> None:
            mine = (_K.user == user) & (_K.key == key) & (_K.owner == owner)
            values = {"status": answer.status, "headers": answer.headers, "body": answer.body}
            tx.execute(update(kept_answers).where(mine).values(**values))

        self._store.writer.transact(act)

    def forget(self, user: str, key: str, owner: str) -> None:
        """Let the same request be tried again, because it did nothing."""

        def act(tx: Transaction) -> None:
            mine = (_K.user == user) & (_K.key == key) & (_K.owner == owner)
            tx.execute(delete(kept_answers).where(mine))

        self._store.writer.transact(act)

    def clean(self, older_than: float) -> int:
        """Remove answers that are older than so many seconds; how many."""

        def act(tx: Transaction) -> int:
            old = delete(kept_answers).where(_K.made < store_clock(tx) - older_than)
            return len(tx.execute(old.returning(_K.key)))

        return self._store.writer.transact(act)


def _answer(row: Any) -> KeptAnswer:
    return KeptAnswer(row[0], row[1], row[2], bytes(row[3]))
