"""The small language in which the tables of this folder describe parameters and bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = ["ERROR", "PAGINATION", "Schema", "listed", "mapping", "parameter", "sorting"]

Schema: TypeAlias = Mapping[str, Any]

_WORD = re.compile(r"(!?)([A-Za-z_][\w.-]*)(\*?)(?:(=)(.+)|(:)(-?\d+)-(\d*)|([?@#]))?")

ERROR: Schema = {
    "type": "object",
    "description": "What is wrong, where, and how to fix it. Every error has this form.",
    "required": ["detail", "request_id"],
    "properties": {
        "detail": {
            "type": "object",
            "required": ["reason", "code", "what", "where", "fix"],
            "properties": {
                "reason": {"type": "string", "description": "The same as `what`; MLRun's word."},
                "code": {"type": "string", "description": "A word for programs: `not_found`."},
                "what": {"type": "string"},
                "where": {"type": "string"},
                "fix": {"type": "string"},
            },
        },
        "request_id": {"type": "string", "description": "By which the service's log names it."},
    },
}
PAGINATION: Schema = {
    "type": "object",
    "required": ["page-token", "page-size"],
    "properties": {
        "page-token": {
            "type": ["string", "null"],
            "description": "Send it as `page-token` to get the next page; null: that was all.",
        },
        "page-size": {"type": "integer"},
    },
}


def parameter(word: str) -> dict[str, Any]:
    """A query parameter out of a word.

    `name`: a text; `state=a|b`: one of these; `limit:1-100`, `offset:0-`: a whole number; `ended?`:
    yes or no; `since@`: a time; `path#`: a text that is not empty. `label*`: it may be repeated;
    `!q`: it must be given.

    >>> parameter("limit:1-100")["schema"]
    {'type': 'integer', 'minimum': 1, 'maximum': 100}
    >>> parameter("!state*=open|closed")["schema"]["items"]["enum"]
    ['open', 'closed']
    """
    found = _WORD.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no word for a parameter")
    must, name, many, choice, choices, _, least, most, mark = found.groups()
    schema: dict[str, Any] = {"type": "string"}
    if choice:
        schema = {"type": "string", "enum": choices.split("|")}
    elif least:
        schema = {"type": "integer", "minimum": int(least)}
        if most:
            schema["maximum"] = int(most)
    elif mark == "?":
        schema = {"type": "boolean"}
    elif mark == "@":
        schema = {"type": "string", "format": "date-time"}
    elif mark == "#":
        schema["minLength"] = 1
    if many:
        schema = {"type": "array", "items": schema}
    row: dict[str, Any] = {"name": name, "in": "query", "required": bool(must), "schema": schema}
    if name in _TEXTS:
        row["description"] = _TEXTS[name]
    return row


def sorting(fields: str) -> dict[str, Any]:
    """The parameter `sort` of a list that can be ordered by these fields; `-` in front of one: only
    the largest first.

    >>> sorting("name")["schema"]["enum"]
    ['name', '-name']
    """
    enum = []
    for name in fields.split():
        enum += [name] if name.startswith("-") else [name, f"-{name}"]
    return {
        "name": "sort",
        "in": "query",
        "required": False,
        "description": "The order; `-` in front: the largest first.",
        "schema": {"type": "string", "enum": enum},
    }


def mapping(*required: str, closed: bool = False, **properties: Any) -> Schema:
    """The schema of a mapping; a property is a schema, a type's name, or an example's list.

    >>> mapping("name", name="string")["properties"]
    {'name': {'type': 'string'}}
    """
    made = {
        name: {"type": value} if isinstance(value, str) else value
        for name, value in properties.items()
    }
    schema: dict[str, Any] = {"type": "object", "properties": made}
    if required:
        schema["required"] = list(required)
    if closed:
        schema["additionalProperties"] = False
    return schema


def listed(noun: str) -> Schema:
    """The schema of a page of a list.

    >>> listed("runs")["required"]
    ['runs', 'pagination']
    """
    return {
        "type": "object",
        "required": [noun, "pagination"],
        "properties": {
            noun: {"type": "array"},
            "pagination": {"$ref": "#/components/schemas/Pagination"},
        },
    }


_TEXTS = {
    "name": "Exact, or `~part`: contains it.",
    "label": "`key=value`, or `key`: it is there.",
    "tag": "Of a version; `*` in lists: all.",
    "format": "How much of each is told.",
    "since": "From this time on, ISO 8601.",
    "until": "Up to this time, ISO 8601.",
    "start": "From this time on, ISO 8601.",
    "end": "Up to this time, ISO 8601.",
    "page-size": "Rows of a page.",
    "page-token": "`pagination.page-token` of the page before, with the same `sort`.",
    "limit": "At most so many.",
    "iteration": "Which iteration of a sweep.",
    "run": "`project@uid#iteration`; in a project `uid` is enough.",
    "project": "Only of this project.",
}
