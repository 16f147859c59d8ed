"""Versioned definitions in SQL."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from mlrun_like.errors import ConflictError, NotFoundError, SpecError, nearest
from mlrun_like.tracking.abilities import DocumentStore
from mlrun_like.tracking.documents import encode, now_iso
from mlrun_like.tracking.part import SqlPart, matches
from mlrun_like.tracking.schema_documents import document_tags, documents
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["SqlDocuments", "content_hash"]

_LATEST = "latest"
_VOLATILE = ("tag", "uid", "updated", "labels", "annotations")
"""What may differ between two descriptions of one version, besides the status."""
# what data was read last, and what ran, is no part of the definition
_VOLATILE_SPEC = {
    "feature-set": ("source", "function", "analysis"),
    "feature-vector": ("function", "analysis"),
}


def content_hash(document: Mapping[str, Any], kind: str = "") -> str:
    """The uid of a version: the hash of its content, whatever its status, tags and times.

    >>> a = {"metadata": {"name": "x", "tag": "v1"}, "spec": {"ttl": 1}, "status": {"state": "ok"}}
    >>> b = {"metadata": {"name": "x"}, "spec": {"ttl": 1}}
    >>> content_hash(a) == content_hash(b)
    True
    """
    kept = {key: value for key, value in document.items() if key not in ("status", "metadata")}
    metadata = document.get("metadata") or {}
    kept["metadata"] = {key: metadata[key] for key in metadata if key not in _VOLATILE}
    spec, left_out = kept.get("spec"), _VOLATILE_SPEC.get(kind, ())
    if isinstance(spec, Mapping):
        kept["spec"] = {key: value for key, value in spec.items() if key not in left_out}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


class SqlDocuments(SqlPart, DocumentStore):
    """See DocumentStore."""

    def store_document(
        self, kind: str, document: Document, tag: str = "", *, versioned: bool = True,
        fixed: bool = False,
    ) -> str:  # fmt: skip
        metadata = dict(document.get("metadata") or {})
        name, project = metadata.get("name"), metadata.get("project")
        if not (isinstance(name, str) and name and isinstance(project, str) and project):
            raise SpecError(f"the document of a {kind} needs a name and a project")
        if fixed and tag in ("", _LATEST):
            raise SpecError(f"{tag!r} is no tag to publish a {kind} under", fix='tag="v1"')
        uid = content_hash(document, kind)
        metadata |= {"uid": uid, "updated": now_iso()}
        metadata.pop("tag", None)  # tags are rows of their own: they move
        body = encode({**document, "metadata": metadata}, f"{kind} {name!r}")
        key = {"kind": kind, "project": project, "name": name}
        tags = list(dict.fromkeys([_LATEST, tag or _LATEST]))

        def act(tx: Transaction) -> None:
            before = {row[0]: row[1] for row in tx.execute(_tags(key, tags))}
            now = time.time()
            dialect = postgresql if tx.postgresql else sqlite
            values = {"updated": now, "body": body}
            row = dialect.insert(documents).values({**key, "uid": uid, "created": now, **values})
            primary = [*key, "uid"]
            tx.execute(row.on_conflict_do_update(index_elements=primary, set_=values))
            t = document_tags.c
            # a version that is saved again under the tag it holds does not become the latest
            moving = [tag] if tag and before.get(tag) == uid else tags
            for wanted in moving:
                mark = int(fixed and wanted == tag)
                held = {**key, "tag": wanted, "uid": uid, "fixed": mark}
                # judged by the database itself: somebody else may be publishing it right now
                moved = dialect.insert(document_tags).values(held).on_conflict_do_update(
                    index_elements=[*key, "tag"],
                    set_={"uid": uid, **({"fixed": 1} if mark else {})},
                    where=or_(t.fixed == 0, t.uid == uid),
                )  # fmt: skip
                if not tx.execute(moved.returning(t.tag)):
                    raise ConflictError(
                        f"the tag {wanted!r} of {kind} {name!r} was published for another version",
                        where=f"project {project!r}",
                        fix="choose another tag",
                    )
            old = before.get(tag or _LATEST, uid)
            if old != uid and not versioned:
                _drop_untagged(tx, key, old)

        self.writer.transact(act)
        return uid

    def read_document(
        self, kind: str, project: str, name: str, tag: str = "", uid: str = ""
    ) -> Document:
        self.writer.settle()
        d, t = documents.c, document_tags.c
        mine = and_(d.kind == kind, d.project == project, d.name == name)
        statement = select(d.body).where(mine)
        if uid:
            statement = statement.where(d.uid == uid)
        else:
            statement = statement.join(document_tags, _same()).where(t.tag == (tag or _LATEST))
        with self.database.read() as connection:
            body = connection.execute(statement).scalar()
            if body is None:
                known = select(d.name).where(d.kind == kind, d.project == project).distinct()
                names = [row[0] for row in connection.execute(known)]
                raise self._missing(kind, project, name, f"@{uid}" if uid else tag, names)
        return _document(body, tag)

    def _missing(
        self, kind: str, project: str, name: str, version: str, names: list[str]
    ) -> NotFoundError:
        noun = kind.replace("-", " ")
        shown = version if version.startswith("@") else f":{version}" if version else ""
        hint = nearest(name, names) if name not in names else " Other versions of it exist."
        return NotFoundError(
            f"there is no {noun} {name + shown!r}.{hint}",
            where=f"project {project!r} in {self.database.shown}",
            fix=f"there are: {', '.join(sorted(names)[:20])}" if names else "",
        )

    def list_documents(
        self, kind: str, project: str = "", name: str = "", tag: str = "",
        labels: Mapping[str, str | None] | None = None,
    ) -> list[Document]:  # fmt: skip
        self.writer.settle()
        d, t = documents.c, document_tags.c
        statement = select(d.body, t.tag).where(d.kind == kind)
        if tag == "*":
            statement = statement.outerjoin(document_tags, _same())
        else:
            statement = statement.join(document_tags, _same()).where(t.tag == (tag or _LATEST))
        if project not in ("", "*"):
            statement = statement.where(d.project == project)
        if name:
            statement = statement.where(matches(d.name, name))
        statement = statement.order_by(d.project, d.name, d.updated, t.tag)
        with self.database.read() as connection:
            rows = connection.execute(statement).all()
        found = [_document(body, held if tag == "*" else tag) for body, held in rows]
        return [item for item in found if _has_labels(item, labels or {})]

    def delete_document(
        self, kind: str, project: str, name: str, tag: str = "", uid: str = ""
    ) -> int:
        key = {"kind": kind, "project": project, "name": name}
        d, t = documents.c, document_tags.c

        def act(tx: Transaction) -> int:
            wanted = uid
            if tag and not uid:
                rows = tx.execute(_tags(key, [tag]))
                if not rows:
                    return 0
                wanted = rows[0][1]
            doomed, tags = delete(documents).where(_of(documents, key)), _of(document_tags, key)
            if not wanted:
                tx.execute(delete(document_tags).where(tags))
                return len(tx.execute(doomed.returning(d.uid)))
            count = len(tx.execute(doomed.where(d.uid == wanted).returning(d.uid)))
            gone = delete(document_tags).where(tags, t.uid == wanted).returning(t.tag)
            if _LATEST in [row[0] for row in tx.execute(gone)]:
                newest = select(d.uid).where(_of(documents, key)).order_by(d.updated.desc())
                for (left,) in tx.execute(newest.limit(1)):
                    row = {**key, "tag": _LATEST, "uid": left, "fixed": 0}
                    tx.execute(insert(document_tags).values(row))
            return count

        return self.writer.transact(act)


def _same() -> ColumnElement[bool]:
    d, t = documents.c, document_tags.c
    return and_(d.kind == t.kind, d.project == t.project, d.name == t.name, d.uid == t.uid)


def _of(table: Table, key: Mapping[str, str]) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in key.items()))


def _tags(key: Mapping[str, str], tags: list[str]) -> Any:
    t = document_tags.c
    return select(t.tag, t.uid).where(_of(document_tags, key), t.tag.in_(tags))


def _drop_untagged(tx: Transaction, key: Mapping[str, str], uid: str) -> None:
    """Delete a version that no tag holds any more."""
    t = document_tags.c
    if not tx.execute(select(t.tag).where(_of(document_tags, key), t.uid == uid).limit(1)):
        tx.execute(delete(documents).where(_of(documents, key), documents.c.uid == uid))


def _document(body: str, tag: str | None) -> Document:
    document: Document = json.loads(body)
    if tag and tag != _LATEST:
        document.setdefault("metadata", {})["tag"] = tag
    return document


def _has_labels(document: Document, labels: Mapping[str, str | None]) -> bool:
    held = (document.get("metadata") or {}).get("labels") or {}
    return all(
        key in held and (value is None or str(held[key]) == str(value))
        for key, value in labels.items()
    )
