"""Functions that are deleted, tags that are listed and taken away: the seam, and in SQL."""

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

    @abstractmethod
    def artifact_tags(
        self, project: str, key: str = "", uid: str = "", category: str = ""
    ) -> list[str]:
        """All tags that artifacts of a project carry, in order of their names.

        Args:
            project: The project.
            key: Only those of versions of this key.
            uid: Only those of this version.
            category: Only those of artifacts of this category.
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

    def artifact_tags(
        self, project: str, key: str = "", uid: str = "", category: str = ""
    ) -> list[str]:
        self.writer.settle()
        a, g = t.artifacts.c, t.artifact_tags.c
        held = select(g.tag).select_from(t.artifact_tags.join(t.artifacts))
        held = held.where(g.project == project, a.deleted_at.is_(None))
        for column, value in ((g.key, key), (a.uid, uid), (a.category, category)):
            if value:
                held = held.where(column == value)
        with self.database.read() as connection:
            return [str(row[0]) for row in connection.execute(held.distinct().order_by(g.tag))]
