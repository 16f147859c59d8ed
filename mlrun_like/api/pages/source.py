"""Source code with line numbers, and the difference of two versions."""

from __future__ import annotations

import base64
import binascii
import difflib
import io
import keyword
import tokenize
from collections.abc import Sequence

from mlrun_like.api.pages.words import empty, whole
from mlrun_like.drawing.markup import Html
from mlrun_like.types import Document

__all__ = ["coloured", "diff_part", "source_of", "source_part"]

_MOST = 5000


def source_of(document: Document) -> str:
    """The code in the document of a function; empty if there is none.

    >>> source_of({"spec": {"build": {"functionSourceCode": "eCA9IDE="}}})
    'x = 1'
    """
    code = ((document.get("spec") or {}).get("build") or {}).get("functionSourceCode") or ""
    try:
        return base64.b64decode(code, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError, TypeError):
        return ""


def source_part(document: Document) -> Html:
    """The code; each line has an anchor."""
    code = source_of(document)
    if not code:
        return empty("Its code is not in the record.",
                     "It is in its image, or in the file that its document names.")  # fmt: skip
    lines = coloured(code)[:_MOST]
    rows = "".join(
        f'<div id="L{at}"><a href="#L{at}">{at}</a><span>{line or " "}</span></div>'
        for at, line in enumerate(lines, 1)
    )
    return Html(f'<div class="source" tabindex="0" role="region" aria-label="source">{rows}</div>')


def coloured(code: str) -> list[Html]:
    """Lines of Python as HTML; what is no Python is plain.

    >>> coloured("if x: # <b>")
    ['<span class="k">if</span> x: <span class="c"># &lt;b&gt;</span>']
    """
    lines = code.split("\n")
    marks: dict[int, list[tuple[int, int, str]]] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            kind = _kind(token)
            if not kind:
                continue
            (first, begin), (last, end) = token.start, token.end
            for row in range(first, last + 1):
                stop = end if row == last else len(lines[row - 1])
                marks.setdefault(row, []).append((begin if row == first else 0, stop, kind))
    except (tokenize.TokenError, SyntaxError, IndexError):
        return [whole(line) for line in lines]
    return [_line(line, marks.get(at, ())) for at, line in enumerate(lines, 1)]


def _kind(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.COMMENT:
        return "c"
    if token.type == tokenize.STRING:
        return "s"
    return "k" if token.type == tokenize.NAME and keyword.iskeyword(token.string) else ""


def _line(line: str, marks: Sequence[tuple[int, int, str]]) -> Html:
    parts: list[str] = []
    at = 0
    for begin, end, kind in marks:
        if begin < at:
            continue
        parts.append(whole(line[at:begin]))
        parts.append(f'<span class="{kind}">{whole(line[begin:end])}</span>')
        at = end
    return Html("".join([*parts, whole(line[at:])]))


def diff_part(before: str, after: str) -> Html:
    """Lines that went and came.

    >>> diff_part("a\\nb", "a\\nc").count('class="plus"')
    1
    """
    rows = []
    found = difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=4)
    for at, line in enumerate(found):
        if at < 2 or at > _MOST:
            continue
        kind = {"+": "plus", "-": "minus"}.get(line[:1], "")
        rows.append(f'<div class="{kind}"><span>{whole(line) or " "}</span></div>')
    if not rows:
        return empty("The code is the same; other fields of the function changed.")
    return Html(
        f'<div class="source" tabindex="0" role="region" aria-label="changed lines">'
        f"{''.join(rows)}</div>"
    )
