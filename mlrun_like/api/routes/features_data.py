"""Feature sets and vectors as plain data.

All is taken from their records: no step of a graph is loaded and no file is opened here, because
those who may define a feature set must not choose what this process runs or reads.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.staleness import ttl_millis
from mlrun_like.feature_store.views.lineage import lineage_of
from mlrun_like.monitoring.alerts.times import moment
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = [
    "SET",
    "VECTOR",
    "definition",
    "definition_row",
    "definition_versions",
    "feature_preview",
    "feature_set_data",
    "feature_set_rows",
    "feature_vector_data",
    "feature_vector_rows",
    "freshness",
]

SET, VECTOR = "feature-set", "feature-vector"
_CLASSES: Mapping[str, type[Definition]] = {SET: FeatureSet, VECTOR: FeatureVector}
_UID = re.compile(r"[0-9a-f]{32,64}\Z")
_HISTOGRAM_BINS = 200


def definition(
    store: SqlStore, kind: str, project: str, name: str, reference: str = ""
) -> Document:
    """A record by name and reference: a tag, or a version's uid; empty: the latest.

    Raises:
        NotFoundError: if there is none.
    """
    if reference and _UID.match(reference):
        try:
            return store.read_document(kind, project, name, "", reference)
        except NotFoundError:
            pass  # a tag may look like that, too
    tag = "" if reference == "latest" else reference
    return store.read_document(kind, project, name, tag)


def definition_versions(store: SqlStore, kind: str, project: str, name: str) -> list[Document]:
    """All versions of a definition, the newest first, each with the tags that it holds."""
    found: dict[str, Document] = {}
    latest = ""
    try:
        latest = store.read_document(kind, project, name)["metadata"].get("uid", "")
    except NotFoundError:
        return []
    for row in store.list_documents(kind, project, name, "*"):
        meta = row["metadata"]
        uid = str(meta.get("uid") or "")
        one = found.setdefault(
            uid, {"uid": uid, "tags": [], "updated": meta.get("updated"), "latest": uid == latest}
        )
        if meta.get("tag"):
            one["tags"].append(meta["tag"])
    return sorted(found.values(), key=lambda row: str(row["updated"] or ""), reverse=True)


def feature_set_rows(
    store: SqlStore,
    project: str,
    name: str = "",
    tag: str = "",
    labels: Mapping[str, str | None] | None = None,
) -> list[Document]:
    """What a list shows of feature sets; arguments as for `list_documents` of the store."""
    return [definition_row(row) for row in store.list_documents(SET, project, name, tag, labels)]


def feature_vector_rows(
    store: SqlStore,
    project: str,
    name: str = "",
    tag: str = "",
    labels: Mapping[str, str | None] | None = None,
) -> list[Document]:
    """What a list shows of feature vectors; arguments as for `feature_set_rows`."""
    return [definition_row(row) for row in store.list_documents(VECTOR, project, name, tag, labels)]


def definition_row(document: Document) -> Document:
    """What a list shows of a feature set or vector."""
    meta, spec = document["metadata"], _part(document, "spec")
    status = _part(document, "status")
    features = spec.get("features") or []
    return {
        "kind": document.get("kind", ""),
        "project": meta.get("project", ""),
        "name": meta.get("name", ""),
        "tag": meta.get("tag") or "latest",
        "uid": meta.get("uid", ""),
        "updated": meta.get("updated"),
        "labels": meta.get("labels") or {},
        "description": str(spec.get("description") or ""),
        "owner": str(spec.get("owner") or ""),
        "engine": str(spec.get("engine") or ""),
        "entities": [str(_name(item)) for item in spec.get("entities") or []],
        "features": [str(_name(item)) for item in features][:200],
        "feature_count": len(features),
        "targets": [
            str(_name(item)) for item in status.get("targets") or spec.get("targets") or []
        ],
        "state": str(status.get("state") or "created"),
        "freshness": freshness(document),
    }


def freshness(document: Document) -> Document:
    """How old the newest values are, and whether that is too old: `fresh`, `stale`, or `unknown`
    without data."""
    written = []
    for target in _part(document, "status").get("targets") or ():
        for key in ("last_written", "updated"):
            try:
                written.append(moment(target.get(key)))
                break
            except (MLRunLikeError, AttributeError):
                continue
    newest = max(written, default=None)
    if newest is None:
        return {"state": "unknown", "newest": None, "age": None, "ttl": None}
    age = max(0.0, time.time() - newest)
    try:
        limit = ttl_millis(_part(document, "spec").get("ttl"))
    except MLRunLikeError:
        limit = None
    stale = limit is not None and age * 1000 > limit
    return {
        "state": "stale" if stale else "fresh",
        "newest": newest,
        "age": age,
        "ttl": None if limit is None else limit / 1000,
    }


def feature_set_data(
    store: SqlStore, project: str, name: str, tag: str = "", uid: str = ""
) -> Document:
    """A feature set with all that is known of it.

    Returns:
        `document`, `row`, `versions`, `schema` (columns in order: name, role, type, description,
        validator, default), `statistics` (by column; with `histogram`), `targets`, `freshness`,
        `lineage` (sources, written_by, read_by, vectors, models), `used_by` (the vectors).

    Raises:
        NotFoundError: if there is none.
    """
    document = definition(store, SET, project, name, uid or tag)
    spec, status = _part(document, "spec"), _part(document, "status")
    columns = [
        *_columns(spec.get("entities"), "entity"),
        *_columns(spec.get("features"), "feature"),
    ]
    for column in columns:
        if column["name"] == spec.get("timestamp_key"):
            column["role"] = "time"
        elif column["name"] == spec.get("label_column"):
            column["role"] = "label"
    lineage = _lineage(store, FeatureSet, document)
    return {
        "document": document,
        "row": definition_row(document),
        "versions": definition_versions(store, SET, project, name),
        "schema": columns,
        "statistics": _statistics(status),
        "targets": status.get("targets") or [],
        "status": status,
        "freshness": freshness(document),
        "lineage": lineage,
        "used_by": lineage.get("vectors", []),
    }


def feature_vector_data(
    store: SqlStore, project: str, name: str, tag: str = "", uid: str = ""
) -> Document:
    """A feature vector with all that is known of it.

    Returns:
        `document`, `row`, `versions`, `columns` (name, type, origin), `statistics`, `uses` (URIs of
        its sets), `lineage`, `freshness`.

    Raises:
        NotFoundError: if there is none.
    """
    document = definition(store, VECTOR, project, name, uid or tag)
    spec, status = _part(document, "spec"), _part(document, "status")
    lineage = _lineage(store, FeatureVector, document)
    return {
        "document": document,
        "row": definition_row(document),
        "versions": definition_versions(store, VECTOR, project, name),
        "features": [str(item) for item in spec.get("features") or []],
        "columns": _columns(status.get("features"), "feature"),
        "statistics": _statistics(status),
        "status": status,
        "uses": lineage.get("sources", []),
        "lineage": lineage,
        "freshness": freshness(document),
    }


def feature_preview(
    store: SqlStore,
    project: str,
    name: str,
    tag: str = "",
    rows: int = 20,
    kind: str = SET,
) -> Document:
    """The first rows as the last ingestion recorded them: `columns`, `rows`, `note`."""
    status = _part(definition(store, kind, project, name, tag), "status")
    kept = status.get("preview") or []
    if not isinstance(kept, list) or not kept or not isinstance(kept[0], list):
        note = "no rows were recorded: ingest with infer_options that have the preview"
        return {"columns": [], "rows": [], "note": note}
    return {"columns": [str(item) for item in kept[0]], "rows": kept[1 : rows + 1], "note": ""}


def _lineage(store: SqlStore, kind: type[Definition], document: Document) -> Document:
    try:
        return asdict(lineage_of(kind.from_dict(document), store))
    except MLRunLikeError as exc:
        return {"error": exc.what}


def _columns(items: Any, role: str) -> list[Document]:
    found = []
    for item in _each(items):
        found.append(
            {
                "name": str(_name(item)),
                "role": role,
                "type": str(item.get("value_type") or ""),
                "description": str(item.get("description") or ""),
                "validator": item.get("validator"),
                "default": item.get("default"),
                "labels": item.get("labels") or {},
                "origin": str(item.get("origin") or ""),
            }
        )
    return found


def _each(items: Any) -> Iterable[Mapping[str, Any]]:
    for item in items if isinstance(items, list) else []:
        yield item if isinstance(item, Mapping) else {"name": item}


def _statistics(status: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    stats = status.get("stats")
    for name, row in stats.items() if isinstance(stats, Mapping) else ():
        if not isinstance(row, Mapping):
            continue
        told = {key: value for key, value in row.items() if key != "hist"}
        hist = row.get("hist")
        if isinstance(hist, (list, tuple)) and len(hist) == 2:
            told["histogram"] = {
                "counts": list(hist[0] or [])[:_HISTOGRAM_BINS],
                "edges": list(hist[1] or [])[: _HISTOGRAM_BINS + 1],
            }
        found[str(name)] = told
    return found


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}


def _name(item: Any) -> Any:
    return item.get("name", "") if isinstance(item, Mapping) else item
