"""Deleting artifacts: their records, and if that is wanted the files that no other record names."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from sqlalchemy import delete, select, update

from mlrun_like.api.content.places import open_target
from mlrun_like.api.routes.artifacts_data import ArtifactChoice, find_artifact
from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.part import chunks
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["delete_artifacts", "versions_to_delete"]

_PROBLEMS = 100


def versions_to_delete(store: SqlStore, project: str, key: str, uid: str = "") -> list[Document]:
    """The records of one version (none, if it is gone by now), or of all versions of a key."""
    if not uid:
        return store.list_artifacts(ArtifactQuery(project=project, key=key, tag="*"))
    with contextlib.suppress(NotFoundError):
        return [find_artifact(store, project, key, ArtifactChoice(uid=uid))]
    return []


def delete_artifacts(
    store: SqlStore, project: str, documents: Sequence[Document], *, with_data: bool
) -> Document:
    """Delete records, then files. A record without its file is worse than a file that gc will find.

    Args:
        store: The store.
        project: Their project.
        documents: The versions.
        with_data: Whether files that no other record of the project names go as well.

    Returns:
        How many were `deleted`, how many `files` with them, and `problems` with files.
    """
    uids: dict[str, list[str]] = {}
    for document in documents:
        key = str((document.get("spec") or {}).get("db_key") or document["metadata"]["key"])
        uids.setdefault(key, []).append(str(document["metadata"]["uid"]))
    deleted = sum(_delete_records(store, project, key, found) for key, found in uids.items())
    files = 0
    problems: list[str] = []
    urls = {str((one.get("spec") or {}).get("target_path") or "") for one in documents}
    for url in sorted(urls - {""}) if with_data else ():
        if _is_named(store, project, url):
            continue
        try:
            open_target(url, project).delete(recursive=True)
            files += 1
        except MLRunLikeError as exc:
            problems.append(exc.what)
    return {"deleted": deleted, "files": files, "problems": problems[:_PROBLEMS]}


def _delete_records(store: SqlStore, project: str, key: str, uids: Sequence[str]) -> int:
    def act(tx: Transaction) -> int:
        a = t.artifacts.c
        ids: list[int] = []
        for part in chunks(uids):
            named = select(a.artifact_id).where(
                a.project == project, a.key == key, a.uid.in_(part), a.deleted_at.is_(None)
            )
            ids += [row[0] for row in tx.execute(named)]
        for rows in chunks(ids):
            gone = update(t.artifacts).where(a.artifact_id.in_(rows))
            tx.execute(gone.values(deleted_at=time.time()))
            # a tag must not point at what cannot be read
            tx.execute(delete(t.artifact_tags).where(t.artifact_tags.c.artifact_id.in_(rows)))
        return len(ids)

    return store.writer.transact(act)


def _is_named(store: SqlStore, project: str, url: str) -> bool:
    a = t.artifacts.c
    # a folder that another record names, or a file in it, is in use
    inside = a.target_path.startswith(url.rstrip("/") + "/", autoescape=True)
    statement = select(a.artifact_id).where(
        a.project == project, (a.target_path == url) | inside, a.deleted_at.is_(None)
    )
    with store.database.read() as connection:
        return connection.execute(statement.limit(1)).first() is not None
