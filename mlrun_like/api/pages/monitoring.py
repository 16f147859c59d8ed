"""Pages of model endpoints: an overview, one endpoint with its drift."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import fragment, html_answer
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.parts.endpoints import DAYS, drift_field, endpoint_page
from mlrun_like.api.pages.parts.look import look_of, place
from mlrun_like.api.pages.parts.watched import endpoints_page
from mlrun_like.api.pages.words import live
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.drawing.page import badge, joined
from mlrun_like.monitoring.pages.endpoint import endpoint_data
from mlrun_like.monitoring.pages.health import DRIFT_WORDS, level_of, survey

__all__ = ["ROUTES"]

ROUTES = Routes("pages-monitoring", page=True)
_READ = Needs("endpoint", "read")
_LIST = "/projects/{project}/endpoints"
_WINDOWS = 20_000


@ROUTES.get(_LIST, needs=_READ, summary="Model endpoints of a project")
def endpoints(request: Request, project: str) -> Response:
    """All endpoints, those with problems first; the list is read anew while it is looked at."""
    look, problem = look_of(request, project), request.query_params.get("problem", "")
    rows = [one.to_dict() for one in survey(store_of(request), project)]
    body = joined(endpoints_page(rows, look, problem))
    where = place(project, "endpoints", problem=problem)
    part = live(where, body, seconds=30, key="endpoints", is_over=not rows)
    if request.headers.get("hx-request"):
        return fragment(request, part)
    return html_answer(frame(request, "Endpoints", [part], project=project, here="endpoints"))


@ROUTES.get(_LIST + "/{uid}", needs=_READ, summary="A model endpoint")
def endpoint(request: Request, project: str, uid: str) -> Response:
    """Drift by feature and window, histograms, quality, traffic, incidents."""
    store, look = store_of(request), look_of(request, project)
    days = request.query_params.get("days", "")
    known = int(days) if days in map(str, DAYS) else 7
    data = endpoint_data(store, project, uid, span=known * 86400.0)
    tab = request.query_params.get("tab", "")
    results = store.list_results(project, uid, type="result", limit=_WINDOWS)
    parts = endpoint_page(data, drift_field(results), look, tab)
    drift = badge(DRIFT_WORDS.get(data["drift_status"], "?"), level_of(data["drift_status"]))
    watched = badge("watched" if data["mode"] == "enabled" else "not watched")
    crumbs = [("Endpoints", place(project, "endpoints"))]
    lead = heading(data["title"], drift, watched, note=data["uid"])
    return html_answer(
        frame(request, data["title"], parts, project=project, here="endpoints", crumbs=crumbs,
              lead=lead)
    )  # fmt: skip
