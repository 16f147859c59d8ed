"""The page of HTTP routes, from the service's own OpenAPI document."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.api.app import create_app
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import close_stores

__all__ = ["http_page"]

_METHODS = ("get", "post", "put", "patch", "delete")
_HEAD = """# HTTP routes

What `mlrun-like service run` answers, below `/api/v1`. The service says the same of itself at
`/api/v1/docs` and as OpenAPI at `/api/v1/openapi.json`. A token goes into the header
`Authorization: Bearer …` ([access](../access.md)); an error is always
`{"detail": {"code", "what", "where", "fix"}, "request_id"}` ([errors](../errors.md)).
"""


def http_page() -> str:
    """One section for each group of routes, one heading for each route."""
    with tempfile.TemporaryDirectory() as home, config.override(home=home, dbpath=""):
        document = create_app().openapi()
        close_stores()
    groups: dict[str, list[str]] = defaultdict(list)
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                group = (operation.get("tags") or ["other"])[0]
                groups[group] += _operation(method, path, operation)
    parts = [_HEAD]
    for group in sorted(groups):
        parts += [f"## {group.replace('_', ' ').capitalize()}", "", *groups[group]]
    return "\n".join(parts) + "\n"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    label = str(operation.get("summary") or path).replace("'", "")
    yield f"### {method.upper()} {path.removeprefix('/api/v1')} {{: data-toc-label='{label}' }}"
    yield ""
    yield f"{operation.get('summary', '')}. {_plain(operation.get('description', ''))}".strip()
    yield ""
    if operation.get("x-needs"):
        yield f"Needs: `{operation['x-needs']}`."
        yield ""
    parameters = operation.get("parameters") or []
    if parameters:
        yield "| parameter | in | required | meaning |"
        yield "|---|---|---|---|"
        for each in parameters:
            needed = "yes" if each.get("required") else ""
            text = _plain(each.get("description", "")).replace("|", "\\|").replace("\n", " ")
            yield f"| `{each['name']}` | {each['in']} | {needed} | {text} |"
        yield ""
    for name, content in _examples(operation):
        yield f'??? example "{name}"'
        yield "    ```json"
        yield from (f"    {line}" for line in json.dumps(content, indent=2).splitlines())
        yield "    ```"
        yield ""


def _examples(operation: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    body = (operation.get("requestBody") or {}).get("content", {}).get("application/json", {})
    if "example" in body:
        yield "body", body["example"]
    for status, answer in operation.get("responses", {}).items():
        content = answer.get("content", {}).get("application/json", {})
        if status.startswith("2") and "example" in content:
            yield f"answer ({status})", content["example"]


def _plain(text: str) -> str:
    """A docstring's text; what Markdown would take for a link is escaped."""
    return text.replace("[", "\\[").replace("<", "&lt;").strip()
