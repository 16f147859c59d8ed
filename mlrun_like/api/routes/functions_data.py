"""Functions as routes and pages show them: source, entry points, environment, versions.

Source is decoded and shown as text; nothing of it is ever loaded here.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from mlrun_like.errors import NotFoundError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["function_data", "function_diff", "function_rows", "function_versions", "source_of"]

_LONGEST = 1 << 20
_VERSIONS = 200
_LINES = 5000
_COMPARED = ("kind", "image", "command", "default_handler", "description", "resources", "env")


def function_rows(
    store: SqlStore, project: str, name: str = "", tag: str = "latest"
) -> list[Document]:
    """What a table shows of functions, newest first.

    Args:
        store: The store.
        project: The project.
        name: Exact name, or `~part`.
        tag: Of which tag; `*`: every version.
    """
    return [_row(one) for one in store.list_functions(project, name, tag)]


def _row(document: Document) -> Document:
    metadata, spec = _part(document, "metadata"), _part(document, "spec")
    return {
        "project": metadata.get("project") or "",
        "name": metadata.get("name") or "",
        "kind": document.get("kind") or "",
        "tag": metadata.get("tag") or "",
        "hash": metadata.get("hash") or "",
        "updated": metadata.get("updated") or "",
        "labels": metadata.get("labels") or {},
        "image": spec.get("image") or "",
        "handler": spec.get("default_handler") or "",
        "description": str(spec.get("description") or "")[:500],
        "state": _part(document, "status").get("state") or "",
    }


def function_data(
    store: SqlStore, project: str, name: str, tag: str = "", hash: str = ""
) -> Document:
    """All that a page shows of a function.

    Args:
        store: The store.
        project: Its project.
        name: Its name.
        tag: Which version; empty: the latest.
        hash: Exactly this version.

    Raises:
        NotFoundError: if there is none.
    """
    document = store.read_function(project, name, tag=tag, hash=hash)
    spec = _part(document, "spec")
    build = _part(spec, "build")
    return {
        "function": document,
        "summary": _row(document),
        "source": source_of(document),
        "modules": _modules(build),
        "entry_points": _entry_points(spec),
        "requirements": list(_list(build, "requirements")),
        "commands": list(_list(build, "commands")),
        "base_image": build.get("base_image") or "",
        "environment": _environment(spec),
        "variables": _variables(spec),
        "graph": spec.get("graph") or None,
        "versions": function_versions(store, project, name),
    }


def source_of(document: Document) -> Document | None:
    """The function's source as text: `name`, `text`, `language`, `truncated`.

    >>> source_of({"spec": {"build": {"functionSourceCode": "cHJpbnQoMSk="}}})["text"]
    'print(1)'
    """
    build = _part(_part(document, "spec"), "build")
    text = _decoded(build.get("functionSourceCode"))
    if text is None:
        return None
    name = str(build.get("origin_filename") or build.get("code_origin") or "handler.py")
    name = name.replace("\\", "/").rpartition("/")[2][:200]
    return {
        "name": name,
        "text": text[:_LONGEST],
        "language": "python",
        "truncated": len(text) > _LONGEST,
    }


def _decoded(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return value  # it was not encoded
    if data[:2] == b"\x1f\x8b" or data[:1] == b"\x78":
        try:
            unpacked = zlib.decompressobj(wbits=47).decompress(data, _LONGEST + 1)
        except zlib.error:
            unpacked = data
        data = unpacked
    return data.decode("utf-8", "replace")


def _modules(build: Mapping[str, Any]) -> list[Document]:
    modules = build.get("modules")
    if not isinstance(modules, Mapping):
        return []
    found = []
    for name, value in list(modules.items())[:200]:
        text = _decoded(value) or ""
        found.append({"name": str(name), "text": text[:_LONGEST]})
    return found


def _entry_points(spec: Mapping[str, Any]) -> list[Document]:
    points = spec.get("entry_points")
    if not isinstance(points, Mapping):
        return []
    found = []
    for name, point in points.items():
        if isinstance(point, Mapping):
            found.append(
                {
                    "name": str(point.get("name") or name),
                    "doc": str(point.get("doc") or ""),
                    "parameters": list(_list(point, "parameters")),
                    "outputs": list(_list(point, "outputs")),
                    "line": point.get("lineno"),
                    "default": name == spec.get("default_handler"),
                }
            )
    return found


def _environment(spec: Mapping[str, Any]) -> Document:
    found = _part(spec, "environment")
    return {
        "python": found.get("python") or "",
        "platform": found.get("platform") or "",
        "requirements": list(_list(found, "requirements")),
        "lock": dict(_part(found, "lock")),
        "lock_hash": found.get("lock_hash") or "",
    }


def _variables(spec: Mapping[str, Any]) -> list[Document]:
    """Environment variables; of those that come from secrets only where from."""
    found = []
    for one in _list(spec, "env"):
        if isinstance(one, Mapping) and one.get("name"):
            given = "value" in one
            found.append(
                {
                    "name": str(one["name"]),
                    "value": str(one.get("value") or "") if given else "",
                    "source": "" if given else json.dumps(one.get("valueFrom") or {}, default=str),
                }
            )
    return found


def function_versions(store: SqlStore, project: str, name: str) -> list[Document]:
    """Versions of a function with their tags, newest first."""
    store.writer.settle()
    f, g = t.functions.c, t.function_tags.c
    statement = (
        select(f.hash, f.kind, f.updated)
        .where(f.project == project, f.name == name)
        .order_by(f.updated.desc(), f.hash)
        .limit(_VERSIONS)
    )
    held = select(g.hash, g.tag).where(g.project == project, g.name == name).order_by(g.moved)
    tags: dict[str, list[str]] = {}
    with store.database.read() as connection:
        for version, tag in connection.execute(held):
            tags.setdefault(version, []).append(tag)
        rows = list(connection.execute(statement))
    return [
        {"hash": row[0], "kind": row[1], "updated": row[2], "tags": tags.get(row[0], [])}
        for row in rows
    ]


def function_diff(store: SqlStore, project: str, name: str, before: str, after: str) -> Document:
    """What changed between two versions, each given by hash or tag.

    Returns:
        `lines` of the sources: `{"op": " ", "+", "-" or "@", "text"}`; `fields` that differ:
        `{"name", "before", "after"}`.

    Raises:
        NotFoundError: if there is no such version.
    """
    old, new = (_version(store, project, name, mark) for mark in (before, after))
    first, second = ((source_of(one) or {"text": ""})["text"].split("\n") for one in (old, new))
    lines = []
    for line in difflib.unified_diff(first[:_LINES], second[:_LINES], lineterm="", n=3):
        if not line.startswith(("---", "+++")):
            op = line[:1] if line[:1] in "+-@" else " "
            lines.append({"op": op, "text": line if op == "@" else line[1:]})
    return {
        "before": _row(old),
        "after": _row(new),
        "lines": lines,
        "fields": _differences(old, new),
        "truncated": max(len(first), len(second)) > _LINES,
    }


def _version(store: SqlStore, project: str, name: str, mark: str) -> Document:
    try:
        return store.read_function(project, name, hash=mark)
    except NotFoundError:
        return store.read_function(project, name, tag=mark)


def _differences(old: Document, new: Document) -> list[Document]:
    sides = []
    for document in (old, new):
        spec = _part(document, "spec")
        build = _part(spec, "build")
        found = {key: spec.get(key) for key in _COMPARED}
        found["kind"] = document.get("kind")
        found["requirements"] = build.get("requirements")
        found["base_image"] = build.get("base_image")
        found["python"] = _part(spec, "environment").get("python")
        found["labels"] = _part(document, "metadata").get("labels")
        sides.append(found)
    return [
        {"name": key, "before": sides[0][key], "after": sides[1][key]}
        for key in sides[0]
        if (sides[0][key] or None) != (sides[1][key] or None)
    ]


def _part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def _list(document: Mapping[str, Any], key: str) -> Sequence[Any]:
    found = document.get(key)
    return found if isinstance(found, list) else []
