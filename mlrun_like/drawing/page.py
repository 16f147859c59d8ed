"""Whole offline pages and their parts: sections, tables, badges, tiles. All text is escaped."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from mlrun_like.drawing.looks import LEVELS, STYLE
from mlrun_like.drawing.markup import Html, element, joined, number, percent, shown, text

__all__ = [
    "Html",
    "badge",
    "cards",
    "element",
    "fold",
    "joined",
    "link",
    "number",
    "page",
    "paragraph",
    "percent",
    "section",
    "shown",
    "table",
    "text",
    "tiles",
]

_BARE = "text-align:left;vertical-align:top;padding:2px 8px"


def page(
    title: str,
    *sections: str,
    subtitle: str = "",
    badges: Iterable[str] = (),
    navigation: Iterable[tuple[str, str, bool]] = (),
    head: str = "",
    footer: str = "",
) -> Html:
    """A whole HTML document that needs nothing else: no network, no scripts, no fonts.

    It is well-formed XML too. Plain texts are escaped wherever they stand; pass `Html` for markup.

    Args:
        title: The page's name, also its heading.
        sections: What it shows, mostly from `section`; a plain text becomes a paragraph.
        subtitle: A sentence under the heading.
        badges: Badges beside the subtitle, from `badge`.
        navigation: Links above the heading: (label, address, whether it is this page).
        head: `Html` for the document's head, such as a `meta` element.
        footer: A sentence at the end.

    >>> page("a < b", section("Numbers", table(["x"], [[1]])))[16:61]
    '<html lang="en"><head><meta charset="utf-8"/>'
    """
    links = [
        element("a", label, href=address, aria_current="page" if is_here else None)
        for label, address, is_here in navigation
    ]
    top = element("nav", *links, class_="top", aria_label="pages") if links else ""
    marks = joined(badges, " ")
    line = joined([part for part in (text(subtitle), marks) if part], " ")
    under = element("p", line, class_="note") if line else ""
    end = element("footer", footer) if footer else ""
    return Html(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{text(title)}</title>{text(head)}<style>{STYLE}</style></head><body>"
        f'<a class="skip" href="#main">to the content</a>{top}'
        f"<header><h1>{text(title)}</h1>{under}</header>"
        f'<main id="main">{_flow(sections)}</main>{end}</body></html>\n'
    )


def section(heading: str, *parts: str, note: str = "", key: str = "") -> Html:
    """A part of a page with a heading.

    Args:
        heading: Its name.
        parts: What it shows; a plain text becomes a paragraph, `Html` passes as it is.
        note: A smaller sentence under the heading.
        key: An anchor for links within the page; unique in it.

    >>> section("Drift", "none found", note="of 3 features")[:61]
    '<section aria-label="Drift"><h2>Drift</h2><p class="note">of '
    """
    under = element("p", note, class_="note") if note else ""
    head = element("h2", heading, id=key or None)
    return Html(f'<section aria-label="{text(heading)}">{head}{under}{_flow(parts)}</section>')


def _flow(parts: Iterable[str]) -> Html:
    return joined(part if isinstance(part, Html) else paragraph(part) for part in parts if part)


def paragraph(*parts: Any) -> Html:
    """A paragraph of texts and `Html`.

    >>> paragraph("1 < 2")
    '<p>1 &lt; 2</p>'
    """
    return element("p", *parts)


def link(label: Any, address: str) -> Html:
    """A link; an address that could run a script is shown as text only.

    >>> link("here", "?a=1&b=2"), link("x", " javaScript:alert(1)")
    ('<a href="?a=1&amp;b=2">here</a>', 'x')
    """
    scheme, colon, _ = address.partition(":")
    has_scheme = colon and not set("/?#") & set(scheme)
    if has_scheme and scheme.strip().lower() not in ("http", "https", "mailto"):
        return text(label)
    return element("a", label, href=address)


def badge(label: str, level: str = "none") -> Html:
    """A word in a coloured frame.

    Args:
        label: The word; it alone must say what is meant.
        level: "ok", "warn", "bad" or "none".

    >>> badge("drift", "bad")
    '<span class="badge bad">drift</span>'
    """
    return element("span", label, class_=f"badge {level if level in LEVELS else 'none'}")


def tiles(items: Iterable[Sequence[Any]]) -> Html:
    """The few numbers that matter most, large.

    Args:
        items: (label, value) or (label, value, level); levels as in `badge`.

    >>> tiles([("features", 12, "ok")])
    '<dl class="tiles"><div class="ok"><dt>features</dt><dd>12</dd></div></dl>'
    """
    boxes = []
    for item in items:
        label, value = item[0], item[1]
        level = item[2] if len(item) > 2 and item[2] in LEVELS else "none"
        content = number(value) if _is_number(value) else value
        boxes.append(element("div", element("dt", label), element("dd", content), class_=level))
    return element("dl", *boxes, class_="tiles") if boxes else Html()


def table(
    headers: Sequence[Any],
    rows: Iterable[Sequence[Any]],
    numeric: Collection[int | str] = (),
    *,
    caption: str = "",
    is_bare: bool = False,
) -> Html:
    """A table; empty if there are no rows. Numbers stand at the right, in equal-width figures.

    Args:
        headers: Names of the columns; if all are empty, the first cell of each row names it.
        rows: Cells; all are escaped but `Html`.
        numeric: Columns, by number or name, whose texts stand at the right like numbers.
        caption: What the table shows, for screen readers.
        is_bare: Styles in the table itself, for a place without the page's style sheet.

    >>> table(["a", "b"], [["<x>", 1234.5]])[-69:-22]
    '<td>&lt;x&gt;</td><td class="n">1,234</td></tr>'
    >>> table(["a"], [])
    ''
    """
    cells = [list(row) for row in rows]
    if not cells:
        return Html()
    right = {at for at, name in enumerate(headers) if at in numeric or name in numeric}
    for at in range(len(headers)):
        column = [row[at] for row in cells if at < len(row) and row[at] is not None]
        if column and all(_is_number(value) for value in column):
            right.add(at)
    if is_bare:
        left_kind, right_kind = f' style="{_BARE}"', f' style="{_BARE};text-align:right"'
    else:
        left_kind, right_kind = "", ' class="n"'
    kinds = [right_kind if at in right else left_kind for at in range(len(headers))]
    head = "".join(
        f'<th scope="col"{kind}>{text(name)}</th>'
        for kind, name in zip(kinds, headers, strict=True)
    )
    is_named = any(headers)
    body = "".join(_row(row, kinds, is_named) for row in cells)
    about = f'<caption class="hidden">{text(caption)}</caption>' if caption else ""
    top = f"<thead><tr>{head}</tr></thead>" if is_named else ""
    whole = f"<table>{about}{top}<tbody>{body}</tbody></table>"
    if is_bare:
        return Html(whole)
    label = text(caption or "table")
    return Html(f'<div class="scroll" tabindex="0" role="group" aria-label="{label}">{whole}</div>')


def _row(row: Sequence[Any], kinds: Sequence[str], is_named: bool) -> str:
    cells = [_cell(value, kind) for value, kind in zip(row, kinds, strict=False)]
    if cells and not is_named:
        cells[0] = f'<th scope="row"{kinds[0]}>{text(row[0])}</th>'
    return f"<tr>{''.join(cells)}</tr>"


def _cell(value: Any, kind: str) -> str:
    content = number(value) if _is_number(value) else value
    return f"<td{kind}>{text(content)}</td>"


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    # Numbers of numpy are no `int`, but they can be compared with one.
    return isinstance(value, (int, float)) or (hasattr(value, "__float__") and _fits(value))


def _fits(value: Any) -> bool:
    try:
        return not math.isnan(float(value)) or True
    except (TypeError, ValueError):
        return False


def fold(heading: str, *parts: str, is_open: bool = False) -> Html:
    """A part that can be folded; empty if it has no content.

    >>> fold("more", "text")
    '<details><summary>more</summary><p>text</p></details>'
    """
    content = _flow(parts)
    if not content:
        return Html()
    state = ' open="open"' if is_open else ""
    return Html(f"<details{state}><summary>{text(heading)}</summary>{content}</details>")


def cards(*parts: str) -> Html:
    """Small parts beside each other, as many as fit.

    >>> cards(Html("<div>a</div>"))
    '<div class="cards"><div>a</div></div>'
    """
    return element("div", _flow(parts), class_="cards")
