"""From an incident to what its actions did, and back from a run or model version."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.monitoring.actions.claims import ActionRecord, action_store, read_chain
from mlrun_like.monitoring.actions.outcome import ACTION, INCIDENT
from mlrun_like.promotion.registry import find_version
from mlrun_like.registry import resolve
from mlrun_like.tracking.base import RunQuery, Store

__all__ = ["incident_of_run", "list_actions", "what_came_of"]

_MODELS = "store://models/"


def list_actions(
    project: str,
    alert: str = "",
    activation: str = "",
    *,
    store: Store | None = None,
    note: bool = True,
) -> list[dict[str, Any]]:
    """What alerts have begun, oldest first, with what became of it.

    Args:
        project: The project.
        alert: Only of this alert.
        activation: Only of this incident, or of one time that it went off (`3.2`).
        store: The tracking store; None: the configured one.
        note: Note in the store what has ended since; False: only read.
    """
    where = action_store(store)
    settle = resolve("mlrun_like.monitoring.actions.execute:settle")  # loads pandas
    return [
        _row(settle(where, record, note=note))
        for record in read_chain(where, project)
        if alert in ("", record.alert)
        and activation in ("", record.activation, record.activation.partition(".")[0])
    ]


def what_came_of(
    project: str, activation: str, *, store: Store | None = None, note: bool = True
) -> list[dict[str, Any]]:
    """The actions of an incident with their runs and the model versions that these made.

    Args:
        project: The project.
        activation: The incident.
        store: The tracking store; None: the configured one.
        note: As of `list_actions`.

    Returns:
        Rows as of `list_actions` with `runs` (uid, name, state), `models` (uri, version, aliases)
        and `inputs` (URIs that were read).
    """
    where = action_store(store)
    rows = list_actions(project, activation=activation, store=where, note=note)
    for row in rows:
        uid = str(row["links"].get("run") or "")
        runs = _runs(where, project, uid) if uid else []
        uris = [uri for run in runs for uri in _written(run)]
        row["runs"] = [
            {
                "uid": run["metadata"]["uid"],
                "name": run["metadata"]["name"],
                "state": run["status"].get("state", ""),
            }
            for run in runs
        ]
        row["models"] = _models(where, uris)
        used = [edge for run in runs for edge in where.lineage(project, run["metadata"]["uid"])]
        row["inputs"] = sorted({e["artifact_uri"] for e in used if e["direction"] == "read"})
    return rows


def incident_of_run(project: str, uid: str, *, store: Store | None = None) -> dict[str, str]:
    """What started a run: the action's key and the incident; empty: no alert did.

    Args:
        project: The project.
        uid: The run, or a step of it; of a model version: its producer.
        store: The tracking store; None: the configured one.
    """
    where, seen = action_store(store), set[str]()
    while uid and uid not in seen:
        seen.add(uid)
        try:
            meta = where.read_run(project, uid)["metadata"]
        except NotFoundError:
            return {}
        notes = meta.get("annotations") or {}
        if notes.get(ACTION):
            return {"action": notes[ACTION], "incident": notes.get(INCIDENT, ""), "run": uid}
        uid = str((meta.get("labels") or {}).get("workflow") or "")
    return {}


def _row(record: ActionRecord) -> dict[str, Any]:
    return {
        "key": record.key,
        "alert": record.alert,
        "activation": record.activation,
        "kind": record.action["kind"],
        "name": record.action["name"],
        "time": record.time,
        "ended": record.ended,
        "state": record.state,
        "reason": record.reason,
        "uid": record.uid,
        "links": dict(record.links),
    }


def _runs(store: Any, project: str, uid: str) -> list[dict[str, Any]]:
    try:
        own = store.read_run(project, uid)
    except NotFoundError:
        return []
    steps = store.list_runs(RunQuery(project=project, labels={"workflow": uid}))
    return [own, *reversed(steps)]


def _written(run: dict[str, Any]) -> list[str]:
    return [str(uri) for uri in (run["status"].get("artifact_uris") or {}).values()]


def _models(store: Any, uris: list[str]) -> list[dict[str, Any]]:
    found = []
    for uri in uris:
        if not uri.startswith(_MODELS):
            continue
        try:
            version = find_version(uri, store=store)
        except NotFoundError:  # it was deleted
            continue
        row = {"uri": uri, "key": version.key, "version": version.number}
        found.append({**row, "stage": version.stage, "aliases": list(version.tags)})
    return found
