"""A form that tries a deployed function: filled from its schema; the answer, the way through it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.look import (
    Look,
    box,
    choice,
    form,
    line,
    place,
    scrolled,
    took,
)
from mlrun_like.api.pages.words import whole
from mlrun_like.drawing.page import Html, badge, element, joined, link, section
from mlrun_like.drawing.spans import Bar, Row, spans
from mlrun_like.types import Document

__all__ = ["example_of", "operations_of", "told_of", "trace", "try_page"]

_DEPTH = 6


def operations_of(schema: Any) -> list[Document]:
    """What an OpenAPI document can be asked: `method`, `path`, `summary`, `example`, `told`.

    >>> schema = {"paths": {"/predict": {"post": {"requestBody": {"content": {"application/json":
    ...     {"schema": {"type": "object", "properties": {"x": {"type": "integer"}}}}}}}}}}
    >>> operations_of(schema)
    [{'method': 'POST', 'path': '/predict', 'summary': '', 'example': {'x': 0}, 'told': []}]
    >>> operations_of("no")
    []
    """
    paths = schema.get("paths") if isinstance(schema, Mapping) else None
    found: list[Document] = []
    for path, methods in paths.items() if isinstance(paths, Mapping) else ():
        for method, about in methods.items() if isinstance(methods, Mapping) else ():
            if method not in ("get", "post", "put", "patch", "delete"):
                continue
            if not isinstance(about, Mapping):
                continue
            body = _json_body(about)
            found.append(
                {
                    "method": method.upper(),
                    "path": str(path),
                    "summary": str(about.get("summary") or ""),
                    "example": example_of(body, schema) if body is not None else None,
                    "told": told_of(body, schema),
                }
            )
    order = {"POST": 0, "PUT": 1}
    return sorted(found[:100], key=lambda one: (order.get(one["method"], 2), len(one["path"])))


def _json_body(about: Mapping[str, Any]) -> Any:
    node: Any = about.get("requestBody")
    for key in ("content", "application/json"):
        node = node.get(key) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping):
        return None
    if "example" in node:
        return {"example": node["example"]}
    examples = node.get("examples")
    for one in examples.values() if isinstance(examples, Mapping) else ():
        if isinstance(one, Mapping) and "value" in one:
            return {"example": one["value"]}
    return node.get("schema") or {}


def example_of(schema: Any, root: Any = None, depth: int = 0) -> Any:
    """A value that a JSON schema describes: its example, default, or the simplest one.

    >>> example_of({"type": "array", "items": {"type": "number"}})
    [0.0]
    >>> example_of({"enum": ["a", "b"]}), example_of(None), example_of({"type": "array",
    ...     "items": {"type": "array", "minItems": 3}})
    ('a', None, [[0, 0, 0]])
    """
    if not isinstance(schema, Mapping) or depth > _DEPTH:
        return None
    for key in ("example", "default", "const"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if isinstance(schema.get(key), list) and schema[key]:
            return schema[key][0]
    reference = schema.get("$ref")
    if isinstance(reference, str):
        node: Any = root
        for part in reference.removeprefix("#/").split("/"):
            node = node.get(part) if isinstance(node, Mapping) else None
        return example_of(node, root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return example_of(schema[key][0], root, depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    properties = schema.get("properties")
    if kind == "object" or isinstance(properties, Mapping):
        given = properties if isinstance(properties, Mapping) else {}
        needed = schema.get("required")
        if isinstance(needed, list) and needed:  # what may be left out is left out
            given = {key: one for key, one in given.items() if key in needed}
        return {key: example_of(one, root, depth + 1) for key, one in list(given.items())[:50]}
    if kind == "array":
        least = schema.get("minItems")
        times = min(max(least, 1), 200) if isinstance(least, int) else 1
        one = example_of(schema.get("items"), root, depth + 1)
        # Columns of a model are told by their number only; numbers are what most are.
        return [0 if one is None and times > 1 else one] * times
    return {"string": "", "integer": 0, "number": 0.0, "boolean": False}.get(str(kind))


def told_of(schema: Any, root: Any = None) -> list[str]:
    """What a JSON schema says of its fields: a line for each that has words or may be left out.

    >>> told_of({"properties": {"x": {"items": {"description": "amounts"}}, "id": {}},
    ...          "required": ["x"]})
    ['x: amounts', 'id: may be left out']
    """
    reference = schema.get("$ref") if isinstance(schema, Mapping) else None
    if isinstance(reference, str):
        schema = root
        for part in reference.removeprefix("#/").split("/"):
            schema = schema.get(part) if isinstance(schema, Mapping) else None
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return []
    needed = schema.get("required")
    lines = []
    for key, one in list(properties.items())[:20]:
        words = _words_of(one)
        if isinstance(needed, list) and needed and key not in needed:
            words = f"{words.rstrip('.')}; may be left out" if words else "may be left out"
        if words:
            lines.append(f"{key}: {words}")
    return lines


def _words_of(schema: Any) -> str:
    for _ in range(3):  # of a list, the words stand at what is in it
        if not isinstance(schema, Mapping):
            return ""
        if isinstance(schema.get("description"), str):
            return str(schema["description"])[:600]
        schema = schema.get("items")
    return ""


def try_page(
    operations: Sequence[Document], look: Look, name: str, asked: Document, result: Document
) -> list[Html]:
    """A form that sends a request, with its answer, its time and the way through the steps.

    Args:
        operations: From `operations_of`.
        look: Who looks.
        name: The function.
        asked: `method`, `path` and `body` as entered, or empty.
        result: From `try_function`, with `steps` if the answer tells of them; or `error`; or empty.
    """
    best = operations[0] if operations else {"method": "POST", "path": "/", "example": {}}
    body = asked.get("body")
    if body is None:
        body = json.dumps(best["example"], indent=2) if best["example"] is not None else ""
    here = place(look.project, "graphs", name, "try")
    others = [
        link(f"{one['method']} {one['path']}",
             place(look.project, "graphs", name, "try", operation=at))
        for at, one in enumerate(operations[:20])
    ]  # fmt: skip
    filled = form(
        look, here,
        choice("Method", "method", [(one, one) for one in ("POST", "GET", "PUT", "PATCH",
                                                           "DELETE")],
               str(asked.get("method") or best["method"])),
        line("Path", "path", asked.get("path") or best["path"], spellcheck="false"),
        line("Body (JSON)", "body", body, type="textarea", rows="10", spellcheck="false",
             note="Checked before it is sent; empty: no body."),
        button("Send", "main"), label="try it",
    )  # fmt: skip
    more = box("It can be asked", joined(others, " · ")) if len(others) > 1 else ""
    lines = [element("li", one) for one in best.get("told") or []]
    about = [element("p", best["summary"]) if best.get("summary") else "",
             element("ul", *lines, class_="note") if lines else ""]  # fmt: skip
    if not look.may("gateway", "run"):
        filled = element("p", "Your role may look, but not send requests.", class_="notice warn")
    return [
        element(
            "div",
            section("Request", *[one for one in about if one], filled, more),
            section("Answer", _answer(result) or "Send a request to see its answer here."),
            class_="halves",
        )
    ]  # fmt: skip


def _answer(result: Document) -> Html:
    if result.get("error"):
        return element("p", result["error"], class_="notice bad", role="alert")
    if "status" not in result:
        return Html()
    status = int(result["status"])
    level = "ok" if status < 400 else "warn" if status < 500 else "bad"
    body = result.get("body") or (f"{result.get('size')} bytes that are no text"
                                  if result.get("body_base64") else "")  # fmt: skip
    return joined(
        [
            element("p", badge(str(status), level), " ", took(result.get("seconds")), " ",
                    element("small", f"{result.get('size') or 0} bytes"), role="status"),
            element("pre", element("code", whole(_pretty(body))), tabindex="0"),
            element("p", "The answer was cut.", class_="note") if result.get("truncated") else "",
            trace(result.get("steps") or []),
        ]
    )  # fmt: skip


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def trace(steps: Sequence[Mapping[str, Any]]) -> Html:
    """The way through the steps: how long each took."""
    rows, at = [], 0.0
    for one in steps:
        seconds = one.get("seconds")
        if not isinstance(seconds, (int, float)):
            continue
        start = one.get("start") if isinstance(one.get("start"), (int, float)) else at
        begin = float(start or 0.0)
        level = "bad" if one.get("error") else "0"
        words = f"{one.get('step')}: {took(seconds)}"
        bar = Bar(begin * 1e3, (begin + seconds) * 1e3, words, level)
        rows.append(Row(str(one.get("step") or one.get("name")), [bar], note=took(seconds)))
        at = begin + seconds
    picture = spans(rows, start=0, x_is_time=False, width=560, title="time in each step, ms")
    return box("Through the steps", scrolled(picture, "time in each step"))
