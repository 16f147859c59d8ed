"""Metric series: of one run, and of several for comparison."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routes.asking import clean
from mlrun_like.api.routes.bodies import number
from mlrun_like.api.routes.metrics_data import series
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.tracking.base import MetricPoint

__all__ = ["ROUTES", "asked_runs"]

ROUTES = Routes("metrics")
_ONE = "/projects/{project}/runs/{uid}/metrics"
_POINTS, _MOST_POINTS, _MOST_RUNS, _MOST_KEYS = 500, 10_000, 50, 200
_MOST_LOGGED = 10_000
_EXAMPLE = {
    "metrics": {
        "loss": [
            {"project": "fraud", "uid": "0193a4b2", "iteration": 0, "name": "train", "total": 2,
             "points": [[0, 1767225600.0, 0.7], [1, 1767225601.0, 0.5]]}
        ]
    }
}  # fmt: skip


def asked_runs(request: Request, project: str = "") -> list[tuple[str, str, int]]:
    """The runs that `run=` names (repeated): `uid`, `uid#iteration` or `project@uid#iteration`.

    Those of projects that the caller may not see are left out.
    """
    given = request.query_params.getlist("run")
    if len(given) > _MOST_RUNS:
        raise InvalidArgumentError(f"{len(given)} runs", fix=f"at most {_MOST_RUNS}")
    caller, found = caller_of(request), []
    for item in given:
        place, mark, rest = clean(item, "run").rpartition("@")
        uid, hash_, iteration = rest.partition("#")
        place = place if mark else project
        if hash_ and (not iteration.isascii() or not iteration.isdigit() or len(iteration) > 9):
            raise InvalidArgumentError(f"{item[:80]!r} names no run", fix="project@uid#iteration")
        if not place or not uid:
            raise InvalidArgumentError(f"{item[:80]!r} names no run", fix="project@uid#iteration")
        if caller.may(place, "run", "read"):
            found.append((place, uid, int(iteration or 0)))
    return list(dict.fromkeys(found))


def _keys(request: Request) -> list[str]:
    keys = [clean(key, "key") for key in request.query_params.getlist("key")]
    if len(keys) > _MOST_KEYS:
        raise InvalidArgumentError(f"{len(keys)} metrics", fix=f"at most {_MOST_KEYS}")
    return keys


@ROUTES.get(_ONE, needs=Needs("run", "read"), summary="Metric series of a run", examples=_EXAMPLE)
def read_metrics(request: Request, project: str, uid: str) -> Response:
    """`key` (repeated), `points` (about so many of each series; what is highest and lowest stays),
    `iteration`. A point is `[step, time, value]`; NaN is null, infinities are `"inf"`, `"-inf"`."""
    points = number(request, "points", _POINTS, _MOST_POINTS, 2)
    iteration = number(request, "iteration", 0, 2**31 - 1)
    run = (clean(project, "project"), clean(uid, "uid"), iteration)
    store = store_of(request)
    store.read_run(*run)
    return json_answer({"metrics": series(store, [run], _keys(request), points)})


@ROUTES.get(
    "/metrics-series",
    needs=Needs("run", "read", scope="visible"),
    summary="Metric series of several runs",
    examples=_EXAMPLE,
)
def read_many_metrics(request: Request) -> Response:
    """`run=project@uid#iteration` (repeated, at most 50), `key`, `points`."""
    points = number(request, "points", _POINTS, _MOST_POINTS, 2)
    runs = asked_runs(request)
    return json_answer({"metrics": series(store_of(request), runs, _keys(request), points)})


@ROUTES.post(_ONE, needs=Needs("run", "update"), summary="Log metrics")
def log_metrics(request: Request, project: str, uid: str, body: Annotated[Any, Body()]) -> Response:
    """`{"points": [{"key": "loss", "value": 0.5, "step": 3, "time": 1767225600.0}]}`; `value` may
    be `"nan"`, `"inf"`, `"-inf"`; `step` is 0 and `time` is now if they are left out. Sending a
    point again changes nothing."""
    rows = body.get("points") if isinstance(body, Mapping) else None
    if not isinstance(rows, list) or len(rows) > _MOST_LOGGED:
        raise SpecError(f"points is a list of at most {_MOST_LOGGED} mappings")
    iteration = number(request, "iteration", 0, 2**31 - 1)
    now, store = time.time(), store_of(request)
    points = [_point(row, now) for row in rows]
    store.read_run(clean(project, "project"), clean(uid, "uid"), iteration)
    store.log_metrics(project, uid, iteration, points)
    return json_answer({"logged": len(points)}, 202)


def _point(row: Any, now: float) -> MetricPoint:
    if not isinstance(row, Mapping) or not isinstance(row.get("key"), str) or not row["key"]:
        raise SpecError(f"{row!r:.80} is no point", fix='{"key": "loss", "value": 0.5, "step": 3}')
    value, step, moment = row.get("value"), row.get("step", 0), row.get("time", now)
    if isinstance(value, str) and value.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SpecError(f"value {row.get('value')!r:.40} of {row['key']!r:.80} is no number")
    if isinstance(step, bool) or not isinstance(step, int) or abs(step) >= 2**63:
        raise SpecError(f"step {step!r:.40} is no whole number of 64 bits")
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        raise SpecError(f"time {moment!r:.40} is no number")
    try:
        value, moment = float(value), float(moment)
    except OverflowError as exc:
        raise SpecError("a number is too large") from exc
    if not math.isfinite(moment):
        raise SpecError("time is not finite")
    return MetricPoint(clean(row["key"], "key"), value, step, moment)
