"""Artifacts as the JSON routes and the pages show them: plain functions of plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.content.places import artifact_target
from mlrun_like.api.http.paging import decode_cursor, encode_cursor
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.names import ArtifactURI
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.part import chunks
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = [
    "ArtifactChoice",
    "ArtifactPage",
    "artifact_data",
    "artifact_rows",
    "find_artifact",
    "list_artifacts_page",
    "uri_of",
]

_VERSIONS = 200
_SORTS = {"updated": "updated", "name": "key"}
_CATEGORIES = {"model": "models", "dataset": "datasets"}


@dataclass(frozen=True)
class ArtifactChoice:
    """Which version of a key; empty fields do not restrict, and then it is the latest.

    Args:
        tag: The one that carries it.
        tree: Of this run or workflow.
        iteration: Of this iteration.
        uid: Exactly this one.
    """

    tag: str = ""
    tree: str = ""
    iteration: int | None = None
    uid: str = ""


@dataclass(frozen=True)
class ArtifactPage:
    """A page of artifacts.

    Args:
        rows: Documents.
        token: For the next page; empty: there is none.
    """

    rows: list[Document] = field(default_factory=list)
    token: str = ""


def list_artifacts_page(
    store: SqlStore, caller: Caller, query: ArtifactQuery, *, sort: str = "-updated",
    token: str = "", size: int = 100,
) -> ArtifactPage:  # fmt: skip
    """Artifacts that a caller may see, by the page.

    Args:
        store: The store.
        caller: Who asks.
        query: Which; project empty or `"*"`: of all projects that it may see.
        sort: `updated` or `name`, with `-` in front: descending.
        token: Of the page before.
        size: How many.

    Raises:
        InvalidArgumentError: if the order or the token cannot be used.
    """
    wanted = sort.removeprefix("-")
    if wanted not in _SORTS:
        raise InvalidArgumentError(
            f"sort {sort[:80]!r} is not possible", fix=f"one of: {', '.join(_SORTS)}"
        )
    projects: tuple[str, ...] = ()
    if query.project in ("", "*") and caller.visible is not None:
        projects = tuple(sorted(caller.visible))
        if not projects:
            return ArtifactPage()
    after = decode_cursor(token, sort) if token else ()
    asked = {
        **vars(query), "projects": projects, "sort": sort.replace(wanted, _SORTS[wanted]),
        "after": after, "limit": size,
    }  # fmt: skip
    page = store.page_artifacts(ArtifactQuery(**asked))
    return ArtifactPage(page.items, encode_cursor(page.after, sort) if page.after else "")


def find_artifact(
    store: SqlStore, project: str, key: str, choice: ArtifactChoice | None = None
) -> Document:
    """One version of an artifact. Raises NotFoundError."""
    asked = choice or ArtifactChoice()
    if not asked.uid:
        return store.read_artifact(
            project, key, tag=asked.tag, iteration=asked.iteration, tree=asked.tree
        )
    store.writer.settle()
    a = t.artifacts.c
    statement = select(a.artifact_id, a.body).where(
        a.project == project, a.key == key, a.uid == asked.uid, a.deleted_at.is_(None)
    )
    with store.database.read() as connection:
        row = connection.execute(statement).first()
        if row is None:
            raise NotFoundError(
                f"artifact {key!r} has no version {asked.uid[:80]!r}", where=f"project {project!r}"
            )
        tags = _tags_of(connection, [row[0]]).get(row[0], [])
    document: Document = json.loads(row[1])
    document.setdefault("metadata", {})["tag"] = _shown_tag(tags)
    return document


def artifact_data(
    store: SqlStore, project: str, key: str, *, tag: str = "", iteration: int | None = None,
    tree: str = "", uid: str = "",
) -> Document:  # fmt: skip
    """All that a page shows of an artifact besides the preview of its file.

    Args:
        store: The store.
        project: Its project.
        key: Its key in the store.
        tag: Which version: the one that carries it; empty: the latest.
        iteration: Or of this iteration.
        tree: Or of this run or workflow.
        uid: Or exactly this one.

    Raises:
        NotFoundError: if there is none.
    """
    document = find_artifact(store, project, key, ArtifactChoice(tag, tree, iteration, uid))
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    found: Document = {
        "artifact": document,
        "uri": uri_of(document),
        "kind": document.get("kind") or "",
        "versions": _versions(store, project, str(spec.get("db_key") or key)),
        "producer": spec.get("producer") or {},
        "sources": spec.get("sources") or [],
        "uid": metadata.get("uid") or "",
    }
    try:
        view = artifact_target(document, project=project).view
    except MLRunLikeError:
        view = ""
    place, _, query = view.partition("?")
    base = place.removesuffix("/view")
    for name in ("view", "preview", "download"):
        mark = f"?{query}" if query else ""
        found[f"{name}_url"] = f"{base}/{name}{mark}" if view else ""
    return found


def artifact_rows(documents: Sequence[Document]) -> list[Document]:
    """What a table shows of artifacts."""
    return [_row(document) for document in documents]


def _row(document: Document) -> Document:
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    producer = spec.get("producer") if isinstance(spec.get("producer"), Mapping) else {}
    return {
        "project": metadata.get("project") or "",
        "key": spec.get("db_key") or metadata.get("key") or "",
        "name": metadata.get("key") or "",
        "kind": document.get("kind") or "",
        "tag": metadata.get("tag") or "",
        "uid": metadata.get("uid") or "",
        "tree": metadata.get("tree") or "",
        "iteration": metadata.get("iter") or 0,
        "labels": metadata.get("labels") or {},
        "updated": metadata.get("updated") or "",
        "size": spec.get("size"),
        "format": spec.get("format") or "",
        "producer": (producer or {}).get("name") or "",
        "description": metadata.get("description") or "",
        "uri": uri_of(document),
    }


def uri_of(document: Document) -> str:
    """The `store://` URI of an artifact's document.

    >>> uri_of({"kind": "model", "metadata": {"key": "net", "project": "p"}})
    'store://models/p/net'
    """
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    tree = str(metadata.get("tree") or "")
    number = metadata.get("iter")
    iteration = number if isinstance(number, int) and (number or tree) else None
    tag = "" if tree else str(metadata.get("tag") or "")
    key = str(spec.get("db_key") or metadata.get("key") or "")
    category = _CATEGORIES.get(str(document.get("kind") or ""), "artifacts")
    return str(ArtifactURI(category, str(metadata.get("project") or ""), key, iteration, tag, tree))


def _versions(store: SqlStore, project: str, key: str) -> list[Document]:
    a = t.artifacts.c
    statement = (
        select(a.artifact_id, a.uid, a.tree, a.iter, a.updated)
        .where(a.project == project, a.key == key, a.deleted_at.is_(None))
        .order_by(a.updated.desc(), a.artifact_id.desc())
        .limit(_VERSIONS)
    )
    with store.database.read() as connection:
        rows = list(connection.execute(statement))
        tags = _tags_of(connection, [row[0] for row in rows])
    return [
        {
            "uid": row[1], "tree": row[2], "iteration": row[3], "updated": row[4],
            "tags": tags.get(row[0], []),
        }
        for row in rows
    ]  # fmt: skip


def _tags_of(connection: Any, ids: Sequence[int]) -> dict[int, list[str]]:
    g = t.artifact_tags.c
    found: dict[int, list[str]] = {}
    for part in chunks(ids):
        statement = select(g.artifact_id, g.tag).where(g.artifact_id.in_(part)).order_by(g.moved)
        for artifact_id, tag in connection.execute(statement):
            found.setdefault(artifact_id, []).append(tag)
    return found


def _shown_tag(tags: Sequence[str]) -> str:
    chosen = [tag for tag in tags if tag != "latest"]
    return chosen[-1] if chosen else "latest" if tags else ""
