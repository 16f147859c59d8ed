"""What parts of pages share: who looks, addresses, forms, lists of facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request

from mlrun_like.api.pages.forms import csrf_field
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.words import copyable, whole
from mlrun_like.api.routing import caller_of
from mlrun_like.drawing.page import Html, element, joined, section
from mlrun_like.monitoring.clock import now

__all__ = [
    "Look",
    "box",
    "choice",
    "facts",
    "first",
    "form",
    "line",
    "look_of",
    "place",
    "scrolled",
    "took",
    "words",
]

_NONE = Html()


@dataclass(frozen=True)
class Look:
    """Who looks at a page, and what a form on it must bring along.

    Args:
        project: The project; empty: a page of the service.
        may: Whether who looks may do an action with a resource.
        hidden: A field that proves that a form is ours.
        now: Seconds since 1970.
        who: The name of who looks.
    """

    project: str = ""
    may: Callable[[str, str], bool] = lambda resource, action: True
    hidden: Html = _NONE
    now: float = 0.0
    who: str = ""


def look_of(request: Request, project: str = "") -> Look:
    """Who looks at a page.

    Args:
        request: The request that the page answers.
        project: The project; empty: a page of the service.
    """
    caller = caller_of(request)

    def may(resource: str, action: str) -> bool:
        return caller.may(project, resource, action)

    return Look(project, may, csrf_field(request), now(), caller.name or caller.user)


def place(project: str, *parts: Any, **query: Any) -> str:
    """The address of a page of a project; empty values of the query are left out.

    >>> place("shop", "pipelines", "a/b", step="x[1]", page="")
    '/projects/shop/pipelines/a%2Fb?step=x%5B1%5D'
    """
    # Half a character, as broken names have them, cannot be written in an address.
    names = [str(part).encode("utf-8", "replace").decode() for part in parts]
    path = project_path(project, *names) if project else "/" + "/".join(map(quote, names))
    known = {key: value for key, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(known, errors='replace')}" if known else path


def form(look: Look, action: str, *parts: Any, kind: str = "stack", label: str = "") -> Html:
    """A form that changes something, with the field that proves that it is ours.

    >>> form(Look("p"), "/x", Html("<b/>"))
    '<form method="post" action="/x" class="stack"><b/></form>'
    """
    return element(
        "form", look.hidden, *parts, method="post", action=action, class_=kind,
        aria_label=label or None,
    )  # fmt: skip


def line(label: str, name: str, value: Any = "", *, note: str = "", **attributes: Any) -> Html:
    """A labelled input; `type="textarea"` gives several lines. No id: it can stand twice.

    >>> line("Name", "name", "<x>", required="required")[-52:]
    ' value="&lt;x&gt;" required="required"/></label></p>'
    """
    kind = attributes.pop("type", "text")
    if kind == "textarea":
        control = element("textarea", whole(str(value)), name=name, **attributes)
    else:
        control = element("input", type=kind, name=name, value=value, **attributes)
    return _field(label, control, note)


def choice(
    label: str, name: str, options: Sequence[tuple[str, str]], chosen: str = "", *, note: str = ""
) -> Html:
    """A labelled choice; options are (value, label)."""
    made = [
        element("option", told, value=value, selected="selected" if value == chosen else None)
        for value, told in options
    ]
    return _field(label, element("select", *made, name=name), note)


def _field(label: str, control: Html, note: str) -> Html:
    under = element("small", note) if note else ""
    return element("p", element("label", element("span", label), control), under, class_="field")


def first(title: str, sentence: str, code: str = "", *more: Html) -> Html:
    """What stands where there is nothing yet: what it is for, and what makes the first one.

    >>> "data-copy" in first("No schedule yet", "Functions run by themselves.", "fn.run()")
    True
    """
    shown = copyable(code) if code else ""
    return element("div", element("p", title), element("p", sentence), shown, *more, class_="empty")


def facts(rows: Sequence[tuple[str, Any]]) -> Html:
    """Names and what they are, without empty ones.

    >>> facts([("a", "<"), ("b", "")])
    '<dl class="facts"><dt>a</dt><dd>&lt;</dd></dl>'
    """
    shown = [
        joined([element("dt", name), element("dd", value)])
        for name, value in rows
        if value not in (None, "")
    ]
    return element("dl", *shown, class_="facts") if shown else Html()


def box(heading: str, *parts: Any, note: str = "", key: str = "") -> Html:
    """A section, or nothing if it would have no content."""
    shown = [part for part in parts if part]
    return section(heading, *shown, note=note, key=key) if shown else Html()


def scrolled(picture: Html, label: str) -> Html:
    """A wide picture that scrolls by itself, with the keyboard too."""
    if not picture:
        return Html()
    return element("div", picture, class_="scroll", tabindex="0", role="group", aria_label=label)


def words(parts: Sequence[Any], between: str = " · ") -> Html:
    """Parts in one line, without empty ones."""
    return joined([part for part in parts if part], between)


def took(seconds: Any) -> str:
    """A length of time as people say it.

    >>> took(0.004), took(2.34), took(75), took(7300), took(200000), took(None)
    ('4 ms', '2.3 s', '1 min 15 s', '2 h 1 min', '2 d 7 h', '—')
    """
    if not isinstance(seconds, (int, float)) or seconds != seconds or abs(seconds) > 1e12:
        return "—"
    found = max(0.0, float(seconds))
    if found < 0.1:
        return f"{found * 1000:.0f} ms"
    if found < 60:
        return f"{found:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(found), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"
