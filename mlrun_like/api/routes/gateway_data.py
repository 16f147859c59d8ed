"""Deployed functions as plain data: what the gateway of this machine says of them."""

from __future__ import annotations

import contextlib
import http.client
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    EngineError,
    MissingFileError,
    MLRunLikeError,
    NotFoundError,
)
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.places import control_socket
from mlrun_like.serving.observe.journal import read_journal
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = [
    "deployed_function",
    "function_graph",
    "gateway_client",
    "gateway_data",
    "has_replicas",
    "recorded_event",
    "recorded_events",
    "step_latency",
]

_TIMEOUT = 5.0
_MOST_METRICS = 4 << 20
_MOST_STEPS = 500
_RECORDS = 20_000
_LINE = re.compile(
    r"mlrun_like_serving_(?P<what>step_seconds_sum|step_seconds_count|step_errors_total)"
    r"\{(?P<labels>[^}]*)\} (?P<value>\S+)"
)
_STEP = re.compile(r'step="((?:[^"\\]|\\.)*)"')


class _Client(GatewayClient):
    """To whom a gateway that does not run is a conflict, not a fault of this service."""

    @contextlib.contextmanager
    def _sent(
        self, method: str, target: str, body: bytes, headers: dict[str, str], endless: bool
    ) -> Iterator[http.client.HTTPResponse]:
        if not control_socket(self.home).exists():
            raise ConflictError(
                "no gateway runs on the service's machine", fix="start it there: mlrun-like up"
            )
        with super()._sent(method, target, body, headers, endless) as response:
            yield response


def gateway_client(timeout: float = 30.0) -> GatewayClient:
    """Who speaks to the gateway of this machine.

    Args:
        timeout: Seconds to wait for an answer that should come at once.
    """
    return _Client(timeout=timeout)


def gateway_data(project: str = "") -> Document:
    """The gateway and its functions.

    Args:
        project: Only its functions; empty: all.

    Returns:
        `state` (`running`, `stopped`), `reason`, `info`, `functions` (their statuses), `triggers`.
    """
    client = gateway_client(_TIMEOUT)
    try:
        info, functions, triggers = client.info(), client.deployed(), client.triggers()
    except (ConflictError, EngineError) as exc:
        return {
            "state": "stopped",
            "reason": f"{exc.what}; {exc.fix}",
            "info": {},
            "functions": [],
            "triggers": [],
        }
    mine = [row for row in functions if not project or row.get("project") == project]
    keys = {row.get("key") for row in mine}
    return {
        "state": "running",
        "reason": "",
        "info": info,
        "functions": sorted(mine, key=lambda row: str(row.get("key"))),
        "triggers": [row for row in triggers if row.get("function") in keys],
    }


def deployed_function(project: str, name: str) -> Document:
    """One deployed function: `status`, `why` it has as many replicas, `triggers`.

    Raises:
        NotFoundError: if it is not deployed.
        EngineError: if no gateway runs.
    """
    client, key = gateway_client(), f"{project}/{name}"
    status = client.status(key)
    return {
        "status": status,
        "why": client.why(key),
        "triggers": [row for row in client.triggers() if row.get("function") == key],
    }


def function_graph(store: SqlStore, project: str, name: str, *, live: bool = True) -> Document:
    """The graph of a serving function as it is recorded.

    Args:
        store: The store.
        project: The project.
        name: The function.
        live: Ask the deployed function how long its steps take.

    Returns:
        `topology`, `nodes` (id, kind, class, function, responder, on_error), `edges` (pairs;
        `errors`: those of errors), `latency` (by step: calls, errors, mean_ms), `latency_error`.

    Raises:
        NotFoundError: if there is no such function, or it has no graph.
    """
    document = store.read_function(project, name)
    graph = (document.get("spec") or {}).get("graph")
    if not isinstance(graph, Mapping) or not graph:
        raise NotFoundError(f"function {name!r:.80} has no graph", where=f"project {project!r}")
    nodes: list[Document] = []
    edges: list[list[str]] = []
    errors: list[list[str]] = []
    if graph.get("kind") == "router" or "routes" in graph:
        _router("router", graph, nodes, edges)
    steps = graph.get("steps")
    for step, row in list(steps.items())[:_MOST_STEPS] if isinstance(steps, Mapping) else ():
        if isinstance(row, Mapping):
            _step(str(step), row, nodes, edges, errors)
    latency, why = step_latency(project, name) if live else ({}, "")
    return {
        "topology": "router" if graph.get("kind") == "router" else "flow",
        "nodes": nodes,
        "edges": edges,
        "errors": errors,
        "latency": latency,
        "latency_error": why,
    }


def _step(
    name: str,
    row: Mapping[str, Any],
    nodes: list[Document],
    edges: list[list[str]],
    errors: list[list[str]],
) -> None:
    if row.get("kind") == "router" or row.get("routes"):
        _router(name, row, nodes, edges)
    else:
        nodes.append(_node(name, row))
    after = row.get("after")
    for before in after if isinstance(after, list) else [after] if after else []:
        edges.append([str(before), name])
    if row.get("on_error"):
        errors.append([name, str(row["on_error"])])


def _router(
    name: str, row: Mapping[str, Any], nodes: list[Document], edges: list[list[str]]
) -> None:
    nodes.append({**_node(name, row), "kind": "router"})
    routes = row.get("routes")
    for key, route in list(routes.items())[:_MOST_STEPS] if isinstance(routes, Mapping) else ():
        nodes.append(_node(str(key), route if isinstance(route, Mapping) else {}))
        edges.append([name, str(key)])


def _node(name: str, row: Mapping[str, Any]) -> Document:
    return {
        "id": name,
        "kind": str(row.get("kind") or "task"),
        "class": str(row.get("class_name") or row.get("handler") or ""),
        "function": str(row.get("function") or ""),
        "responder": bool(row.get("responder")),
        "path": str(row.get("path") or ""),
    }


def step_latency(project: str, name: str) -> tuple[dict[str, Document], str]:
    """Calls, errors and mean time of each step of a deployed function, from its own metrics; and
    why there are none."""
    client = gateway_client(_TIMEOUT)
    try:
        if not has_replicas(client.status(f"{project}/{name}")):
            return {}, "it sleeps, so nothing is counted; the next request wakes it"
        status, _, body = client.invoke(f"{project}/{name}", "metrics", most=_MOST_METRICS)
    except MLRunLikeError as exc:
        return {}, exc.what
    if status != 200:
        return {}, f"the function answered {status} to /metrics"
    found: dict[str, dict[str, float]] = {}
    for line in _LINE.finditer(body.decode("utf-8", "replace")):
        step = _STEP.search(line["labels"])
        if step is None:
            continue
        row = found.setdefault(step[1], {})
        try:
            row[line["what"]] = row.get(line["what"], 0.0) + float(line["value"])
        except ValueError:
            continue
    made: dict[str, Document] = {}
    for key, row in found.items():
        calls, seconds = row.get("step_seconds_count", 0.0), row.get("step_seconds_sum", 0.0)
        made[key] = {
            "calls": calls,
            "errors": row.get("step_errors_total", 0.0),
            "mean_ms": seconds / calls * 1000 if calls else None,
        }
    return made, "" if made else "no request was counted yet"


def has_replicas(status: Mapping[str, Any]) -> bool:
    """Whether a deployed function has a replica that could answer at once.

    Who only looks at it must not wake it.

    >>> has_replicas({"versions": [{"pool": {"ready": 1}}, {}]}), has_replicas({})
    (True, False)
    """
    return any((one.get("pool") or {}).get("ready") for one in status.get("versions") or [])


def recorded_events(project: str, name: str, limit: int = 100) -> list[Document]:
    """The newest events that a `Recorder` kept of a function, without their steps.

    They are read from `<home>/recordings/<project>/<name>`, where a graph that is deployed here
    lets a `Recorder` write them.
    """
    folder = config.path("recordings", project, name)
    found: list[Document] = []
    try:
        for number, record in enumerate(read_journal(folder)):
            found.append({key: value for key, value in record.items() if key != "steps"})
            if len(found) > 2 * limit:
                del found[:limit]
            if number > _RECORDS:
                break
    except MissingFileError:
        return []
    return found[-limit:][::-1] if limit else []


def recorded_event(project: str, name: str, uid: str) -> Document:
    """One recorded event with its steps.

    Raises:
        NotFoundError: if there is none.
    """
    try:
        for number, record in enumerate(read_journal(config.path("recordings", project, name))):
            if record.get("id") == uid:
                return record
            if number > _RECORDS:
                break
    except MissingFileError:
        pass
    raise NotFoundError(f"no event {uid!r:.80} was recorded", where=f"{project}/{name}")
