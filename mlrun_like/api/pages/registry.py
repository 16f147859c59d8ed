"""The model registry as plain data, for its pages: models, one with its versions."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.monitoring.clock import now
from mlrun_like.promotion.stages import CHAMPION
from mlrun_like.registry import resolve
from mlrun_like.tracking.abilities import ModelVersion
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.monitoring_abilities import EndpointQuery
from mlrun_like.types import Document

__all__ = ["registered_model", "registered_models"]

_EVENTS = 200


def registered_models(store: Any, project: str) -> list[Document]:
    """Models by key: how many versions, who holds which alias, the newest metrics.

    Args:
        store: The store.
        project: The project.
    """
    by_key: dict[str, list[ModelVersion]] = {}
    for version in store.model_versions(project):
        by_key.setdefault(version.key, []).append(version)
    documents = store.list_artifacts(ArtifactQuery(project=project, kind="model", tag="latest"))
    newest = {_key(one): one for one in documents}
    served = _served(store, project)
    rows = []
    for key, versions in by_key.items():
        document = newest.get(key) or {}
        rows.append(
            {
                "key": key,
                "versions": len(versions),
                "aliases": _aliases(versions),
                "stages": {one.stage: one.number for one in versions if one.stage != "none"},
                "made": versions[-1].made,
                "framework": (document.get("spec") or {}).get("framework") or "",
                "metrics": (document.get("spec") or {}).get("metrics") or {},
                "served": len(served.get(key, [])),
            }
        )
    return sorted(rows, key=lambda row: -float(row["made"]))


def registered_model(store: Any, project: str, key: str) -> Document:
    """A model with its versions, newest first, their records, gates, and the audit trail.

    Args:
        store: The store.
        project: The project.
        key: The model's key.

    Raises:
        NotFoundError: if there is no such model.
    """
    versions = store.model_versions(project, key)
    if not versions:
        raise NotFoundError(
            f"there is no model {key!r:.120}",
            where=f"project {project!r}",
            fix="context.log_model(...) makes one",
        )
    documents = {
        one["metadata"].get("uid"): one
        for one in store.list_artifacts(
            ArtifactQuery(project=project, key=key, kind="model", tag="*")
        )
    }
    events = store.model_events(project, key, _EVENTS)
    held = next((one for one in versions if CHAMPION in one.tags), None)
    holder = resolve("mlrun_like.promotion.rollback:previous_holder")  # loads pandas
    before = holder(events, versions, held, CHAMPION) if held else None
    return {
        "key": key,
        "project": project,
        "time": now(),
        "versions": [_version(one, documents.get(one.uid) or {}) for one in reversed(versions)],
        "aliases": _aliases(versions),
        "champion": held.number if held else 0,
        "previous": before.number if before else 0,
        "history": [event._asdict() for event in events],
        "served": _served(store, project).get(key, []),
    }


def _version(one: ModelVersion, document: Document) -> Document:
    spec, status = document.get("spec") or {}, document.get("status") or {}
    metadata = document.get("metadata") or {}
    return {
        "number": one.number,
        "uid": one.uid,
        "stage": one.stage,
        "tags": list(one.tags),
        "made": one.made,
        "framework": spec.get("framework") or "",
        "algorithm": spec.get("algorithm") or "",
        "metrics": spec.get("metrics") or {},
        "parameters": spec.get("parameters") or {},
        "inputs": spec.get("inputs") or [],
        "outputs": spec.get("outputs") or [],
        "feature_vector": spec.get("feature_vector") or "",
        "description": metadata.get("description") or "",
        "labels": metadata.get("labels") or {},
        "run": metadata.get("tree") or "",
        "size": spec.get("size"),
        "target": spec.get("target_path") or "",
        "promotion": status.get("promotion") or {},
    }


def _key(document: Document) -> str:
    key = (document.get("spec") or {}).get("db_key") or document["metadata"].get("key") or ""
    return str(key)


def _aliases(versions: list[ModelVersion]) -> dict[str, int]:
    return {tag: one.number for one in versions for tag in one.tags if tag != "latest"}


def _served(store: Any, project: str) -> dict[str, list[Document]]:
    """Endpoints by the key of the model that they serve."""
    found: dict[str, list[Document]] = {}
    for document in store.list_endpoints(EndpointQuery(project=project)):
        spec, metadata = document.get("spec") or {}, document.get("metadata") or {}
        name = str(spec.get("model_uri") or "").removeprefix(f"store://models/{project}/")
        key = name.partition("@")[0].partition(":")[0].partition("#")[0]
        row = {
            "uid": metadata.get("uid"),
            "name": metadata.get("name"),
            "function": spec.get("function_name") or "",
            "uri": spec.get("model_uri") or "",
            "state": (document.get("status") or {}).get("state") or "",
        }
        found.setdefault(key, []).append(row)
    return found
