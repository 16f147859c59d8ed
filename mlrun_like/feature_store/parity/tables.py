"""Small tables as text and as HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

__all__ = ["as_html", "as_text", "shown"]


def shown(value: Any) -> str:
    """A value in a table: short, without line ends; nothing for None.

    >>> shown(0.1234567), shown(None), shown(12), shown("a\\nb")
    ('0.123457', '', '12', 'a b')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    return " ".join(str(value).split())[:120]


def as_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows under their headings.

    >>> print(as_text(["name", "n"], [["a", 1], ["bcdef", None]]))
    name   n
    a      1
    bcdef
    """
    lines = [list(columns), *([shown(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_html(columns: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "") -> str:
    """The same as an HTML table; everything is escaped.

    >>> as_html(["a"], [["<b>"]])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(shown(value))}</td>" for value in row) + "</tr>"
        for row in rows
    )
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
