"""What all pages have in common: the bar at the top, the navigation, crumbs, notices."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.pages.assets import asset_address
from mlrun_like.api.pages.forms import csrf_field
from mlrun_like.api.pages.navigation import project_links, project_path
from mlrun_like.api.routing import caller_of
from mlrun_like.drawing.markup import Html, element, joined
from mlrun_like.drawing.page import paragraph

__all__ = ["NOTICES", "THEMES", "frame", "heading"]

THEMES = ("auto", "light", "dark")

NOTICES: dict[str, str] = {
    "aborted": "The run was asked to stop. It may take a few seconds to do so.",
    "created": "Created.",
    "deleted": "Deleted.",
    "deleting": "It is being deleted; here you see how far that is.",
    "saved": "Saved.",
    "started": "Started. It appears in the list as soon as its process begins.",
    "resumed": "It goes on as soon as its process begins.",
    "revoked": "Revoked. It stops working within seconds.",
    "password": "The password was changed. Other sessions were ended.",
    "tagged": "The tag was moved.",
}
"""Sentences after something was done, by the word in the address; add yours."""

_CONFIG = (
    '{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,'
    '"selfRequestsOnly":true,"historyEnabled":false,"timeout":20000}'
)


def frame(
    request: Request,
    title: str,
    parts: Iterable[str],
    *,
    project: str = "",
    here: str = "",
    crumbs: Iterable[tuple[str, str]] = (),
    lead: str = "",
) -> Html:
    """A whole page.

    Args:
        request: The request it answers: who asks, which theme.
        title: Its name; the heading, unless `lead` brings another one.
        parts: What it shows, mostly from `drawing.page.section`; a plain text becomes a paragraph.
        project: The project whose navigation is shown; empty: a page of the service.
        here: The key of the row of `navigation.PAGES` that is marked.
        crumbs: Pages above this one: (label, address).
        lead: `Html` in place of the plain heading, from `heading`.
    """
    caller = caller_of(request)
    theme = request.cookies.get("theme", "auto")
    marked = theme if theme in THEMES[1:] else None
    told = NOTICES.get(request.query_params.get("told", ""), "")
    notice = element("p", told, class_="notice", role="status") if told else Html()
    links = [element("a", label, href=address) for label, address in crumbs]
    if links:
        links.append(element("span", title, aria_current="page"))
    path = element("nav", *links, class_="crumbs", aria_label="where this page is") if links else ""
    flow = joined(one if isinstance(one, Html) else paragraph(one) for one in parts if one)
    side = _side(caller, project, here) if project else _server_side(caller, here)
    name = f"{title} · {project}" if project and project != title else title
    main = element(
        "main", path, notice, lead or heading(title), flow, id="main", tabindex="-1"
    )  # fmt: skip
    head = joined(
        [
            Html('<meta charset="utf-8"/>'),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="htmx-config", content=_CONFIG),
            element("title", f"{name} · mlrun-like"),
            element("link", rel="icon", href=_ICON),
            element("link", rel="stylesheet", href=asset_address("service.css")),
            element("script", src=asset_address("htmx.min.js"), defer="defer"),
            element("script", src=asset_address("service.js"), defer="defer"),
            element("script", src=asset_address("live.js"), defer="defer"),
            element("script", src=asset_address("reading.js"), defer="defer"),
        ]
    )
    body = element(
        "body",
        element("a", "Skip to the content", class_="skip", href="#main"),
        _bar(request, caller, project),
        element("div", side, main, class_="frame"),
        class_="service",
    )
    page = element("html", element("head", head), body, lang="en", data_theme=marked)
    return Html("<!DOCTYPE html>\n" + page + "\n")


def heading(title: str, *beside: str, actions: Iterable[str] = (), note: str = "") -> Html:
    """The heading of a page, with badges beside it, and buttons at the right.

    >>> heading("a < b", note="of 3")
    '<div class="lead"><div><h1>a &lt; b</h1><p class="note">of 3</p></div></div>'
    """
    top = element("h1", title)
    if beside:
        top = element("div", top, joined(beside, " "), class_="titled")
    under = element("p", note, class_="note") if note else ""
    buttons = [one for one in actions if one]
    right = element("div", *buttons, class_="actions") if buttons else ""
    return element("div", element("div", top, under), right, class_="lead")


_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M2 13V4l4 5 2-3 2 3 4-5v9' fill='none' stroke='%232f6fb0' stroke-width='2.2' "
    "stroke-linejoin='round' stroke-linecap='round'/%3E%3C/svg%3E"
)


def _bar(request: Request, caller: Caller, project: str) -> Html:
    mark = element("a", "mlrun-like", href="/", class_="mark")
    if not caller.user:
        return element("header", mark, class_="bar")
    switch = _switcher(project)
    words = element(
        "input", type="search", name="q", id="search", placeholder="Search",
        aria_label="Search everything", aria_keyshortcuts="/",
        value=request.query_params.get("q", "") if request.url.path == "/search" else None,
        autocomplete="off", maxlength="200",
    )  # fmt: skip
    scope = element("input", type="hidden", name="from", value=project) if project else ""
    find = element("form", words, scope, element("kbd", "/", aria_hidden="true"), role="search",
                   action="/search", method="get", class_="find")  # fmt: skip
    return element("header", mark, switch, find, _user(request, caller), class_="bar")


def _switcher(project: str) -> Html:
    """Names of projects are fetched when it is opened, so that no page pays for them."""
    names = element(
        "div", element("a", "All projects", href="/"), class_="menu", hx_get="/fragments/projects",
        hx_trigger="toggle from:closest details once", hx_swap="innerHTML",
    )  # fmt: skip
    label = element("span", "Project", class_="hidden")
    return element(
        "details", element("summary", label, " ", project or "All projects"), names,
        class_="switch", data_menu="",
    )  # fmt: skip


def _user(request: Request, caller: Caller) -> Html:
    rows = [
        element("a", "Account and tokens", href="/account"),
        element("a", "Background tasks", href="/tasks"),
        element("a", "Settings", href="/settings"),
    ]
    if caller.is_admin:
        rows.append(element("a", "Users", href="/users"))
    rows.append(element("button", "Switch theme", type="button", data_theme_switch="",
                        hidden="hidden"))  # fmt: skip
    rows.append(element("button", "Keyboard", type="button", data_keys="", hidden="hidden"))
    if caller.kind not in ("local", "nobody"):
        out = element("button", "Log out", type="submit")
        rows.append(element("form", csrf_field(request), out, method="post", action="/logout"))
    who = element("summary", element("span", "User", class_="hidden"), " ", caller.name)
    return element("details", who, element("div", *rows, class_="menu right"),
                   class_="switch user", data_menu="")  # fmt: skip


def _side(caller: Caller, project: str, here: str) -> Html:
    links = [
        element("a", label, href=address, aria_current="page" if key == here else None,
                data_go=stroke)
        for key, label, address, stroke in project_links(caller, project)
    ]  # fmt: skip
    top = element("a", project, href=project_path(project), class_="of")
    return element("nav", top, *links, class_="side", aria_label=f"project {project}")


def _server_side(caller: Caller, here: str) -> Html:
    rows = [("projects", "Projects", "/", "h"), ("search", "Search", "/search", "")]
    if not caller.user:
        return Html()
    rows += [
        ("hub", "Hub", "/hub", "u"),
        ("tasks", "Tasks", "/tasks", "t"),
        ("account", "Account", "/account", ""),
        ("settings", "Settings", "/settings", "s"),
    ]
    if caller.is_admin:
        rows += [("users", "Users", "/users", ""), ("audit", "Audit log", "/audit", "")]
    links = [
        element("a", label, href=address, aria_current="page" if key == here else None,
                data_go=stroke or None)
        for key, label, address, stroke in rows
    ]  # fmt: skip
    return element("nav", *links, class_="side", aria_label="service")
