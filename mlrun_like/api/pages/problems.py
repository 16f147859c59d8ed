"""Errors as pages: what happened, and what to do now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.frame import frame
from mlrun_like.api.pages.navigation import PAGES
from mlrun_like.drawing.markup import Html, element
from mlrun_like.drawing.page import fold

__all__ = ["problem_page", "wants_page"]

_TITLES = {
    400: "That cannot be done so",
    401: "Please log in",
    403: "You may not do this",
    404: "There is nothing here",
    405: "That cannot be done so",
    409: "Somebody was faster",
    412: "It has changed meanwhile",
    413: "That is too large",
    422: "That cannot be read",
    429: "Too many requests",
    500: "The service made a mistake",
    503: "The service is busy",
}
_LISTS = {path[1:]: label for _, label, path, _, _ in PAGES if path}
_STORE = re.compile(r",? ?(?:in )?\b(?:sqlite|postgresql)\S*")
_HELP = {
    403: "Ask an administrator of the project for a role that allows it.",
    404: "It may have been deleted, or its name has changed, or you may not see its project.",
    409: "Load the page again and look at what is there now.",
    500: "Try again. If it stays, tell whoever runs the service the number of the request.",
    503: "Try again in a few seconds.",
}


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page, so that an error should be one too."""
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and not request.url.path.startswith(("/api/", "/static/"))


def _ways_on(path: str) -> list[Html | str]:
    """Links from a page that failed: the list that it belongs to, and what helps always."""
    parts = path.strip("/").split("/")
    found: list[Html | str] = []
    if len(parts) > 3 and parts[0] == "projects" and parts[2] in _LISTS:
        where = f"/projects/{quote(parts[1], safe='')}/{parts[2]}"
        found += [element("a", _LISTS[parts[2]], href=where, class_="button main"), " "]
    found += [
        element("a", "All projects", href="/", class_="button" if found else "button main"), " ",
        element("a", "Search", href="/search", class_="button"),
    ]  # fmt: skip
    return found


def problem_page(
    request: Request, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """An error as a page; who is not logged in goes to the login.

    Args:
        request: The request that failed.
        status: The status of the answer.
        body: The body of the error, as the JSON API has it.
        headers: More headers of the answer.
    """
    if status == 401 and request.method in ("GET", "HEAD") and request.url.path != "/login":
        query = f"?{request.url.query}" if request.url.query else ""
        return moved(f"/login?next={quote(request.url.path + query, safe='')}")
    request.scope.setdefault("mlrun_like.caller", Caller(""))
    detail = body.get("detail") or {}
    place = _STORE.sub("", str(detail.get("where") or ""))
    if request.headers.get("hx-request"):
        words = element("p", detail.get("what", ""), class_="notice bad", role="alert")
        return html_answer(words, status)
    title = _TITLES.get(status, "That did not work")
    help_ = detail.get("fix") or _HELP.get(status, "")
    parts: list[Html] = [
        element("p", detail.get("what") or title, class_="question"),
        element("p", help_) if help_ else Html(),
        element("p", *_ways_on(request.url.path)),
        fold("Details", element("p", "Where: ", place) if place else "",
             element("p", "Status ", status, ", code ", element("code", detail.get("code", "")),
                     ", request ", element("code", body.get("request_id", "") or "—"))),
    ]  # fmt: skip
    answer = html_answer(frame(request, title, parts), status)
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    return answer
