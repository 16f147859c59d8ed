"""How wide a text is without any font, and how it is written in XML."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "flowchart_text", "shortened", "width", "xml"]

_NARROW = {c: 0.30 for c in "ijlI.,:;'|! "} | {c: 0.38 for c in 'frt()[]{}/\\-"`*'}
_WIDE = {c: 0.86 for c in "mwMW@%"}
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"))
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def width(text: str, size: float) -> float:
    """About how wide `text` is in a common sans-serif font of `size` pixels, rather too wide.

    >>> width("iii", 10) < width("mmm", 10) < width("漢字漢", 10)
    True
    """
    total = 0.0
    for letter in text:
        if letter in _NARROW:
            total += _NARROW[letter]
        elif letter in _WIDE:
            total += _WIDE[letter]
        elif unicodedata.combining(letter):
            continue
        elif unicodedata.east_asian_width(letter) in "WF":
            total += 1.02
        else:
            total += 0.70 if letter.isupper() else 0.58
    return total * size


def clean(text: str) -> str:
    """`text` on one line, with a mark for what XML cannot carry.

    >>> clean("a\\n b\\0")
    'a b\\ufffd'
    """
    return " ".join(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text).split())


def shortened(text: str, size: float, limit: float) -> str:
    """`text`, its middle left out if it is wider than `limit` pixels.

    >>> shortened("a-very-long-name-of-a-step", 10, 80)
    'a-very-…-a-step'
    """
    text = clean(text)
    if width(text, size) <= limit:
        return text
    keep = len(text) // 2
    while keep > 1 and width(f"{text[:keep]}…{text[-keep:]}", size) > limit:
        keep -= 1
    return f"{text[:keep]}…{text[-keep:]}"


def xml(text: str) -> str:
    """`text` as content or attribute value of XML.

    >>> xml('<a & "b">')
    '&lt;a &amp; &quot;b&quot;&gt;'
    """
    found = clean(text)
    for letter, name in _ENTITIES:
        found = found.replace(letter, name)
    return found


def flowchart_text(text: str) -> str:
    """`text` between the quotes of a Mermaid label, which writes what would end it as `#name;`.

    >>> flowchart_text('say "<b>"')
    'say #quot;#lt;b#gt;#quot;'
    """
    found = clean(text).replace("#", "#35;").replace("&", "#amp;").replace('"', "#quot;")
    found = found.replace("<", "#lt;").replace(">", "#gt;").replace("`", "#96;")
    return found.replace("\\", "#92;") or " "
