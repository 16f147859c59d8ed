"""Model endpoints as plain data: rows with their health, one with all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.monitoring.endpoints.document import EndpointType
from mlrun_like.monitoring.pages.endpoint import endpoint_data, feature_rows
from mlrun_like.monitoring.pages.health import survey
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["endpoint_metrics", "endpoint_page", "endpoint_rows", "endpoint_series", "features_of"]

_DAY = 86400.0
_MOST = 20_000


def endpoint_rows(store: SqlStore, project: str) -> list[Document]:
    """Endpoints with counters, requests of the last day, drift, quality, latency and incidents.

    Args:
        store: The store.
        project: The project; empty or `"*"`: all.
    """
    wanted = "" if project == "*" else project
    rows = [one.to_dict() for one in survey(store, wanted)]
    for row in rows:
        row["endpoint_type"] = _type(row.get("type"))
    return rows


def endpoint_page(store: SqlStore, project: str, uid: str, span: float = 7 * _DAY) -> Document:
    """One endpoint with counters, results over time, features, quality, windows, incidents.

    Raises:
        NotFoundError: if there is none.
    """
    return endpoint_data(store, project, uid, span=span)


def features_of(store: SqlStore, project: str, uid: str) -> list[Document]:
    """Each feature's distances and histograms: of training, and of the newest window.

    Raises:
        NotFoundError: if there is no such endpoint.
    """
    document = store.read_endpoint(project, uid)
    return feature_rows(document, store.read_window_stats(project, uid))


def endpoint_metrics(store: SqlStore, project: str, uid: str, type: str = "all") -> list[Document]:
    """The names of results and metrics of an endpoint: MLRun's `project.app.type.name`.

    Args:
        store: The store.
        project: The project.
        uid: The endpoint.
        type: `results`, `metrics` or `all`.
    """
    store.read_endpoint(project, uid)
    found = []
    for row in store.latest_results(project, uid):
        if type in ("all", f"{row.type}s"):
            found.append(
                {
                    "project": project,
                    "app": row.application,
                    "type": row.type,
                    "name": row.name,
                    "full_name": f"{project}.{row.application}.{row.type}.{row.name}",
                    "kind": row.kind,
                    "value": row.value if row.value == row.value else None,
                    "status": row.status if row.type == "result" else None,
                    "time": row.end,
                }
            )
    return sorted(found, key=lambda row: str(row["full_name"]))


def endpoint_series(
    store: SqlStore,
    project: str,
    uid: str,
    names: Sequence[str],
    start: float | None,
    end: float | None,
) -> list[Document]:
    """Values over time by MLRun's full names; a name without data has `data: false`.

    Raises:
        NotFoundError: if there is no such endpoint, or a name is none.
    """
    store.read_endpoint(project, uid)
    found: list[Document] = []
    for full in names:
        parts = full.split(".", 3)
        if len(parts) != 4 or parts[0] != project or parts[2] not in ("result", "metric"):
            raise NotFoundError(
                f"{full!r:.200} is no result or metric of this project",
                fix="<project>.<application>.<result or metric>.<name>",
            )
        rows = store.list_results(
            project, uid, parts[1], parts[3], start, end, type=parts[2], limit=_MOST
        )
        values: list[list[Any]] = [
            [row.end, row.value if row.value == row.value else None, row.status] for row in rows
        ]
        one: Document = {"full_name": full, "type": parts[2], "data": bool(rows), "values": values}
        if rows and parts[2] == "result":
            one["result_kind"] = rows[-1].kind
        found.append(one)
    return found


def _type(number: Any) -> str:
    try:
        return EndpointType(number).name.lower()
    except ValueError:
        return "node"
