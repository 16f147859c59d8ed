"""Schemas as YAML text: written with comments that teach, read within bounds, edited in place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from mlrun_like.errors import SchemaError

__all__ = ["LONGEST_TEXT", "Lines", "edit", "read", "write"]

LONGEST_TEXT = 10_000_000
"""Characters that a schema file may have."""

_HEAD = """\
# A schema: what the columns of a data set must be. Edit it; `mlrun-like validate DATA --schema
# FILE` checks data against it. All keys of a column may be left out:
#
#   type: integer     integer, number, boolean, text, datetime, bytes, list, object, any
#   required: true    false: the column may be absent
#   not_in: [SERVING] environments without this column, such as serving without the label
#   missing: 0.1      largest share of missing values (0: none, 1: all)
#   min, max          least and greatest number; or time, as "2024-01-31"
#   min_length, max_length   of texts and lists
#   domain: [a, b]    the values there may be; others are new categories
#   pattern: "[A-Z]{2}[0-9]+"   what each text must look like, as a whole (RE2)
#   unique: true      no value twice
#   order: increasing or "strictly increasing", from row to row
#   shares: {yes: [0.1, 0.5]}   least and greatest share of a value: the balance of classes
#   tolerance: 0.01   share of values that may break a rule of the column
#   drift: 0.1        greatest Jensen-Shannon divergence to a reference (without: statistical tests)
#   skew: 0.1         the same between training and serving
#   severity: warning an anomaly of this column is no error
#
# unexpected_columns: error, warning or ignore; min_rows, max_rows: of the data set.
"""
_DEEPEST = 20
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_WORDS = frozenset("y n yes no on off true false null".split())  # noqa: SIM905 - words


@dataclass(frozen=True)
class Lines:
    """On which line each rule is written.

    Args:
        numbers: Line, from 1, by column and key; the key "" is the column itself.
        where: The file.
    """

    numbers: Mapping[tuple[str, str], int]
    where: str

    def place(self, column: str, key: str) -> str:
        """The place of a rule, or of its column, for messages."""
        path = f"columns.{column}.{key}" if key else f"columns.{column}"
        number = self.numbers.get((column, key), self.numbers.get((column, "")))
        if number is None or not self.where:
            return path
        name = self.where.rpartition("/")[2] or self.where
        return f"{name} line {number} ({path})"


def _scalar(value: Any) -> str:
    """A value as YAML in one line; texts that YAML could take for something else are quoted."""
    if isinstance(value, str):
        bare = value[:1] in _PLAIN and value.replace("_", "a").replace("-", "a").isalnum()
        bare = bare and value != "" and value.isascii()
        return value if bare and value.lower() not in _WORDS else _quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(k)}: {_scalar(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        text = repr(value)
        if "e" in text and "." not in text:  # 1e+300 is a text to YAML
            text = text.replace("e", ".0e")
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
    return json.dumps(value)


def _quoted(value: str) -> str:
    # JSON's form, but YAML has no pairs of surrogates
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)


def _block(name: str, rules: Mapping[str, Any], note: str = "") -> str:
    comment = f"  # {' '.join(note.split())}" if note else ""
    if not rules:
        return f"  {_scalar(name)}: {{}}{comment}\n"
    lines = [f"  {_scalar(name)}:{comment}"]
    lines += [f"    {key}: {_scalar(value)}" for key, value in rules.items()]
    return "\n".join(lines) + "\n"


def write(document: Mapping[str, Any], notes: Mapping[str, str]) -> str:
    """A schema as text.

    Args:
        document: The schema as plain data.
        notes: A comment by column.
    """
    head = {key: value for key, value in document.items() if key != "columns"}
    head.setdefault("unexpected_columns", "warning")
    top = "".join(f"{key}: {_scalar(value)}\n" for key, value in head.items())
    columns = document["columns"]
    body = "".join(_block(name, rules, notes.get(name, "")) for name, rules in columns.items())
    return f"{_HEAD}\n{top}\ncolumns:\n{body}" if body else f"{_HEAD}\n{top}\ncolumns: {{}}\n"


def read(text: str, where: str) -> tuple[dict[str, Any], Lines]:
    """The plain data of a schema's text, and where its rules are written.

    Raises:
        SchemaError: if it is too long, no YAML, has aliases (which could make it huge), or has a
            column twice.
    """
    if len(text) > LONGEST_TEXT:
        raise SchemaError(f"the schema has {len(text):,} characters", where=where)
    try:
        depth = 0
        events: Any = yaml.parse(text, Loader=yaml.SafeLoader)
        for event in events:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise SchemaError(f"the schema is nested more than {_DEEPEST} deep", where=where)
            if isinstance(event, yaml.AliasEvent):
                raise SchemaError(
                    f"the schema has an alias, *{event.anchor}",
                    where=where,
                    fix="write the value out",
                )
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise SchemaError(f"the schema is not YAML: {str(exc)[:300]}", where=where) from exc
    if not isinstance(document, dict) or not isinstance(document.get("columns"), dict):
        raise SchemaError(
            "the schema has no columns", where=where, fix="write columns: with a line for each"
        )
    numbers: dict[tuple[str, str], int] = {}
    for name, (key_node, node) in _children(_columns(root)).items():
        if (name, "") in numbers:
            raise SchemaError(f"column {name!r:.60} is in the schema twice", where=where)
        numbers[name, ""] = key_node.start_mark.line + 1
        for key, (inner, _) in _children(node).items():
            numbers[name, key] = inner.start_mark.line + 1
    pairs = _columns(root).value
    if len(pairs) != len(document["columns"]):
        names = [key.value for key, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), "?")
        raise SchemaError(f"column {twice!r:.60} is in the schema twice", where=where)
    return document, Lines(numbers, where)


def _columns(root: Any) -> Any:
    return next(node for key, node in root.value if key.value == "columns")


def _children(node: Any) -> dict[str, tuple[Any, Any]]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): (key, value) for key, value in node.value}


def edit(
    text: str,
    changes: Mapping[str, Mapping[str, Any]],
    known: set[str],
    notes: Mapping[str, str],
) -> str:
    """A schema's text with some rules changed; every other character stays.

    Args:
        text: The text.
        changes: New values by column and key; None takes the rule away.
        known: The columns that the text has; others are added at the end.
        notes: Comments for added columns.
    """
    root = _columns(yaml.compose(text, Loader=yaml.SafeLoader))
    parts: list[tuple[int, int, str]] = []
    added = ""
    for name, rules in changes.items():
        if name not in known:
            given = {key: value for key, value in rules.items() if value is not None}
            added += _block(name, given, notes.get(name, ""))
            continue
        key_node, node = _children(root)[name]
        children = _children(node)
        fresh = {key: v for key, v in rules.items() if key not in children and v is not None}
        for key in rules.keys() & children.keys():
            parts.append(_changed(text, children[key], rules[key], bool(node.flow_style)))
        if fresh:
            parts.append(_inserted(text, key_node, node, fresh))
    if added:
        if root.flow_style:  # columns: {...}
            end = root.end_mark.index - 1
            line = ", ".join(
                f"{_scalar(name)}: {_scalar({k: v for k, v in rules.items() if v is not None})}"
                for name, rules in changes.items()
                if name not in known
            )
            parts.append((end, end, f"{', ' if root.value else ''}{line}"))
        else:
            end = _end(root)
            stop = text.find("\n", end)
            stop = len(text) if stop < 0 else stop + 1
            lead = "" if text[:stop].endswith("\n") else "\n"
            parts.append((stop, stop, lead + added))
    for start, end, new in sorted(parts, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _end(node: Any) -> int:
    """Where the last character of a node is; a block's own end is after its comments."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _changed(text: str, child: tuple[Any, Any], value: Any, flow: bool) -> tuple[int, int, str]:
    key, node = child
    if value is not None:
        return node.start_mark.index, _end(node), _scalar(value)
    if flow:  # null is what a rule that is not there means; taking commas away is not worth it
        return node.start_mark.index, _end(node), "null"
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    stop = text.find("\n", _end(node))
    return start, len(text) if stop < 0 else stop + 1, ""


def _inserted(text: str, key_node: Any, node: Any, new: Mapping[str, Any]) -> tuple[int, int, str]:
    rules = [f"{key}: {_scalar(value)}" for key, value in new.items()]
    if isinstance(node, yaml.MappingNode) and node.flow_style:
        end = node.end_mark.index - 1
        return end, end, f"{', ' if node.value else ''}{', '.join(rules)}"
    indent = node.value[0][0].start_mark.column if isinstance(node, yaml.MappingNode) else 4
    stop = text.find("\n", key_node.end_mark.index)
    stop = len(text) if stop < 0 else stop + 1
    lead = "" if text[:stop].endswith("\n") else "\n"
    return stop, stop, lead + "".join(f"{' ' * indent}{rule}\n" for rule in rules)
