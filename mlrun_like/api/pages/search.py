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
from mlrun_like.drawing.markup import element, number
from mlrun_like.drawing.page import badge
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pages-search", page=True)


@ROUTES.get("/search", needs=Needs("search", "read", scope="visible"), summary="Search",
            name="search_page")  # fmt: skip
def search_page(request: Request) -> Response:
    """What fits the words, best first."""
    query = request.query_params
    words, kind = query.get("q", "")[:200].strip(), query.get("kind", "")[:40]
    box = element("input", type="search", name="q", value=words, aria_label="words to search",
                  size="30", autofocus=None if words else "autofocus")  # fmt: skip
    kinds = [("", "everything"), *((one, one) for one in KINDS)]
    form = element(
        "form", box, choice("kind", "Kind", kinds, kind),
        button("Search", "main"), method="get", action="/search", class_="inline",
    )  # fmt: skip
    if not words:
        part = empty("What do you look for?",
                     "Names, labels, ids, parameters: of runs, artifacts, models, functions and "
                     "all else. The key / brings you here from every page.")  # fmt: skip
        return html_answer(frame(request, "Search", [toolbar(form), part], here="search"))
    found = search(store_of(request), caller_of(request), words, kinds=(kind,) if kind else (),
                   limit=50)  # fmt: skip
    counts = [
        element("a", f"{name} {number(count)}", class_="chip",
                href=address("/search", {"q": words, "kind": name}))
        for name, count in (found.get("counts") or {}).items() if count
    ]  # fmt: skip
    rows = [_row(one) for one in found["results"]]
    if rows:
        note = f"{len(rows)} shown, found in {found.get('milliseconds', 0):.0f} ms."
        if found.get("truncated"):
            note += " There is more: use more words, or choose a kind."
        parts = [
            toolbar(form),
            element("p", *counts, class_="chips"),
            element("ul", *rows, class_="list"),
            element("p", note, class_="note"),
        ]
    else:
        told = "Try a part of a name, a label's value, or an id."
        parts = [toolbar(form), empty("Nothing fits these words.", told)]
    return html_answer(frame(request, "Search", parts, here="search"))


def _row(one: Document) -> object:
    project = str(one.get("project") or "")
    where = str(one.get("url") or "") or project_path(project)
    of = element("a", project, href=project_path(project), class_="chip") if project else ""
    return element(
        "li", badge(str(one["kind"]), "none"), element("a", one.get("title") or one["name"],
                                                       href=where), of,
        element("span", one.get("snippet") or "", class_="note"),
        element("span", since(one.get("updated")), class_="right"),
    )  # fmt: skip
