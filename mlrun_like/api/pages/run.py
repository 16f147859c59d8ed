"""The page of one run: what it was asked, what became of it, its log, artifacts and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import fragment, html_answer
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.lineage import lineage_part
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.run_artifacts import artifacts_part
from mlrun_like.api.pages.run_curves import CurvesAsked, curves, curves_form
from mlrun_like.api.pages.run_log import log_part
from mlrun_like.api.pages.run_parts import (
    environment,
    facts_of,
    iterations,
    results,
    snippet,
    trouble,
)
from mlrun_like.api.pages.words import address, events_of, live, state_badge, tabs
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import Html, element, joined
from mlrun_like.drawing.page import section
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.run import TERMINAL
from mlrun_like.types import Document

__all__ = ["ROUTES", "iteration_of"]

ROUTES = Routes("pages-run", page=True)
_ONE = "/projects/{project}/runs/{uid}"
_READ = Needs("run", "read")
_FEW_CURVES = 6
_TABS = (
    ("", "Overview"),
    ("log", "Log"),
    ("metrics", "Metrics"),
    ("artifacts", "Artifacts"),
    ("iterations", "Iterations"),
    ("lineage", "Lineage"),
    ("environment", "Environment"),
)


@ROUTES.get(_ONE, needs=_READ, summary="A run", name="run_page")
def run_page(request: Request, project: str, uid: str) -> Response:
    """One part of a run a tab; the first has what matters most."""
    store = store_of(request)
    iteration = iteration_of(request)
    run = store.read_run(project, uid, iteration)
    tab = request.query_params.get("tab", "")
    status = run.get("status") or {}
    is_over = status.get("state") in TERMINAL
    parts: list[str] = [_tabs(run, tab, project, iteration)]
    if tab == "log":
        parts.append(log_part(request, run))
    elif tab == "metrics":
        asked, base = CurvesAsked.of(request.query_params), project_path(project, "runs", uid)
        hidden = [("tab", "metrics"), *([("iteration", str(iteration))] if iteration else [])]
        many = len(store.read_metrics(project, uid, iteration)) > _FEW_CURVES
        parts += [curves_form(asked, base, hidden, many=many), _live(request, run, "metrics")]
    elif tab == "artifacts":
        parts.append(artifacts_part(request, run))
    elif tab == "iterations":
        parts.append(iterations(run, project))
    elif tab == "lineage":
        parts.append(lineage_part(request, project, uid=uid))
    elif tab == "environment":
        parts.append(environment(store, run))
    else:
        parts += [_live(request, run, "overview"), section("Use it in Python", snippet(run))]
    name = str(run["metadata"].get("name") or uid)
    crumbs = [("Runs", project_path(project, "runs"))]
    if iteration:
        crumbs.append((name, project_path(project, "runs", uid)))
    beside = live(
        address(f"/fragments{project_path(project, 'runs', uid)}",
                {"part": "state", "iteration": iteration}),
        state_badge(status.get("state", "")), seconds=3, key="state", is_over=is_over,
        hears=events_of(project, "run"), of=uid,
    )  # fmt: skip
    title = f"{name}, iteration {iteration}" if iteration else name
    lead = heading(title, beside, actions=[_buttons(request, run)], note=uid)
    return html_answer(
        frame(request, title, parts, project=project, here="runs", crumbs=crumbs, lead=lead)
    )


@ROUTES.get("/fragments" + _ONE, needs=_READ, summary="A part of a run, live", name="run_fragment")
def run_fragment(request: Request, project: str, uid: str) -> Response:
    """The overview, the metrics or the state alone."""
    run = store_of(request).read_run(project, uid, iteration_of(request))
    part = request.query_params.get("part", "overview")
    state = (run.get("status") or {}).get("state", "")
    if part == "state":
        where = address(request.url.path, {"part": "state", "iteration": iteration_of(request)})
        body = live(where, state_badge(state), seconds=3, key="state", is_over=state in TERMINAL,
                    hears=events_of(project, "run"), of=uid)  # fmt: skip
        # what may be done with a run changes with its state
        return fragment(request, joined([body, _buttons(request, run, hx_swap_oob="true")]))
    return fragment(request, _live(request, run, "metrics" if part == "metrics" else "overview"))


def iteration_of(request: Request) -> int:
    """The iteration that an address asks for.

    Raises:
        InvalidArgumentError: if it is no number.
    """
    asked = request.query_params.get("iteration", "") or "0"
    if not asked.isdecimal() or len(asked) > 9:
        raise InvalidArgumentError(f"iteration {asked[:40]!r} is no number", fix="use 0, 1, 2…")
    return int(asked)


def _live(request: Request, run: Document, part: str) -> Html:
    metadata, status = run["metadata"], run.get("status") or {}
    project, uid, iteration = metadata["project"], metadata["uid"], metadata.get("iteration") or 0
    is_over = status.get("state") in TERMINAL
    series = store_of(request).read_metrics(project, uid, iteration)
    base, asked = project_path(project, "runs", uid), CurvesAsked()
    if part == "metrics":
        asked = CurvesAsked.of(request.query_params)
        body: list[Any] = [curves(series, asked)]
    else:
        body = [
            trouble(run, project),
            element("div", facts_of(run, project), results(run), class_="halves"),
            section("Metrics", curves(series, most=_FEW_CURVES), _all_metrics(series, base))
            if series
            else "",
        ]
    where = address(f"/fragments{base}", {"part": part, "iteration": iteration, **asked.pairs()})
    # points of metrics are no event, for there are too many of them
    return live(where, *body, seconds=4, key=part, is_over=is_over, calm=4 if series else 30,
                hears=events_of(project, "run"), of=uid)  # fmt: skip


def _all_metrics(series: Mapping[str, Any], base: str) -> Html:
    if len(series) <= _FEW_CURVES:
        return Html()
    where = address(base, {"tab": "metrics"})
    return element("p", element("a", f"All {len(series)} metrics", href=where))


def _tabs(run: Document, tab: str, project: str, iteration: int) -> Html:
    status, base = run.get("status") or {}, project_path(project, "runs", run["metadata"]["uid"])
    rows = []
    for key, label in _TABS:
        if key == "iterations" and not status.get("iterations"):
            continue
        if key == "artifacts" and status.get("artifact_uris"):
            label = f"{label} ({len(status['artifact_uris'])})"
        rows.append((label, address(base, {"tab": key, "iteration": iteration}), key == tab))
    return tabs(rows, "parts of the run")


def _buttons(request: Request, run: Document, **attributes: str) -> Html:
    found = _actions(request, run)
    return element("span", *found, id="run-actions", class_="actions", **attributes)


def _actions(request: Request, run: Document) -> list[Html]:
    metadata, status = run["metadata"], run.get("status") or {}
    project, uid = metadata["project"], metadata["uid"]
    caller, base = caller_of(request), project_path(project, "runs")
    is_over, found = status.get("state") in TERMINAL, []
    if caller.may(project, "run", "run"):
        function = (run.get("spec") or {}).get("function") or ""
        name = function.partition("@")[0].rpartition("/")[2].partition(":")[0]
        if name:
            where = address(project_path(project, "functions", name), {"tab": "run", "again": uid})
            found.append(element("a", "Run again…", href=where, class_="button"))
        if not is_over:
            where = f"{base}/-/abort?uid={quote(uid, safe='')}"
            found.append(element("a", "Abort…", href=where, class_="button danger"))
    if is_over and caller.may(project, "run", "delete"):
        where = f"{base}/-/delete?uid={quote(uid, safe='')}"
        found.append(element("a", "Delete…", href=where, class_="button danger"))
    return found
