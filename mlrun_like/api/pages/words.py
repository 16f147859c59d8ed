"""Small parts of many pages: states, moments, live parts, empty lists, tabs, pages of lists."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlencode

from mlrun_like.api.pages.answers import seen
from mlrun_like.drawing.markup import Html, element, joined, text
from mlrun_like.drawing.page import badge
from mlrun_like.drawing.scales import time_label
from mlrun_like.monitoring.pages.frame import duration

__all__ = [
    "STATES",
    "address",
    "bytes_shown",
    "copyable",
    "duration",
    "empty",
    "events_of",
    "labels_shown",
    "live",
    "moment",
    "pager",
    "seconds_of",
    "since",
    "state_badge",
    "tabs",
    "toolbar",
    "whole",
]

STATES = {
    "completed": "ok", "succeeded": "ok", "ready": "ok", "active": "ok", "online": "ok",
    "resolved": "ok", "done": "ok",
    "running": "run", "pending": "run", "created": "none", "building": "run", "deploying": "run",
    "error": "bad", "failed": "bad", "open": "bad", "unhealthy": "bad", "high": "bad",
    "aborted": "warn", "aborting": "warn", "skipped": "warn", "missed": "warn", "medium": "warn",
    "acknowledged": "warn", "paused": "warn", "timeout": "bad",
}  # fmt: skip
"""Colours of words for states; `run` is the moving one."""


def state_badge(word: str) -> Html:
    """A state in its colour; what goes on has a pulsing dot.

    >>> state_badge("running"), state_badge("error")
    ('<span class="badge run">running</span>', '<span class="badge bad">error</span>')
    """
    level = STATES.get(word, "none")
    if level == "run":
        return element("span", word, class_="badge run")
    return badge(word or "unknown", level)


def seconds_of(value: Any) -> float | None:
    """A moment of a document as seconds since 1970: a number, an ISO text or a datetime.

    >>> seconds_of("1970-01-01T00:01:00+00:00"), seconds_of(5), seconds_of("soon")
    (60.0, 5.0, None)
    """
    if isinstance(value, bool) or value in (None, ""):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=timezone.utc)
    return found.timestamp()


def moment(value: Any) -> Html:
    """A moment in UTC, to the second.

    >>> moment(0)
    '<time datetime="1970-01-01T00:00:00Z">1970-01-01 00:00:00</time>'
    >>> moment(None)
    '—'
    """
    seconds = seconds_of(value)
    if seconds is None:
        return Html("—")
    shown = time_label(seconds)
    if " " not in shown:
        return Html(text(shown))
    return element("time", shown, datetime=shown.replace(" ", "T") + "Z")


def since(value: Any, now: float | None = None) -> Html:
    """How long ago a moment was; the moment itself is its title.

    >>> "90 s ago" in since(0, 90), 'title="1970-01-01 00:00:00 UTC"' in since(0, 90)
    (True, True)
    """
    seconds = seconds_of(value)
    if seconds is None:
        return Html("—")
    shown = time_label(seconds)
    if " " not in shown:
        return Html(text(shown))
    gone = (time.time() if now is None else now) - seconds
    words = f"{_rounded(gone)} ago" if gone >= 0 else f"in {_rounded(-gone)}"
    exact = shown.replace(" ", "T") + "Z"
    return element("time", words, datetime=exact, title=f"{shown} UTC", data_ago="")


def _rounded(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def bytes_shown(size: Any) -> str:
    """A number of bytes for people.

    >>> bytes_shown(0), bytes_shown(1536), bytes_shown(None)
    ('0 B', '1.5 kB', '—')
    """
    if not isinstance(size, (int, float)) or isinstance(size, bool):
        return "—"
    found = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if found < 1024:
            return f"{found:.0f} {unit}" if unit == "B" or found >= 100 else f"{found:.1f} {unit}"
        found /= 1024
    return f"{found:.1f} TB"


def address(path: str, query: Mapping[str, Any] | Sequence[tuple[str, Any]] = ()) -> str:
    """A path with a query; empty values are left out.

    >>> address("/x", {"a": "1&2", "b": ""}), address("/x", [("a", 1), ("a", 2)])
    ('/x?a=1%262', '/x?a=1&a=2')
    """
    pairs = list(query.items()) if isinstance(query, Mapping) else list(query)
    known = [(key, value) for key, value in pairs if value not in ("", None, False)]
    return f"{path}?{urlencode(known)}" if known else path


def live(
    where: str, *parts: Any, seconds: float = 4, key: str, is_over: bool = False,
    hears: str = "", of: str = "", calm: float = 30,
) -> Html:  # fmt: skip
    """A part of a page that stays current while it is seen: fetched again when a stream of events
    tells of a change, and every few seconds where there is no such stream.

    Args:
        where: Where the part alone is answered, with `answers.fragment`.
        parts: What it shows now.
        seconds: How often it is asked for.
        key: Its id, unique in the page.
        is_over: Whether nothing will change any more.
        hears: Address of a stream of events that tells when it changes, as `events_of` gives;
            empty: it is only asked for.
        of: The uid of the run that it shows; empty: all events are about it.
        calm: How often it is asked for while that stream is open.

    >>> live("/x?a=1", "now", key="k", is_over=True)
    '<div id="k">now</div>'
    >>> 'data-hears="/api/v1/projects/p/events?kind=run"' in live(
    ...     "/x", "now", key="k", hears=events_of("p", "run")
    ... )
    True
    """
    body = joined(parts)
    if is_over:
        return element("div", body, id=key)
    more = "&" if "?" in where else "?"
    # The hash of the whole is not known inside of it, so that of the content stands for it.
    told = {"data_hears": hears, "data_of": of or None, "data_calm": f"{calm:g}"} if hears else {}
    return element(
        "div", body, id=key, hx_get=f"{where}{more}seen={seen(body)}",
        hx_trigger=f"every {seconds:g}s{', heard' if hears else ''}", hx_swap="outerHTML", **told,
    )  # fmt: skip


def events_of(project: str, *kinds: str) -> str:
    """The stream of events of a project, of these kinds.

    >>> events_of("a b", "run", "alert")
    '/api/v1/projects/a%20b/events?kind=run&kind=alert'
    """
    path = f"/api/v1/projects/{quote(project, safe='')}/events"
    return address(path, [("kind", kind) for kind in kinds])


def empty(*sentences: Any, code: str = "") -> Html:
    """What stands where a list would be: what is missing, and how to get it.

    >>> empty("No run yet.")
    '<div class="empty"><p>No run yet.</p></div>'
    """
    lines = [element("p", one) for one in sentences]
    return element("div", *lines, copyable(code) if code else "", class_="empty")


def copyable(code: str, label: str = "code") -> Html:
    """A block of code that a button copies.

    >>> "data-copy" in copyable("x = 1")
    True
    """
    block = Html(f'<pre tabindex="0" aria-label="{text(label)}"><code>{whole(code)}</code></pre>')
    tool = element("button", "Copy", type="button", data_copy="", hidden="hidden")
    return element("div", block, tool, class_="copy")


def whole(words: str) -> Html:
    """A text of any length as HTML; `markup.text` shortens what is long.

    >>> len(whole("x" * 300))
    300
    """
    return joined(text(words[at : at + 200]) for at in range(0, len(words), 200))


def tabs(rows: Iterable[tuple[str, str, bool]], label: str = "parts") -> Html:
    """Links between parts of one thing: (label, address, whether it is this one).

    >>> tabs([("Log", "?tab=log", True)])[-52:]
    '<a href="?tab=log" aria-current="page">Log</a></nav>'
    """
    links = [
        element("a", words, href=where, aria_current="page" if is_here else None)
        for words, where, is_here in rows
    ]
    return element("nav", *links, class_="tabs", aria_label=label)


def pager(path: str, query: Mapping[str, Any], *, next_token: Any, is_first: bool) -> Html:
    """Links to the first and the next page of a list that goes on by cursors.

    >>> pager("/x", {"a": 1}, next_token=None, is_first=True)
    ''
    """
    rest = {key: value for key, value in query.items() if key != "page-token"}
    links = []
    if not is_first:
        links.append(element("a", "First page", href=address(path, rest), class_="button"))
    if next_token:
        where = address(path, {**rest, "page-token": next_token})
        links.append(element("a", "Next page", href=where, class_="button", rel="next"))
    return (
        element("nav", *links, class_="pager", aria_label="pages of the list") if links else Html()
    )


def toolbar(*parts: Any) -> Html:
    """Fields and buttons above a list.

    >>> toolbar("x")
    '<div class="toolbar">x</div>'
    """
    return element("div", *[one for one in parts if one], class_="toolbar")


def labels_shown(labels: Mapping[str, Any] | None, most: int = 6) -> Html:
    """Labels as small chips.

    >>> labels_shown({"a": "b"})
    '<span class="chips"><span class="chip">a=b</span></span>'
    """
    rows = list((labels or {}).items())
    chips = [element("span", f"{key}={value}", class_="chip") for key, value in rows[:most]]
    if len(rows) > most:
        chips.append(element("span", f"+{len(rows) - most}", class_="chip"))
    return element("span", *chips, class_="chips") if chips else Html()
