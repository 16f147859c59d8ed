"""Markdown of strangers as HTML: a small subset, made of our own elements only.

Headings, paragraphs, lists, quotes, code, tables, rules, emphasis and links. HTML in it is text;
images are links, because loading one would tell a stranger who reads; links lead only to http(s)
and mail addresses.
"""

from __future__ import annotations

import html
import re

from mlrun_like.drawing.markup import Html, element, joined

__all__ = ["markdown"]

_MOST = 200_000
_LINES = 5000
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*)")
_ITEM = re.compile(r"[ \t]{0,12}(?:[-*+]|[0-9]{1,9}[.)])[ \t]+(.*)")
_FENCE = re.compile(r"[ ]{0,3}(```|~~~)")
_RULE = re.compile(r"[ ]{0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*")
_DIVIDER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_INLINE = re.compile(
    r"(?P<code>`[^`\n]{1,1000}`)"
    r"|!?\[(?P<label>[^\]\[\n]{0,500})\]\((?P<link>[^()\s]{1,1000})\)"
    r"|<?(?P<url>https?://[^\s<>()\"']{1,1000})>?"
    r"|\*\*(?P<strong>[^*\n]{1,1000})\*\*"
    r"|(?<!\w)[*_](?P<em>[^*_\n]{1,1000})[*_](?!\w)"
)
_LINK = re.compile(r"(?:https?://[^\s]+|mailto:[^\s]+@[^\s]+|#[-\w]*)", re.IGNORECASE)
_BAD = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def markdown(text: str) -> Html:
    """The text as HTML.

    >>> markdown("# A <b>\\n*x* [y](javascript:z)")
    '<h3>A &lt;b&gt;</h3><p><em>x</em> y</p>'
    """
    lines = text[:_MOST].replace("\r\n", "\n").replace("\r", "\n").split("\n")[:_LINES]
    parts: list[Html] = []
    at = 0
    while at < len(lines):
        at = _block(lines, at, parts)
    return joined(parts)


def _block(lines: list[str], at: int, parts: list[Html]) -> int:
    """Add the block that begins here; where the next one begins."""
    line = lines[at]
    if not line.strip():
        return at + 1
    if _FENCE.match(line):
        return _code(lines, at, parts)
    heading = _HEADING.match(line)
    if heading:
        # a page has its own first headings
        level = min(len(heading[1]) + 2, 6)
        parts.append(element(f"h{level}", _inline(heading[2].rstrip("# \t"))))
        return at + 1
    if _RULE.fullmatch(line):
        parts.append(element("hr"))
        return at + 1
    if line.lstrip().startswith(">"):
        return _quote(lines, at, parts)
    if _ITEM.match(line):
        return _list(lines, at, parts)
    below = lines[at + 1] if at + 1 < len(lines) else ""
    if "|" in line and "|" in below and len(below) < 2000 and _DIVIDER.fullmatch(below):
        return _table(lines, at, parts)
    return _paragraph(lines, at, parts)


def _code(lines: list[str], at: int, parts: list[Html]) -> int:
    mark = lines[at].strip()[:3]
    end = at + 1
    while end < len(lines) and not lines[end].strip().startswith(mark):
        end += 1
    parts.append(element("pre", element("code", _text("\n".join(lines[at + 1 : end])))))
    return end + 1


def _quote(lines: list[str], at: int, parts: list[Html]) -> int:
    end = at
    while end < len(lines) and lines[end].lstrip().startswith(">"):
        end += 1
    inner = " ".join(line.lstrip().lstrip("> ") for line in lines[at:end])
    parts.append(element("blockquote", element("p", _inline(inner))))
    return end


def _list(lines: list[str], at: int, parts: list[Html]) -> int:
    ordered = lines[at].lstrip()[0].isdigit()
    items: list[str] = []
    end = at
    while end < len(lines) and lines[end].strip():
        found = _ITEM.match(lines[end])
        if found:
            items.append(found[1])
        else:
            items[-1] += " " + lines[end].strip()
        end += 1
    shown = (element("li", _inline(item)) for item in items)
    parts.append(element("ol" if ordered else "ul", *shown))
    return end


def _table(lines: list[str], at: int, parts: list[Html]) -> int:
    end = at + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    head = element("tr", *(element("th", _inline(cell)) for cell in _cells(lines[at])))
    rows = (
        element("tr", *(element("td", _inline(cell)) for cell in _cells(line)))
        for line in lines[at + 2 : end]
    )
    parts.append(element("table", element("thead", head), element("tbody", *rows)))
    return end


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")][:50]


def _paragraph(lines: list[str], at: int, parts: list[Html]) -> int:
    end = at + 1
    while end < len(lines) and lines[end].strip():
        if any(one.match(lines[end]) for one in (_FENCE, _HEADING, _ITEM)):
            break
        end += 1
    parts.append(element("p", _inline("\n".join(lines[at:end]))))
    return end


def _inline(text: str) -> Html:
    parts: list[Html] = []
    at = 0
    for match in _INLINE.finditer(text):
        parts.append(_text(text[at : match.start()]))
        at = match.end()
        if match["code"]:
            parts.append(element("code", _text(match["code"][1:-1])))
        elif match["link"]:
            parts.append(_link(match["label"] or match["link"], match["link"]))
        elif match["url"]:
            parts.append(_link(match["url"], match["url"]))
        elif match["strong"]:
            parts.append(element("strong", _text(match["strong"])))
        else:
            parts.append(element("em", _text(match["em"])))
    parts.append(_text(text[at:]))
    return joined(parts)


def _link(label: str, target: str) -> Html:
    if not _LINK.fullmatch(target):
        return _text(label)
    # `element` cuts long values for display, and an address must be whole
    return Html(
        f'<a href="{html.escape(_BAD.sub("", target))}" rel="noopener noreferrer nofollow" '
        f'target="_blank">{_text(label)}</a>'
    )


def _text(text: str) -> Html:
    """Escaped and whole; `drawing.text` would cut it."""
    return Html(html.escape(_BAD.sub("\N{REPLACEMENT CHARACTER}", text)))
