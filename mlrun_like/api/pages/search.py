"""Search over everything that the caller may see."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import html_answer
from mlrun_like.api.pages.forms import button, choice
from mlrun_like.api.pages.frame import frame
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.words import address, empty, since, toolbar
from mlrun_like.api.routes.search_data import KINDS, search
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import Html, element, number
from mlrun_like.drawing.page import section
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pages-search", page=True)
_FEW, _MANY, _MOST = 6, 50, 200
_TITLES = {
    "project": "Projects", "run": "Runs", "pipeline": "Pipelines", "model": "Models",
    "artifact": "Artifacts", "function": "Functions", "feature-set": "Feature sets",
    "feature-vector": "Feature vectors", "endpoint": "Endpoints", "schedule": "Schedules",
    "alert": "Alerts",
}  # fmt: skip


@ROUTES.get("/search", needs=Needs("search", "read", scope="visible"), summary="Search",
            name="search_page")  # fmt: skip
def search_page(request: Request) -> Response:
    """What fits the words: the best of each kind, or all of one kind."""
    query = request.query_params
    words, kind = query.get("q", "")[:200].strip(), query.get("kind", "")[:40]
    project = query.get("project", "")[:100]
    came_from = query.get("from", "")[:100] or project
    tools = toolbar(_form(words, kind, project, came_from))
    if not words:
        part = empty(
            "What do you look for?",
            "Names, labels, ids, tags and descriptions: of runs, artifacts, models, functions "
            "and all else. The key / brings you here from every page.",
        )
        return _answer(request, [tools, part], project)
    most = _MANY if kind else _FEW
    found = search(store_of(request), caller_of(request), words, kinds=(kind,) if kind else (),
                   project=project, limit=most)  # fmt: skip
    parts: list[Html] = [tools]
    of_kind: dict[str, list[Document]] = {}
    for one in found["results"]:
        of_kind.setdefault(one["kind"], []).append(one)
    for name, rows in of_kind.items():
        count, more = found["counts"][name], Html()
        if count > len(rows) and kind:
            more = element("p", f"The first {len(rows)}: use more words.", class_="note")
        elif count > len(rows):
            where = address(
                "/search", {"q": words, "kind": name, "project": project, "from": came_from}
            )
            label = f"{_MOST} or more" if count >= _MOST else number(count)
            more = element("p", element("a", f"More of {label}", href=where))
        shown = element("ul", *[_row(one, project) for one in rows], class_="list")
        parts.append(section(_TITLES.get(name, name), shown, more))
    if not of_kind:
        told: list[Html] = [element("p", "Try a part of a name, a label's value, a tag or an id.")]
        if project or kind:
            link = element("a", "Search everything", href=address("/search", {"q": words}))
            told.append(element("p", link))
        parts.append(empty("Nothing fits these words.", *told))
    note = [_reach(name, one) for name, one in found["searched"].items() if not one["all"]]
    if note:
        words_ = f"Parts of words were looked for among the newest {', '.join(note)}; ids, whole "
        parts.append(element("p", words_ + "names and tags among all.", class_="note"))
    return _answer(request, parts, project)


def _answer(request: Request, parts: list[Html], project: str) -> Response:
    crumbs = [(project, project_path(project))] if project else []
    return html_answer(frame(request, "Search", parts, here="search", crumbs=crumbs))


def _form(words: str, kind: str, project: str, came_from: str) -> Html:
    box = element("input", type="search", name="q", value=words, aria_label="words to search",
                  size="30", autofocus=None if words else "autofocus")  # fmt: skip
    kinds = [("", "everything"), *((one, _TITLES.get(one, one).lower()) for one in KINDS)]
    places = [("", "all projects"), (came_from, f"only {came_from}")]
    kept = element("input", type="hidden", name="from", value=came_from) if came_from else ""
    return element(
        "form", box, choice("kind", "Kind", kinds, kind),
        choice("project", "Where", places, project) if came_from else "", kept,
        button("Search", "main"), method="get", action="/search", class_="inline",
    )  # fmt: skip


def _reach(kind: str, one: Document) -> str:
    return f"{number(one['rows'])} {_TITLES.get(kind, kind).lower()}"


def _row(one: Document, inside: str) -> Html:
    project = str(one.get("project") or "")
    where = str(one.get("url") or "") or project_path(project)
    of = element("a", project, href=project_path(project), class_="chip")
    uid = where.rpartition("/")[2] if one["kind"] in ("run", "pipeline") else ""
    return element(
        "li", element("a", one.get("title") or one["name"], href=where),
        element("code", uid[:12], class_="note") if uid else "",
        of if project and project != inside and one["kind"] != "project" else "",
        element("span", one.get("snippet") or "", class_="note"),
        element("span", since(one.get("updated")), class_="right"),
    )  # fmt: skip
