"""Model endpoints in SQL."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from mlrun_like.errors import NotFoundError, SpecError
from mlrun_like.tracking.documents import encode, labels_text
from mlrun_like.tracking.monitoring_abilities import EndpointQuery, EndpointStore
from mlrun_like.tracking.part import SqlPart, chunks, matches
from mlrun_like.tracking.schema_monitoring import (
    endpoint_quality,
    model_endpoints,
    series_batches,
)
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["SqlEndpoints"]

_E = model_endpoints.c
_COUNTED = (_E.requests, _E.errors, _E.dropped, _E.first_request, _E.last_request)
_COUNTERS = ("requests", "error_count", "dropped", "first_request", "last_request")
_LEAF = 3


class SqlEndpoints(SqlPart, EndpointStore):
    """See EndpointStore."""

    def store_endpoint(self, document: Document) -> None:
        row = _row(document)
        now = time.time()
        new = {"created": now, "requests": 0, "errors": 0, "dropped": 0}

        def act(tx: Transaction) -> None:
            dialect = postgresql if tx.postgresql else sqlite
            changed = {k: v for k, v in row.items() if k not in ("project", "uid")}
            changed["updated"] = now
            statement = dialect.insert(model_endpoints).values({**row, **new, "updated": now})
            tx.execute(
                statement.on_conflict_do_update(index_elements=["project", "uid"], set_=changed)
            )

        self.writer.transact(act)

    def read_endpoint(self, project: str, uid: str) -> Document:
        self.writer.settle()
        statement = select(_E.body, *_COUNTED).where(_E.project == project, _E.uid == uid)
        with self.database.read() as connection:
            row = connection.execute(statement).first()
        if row is None:
            raise self._no_endpoint(project, uid)
        return _document(row)

    def list_endpoints(self, query: EndpointQuery) -> list[Document]:
        self.writer.settle()
        statement = select(_E.body, *_COUNTED).order_by(_E.project, _E.name, _E.uid)
        if query.project not in ("", "*"):
            statement = statement.where(_E.project == query.project)
        if query.name:
            statement = statement.where(matches(_E.name, query.name))
        if query.function:
            statement = statement.where(_E.function == query.function)
        if query.model:
            bare = and_(_E.model.startswith(f"{query.model}:", autoescape=True))
            statement = statement.where(or_(_E.model == query.model, bare))
        if query.top_level:
            statement = statement.where(_E.type != _LEAF)
        if query.since is not None:
            statement = statement.where(_E.last_request >= query.since)
        if query.until is not None:
            statement = statement.where(_E.first_request < query.until)
        rows: list[Any] = []
        with self.database.read() as connection:
            if query.uids:
                for part in chunks(list(query.uids)):
                    rows += connection.execute(statement.where(_E.uid.in_(part)))
            else:
                rows = list(connection.execute(statement))
        found = [_document(row) for row in rows]
        found = [item for item in found if _has_labels(item, query.labels)][query.offset :]
        return found[: query.limit] if query.limit else found

    def patch_endpoint(self, project: str, uid: str, changes: Mapping[str, Any]) -> Document:
        def act(tx: Transaction) -> Document:
            statement = select(_E.body, *_COUNTED).where(_E.project == project, _E.uid == uid)
            if tx.postgresql:
                statement = statement.with_for_update()
            rows = tx.execute(statement)
            if not rows:
                raise self._no_endpoint(project, uid)
            document = _changed(_document(rows[0]), changes)
            row = _row(document)
            row["updated"] = time.time()
            tx.execute(
                model_endpoints.update()
                .where(_E.project == project, _E.uid == uid)
                .values({k: v for k, v in row.items() if k not in ("project", "uid")})
            )
            return document

        return self.writer.transact(act)

    def delete_endpoint(self, project: str, uid: str) -> bool:
        def act(tx: Transaction) -> bool:
            for table in (series_batches, endpoint_quality):
                columns = table.c
                tx.execute(delete(table).where(columns.project == project, columns.endpoint == uid))
            gone = delete(model_endpoints).where(_E.project == project, _E.uid == uid)
            return bool(tx.execute(gone.returning(_E.uid)))

        return self.writer.transact(act)

    def endpoint_modes(self, project: str, uids: Sequence[str]) -> dict[str, str]:
        statement = select(_E.uid, _E.mode).where(_E.project == project)
        with self.database.read() as connection:
            return {
                uid: mode
                for part in chunks(list(uids))
                for uid, mode in connection.execute(statement.where(_E.uid.in_(part)))
            }

    def _no_endpoint(self, project: str, uid: str) -> NotFoundError:
        return NotFoundError(
            f"there is no model endpoint {uid!r:.80}",
            where=f"project {project!r} in {self.database.shown}",
            fix="list_model_endpoints(project) shows those that exist",
        )


def _row(document: Document) -> dict[str, Any]:
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    status = {k: v for k, v in (document.get("status") or {}).items() if k not in _COUNTERS}
    project, uid = metadata.get("project"), metadata.get("uid")
    if not (isinstance(project, str) and project and isinstance(uid, str) and uid):
        raise SpecError(f"a model endpoint needs a project and a uid, not {project!r}, {uid!r}")
    return {
        "project": project,
        "uid": uid,
        "name": str(metadata.get("name") or ""),
        "function": str(spec.get("function_name") or ""),
        "model": str(spec.get("model") or ""),
        "mode": str(spec.get("monitoring_mode") or "disabled"),
        "type": int(status.get("endpoint_type") or 1),
        "labels": labels_text(metadata.get("labels") or {}),
        "body": encode({**document, "status": status}, f"model endpoint {uid!r:.80}"),
    }


def _document(row: Any) -> Document:
    document: Document = json.loads(row[0])
    status = document.setdefault("status", {})
    for name, value in zip(_COUNTERS, row[1:], strict=True):
        status[name] = _iso(value) if name.endswith("_request") else int(value)
    return document


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def _changed(document: Document, changes: Mapping[str, Any]) -> Document:
    document = deepcopy(document)
    for path, value in changes.items():
        *folders, name = path.split(".")
        if not folders or folders[0] not in ("metadata", "spec", "status"):
            raise SpecError(
                f"{path!r:.80} is no field of a model endpoint", fix='{"spec.active": False}'
            )
        place = document
        for folder in folders:
            inner = place.get(folder)
            if not isinstance(inner, dict):
                inner = place[folder] = {}
            place = inner
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return document


def _has_labels(document: Document, labels: Mapping[str, str | None]) -> bool:
    held = (document.get("metadata") or {}).get("labels") or {}
    return all(
        key in held and (value is None or str(held[key]) == str(value))
        for key, value in labels.items()
    )
