"""The home of a project: what runs, what failed lately, alerts, new models, what comes next."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import fragment, html_answer
from mlrun_like.api.pages.first_run import first_run
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.home import run_line, with_pipelines
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.words import events_of, live, since, state_badge
from mlrun_like.api.routes.projects_data import project_summaries, summaries_at_hand
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import Html, element, number
from mlrun_like.drawing.page import badge, section, tiles
from mlrun_like.errors import NotFoundError
from mlrun_like.monitoring.pages.incidents import incident_rows
from mlrun_like.tracking.base import ArtifactQuery, RunQuery
from mlrun_like.tracking.project_counts import project_names
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pages-project", page=True)
_FEW = 8


@ROUTES.get("/projects/{project}", needs=Needs("project", "read"), summary="Home of a project",
            name="project_page")  # fmt: skip
def project_page(request: Request, project: str) -> Response:
    """What runs, what failed lately, alerts, new models, what comes next."""
    store = store_of(request)
    spec = _spec(store, project)
    lead = heading(project, actions=_actions(request, project), note=spec.get("description") or "")
    parts = [_tiles(store, project, wait=False), _home(request, project)]
    return html_answer(frame(request, project, parts, project=project, here="home", lead=lead))


@ROUTES.get("/fragments/projects/{project}/home", needs=Needs("project", "read"),
            summary="Home of a project, live", name="project_fragment")  # fmt: skip
def project_fragment(request: Request, project: str) -> Response:
    """What changes on it; `part=tiles`: its counts, however long counting takes."""
    store = store_of(request)
    if request.query_params.get("part") == "tiles":
        return html_answer(_tiles(store, project, wait=True))
    return fragment(request, _home(request, project))


def _spec(store: SqlStore, project: str) -> Document:
    """What the project's document says; a project may have content and no document."""
    try:
        return store.read_project(project).get("spec") or {}
    except NotFoundError:
        if project not in project_names(store):
            raise
        return {}


def _actions(request: Request, project: str) -> list[Html]:
    if not caller_of(request).may(project, "run", "run"):
        return []
    return [element("a", "New run", href=project_path(project, "functions"), class_="button main")]


def _tiles(store: SqlStore, project: str, *, wait: bool) -> Html:
    base = project_path(project)
    rows = project_summaries(store, [project]) if wait else summaries_at_hand(store, [project])
    if rows is None:
        where = f"/fragments{base}/home?part=tiles"
        note = element("p", "Counting…", class_="note")
        return element("div", note, id="tiles", hx_get=where, hx_trigger="load",
                       hx_swap="outerHTML")  # fmt: skip
    summary = with_pipelines(rows[0]) if rows else {}
    failed = "bad" if summary.get("runs_failed") else "ok"
    alerts = "bad" if summary.get("open_incidents") else "ok"
    counts = [
        (element("a", label, href=f"{base}/{path}"), summary.get(key) or 0, level)
        for key, label, path, level in (
            ("runs", "Runs", "runs", "none"),
            ("runs_running", "Running", "runs?state=running", "none"),
            ("runs_failed", "Failed", "runs?state=error", failed),
            ("open_incidents", "Open alerts", "alerts", alerts),
            ("models", "Models", "models", "none"),
            ("artifacts", "Artifacts", "artifacts", "none"),
            ("functions", "Functions", "functions", "none"),
            ("endpoints", "Endpoints", "endpoints", "none"),
        )
    ]
    return element("div", tiles(counts), id="tiles")


def _home(request: Request, project: str) -> Html:
    store, base = store_of(request), project_path(project)
    recent = store.page_runs(RunQuery(project=project, limit=_FEW))
    if not recent.items:
        return live(f"/fragments{base}/home", first_run(request, project), seconds=10, key="home",
                    hears=events_of(project, "run"))  # fmt: skip
    failed = store.page_runs(RunQuery(project=project, states=("error",), limit=5))
    broken: list[Html] = [_failed(run, project) for run in failed.items]
    more = element("p", element("a", "All failed runs", href=f"{base}/runs?state=error"))
    halves = element(
        "div",
        section(
            "Latest runs",
            element("ul", *[_of_document(run) for run in recent.items], class_="list"),
            element("p", element("a", "All runs", href=f"{base}/runs")),
        ),
        section("Failed lately", element("ul", *broken, class_="list"), more)
        if broken
        else section("Failed lately", element("p", "Nothing failed.", class_="note")),
        _alerts(store, project),
        _models(store, project),
        _next(store, project),
        class_="halves",
    )
    return live(f"/fragments{base}/home", halves, seconds=10, key="home",
                hears=events_of(project, "run", "alert"))  # fmt: skip


def _failed(run: Document, project: str) -> Html:
    metadata, status = run["metadata"], run.get("status") or {}
    where = project_path(project, "runs", metadata["uid"])
    return element(
        "li",
        state_badge("error"),
        element("a", metadata.get("name") or metadata["uid"], href=where),
        element("span", since(status.get("start_time")), class_="right"),
        element("span", status.get("error") or "", class_="note", style="flex-basis:100%"),
    )


def _of_document(run: Document) -> Html:
    metadata, status = run["metadata"], run.get("status") or {}
    return run_line(metadata["project"], metadata["uid"], metadata.get("name", ""),
                 status.get("state", ""), status.get("start_time"))  # fmt: skip


def _alerts(store: SqlStore, project: str) -> Html:
    rows = [
        element(
            "li",
            badge(str(one.get("severity") or "open"), "bad"),
            element("a", one.get("name") or "incident",
                    href=project_path(project, "alerts")),
            element("span", since(one.get("opened") or one.get("started")), class_="right"),
        )
        for one in incident_rows(store, project, limit=5)
    ]  # fmt: skip
    return section("Open alerts", element("ul", *rows, class_="list")) if rows else Html()


def _models(store: SqlStore, project: str) -> Html:
    page = store.page_artifacts(
        ArtifactQuery(project=project, category="model", tag="latest", limit=5)
    )
    rows = []
    for document in page.items:
        metadata, spec = document["metadata"], document.get("spec") or {}
        key = spec.get("db_key") or metadata["key"]
        told = [f"{name} {number(value)}" for name, value in (spec.get("metrics") or {}).items()]
        rows.append(
            element(
                "li",
                element("a", key, href=project_path(project, "models", key)),
                element("span", ", ".join(told[:3]), class_="note"),
                element("span", since(metadata.get("updated")), class_="right"),
            )
        )
    return section("Newest models", element("ul", *rows, class_="list")) if rows else Html()


def _next(store: SqlStore, project: str) -> Html:
    coming = [row for row in store.list_schedules(project) if row.get("next_run_time")]
    coming = sorted(coming, key=lambda row: str(row["next_run_time"]))[:5]
    rows = [
        element("li", element("a", one["name"],
                              href=project_path(project, "schedules", one["name"])),
                element("span", since(one["next_run_time"]), class_="right"))
        for one in coming
    ]  # fmt: skip
    return section("Comes next", element("ul", *rows, class_="list")) if rows else Html()
