"""Functions that are deleted, and tags that are taken away: the seam, and its form in SQL."""

from __future__ import annotations

from abc import ABC, abstractmethod

from sqlalchemy import delete, select

from mlrun_like.tracking import schema as t
from mlrun_like.tracking.known_versions import forget_versions
from mlrun_like.tracking.part import SqlPart, chunks
from mlrun_like.tracking.transaction import Transaction

__all__ = ["ForgettingStore", "SqlForgetting"]


class ForgettingStore(ABC):
    """Records that go for good."""

    @abstractmethod
    def delete_functions(self, project: str, name: str) -> int:
        """Delete all versions of a function with their tags; how many there were."""

    @abstractmethod
    def untag_artifact(self, project: str, tag: str, key: str = "", uid: str = "") -> int:
        """Take a tag away from a project's artifacts; from how many. The artifacts stay.

        Args:
            project: The project.
            tag: The tag.
            key: Only from versions of this key.
            uid: Only from this version.
        """


class SqlForgetting(SqlPart, ForgettingStore):
    """See ForgettingStore."""

    def delete_functions(self, project: str, name: str) -> int:
        f, g = t.functions.c, t.function_tags.c

        def act(tx: Transaction) -> int:
            tx.execute(delete(t.function_tags).where(g.project == project, g.name == name))
            doomed = delete(t.functions).where(f.project == project, f.name == name)
            return len(tx.execute(doomed.returning(f.hash)))

        gone = self.writer.transact(act)
        forget_versions(self, project, name)
        return gone

    def untag_artifact(self, project: str, tag: str, key: str = "", uid: str = "") -> int:
        a, g = t.artifacts.c, t.artifact_tags.c

        def act(tx: Transaction) -> int:
            held = select(a.artifact_id).select_from(t.artifact_tags.join(t.artifacts))
            held = held.where(g.project == project, g.tag == tag)
            if key:
                held = held.where(g.key == key)
            if uid:
                held = held.where(a.uid == uid)
            ids = [row[0] for row in tx.execute(held)]
            for part in chunks(ids):
                tx.execute(
                    delete(t.artifact_tags).where(
                        g.project == project, g.tag == tag, g.artifact_id.in_(part)
                    )
                )
            return len(ids)

        return self.writer.transact(act)
