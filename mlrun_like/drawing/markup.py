"""HTML that is safe by default: text is escaped, and only `Html` passes as it is."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from typing import Any

__all__ = ["Html", "element", "joined", "number", "percent", "shown", "text"]

_LONGEST = 200
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Html(str):
    """A text that is HTML already, and is not escaped again.

    What `+`, `join` and f-strings make of it is a plain text; wrap the result in `Html` again.

    >>> text("<b>"), text(Html("<b>x</b>"))
    ('&lt;b&gt;', '<b>x</b>')
    """

    __slots__ = ()


def shown(value: Any) -> str:
    """A value in a few characters.

    >>> shown(0.1 + 0.2), shown(None), shown(1234567), shown("x" * 300)[-4:]
    ('0.3', '', '1234567', 'xxx…')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.5g}" if math.isfinite(value) else str(value)
    try:
        found = str(value)
    except ValueError:  # an integer of thousands of digits
        found = "…"
    return found if len(found) <= _LONGEST else f"{found[: _LONGEST - 1]}…"


def number(value: Any, digits: int = 4) -> str:
    """A number for people: grouped thousands, `digits` significant digits, no noise.

    Args:
        value: A number; what is none is shown as it is, None and NaN as a dash.
        digits: Significant digits of a fraction.

    >>> number(1234567), number(0.123456), number(12345.678), number(1.5e-07), number(None)
    ('1,234,567', '0.1235', '12,346', '1.5e-07', '—')
    >>> number(float("nan")), number(float("-inf")), number(2.0), number(True)
    ('—', '-∞', '2', 'True')
    """
    if value is None:
        return "—"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return (
            f"{value:,}" if abs(value) < 10**18 else f"about 1e{value.bit_length() * 0.30103:.0f}"
        )
    try:
        found = float(value)
    except (TypeError, ValueError):
        return shown(value)
    if math.isnan(found):
        return "—"
    if math.isinf(found):
        return "∞" if found > 0 else "-∞"
    size = abs(found)
    if size and (size >= 1e15 or size < 1e-4):
        return f"{found:.{digits - 1}e}".replace(".000e", "e").replace("00e", "e")
    if size >= 10 ** (digits - 1):
        return f"{found:,.0f}"
    return f"{found:.{digits}g}"


def percent(share: Any, digits: int = 1) -> str:
    """A share of one in per cent.

    >>> percent(0.1234), percent(None), percent(1)
    ('12.3%', '—', '100.0%')
    """
    if not isinstance(share, (int, float)) or not math.isfinite(share):
        return "—"
    return f"{share:.{digits}%}"


def text(value: Any) -> Html:
    """A value as HTML: escaped, unless it is `Html`; a mark stands for what XML cannot carry.

    >>> text('a "b" \\0')
    'a &quot;b&quot; \\ufffd'
    """
    if isinstance(value, Html):
        return value
    return Html(_escaped(shown(value)))


def _escaped(words: str) -> str:
    return html.escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", words))


def joined(parts: Iterable[Any], between: str = "") -> Html:
    """Parts one after another; plain texts among them are escaped.

    >>> joined(["<", Html("<br/>")])
    '&lt;<br/>'
    """
    return Html(between.join(text(part) for part in parts))


def element(name: str, /, *parts: Any, **attributes: Any) -> Html:
    """An element; texts and attribute values are escaped, attributes that are None left out.

    Long texts are shortened; attributes, such as addresses, are not.

    A final underscore of an attribute's name is dropped, others become hyphens.

    >>> element("a", "<x>", href="?a=1&b", class_="k", title=None, aria_label="go")
    '<a href="?a=1&amp;b" class="k" aria-label="go">&lt;x&gt;</a>'
    >>> element("br")
    '<br/>'
    """
    shown_attributes = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if not parts and name in _EMPTY:
        return Html(f"<{name}{shown_attributes}/>")
    return Html(f"<{name}{shown_attributes}>{joined(parts)}</{name}>")


_EMPTY = frozenset(("br", "hr", "img", "input", "link", "meta"))
