"""Artifacts, functions and tags in SQL."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, case, delete, exists, select, update

from mlrun_like.errors import NotFoundError, StoreUnavailableError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import ArtifactQuery, ObjectStore
from mlrun_like.tracking.documents import artifact_row, epoch, function_row
from mlrun_like.tracking.operations import apply
from mlrun_like.tracking.part import SqlPart, chunks, label_items, matches
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["SqlObjects", "kinds_of", "purge_artifacts", "tagged"]

_LATEST = "latest"


class SqlObjects(SqlPart, ObjectStore):
    """The part of the store that holds artifacts and functions."""

    def store_artifact(self, artifact: Document, *, tag: str = "", wait: bool = True) -> None:
        operation = ("artifact", {"row": artifact_row(artifact), "tags": _tags(tag)})
        if wait:
            self.writer.write(operation)
        else:
            self.writer.put(operation)

    def read_artifact(
        self, project: str, key: str, *, tag: str = "", iteration: int | None = None, tree: str = ""
    ) -> Document:
        found = self._read_artifact(project, key, tag, iteration, tree)
        if found is None and iteration and not tree and tag in ("", _LATEST):
            # the run that has the tag now made no such iteration: the newest that there is
            found = self._read_artifact(project, key, "", iteration, tree, any_run=True)
        if found is None:
            parts = [
                f"{name} {value!r}"
                for name, value in (
                    ("tag", "" if tree else tag or _LATEST),
                    ("iteration", iteration),
                    ("tree", tree),
                )
                if value not in ("", None)
            ]
            raise NotFoundError(
                f"there is no artifact {key!r} with {', '.join(parts)}",
                where=f"project {project!r} in {self.database.shown}",
                fix="mlrun-like get artifacts   shows those that exist",
            )
        if found.get("kind") == "link" and iteration is None:
            return self._follow(project, key, found)
        return found

    def _follow(self, project: str, key: str, link: Document) -> Document:
        spec = link.get("spec") or {}
        step = spec.get("link_iteration")
        tree = spec.get("link_tree") or (link.get("metadata") or {}).get("tree") or ""
        for name in dict.fromkeys((spec.get("link_key") or key, key)):
            # an unnamed iteration means the run itself, never the link once more
            found = self._read_artifact(project, name, "", 0 if step is None else step, tree)
            if found is not None and found.get("kind") != "link":
                return found
        raise NotFoundError(
            f"artifact {key!r} is a link to iteration {step} of {spec.get('link_key') or key!r}, "
            "which is not there",
            where=f"project {project!r} in {self.database.shown}",
        )

    def _read_artifact(
        self,
        project: str,
        key: str,
        tag: str,
        iteration: int | None,
        tree: str,
        any_run: bool = False,
    ) -> Document | None:
        self.writer.settle()
        a, g = t.artifacts.c, t.artifact_tags.c
        own_first = case((a.iter == 0, 0), else_=1)
        if tree or any_run:
            statement = (
                select(a.artifact_id, a.body)
                .where(a.project == project, a.key == key, *([a.tree == tree] if tree else ()))
                .order_by(own_first, a.updated.desc(), a.artifact_id.desc())
            )
        else:
            statement = (
                select(a.artifact_id, a.body)
                .select_from(t.artifact_tags.join(t.artifacts))
                .where(g.project == project, g.key == key, g.tag == (tag or _LATEST))
                .order_by(own_first, g.moved.desc(), a.artifact_id.desc())
            )
        if iteration is not None:
            statement = statement.where(a.iter == iteration)
        statement = statement.where(a.deleted_at.is_(None)).limit(1)
        with self.database.read() as connection:
            row = connection.execute(statement).first()
            return None if row is None else tagged(connection, [row], tag)[0]

    def list_artifacts(self, query: ArtifactQuery) -> list[Document]:
        self.writer.settle()
        a = t.artifacts.c
        statement = _select_artifacts(query, a.artifact_id, a.body)
        statement = statement.order_by(a.updated.desc(), a.artifact_id.desc())
        if query.limit > 0:
            statement = statement.limit(query.limit)
        with self.database.read() as connection:
            rows = connection.execute(statement).all()
            return tagged(connection, rows, "" if query.tag == "*" else query.tag)

    def delete_artifacts(self, query: ArtifactQuery, *, hard: bool = False) -> int:
        def act(tx: Transaction) -> int:
            a = t.artifacts.c
            statement = _select_artifacts(query, a.artifact_id)
            if query.limit > 0:
                statement = statement.order_by(a.updated.desc()).limit(query.limit)
            ids = [row[0] for row in tx.execute(statement)]
            if hard:
                purge_artifacts(tx, ids)
                return len(ids)
            for part in chunks(ids):
                tx.execute(
                    update(t.artifacts)
                    .where(a.artifact_id.in_(part))
                    .values(deleted_at=time.time())
                )
                # a tag must not point at what cannot be read
                tx.execute(delete(t.artifact_tags).where(t.artifact_tags.c.artifact_id.in_(part)))
            return len(ids)

        return self.writer.transact(act)

    def tag_artifact(self, project: str, key: str, uid: str, tag: str) -> None:
        operation = (
            "tag",
            {"project": project, "key": key, "uid": uid, "tag": tag, "time": time.time()},
        )

        def act(tx: Transaction) -> None:
            if tx.row("find_artifact", _project=project, _key=key, _uid=uid) is None:
                raise NotFoundError(
                    f"artifact {key!r} has no version {uid!r}",
                    where=f"project {project!r} in {self.database.shown}",
                )
            apply(tx, operation)

        try:
            self.writer.transact(act)
        except StoreUnavailableError:
            self.writer.write(operation)

    def store_function(self, function: Document, *, tag: str = "") -> str:
        row = function_row(function)
        self.writer.write(("function", {"row": row, "tags": _tags(tag)}))
        return str(row["hash"])

    def read_function(self, project: str, name: str, *, tag: str = "", hash: str = "") -> Document:
        self.writer.settle()
        f, g = t.functions.c, t.function_tags.c
        statement = select(f.hash, f.body).where(f.project == project, f.name == name)
        if hash:
            statement = statement.where(f.hash == hash)
        else:
            statement = statement.join(
                t.function_tags,
                (g.project == f.project) & (g.name == f.name) & (g.hash == f.hash),
            ).where(g.tag == (tag or _LATEST))
        with self.database.read() as connection:
            row = connection.execute(statement).first()
            if row is not None:
                document = _body(row[1])
                document.setdefault("metadata", {})["tag"] = tag or ("" if hash else _LATEST)
                return document
        wanted = f"hash {hash!r}" if hash else f"tag {tag or _LATEST!r}"
        raise NotFoundError(
            f"there is no function {name!r} with {wanted}",
            where=f"project {project!r} in {self.database.shown}",
        )

    def list_functions(self, project: str = "", name: str = "", tag: str = "") -> list[Document]:
        self.writer.settle()
        f, g = t.functions.c, t.function_tags.c
        same = (g.project == f.project) & (g.name == f.name) & (g.hash == f.hash)
        held = same & (g.tag == tag) if tag and tag != "*" else same
        statement = select(f.project, f.name, f.hash, f.body, g.tag).join(
            t.function_tags, held, isouter=not tag or tag == "*"
        )
        if project not in ("", "*"):
            statement = statement.where(f.project == project)
        if name:
            statement = statement.where(matches(f.name, name))
        statement = statement.order_by(f.updated.desc(), f.hash, g.moved)
        versions: dict[tuple[str, str, str], Document] = {}
        with self.database.read() as connection:
            for *identity, body, held_tag in connection.execute(statement):
                version = (identity[0], identity[1], identity[2])
                document = versions.get(version)
                if document is None:
                    document = versions[version] = _body(body)
                _name_tag(document, held_tag)
        return list(versions.values())


def _tags(tag: str) -> list[str]:
    return [_LATEST] if tag in ("", _LATEST) else [_LATEST, tag]


def _body(body: str) -> Document:
    document: Document = json.loads(body)
    return document


def _name_tag(document: Document, tag: str | None) -> None:
    """Show a tag; one that somebody chose wins over `latest`, a newer one over an older."""
    metadata = document.setdefault("metadata", {})
    if tag and (tag != _LATEST or not metadata.get("tag")):
        metadata["tag"] = tag


def tagged(connection: Any, rows: Any, tag: str) -> list[Document]:
    """Documents of (artifact id, body) rows, with `metadata.tag` filled."""
    documents = {row[0]: _body(row[1]) for row in rows}
    g = t.artifact_tags.c
    for part in chunks(list(documents)):
        statement = select(g.artifact_id, g.tag).where(g.artifact_id.in_(part)).order_by(g.moved)
        for artifact_id, name in connection.execute(statement):
            if not tag or name == tag:
                _name_tag(documents[artifact_id], name)
    return list(documents.values())


def kinds_of(kind: str) -> tuple[str, ...]:
    """The kinds in records that are meant by one: plain files of older records have none."""
    return ("", "artifact") if kind in ("", "artifact") else (kind,)


def _select_artifacts(query: ArtifactQuery, *columns: Any) -> Select[Any]:
    a, g = t.artifacts.c, t.artifact_tags.c
    statement = select(*columns).where(a.deleted_at.is_(None))
    if query.project not in ("", "*"):
        statement = statement.where(a.project == query.project)
    if query.projects:
        statement = statement.where(a.project.in_(query.projects))
    if query.key:
        statement = statement.where(matches(a.key, query.key))
    if query.tag and query.tag != "*":
        statement = statement.where(
            exists().where(g.artifact_id == a.artifact_id, g.tag == query.tag)
        )
    if query.tree:
        statement = statement.where(a.tree == query.tree)
    if query.kind is not None:
        statement = statement.where(a.kind.in_(kinds_of(query.kind)))
    if query.category:
        statement = statement.where(a.category == query.category)
    if query.iteration is not None:
        statement = statement.where(a.iter == query.iteration)
    for name, value in label_items(query.labels):
        label = t.artifact_labels.alias()
        wanted = [label.c.artifact_id == a.artifact_id, label.c.name == name]
        if value is not None:
            wanted.append(label.c.value == value)
        statement = statement.where(exists().where(*wanted))
    since, until = epoch(query.since, "since"), epoch(query.until, "until")
    if since is not None:
        statement = statement.where(a.updated >= since)
    if until is not None:
        statement = statement.where(a.updated <= until)
    return statement


def purge_artifacts(tx: Transaction, ids: Sequence[int]) -> None:
    """Remove artifact versions with their labels and tags."""
    for part in chunks(ids):
        tx.execute(delete(t.artifacts).where(t.artifacts.c.artifact_id.in_(part)))
