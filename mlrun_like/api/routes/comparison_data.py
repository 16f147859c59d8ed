"""Runs side by side: what they were given, what came out, which code they ran."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.api.routes.runs_data import run_summary
from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.names import parse_function_uri
from mlrun_like.runs.source import SOURCE
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["compare_data"]

_NOTHING = None


def compare_data(store: SqlStore, runs: Sequence[tuple[str, str, int]]) -> Document:
    """Several runs side by side; those that are not there are left out.

    Returns:
        `runs` (summaries), and tables `parameters`, `results`, `inputs`, `labels`, `artifacts`,
        `code`: rows `{name, values, differs}` with a value for each run (None: it has none); and
        `metrics`: the keys that any of them has.
    """
    documents = []
    for project, uid, iteration in runs:
        try:
            documents.append(store.read_run(project, uid, iteration))
        except NotFoundError:
            continue
    metrics: dict[str, None] = {}
    for document in documents:
        meta = document.get("metadata") or {}
        place = (str(meta.get("project")), str(meta.get("uid")), int(meta.get("iteration") or 0))
        metrics.update(dict.fromkeys(store.metric_keys(*place)))
    code = [_code(store, document) for document in documents]
    return {
        "runs": [run_summary(document) for document in documents],
        "parameters": _table([_part(one, "spec", "parameters") for one in documents]),
        "results": _table([_part(one, "status", "results") for one in documents]),
        "inputs": _table([_part(one, "spec", "inputs") for one in documents]),
        "labels": _table([_part(one, "metadata", "labels") for one in documents]),
        "artifacts": _table([_digests(store, one) for one in documents]),
        "code": _table(code),
        "metrics": sorted(metrics),
    }


def _part(document: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _table(columns: Sequence[Mapping[str, Any]]) -> list[Document]:
    """Rows of all names, those that differ first."""
    rows = []
    for name in dict.fromkeys(name for column in columns for name in column):
        values = [column.get(name, _NOTHING) for column in columns]
        rows.append({"name": name, "values": values, "differs": len(set(map(_key, values))) > 1})
    return sorted(rows, key=lambda row: not row["differs"])


def _key(value: Any) -> str:
    """Equal for what is equal, also for NaN and for lists."""
    return json.dumps(value, sort_keys=True, default=str)


def _digests(store: SqlStore, document: Mapping[str, Any]) -> dict[str, str]:
    """What the artifacts hold, so that equal content is no difference."""
    found = {}
    meta = document.get("metadata") or {}
    project, tree = str(meta.get("project") or ""), str(meta.get("uid") or "")
    iteration = int(meta.get("iteration") or 0)
    for key in list(_part(document, "status", "artifact_uris"))[:100]:
        try:
            spec = _artifact(store, project, str(key), tree, iteration).get("spec") or {}
        except NotFoundError:
            found[str(key)] = "no record"
            continue
        found[str(key)] = str(spec.get("digest") or spec.get("target_path") or "")
    return found


def _artifact(store: SqlStore, project: str, key: str, tree: str, iteration: int) -> Document:
    reading: Callable[..., Document] = store.read_artifact
    try:
        return reading(project, key, tree=tree, iteration=iteration or None)
    except NotFoundError:
        # an iteration's artifacts are known by its number too
        return reading(project, f"{iteration}-{key}" if iteration else key, tree=tree)


def _code(store: SqlStore, document: Mapping[str, Any]) -> dict[str, Any]:
    """The function's version and what was installed where it was made."""
    uri = str(_part(document, "spec").get("function") or "")
    found: dict[str, Any] = {"function": uri.partition("@")[0], "handler": ""}
    found["handler"] = str(_part(document, "spec").get("handler") or "")
    if not uri:
        return found
    project = str(_part(document, "metadata").get("project") or "")
    try:
        place = parse_function_uri(uri, project)
        if place.project != project:  # whoever may see this run may not see that project
            return {**found, "version": place.hash}
        function = store.read_function(place.project, place.name, hash=place.hash)
    except MLRunLikeError:
        return {**found, "version": uri.partition("@")[2]}
    found["version"] = place.hash
    found["kind"] = str(function.get("kind") or "")
    spec = _part(function, "spec")
    found["image"] = str(spec.get("image") or "")
    environment = _part(function, "spec", "environment")
    found["python"] = str(environment.get("python") or "")
    for name, version in sorted(_part(environment, "lock").items()):
        found[f"package {name}"] = version
    commit = _part(document, "metadata", "annotations").get(SOURCE)
    return {**found, "source": commit} if commit else found
