"""The registry of models as the JSON routes and the pages show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.routes.artifacts_data import uri_of
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.promotion.stages import STAGES
from mlrun_like.tracking.abilities import ModelEvent, ModelVersion
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["model_comparison", "model_data", "model_rows", "version_of"]

_VERSIONS = 200
_HISTORY = 200
_COMPARED = 10


def model_rows(store: SqlStore, project: str) -> list[Document]:
    """The models of a project: a row for each key.

    Returns:
        `{project, key, versions, latest, aliases, stages, made}` each, the newest first.
    """
    keys: dict[str, list[ModelVersion]] = {}
    for version in store.model_versions(project):
        keys.setdefault(version.key, []).append(version)
    rows = [
        {
            "project": project,
            "key": key,
            "versions": len(versions),
            "latest": versions[-1].number,
            "aliases": _aliases(versions),
            "stages": {one.stage: one.number for one in versions if one.stage != "none"},
            "made": max(one.made for one in versions),
        }
        for key, versions in keys.items()
    ]
    return sorted(rows, key=lambda row: (-row["made"], row["key"]))


def model_data(store: SqlStore, project: str, key: str) -> Document:
    """All that a page shows of a model: versions, who holds which alias, what gates said, history.

    Raises:
        NotFoundError: if there is none.
    """
    versions = _versions(store, project, key)
    documents = _documents(store, project, key)
    return {
        "project": project,
        "key": key,
        "versions": [
            _version(one, documents.get(one.uid)) for one in reversed(versions[-_VERSIONS:])
        ],
        "total": len(versions),
        "aliases": _aliases(versions),
        "stages": {stage: list(following) for stage, following in STAGES.items()},
        "history": [_event(one) for one in store.model_events(project, key, _HISTORY)],
    }


def model_comparison(store: SqlStore, project: str, key: str, numbers: Sequence[int]) -> Document:
    """Versions side by side: metrics, parameters, inputs and outputs.

    Returns:
        `versions`, and for `metrics`, `parameters`, `inputs`, `outputs` rows `{name, values,
        differs}`.

    Raises:
        InvalidArgumentError: if not 2 to 10 versions are named.
        NotFoundError: if one is not there.
    """
    if not 2 <= len(numbers) <= _COMPARED:
        raise InvalidArgumentError(
            f"{len(numbers)} versions cannot be compared", fix=f"name 2 to {_COMPARED}"
        )
    versions = [version_of(store, project, key, str(number)) for number in numbers]
    documents = _documents(store, project, key)
    specs = [_part(documents.get(one.uid) or {}, "spec") for one in versions]
    found: Document = {
        "versions": [_version(one, documents.get(one.uid)) for one in versions],
    }
    for name in ("metrics", "parameters"):
        found[name] = _side_by_side([_part(spec, name) for spec in specs])
    for name in ("inputs", "outputs"):
        found[name] = _side_by_side([_features(spec.get(name)) for spec in specs])
    return found


def version_of(store: SqlStore, project: str, key: str, mark: str) -> ModelVersion:
    """The version with this number, alias or tag. Raises NotFoundError."""
    versions = _versions(store, project, key)
    for version in reversed(versions):
        if mark in version.tags or mark in (str(version.number), version.uid):
            return version
    raise NotFoundError(
        f"no version of model {key!r} is {mark[:80]!r}",
        where=f"project {project!r}",
        fix=f"versions 1 to {versions[-1].number}",
    )


def _versions(store: SqlStore, project: str, key: str) -> list[ModelVersion]:
    versions = store.model_versions(project, key)
    if not versions:
        raise NotFoundError(f"there is no model {key[:100]!r}", where=f"project {project!r}")
    return versions


def _documents(store: SqlStore, project: str, key: str) -> dict[str, Document]:
    query = ArtifactQuery(project=project, key=key, kind="model", tag="*")
    return {str((one.get("metadata") or {}).get("uid")): one for one in store.list_artifacts(query)}


def _version(version: ModelVersion, document: Document | None) -> Document:
    spec = _part(document or {}, "spec")
    status = _part(document or {}, "status")
    promotion = _part(status, "promotion")
    return {
        "number": version.number,
        "uid": version.uid,
        "stage": version.stage,
        "tags": list(version.tags),
        "made": version.made,
        "uri": uri_of(document) if document else "",
        "framework": spec.get("framework") or "",
        "algorithm": spec.get("algorithm") or "",
        "metrics": dict(_part(spec, "metrics")),
        "size": spec.get("size"),
        "producer": dict(_part(spec, "producer")),
        "gates": list(promotion.get("gates") or []),
        "accepted": promotion.get("accepted"),
        "report": promotion.get("report") or "",
    }


def _aliases(versions: Sequence[ModelVersion]) -> dict[str, int]:
    return {tag: one.number for one in versions for tag in one.tags if tag != "latest"}


def _event(event: ModelEvent) -> Document:
    body = dict(event.body)
    return {
        "version": event.number,
        "action": event.action,
        "time": event.time,
        "who": body.pop("who", ""),
        "why": body.pop("why", ""),
        "details": body,
    }


def _features(value: Any) -> dict[str, Any]:
    rows = value if isinstance(value, list) else []
    return {str(one.get("name")): one.get("value_type") for one in rows if isinstance(one, Mapping)}


def _side_by_side(parts: Sequence[Mapping[str, Any]]) -> list[Document]:
    names = dict.fromkeys(str(name) for part in parts for name in part)
    rows = []
    for name in names:
        values = [part.get(name) for part in parts]
        rows.append(
            {"name": name, "values": values, "differs": any(v != values[0] for v in values)}
        )
    return rows


def _part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}
