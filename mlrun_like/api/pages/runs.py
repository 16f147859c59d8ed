"""The list of a project's runs: filters, columns, selections; deleting and aborting several."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.paging import encode_cursor
from mlrun_like.api.pages.answers import fragment, html_answer, moved
from mlrun_like.api.pages.first_run import first_run
from mlrun_like.api.pages.forms import asking, button, choice, field, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.runs_table import (
    SIZE,
    SORTS,
    TIMES,
    RunsAsked,
    columns_of,
    runs_table,
)
from mlrun_like.api.pages.runs_values import by_value
from mlrun_like.api.pages.words import address, empty, events_of, live, toolbar
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import Html, element, joined, number
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["ROUTES", "abort_run", "chosen_runs"]

ROUTES = Routes("pages-runs", page=True)
_LIST = "/projects/{project}/runs"
_STATES = ("", "running", "completed", "error", "aborted", "pending", "created")
_MOST = 500
_MOST_VALUES = 200


@ROUTES.get(_LIST, needs=Needs("run", "read"), summary="Runs of a project", name="runs_page")
def runs_page(request: Request, project: str) -> Response:
    """The table, with what filters and sorts it."""
    asked = RunsAsked.of(request.query_params)
    part, columns = _table(request, project, asked)
    parts = [_filters(asked, project), _choose_columns(asked, columns, project), part]
    start = element("a", "New run", href=project_path(project, "functions"), class_="button main")
    may_start = caller_of(request).may(project, "run", "run")
    lead = heading("Runs", actions=[start] if may_start else [])
    top = toolbar(*parts[:2])
    return html_answer(frame(request, "Runs", [top, part], project=project, here="runs", lead=lead))


@ROUTES.get(
    "/fragments/projects/{project}/runs", needs=Needs("run", "read"), summary="Rows of runs, live"
)
def runs_fragment(request: Request, project: str) -> Response:
    """The table alone."""
    part, _ = _table(request, project, RunsAsked.of(request.query_params), is_alone=True)
    return fragment(request, part)


def _table(
    request: Request, project: str, asked: RunsAsked, *, is_alone: bool = False
) -> tuple[Html, list[str]]:
    page = store_of(request).page_runs(asked.query(project))
    rows, told = page.items, Html()
    if asked.is_by_value:
        rows, told = _by_value(asked, rows, bool(page.after))
    known, usual = columns_of(rows)
    columns = asked.columns or usual
    base = project_path(project, "runs")
    if not rows:
        part = _nothing(asked, base) if asked.is_filtered else first_run(request, project)
    else:
        part = runs_table(rows, asked, columns, project)
    token = encode_cursor(page.after, asked.sort) if page.after and not told else ""
    links = []
    if asked.token:
        links.append(element("a", "Newest", href=address(base, asked.pairs()), class_="button"))
    if token:
        where = address(base, asked.pairs(page_token=token))
        links.append(element("a", f"Next {SIZE}", href=where, class_="button", rel="next"))
    pages = element("nav", *links, class_="pager", aria_label="pages of the list") if links else ""
    is_live = not asked.token and (asked.sort == "-started" or asked.is_by_value)
    whole = live(
        address(f"/fragments{base}", asked.pairs()), part, pages, told, key="rows",
        seconds=15 if told else 5, is_over=not is_live,
        hears="" if told else events_of(project, "run"),
    )  # fmt: skip
    if is_alone:
        return whole, known
    return _selecting(request, project, whole, bool(rows)), known


def _by_value(
    asked: RunsAsked, runs: list[Document], has_more: bool
) -> tuple[list[Document], Html]:
    """The runs that fit, in their order, and among how many they were looked for."""
    conditions, looked = asked.conditions, len(runs)
    found = [run for run in runs if all(one.fits(run) for one in conditions)]
    if asked.sort.removeprefix("-") not in SORTS:
        is_down = asked.sort.startswith("-")
        found = by_value(found, asked.sort.removeprefix("-"), descending=is_down)
    shown = found[:_MOST_VALUES]
    words = f"{len(shown)} of {len(found)} shown" if len(found) > len(shown) else ""
    if has_more:
        more = f"values are looked at among the newest {number(looked)} runs that fit the rest"
        words = f"{words}; {more}" if words else more
    return shown, element("p", f"{words[:1].upper()}{words[1:]}." if words else "", class_="note")


def _selecting(request: Request, project: str, rows: Html, has_rows: bool) -> Html:
    """The form around the rows; without scripts its buttons work as well."""
    if not has_rows:
        return rows
    caller, base = caller_of(request), project_path(project, "runs")
    tools = [button("Compare", data_needs="2", data_most="100",
                    formaction=project_path(project, "compare"))]  # fmt: skip
    if caller.may(project, "run", "run"):
        tools.append(button("Abort…", data_needs="1", formaction=f"{base}/-/abort"))
    if caller.may(project, "run", "delete"):
        tools.append(button("Delete…", "danger", data_needs="1", formaction=f"{base}/-/delete"))
    note = element("span", "Select with the boxes or the key x.", class_="note")
    return element("form", toolbar(*tools, note), rows, method="get", class_="selecting",
                   action=project_path(project, "compare"), style="display:block")  # fmt: skip


def _nothing(asked: RunsAsked, base: str) -> Html:
    told = ["Show ", element("a", "all runs", href=base), "."]
    if asked.name and "=" in asked.name:
        told.append(" A label belongs into the field Label.")
    return empty("No run is like this.", joined(told))


def _filters(asked: RunsAsked, project: str) -> Html:
    hidden = [element("input", type="hidden", name="column", value=one) for one in asked.columns]
    if asked.sort != "-started":
        hidden.append(element("input", type="hidden", name="sort", value=asked.sort))
    base = project_path(project, "runs")
    times = list(TIMES)
    if asked.since and asked.since not in dict(TIMES):
        times.append((asked.since, f"since {asked.since}"))
    clear = element("a", "Clear", href=base, class_="button") if asked.is_filtered else ""
    return element(
        "form",
        field("name", "Name", asked.name, placeholder="part of it", size="14"),
        field("label", "Label", asked.label, placeholder="owner=ada", size="14"),
        field("where", "Values", asked.where, placeholder="accuracy > 0.9", size="16"),
        choice("state", "State", [(one, one or "any state") for one in _STATES], asked.state),
        choice("since", "Started", times, asked.since),
        *hidden, button("Filter"), clear,
        method="get", action=base, class_="inline", role="search", aria_label="filter runs",
    )  # fmt: skip


def _choose_columns(asked: RunsAsked, known: list[str], project: str) -> Html:
    if not known:
        return Html()
    now = set(asked.columns)
    names = [*known, *(one for one in asked.columns if one not in known)]
    hidden = [
        element("input", type="hidden", name=name, value=value)
        for name, value in asked.pairs(columns=())
        if value
    ]
    groups = []
    for kind, words in (("result", "Results"), ("param", "Parameters"), ("label", "Labels")):
        boxes = [
            element("label", element("input", type="checkbox", name="column", value=name,
                                     checked="checked" if name in now else None),
                    name.partition(".")[2])
            for name in names if name.startswith(f"{kind}.")
        ]  # fmt: skip
        if boxes:
            groups.append(element("fieldset", element("legend", words),
                                  element("div", *boxes, class_="picks")))  # fmt: skip
    form = element("form", *hidden, *groups, button("Show these"), method="get",
                   action=project_path(project, "runs"), style="display:block")  # fmt: skip
    summary = element("summary", "Columns", class_="button")
    return element("details", summary, element("div", form, class_="menu right"),
                   class_="pop push", data_menu="")  # fmt: skip


# -- several at once ------------------------------------------------------------------------------


def chosen_runs(store: SqlStore, project: str, keys: list[str]) -> list[Document]:
    """The runs that were selected, in their order.

    Raises:
        InvalidArgumentError: if there are none, or too many.
        NotFoundError: if one is gone.
    """
    wanted = list(dict.fromkeys(key for key in keys if key))
    if not wanted or len(wanted) > _MOST:
        raise InvalidArgumentError(
            f"{len(wanted)} runs are selected", fix=f"go back and select 1 to {_MOST} runs"
        )
    found = []
    for key in wanted:
        uid, colon, iteration = key.rpartition(":")
        if colon and iteration.isdigit() and len(iteration) < 10:
            found.append(store.read_run(project, uid, int(iteration)))
        else:
            found.append(store.read_run(project, key))
    return found


def abort_run(store: SqlStore, project: str, uid: str, who: str) -> str:
    """Ask a run to stop; the state that it is in now."""
    state = store.read_run(project, uid).get("status", {}).get("state", "")
    if state in TERMINAL:
        raise ConflictError(f"the run is over: it is {state!r}", where=f"run {uid}")
    store.set_run_state(project, uid, 0, "aborting", f"aborted by {who} from the pages")
    return "aborting"


def _names(runs: list[Document]) -> list[str]:
    return [
        f"{run['metadata'].get('name') or 'run'} ({run['metadata']['uid']}), "
        f"{run.get('status', {}).get('state', '')}"
        for run in runs
    ]


@ROUTES.get(
    _LIST + "/-/delete", needs=Needs("run", "delete"), summary="Ask before runs are deleted"
)
def ask_delete(request: Request, project: str) -> Response:
    """What goes, and a button."""
    runs = chosen_runs(store_of(request), project, request.query_params.getlist("uid"))
    busy = [run for run in runs if run.get("status", {}).get("state") not in TERMINAL]
    base = project_path(project, "runs")
    words = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    keys = [("uid", run["metadata"]["uid"]) for run in runs]
    parts: list[Html] = []
    if busy:
        parts.append(element("p", f"{len(busy)} of them go on; abort them first.",
                             class_="notice warn"))  # fmt: skip
    parts.append(asking(request, f"{base}/-/delete",
                        f"Delete {words} with results, metrics and logs? Artifacts stay.",
                        _names(runs), verb=f"Delete {words}", back=base, hidden=keys))  # fmt: skip
    crumbs = [("Runs", base)]
    return html_answer(
        frame(request, "Delete runs", parts, project=project, here="runs", crumbs=crumbs)
    )


@ROUTES.post(_LIST + "/-/delete", needs=Needs("run", "delete"), summary="Delete runs")
async def delete_runs(request: Request, project: str) -> Response:
    """Delete what was named."""
    keys = (await read_form(request)).all("uid")[:_MOST]
    if not keys:
        raise InvalidArgumentError("no run is selected", fix="go back and select some")
    query = RunQuery(project=project, uid=tuple(keys))
    await asyncio.to_thread(store_of(request).delete_runs, query)
    return moved(project_path(project, "runs"), "deleted")


@ROUTES.get(_LIST + "/-/abort", needs=Needs("run", "run"), summary="Ask before runs are aborted")
def ask_abort(request: Request, project: str) -> Response:
    """What stops, and a button."""
    runs = chosen_runs(store_of(request), project, request.query_params.getlist("uid"))
    going = [run for run in runs if run.get("status", {}).get("state") not in TERMINAL]
    base = project_path(project, "runs")
    words = "1 run" if len(going) == 1 else f"{len(going)} runs"
    keys = [("uid", run["metadata"]["uid"]) for run in going]
    if going:
        part = asking(request, f"{base}/-/abort", f"Abort {words}? What they made so far stays.",
                      _names(going), verb=f"Abort {words}", back=base, hidden=keys)  # fmt: skip
    else:
        part = empty("None of these runs goes on.", element("a", "Back to the runs", href=base))
    crumbs = [("Runs", base)]
    return html_answer(
        frame(request, "Abort runs", [part], project=project, here="runs", crumbs=crumbs)
    )


@ROUTES.post(_LIST + "/-/abort", needs=Needs("run", "run"), summary="Abort runs")
async def abort_runs(request: Request, project: str) -> Response:
    """Ask each to stop."""
    keys = (await read_form(request)).all("uid")[:_MOST]
    store, who = store_of(request), caller_of(request).name

    def act() -> None:
        for key in keys:
            abort_run(store, project, key, who)

    await asyncio.to_thread(act)
    where = project_path(project, "runs")
    return moved(project_path(project, "runs", keys[0]) if len(keys) == 1 else where, "aborted")
