"""What a docstring says about arguments and results: reST fields, Google and numpy sections."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

__all__ = ["DocString", "parse_docstring"]

_FIELD = re.compile(r":(?P<tag>\w+)(?:\s+(?P<arg>[^:]*?))?\s*:(?!\w+:)(?P<text>.*)$")
_GOOGLE = re.compile(r"(?P<name>Args|Arguments|Parameters|Params|Returns?|Yields?|Raises)\s*:\s*$")
_NUMPY = re.compile(r"(?P<name>Parameters|Other Parameters|Returns|Yields|Raises)\s*$")
_HEADING = re.compile(r"[A-Z][A-Za-z ]{2,30}:\s*$")
_ENTRY = re.compile(r"(?P<name>\*{0,2}\w+)\s*(?:\((?P<type>[^)]*)\))?\s*:\s*(?P<text>.*)$")
_PARAM_TAGS = frozenset({"param", "parameter", "arg", "argument", "key", "keyword"})


class DocString(NamedTuple):
    """The text before any argument, then name -> (type, text), then the result's (type, text)."""

    text: str
    parameters: dict[str, tuple[str, str]]
    returns: tuple[str, str]


class _Found:
    def __init__(self) -> None:
        self.text: list[str] = []
        self.params: dict[str, list[str]] = {}
        self.returns = ["", ""]

    def param(self, name: str, type_: str = "", text: str = "") -> None:
        row = self.params.setdefault(name.lstrip("*"), ["", ""])
        row[0] = type_.strip() or row[0]
        row[1] = " ".join([row[1], text.strip()]).strip()

    def result(self, type_: str = "", text: str = "") -> None:
        self.returns[0] = type_.strip() or self.returns[0]
        self.returns[1] = " ".join([self.returns[1], text.strip()]).strip()


def parse_docstring(text: str | None) -> DocString:
    """Read a docstring in any of the three styles; unknown fields are passed over.

    >>> parse_docstring("Add.\\n\\n:param a: left\\n:returns: the sum").parameters
    {'a': ('', 'left')}
    """
    lines = inspect.cleandoc(text or "").split("\n")
    found = _Found()
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        underline = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if _FIELD.match(line) and line.partition(" ")[0].count(":") <= 2:
            at = _field(lines, at, found)
        elif (heading := _NUMPY.match(line)) and len(underline) > 2 and not underline.strip("-"):
            at = _numpy(lines, at + 2, heading["name"], found)
        elif heading := _GOOGLE.match(line):
            at = _google(lines, at + 1, heading["name"], found)
        else:
            found.text.append(lines[at])
            at += 1
    parameters = {name: (row[0], row[1]) for name, row in found.params.items()}
    return DocString(
        "\n".join(found.text).strip(), parameters, (found.returns[0], found.returns[1])
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _field(lines: list[str], at: int, found: _Found) -> int:
    field = _FIELD.match(lines[at].strip())
    own = _indent(lines[at])
    at += 1
    texts = [field["text"]] if field else []
    while at < len(lines) and lines[at].strip() and _indent(lines[at]) > own:
        texts.append(lines[at].strip())
        at += 1
    if field is None:
        return at
    tag, arg, text = field["tag"].lower(), (field["arg"] or "").strip(), " ".join(texts)
    if tag in _PARAM_TAGS and arg:
        type_, _, name = arg.rpartition(" ")
        found.param(name, type_, text)
    elif tag == "type" and arg:
        found.param(arg, text)
    elif tag in ("return", "returns", "yield", "yields"):
        found.result("", text)
    elif tag == "rtype":
        found.result(text)
    return at


def _google(lines: list[str], at: int, name: str, found: _Found) -> int:
    base = _indent(lines[at - 1])
    inner, current = -1, ""
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
            continue
        indent = _indent(line)
        if indent <= base:
            break
        inner = indent if inner < 0 else inner
        entry = _ENTRY.match(line.strip())
        if name.startswith(("Return", "Yield")):
            head, colon, rest = line.strip().partition(": ")
            if indent == inner and colon and not current and re.fullmatch(r"[\w.\[\], |]+", head):
                found.result(head, rest)
            else:
                found.result("", line)
            current = "-"
        elif name != "Raises":
            if indent == inner and entry:
                current = entry["name"]
                type_ = re.sub(r",?\s*optional$", "", entry["type"] or "")
                found.param(current, type_, entry["text"])
            elif current:
                found.param(current, "", line)
        at += 1
    return at


def _numpy(lines: list[str], at: int, name: str, found: _Found) -> int:
    base = _indent(lines[at - 2])
    names: list[str] = []
    while at < len(lines):
        line = lines[at]
        following = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if line.strip() and len(following) > 2 and not following.strip("-"):
            break
        if _indent(line) == base and _HEADING.match(line):
            break
        at += 1
        if not line.strip() or name == "Raises":
            continue
        if _indent(line) > base:
            for each in names:
                found.param(each, "", line)
            if not names:
                found.result("", line)
        elif "Parameters" in name:
            head, _, type_ = line.strip().partition(" :")
            names = [part.strip() for part in head.split(",")]
            for each in names:
                found.param(each, re.sub(r",?\s*optional$", "", type_.strip()))
        else:
            head, colon, type_ = line.strip().partition(" : ")
            found.result(type_ if colon else head)
    return at
