"""Several runs beside each other: parallel coordinates, differences, curves over each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import html_answer
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.run_curves import CurvesAsked, compared, curves_form
from mlrun_like.api.pages.run_parts import function_of, value_shown
from mlrun_like.api.pages.runs import chosen_runs
from mlrun_like.api.pages.runs_table import key_of
from mlrun_like.api.pages.words import address, empty, since, state_badge
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.drawing.markup import Html, element
from mlrun_like.drawing.page import section
from mlrun_like.drawing.parallel import parallel
from mlrun_like.errors import NotFoundError
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pages-compare", page=True)
_CURVES = 24
_CHARTS = 12
_COLUMNS = 30
_ROWS = 120
_GROUPS = (
    ("Parameters", "spec", "parameters"),
    ("Results", "status", "results"),
    ("Inputs", "spec", "inputs"),
    ("Labels", "metadata", "labels"),
)


@ROUTES.get("/projects/{project}/compare", needs=Needs("run", "read"), summary="Runs compared",
            name="compare_page")  # fmt: skip
def compare_page(request: Request, project: str) -> Response:
    """The runs named by `uid` in the address."""
    store, crumbs = store_of(request), [("Runs", project_path(project, "runs"))]
    keys = request.query_params.getlist("uid")
    if not keys:
        part = empty("No run is selected.",
                     element("a", "Select some in the table of runs",
                             href=project_path(project, "runs")))  # fmt: skip
        return html_answer(
            frame(request, "Compare", [part], project=project, here="runs", crumbs=crumbs)
        )
    runs = chosen_runs(store, project, keys)
    is_short = request.query_params.get("only") == "differences"
    parts = [
        _coordinates(runs),
        _curves(request, store, runs, project, keys),
        _table(store, runs, project, is_short=is_short),
    ]
    lead = heading("Compare", note=f"{len(runs)} runs of {project}")
    return html_answer(
        frame(request, "Compare", parts, project=project, here="runs", crumbs=crumbs, lead=lead)
    )


def _name(run: Document) -> str:
    metadata = run["metadata"]
    name = str(metadata.get("name") or metadata["uid"])
    iteration = metadata.get("iteration") or 0
    return f"{name} {metadata['uid'][-6:]}" + (f" #{iteration}" if iteration else "")


def _part(run: Document, one: str, two: str) -> dict[str, Any]:
    return dict((run.get(one) or {}).get(two) or {})


def _coordinates(runs: Sequence[Document]) -> Html:
    """Parameters that differ and all plain results as axes."""
    axes: list[tuple[str, str, str]] = []
    for one, two in (("spec", "parameters"), ("status", "results")):
        names = dict.fromkeys(name for run in runs for name in _part(run, one, two))
        for name in names:
            values = [_part(run, one, two).get(name) for run in runs]
            known = [value for value in values if value is not None]
            is_plain = all(isinstance(value, (int, float, str)) for value in known)
            is_short = all(len(value) < 60 for value in known if isinstance(value, str))
            if is_plain and is_short and (two == "results" or len({*map(str, values)}) > 1):
                axes.append((one, two, name))
    if len(axes) < 2:
        return Html()
    axes = axes[:14]
    rows = {
        key_of(run): (_name(run), [_part(run, one, two).get(name) for one, two, name in axes])
        for run in runs
    }
    results = [place for place, (_, two, _) in enumerate(axes) if two == "results"]
    picture = parallel(
        [name for _, _, name in axes],
        rows,
        colour_by=results[0] if results else None,
        width=max(1020, 130 * len(axes)),
    )
    box = element("div", picture, class_="scroll", tabindex="0", role="region",
                  aria_label="parallel coordinates")  # fmt: skip
    again = element("button", "Show all lines", type="button", data_unbrush="", data_script="",
                    hidden="hidden")  # fmt: skip
    words = "Parameters at the left, results at the right; a line for each run."
    return section("Parameters and results", box, again,
                   note=f"{words} Drag along an axis to keep a range.")  # fmt: skip


def _curves(
    request: Request, store: SqlStore, runs: Sequence[Document], project: str, keys: list[str]
) -> Html:
    asked = CurvesAsked.of(request.query_params)
    by_metric: dict[str, dict[str, Sequence[MetricPoint]]] = {}
    for run in runs[:_CURVES]:
        metadata = run["metadata"]
        series = store.read_metrics(project, metadata["uid"], metadata.get("iteration") or 0)
        for name, points in series.items():
            by_metric.setdefault(name, {})[_name(run)] = points
    if not by_metric:
        return Html()
    note = f"Of the first {_CURVES} runs." if len(runs) > _CURVES else ""
    form = curves_form(asked, project_path(project, "compare"), [("uid", key) for key in keys],
                       many=len(by_metric) > _CHARTS)  # fmt: skip
    return section("Metrics", form, compared(by_metric, asked, most=_CHARTS), note=note)


def _table(store: SqlStore, runs: Sequence[Document], project: str, *, is_short: bool) -> Html:
    shown = runs[:_COLUMNS]
    head = [element("th", element("span", "value", class_="hidden"), scope="col")]
    for run in shown:
        metadata = run["metadata"]
        where = address(project_path(project, "runs", metadata["uid"]),
                        {"iteration": metadata.get("iteration") or 0})  # fmt: skip
        rest = [("uid", key_of(one)) for one in runs if one is not run]
        drop = element("a", "remove", class_="note", aria_label=f"remove {_name(run)}",
                       href=address(project_path(project, "compare"), rest))  # fmt: skip
        head.append(element("th", element("a", _name(run), href=where), " ", drop, scope="col"))
    rows: list[Html] = []
    rows += _rows("Run", shown, [
        ("state", lambda run: state_badge((run.get("status") or {}).get("state", ""))),
        ("started", lambda run: since((run.get("status") or {}).get("start_time"))),
        ("owner", lambda run: _part(run, "metadata", "labels").get("owner")),
    ], marks=False)  # fmt: skip
    for title, one, two in _GROUPS:
        names = dict.fromkeys(name for run in shown for name in _part(run, one, two))
        getters = [(name, _getter(one, two, name)) for name in list(names)[:_ROWS]]
        rows += _rows(title, shown, getters, is_short=is_short)
    functions = {key_of(run): _function(store, run) for run in shown}
    rows += _rows("Code", shown, [
        ("function", lambda run: function_of(run)[1]),
        ("version", lambda run: function_of(run)[2][:10]),
        ("handler", lambda run: (run.get("spec") or {}).get("handler")),
        ("python", lambda run: functions[key_of(run)].get("python")),
        ("image", lambda run: functions[key_of(run)].get("image")),
    ], is_short=is_short)  # fmt: skip
    packages = dict.fromkeys(name for one in functions.values() for name in one.get("lock") or {})
    differing = [
        (name, _package(functions, name)) for name in packages
        if len({str((one.get("lock") or {}).get(name)) for one in functions.values()}) > 1
    ]  # fmt: skip
    rows += _rows("Packages that differ", shown, differing[:_ROWS])
    whole = element("table", element("caption", "differences", class_="hidden"),
                    element("thead", element("tr", *head)), element("tbody", *rows))  # fmt: skip
    note = "What differs is marked."
    if len(runs) > _COLUMNS:
        note += f" The first {_COLUMNS} of {len(runs)} runs have columns here."
    box = element("div", whole, class_="scroll", tabindex="0", role="region",
                  aria_label="differences of runs")  # fmt: skip
    query = [*(("uid", key_of(run)) for run in runs),
             ("only", "" if is_short else "differences")]  # fmt: skip
    words = "Show all rows" if is_short else "Show only what differs"
    switch = element("p", element("a", words, class_="button", href=address(
        project_path(project, "compare"), query) + "#differences"))  # fmt: skip
    return section("Differences", switch, box, note=note, key="differences")


def _getter(one: str, two: str, name: str) -> Callable[[Document], Any]:
    return lambda run: _part(run, one, two).get(name)


def _package(functions: dict[str, Document], name: str) -> Callable[[Document], Any]:
    return lambda run: (functions[key_of(run)].get("lock") or {}).get(name)


def _function(store: SqlStore, run: Document) -> Document:
    project, name, version = function_of(run)
    if not name:
        return {}
    try:
        spec = store.read_function(project, name, hash=version).get("spec") or {}
    except NotFoundError:
        return {}
    return {**(spec.get("environment") or {}), "image": spec.get("image")}


def _rows(
    title: str,
    runs: Sequence[Document],
    getters: Sequence[tuple[str, Callable[[Document], Any]]],
    *,
    marks: bool = True,
    is_short: bool = False,
) -> list[Html]:
    found = []
    for name, get in getters:
        values = [get(run) for run in runs]
        if all(value in (None, "") for value in values):
            continue
        different = len({json.dumps(value, default=str, sort_keys=True) for value in values}) > 1
        if is_short and not different:
            continue
        kind = "differs" if marks and different else None
        cells = [element("td", _cell(value), class_=kind) for value in values]
        found.append(element("tr", element("th", name, scope="row"), *cells))
    if not found:
        return []
    top = element("th", title, scope="colgroup", colspan=str(len(runs) + 1),
                  style="padding-top:16px;color:var(--ink)")  # fmt: skip
    return [element("tr", top), *found]


def _cell(value: Any) -> Html:
    return value if isinstance(value, Html) else Html("—") if value is None else value_shown(value)
