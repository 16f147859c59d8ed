"""One notebook cell, line by line: where statements start and which lines are IPython's.

Only a line that starts a statement can be a magic: text inside strings and brackets is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from mlrun_like.errors import NotebookError

__all__ = ["CellText", "Line", "clean", "first_code", "scan", "split_lines"]

CellText = list[tuple[int, str]]
"""Kept lines with their numbers in the cell, from 1."""

_HELP = re.compile(r"\?{1,2}\s*[%\w.*]+\s*$|[%\w.*]+\?{1,2}\s*$")
_ASSIGNED = re.compile(r"(?P<target>\s*[^\s=!<>#'\"()][^=!<>#'\"]*?)=\s*(?P<magic>[!%].*)$")
_IPYTHON = re.compile(r"get_ipython\(\)\.(run_line_magic|run_cell_magic|system|magic)\(")
_COMMENTED = re.compile(r"\s*#+\s*(?:%{1,2}|!)\s*[A-Za-z]")
_TIME = re.compile(r"%time\b\s*(?P<code>.*)$", re.DOTALL)
_OPEN, _CLOSE = "([{", ")]}"


class Line(NamedTuple):
    """A physical line: `fresh` if a statement may start here, `comment` is its `#` column or -1."""

    number: int
    text: str
    fresh: bool
    comment: int
    magic: bool


def split_lines(text: str) -> list[str]:
    """Lines as Python counts them (form feeds and Unicode separators do not end one)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def scan(text: str) -> list[Line]:
    """Tell statements, comments and magics apart without needing the cell to be valid Python.

    >>> [line.magic for line in scan("!ls\\nx = '''\\n!ls'''")]
    [True, False, False]
    """
    lines: list[Line] = []
    state = _State()
    in_magic = False
    for number, line in enumerate(split_lines(text), 1):
        fresh = not in_magic and state.idle
        if in_magic or (fresh and _is_magic(line)):
            lines.append(Line(number, line, fresh, -1, True))
            in_magic = line.rstrip().endswith("\\")
            continue
        comment = state.feed(line)
        # The long form that IPython itself writes for a magic counts as one.
        magic = fresh and state.idle and _IPYTHON.match(line.lstrip()) is not None
        lines.append(Line(number, line, fresh, comment, magic))
    return lines


def _is_magic(line: str) -> bool:
    text = line.strip()
    return text[:1] in ("!", "%", "?") or (text[-1:] == "?" and _HELP.match(text) is not None)


class _State:
    """Whether the reader is inside a string, a bracket or a continued line."""

    def __init__(self) -> None:
        self.quote = ""
        self.depth = 0
        self.continued = False

    @property
    def idle(self) -> bool:
        return not self.quote and not self.depth and not self.continued

    def feed(self, line: str) -> int:
        """Read one line; returns the column of its comment or -1."""
        self.continued = False
        at = 0
        while at < len(line):
            char = line[at]
            if self.quote:
                if char == "\\":
                    at += 1
                elif line.startswith(self.quote, at):
                    at += len(self.quote) - 1
                    self.quote = ""
            elif char in "'\"":
                triple = char * 3
                self.quote = triple if line.startswith(triple, at) else char
                at += len(self.quote) - 1
            elif char == "#":
                return at
            elif char in _OPEN:
                self.depth += 1
            elif char in _CLOSE:
                self.depth = max(0, self.depth - 1)
            at += 1
        if line.endswith("\\"):
            self.continued = not self.quote
        elif len(self.quote) == 1:
            self.quote = ""  # a broken string ends with its line; compiling will report it
        return -1


def first_code(lines: list[Line]) -> int:
    """Index of the first line that is neither blank nor a comment, or -1."""
    for index, line in enumerate(lines):
        text = line.text.strip()
        if text and not text.startswith("#"):
            return index
    return -1


def clean(
    lines: list[Line], where: str, on_magic: Callable[[Line], list[str] | None] | None = None
) -> CellText:
    """Drop IPython's lines, so that Python is left.

    Args:
        lines: The scanned lines.
        where: The cell, for messages.
        on_magic: Asked first about every magic line; a list of lines to put there, or None.

    Raises:
        NotebookError: if the value of a magic is used by the code (`files = !ls`).
    """
    kept: list[tuple[Line, str | None]] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.magic:
            text: str | None = line.text
            if line.fresh and _COMMENTED.match(line.text):
                text = None
            elif line.fresh and (found := _ASSIGNED.match(line.text)):
                text = _assigned(found["target"], found["magic"], f"{where}, line {line.number}")
            kept.append((line, text))
            continue
        whole = [line]
        while at < len(lines) and lines[at].magic and not lines[at].fresh:
            whole.append(lines[at])
            at += 1
        answer = on_magic(_joined(whole)) if on_magic is not None else None
        if answer is not None:
            kept.extend((line, text) for text in answer)
        else:
            kept.append((line, _timed(whole)))
    return [(line.number, text) for line, text in _fill_blocks(kept) if text is not None]


def _joined(lines: list[Line]) -> Line:
    text = " ".join(line.text.rstrip().removesuffix("\\").strip() for line in lines)
    return lines[0]._replace(text=text)


def _timed(lines: list[Line]) -> str | None:
    """The statement of `%time statement`; None for every other magic."""
    text = "\n".join(line.text for line in lines)
    found = _TIME.match(text.lstrip())
    if found is None or not found["code"].strip():
        return None
    return text[: len(text) - len(text.lstrip())] + found["code"]


def _assigned(target: str, magic: str, where: str) -> str:
    timed = _TIME.match(magic)
    if timed and timed["code"].strip():
        return f"{target}= {timed['code']}"
    raise NotebookError(
        f"the code uses the result of the magic {magic.strip()[:60]!r}, "
        "which only exists in a notebook",
        where=where,
        fix="use Python instead (subprocess.run for a shell command), "
        "or start the cell with '# mlrun: ignore'",
    )


def _fill_blocks(kept: list[tuple[Line, str | None]]) -> list[tuple[Line, str | None]]:
    """Put `pass` where dropping a line would leave a block empty."""
    filled = list(kept)
    for index, (line, text) in enumerate(kept):
        indent = len(line.text) - len(line.text.lstrip())
        if text is not None or not indent or not line.magic:
            continue
        before = _indent_of(filled[:index][::-1])
        after = _indent_of(filled[index + 1 :])
        if before < indent and after < indent:
            filled[index] = (line, line.text[:indent] + "pass")
    return filled


def _indent_of(kept: list[tuple[Line, str | None]]) -> int:
    """Indentation of the nearest kept line with code, or 0."""
    for line, text in kept:
        if text and line.fresh and text.strip() and not text.lstrip().startswith("#"):
            return len(text) - len(text.lstrip())
    return 0
