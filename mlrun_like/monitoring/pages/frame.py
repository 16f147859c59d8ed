"""What all pages have in common: links between them, times, words for states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from mlrun_like.drawing.page import Html, badge, element, link, number, page
from mlrun_like.drawing.scales import time_label

__all__ = [
    "STATES",
    "View",
    "address",
    "ago",
    "duration",
    "endpoint_link",
    "framed",
    "state_badge",
    "when",
]

STATES = {
    "open": "bad",
    "acknowledged": "warn",
    "resolved": "ok",
    "completed": "ok",
    "done": "ok",
    "running": "none",
    "failed": "bad",
    "error": "bad",
    "aborted": "warn",
    "skipped": "warn",
    "missed": "warn",
    "high": "bad",
    "medium": "warn",
    "low": "none",
}
"""Colours of words for states."""

_PAGES = (("Endpoints", "/"), ("Incidents", "/incidents"), ("Work", "/work"))


@dataclass(frozen=True)
class View:
    """How pages are shown.

    Args:
        project: Only this project; empty: all.
        read_only: Whether there are no forms.
        token: What a form must bring along.
        refresh: Seconds after which the page is read anew; 0: never.
    """

    project: str = ""
    read_only: bool = False
    token: str = ""
    refresh: int = 0


def address(path: str, **query: Any) -> str:
    """A path with a query; empty values are left out.

    >>> address("/x", a="1&2", b="")
    '/x?a=1%262'
    """
    known = {key: value for key, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(known)}" if known else path


def framed(
    title: str,
    sections: Iterable[str],
    view: View,
    *,
    here: str = "/",
    subtitle: str = "",
    badges: Iterable[str] = (),
    moment: float | None = None,
) -> Html:
    """A whole page with the links to the others."""
    links = [(label, address(path, project=view.project), path == here) for label, path in _PAGES]
    head = Html()
    if view.refresh:
        head = element("meta", http_equiv="refresh", content=str(view.refresh))
    told = f"As of {time_label(moment)} UTC." if moment is not None else ""
    return page(
        title,
        *sections,
        subtitle=subtitle,
        badges=badges,
        navigation=links,
        head=head,
        footer=told + (" Read only." if view.read_only else ""),
    )


def endpoint_link(label: Any, project: str, uid: str, part: str = "") -> Html:
    """A link to an endpoint's page.

    >>> endpoint_link("x", "p", "a/b")
    '<a href="/endpoints/p/a%2Fb">x</a>'
    """
    return link(label, f"/endpoints/{quote(project, safe='')}/{quote(uid, safe='')}{part}")


def state_badge(word: str) -> Html:
    """A state in its colour."""
    return badge(word or "unknown", STATES.get(word, "none"))


def when(seconds: float | None) -> Html:
    """A moment in UTC.

    >>> when(0)
    '<time datetime="1970-01-01T00:00:00Z">1970-01-01 00:00:00</time>'
    """
    if seconds is None:
        return Html("—")
    shown = time_label(seconds)
    if " " not in shown:  # no date: a number beyond the calendar
        return Html(shown)
    return element("time", shown, datetime=shown.replace(" ", "T") + "Z")


def ago(seconds: float | None, moment: float) -> str:
    """How long ago something was.

    >>> ago(100, 190), ago(None, 0)
    ('90 s ago', 'never')
    """
    return "never" if seconds is None else f"{duration(max(0.0, moment - seconds))} ago"


def duration(seconds: float | None) -> str:
    """A length of time in the largest unit that fits.

    >>> duration(0.25), duration(90), duration(7200), duration(None)
    ('0.25 s', '90 s', '2 h', '—')
    """
    if seconds is None:
        return "—"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{number(round(seconds / size, 1))} {unit}"
    return f"{number(seconds, 3)} s"
