"""Versions of a model side by side, and its audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.api.pages.parts.look import Look, box
from mlrun_like.api.pages.words import moment, since
from mlrun_like.drawing.page import Html, badge, joined, number, paragraph, table
from mlrun_like.types import Document

__all__ = ["compare_part", "trail_part"]

_TRAIL = {"reject": "bad", "rollback": "bad", "promote": "ok"}


def compare_part(data: Document, look: Look) -> Html:
    """Versions side by side."""
    versions = data["versions"][:8]
    names = list(dict.fromkeys(key for one in versions for key in one["metrics"]))
    options = list(dict.fromkeys(key for one in versions for key in one["parameters"]))
    numbers = [one["number"] for one in versions]
    headers = ["what", *(f"v{at}{' champion' * (at == data['champion'])}" for at in numbers)]
    measured = [[name, *(number(one["metrics"].get(name)) for one in versions)] for name in names]
    chosen = []
    for name in options:
        values = [one["parameters"].get(name) for one in versions]
        mark = "" if len({str(value) for value in values}) == 1 else " (differs)"
        chosen.append([f"{name}{mark}", *values])
    about = [
        ["stage", *(one["stage"] for one in versions)],
        ["framework", *(one["framework"] for one in versions)],
        ["logged", *(since(one["made"], look.now) for one in versions)],
    ]
    return joined(
        [
            box("Metrics", table(headers, measured, headers[1:], caption="metrics")),
            box("Parameters", table(headers, chosen, caption="parameters")),
            box("About", table(headers, about, caption="about")),
        ]
    )


def trail_part(data: Document, look: Look) -> Html:
    """Who moved what, when and why."""
    rows = []
    for event in data["history"]:
        body = event["body"]
        rows.append(
            [
                moment(event["time"]),
                f"version {event['number']}" if event["number"] else "",
                badge(event["action"], _TRAIL.get(event["action"], "none")),
                _moved(event["action"], body),
                body.get("who"),
                body.get("why"),
            ]
        )
    headers = ("when", "version", "what", "how", "who", "why")
    return box("Audit trail", table(headers, rows, caption="audit trail")
               or paragraph("Nothing was moved yet."))  # fmt: skip


def _moved(action: str, body: Mapping[str, Any]) -> str:
    if action == "alias":
        after = f"version {body.get('after')}" if body.get("after") else "nobody"
        before = f"version {body.get('before')}" if body.get("before") else "nobody"
        return f"{body.get('alias')}: {before} → {after}"
    if action == "stage":
        return f"{body.get('before')} → {body.get('after')}"
    if action in ("promote", "reject"):
        gates = body.get("gates") or []
        passed = sum(bool(gate.get("passed")) for gate in gates)
        return f"to {body.get('to')}; {passed} of {len(gates)} gates passed"
    return ""
