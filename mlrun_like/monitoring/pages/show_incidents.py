"""The pages of incidents: the list, and one with its time line and its forms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from mlrun_like.drawing.page import Html, element, joined, link, section, table, tiles
from mlrun_like.monitoring.pages.frame import (
    View,
    address,
    duration,
    endpoint_link,
    framed,
    state_badge,
    when,
)
from mlrun_like.types import Document

__all__ = ["incident_page", "incidents_page", "incidents_table"]

_LONGEST = 300


def incidents_page(rows: Sequence[Document], moment: float, view: View, state: str = "") -> Html:
    """Incidents, newest first.

    Args:
        rows: From `incident_rows`.
        moment: Now, in seconds since 1970.
        view: How pages are shown.
        state: Which were asked for; `all` or one state; empty: those that are open.
    """
    count = [sum(one["state"] == word for one in rows) for word in ("open", "acknowledged")]
    choices = [
        link(label, address("/incidents", project=view.project, state=word))
        for label, word in (("open", ""), ("resolved", "resolved"), ("all", "all"))
    ]
    parts = [
        tiles(
            [
                ("open", count[0], "bad" if count[0] else "ok"),
                ("acknowledged", count[1], "warn" if count[1] else "ok"),
                ("shown", len(rows)),
            ]
        ),
        section(
            "Incidents",
            element("p", joined(choices, " · ")),
            incidents_table(rows, view) or "There are none.",
        ),
    ]
    return framed("Incidents", parts, view, here="/incidents", moment=moment)


def incidents_table(rows: Sequence[Document], view: View) -> Html:
    """A line for each incident, with a button for open ones."""
    shown = [
        [
            link(f"{one['name']} #{one['number']}", _path(one)),
            one["project"],
            state_badge(one["severity"]),
            state_badge(one["state"]),
            one["summary"] or one["reason"] or _about(one),
            when(one["opened"]),
            duration((one["resolved"] or one["updated"]) - one["opened"]),
            _acknowledge(one, view) if one["state"] == "open" else one["acknowledged_by"],
        ]
        for one in rows
    ]
    headers = ("alert", "project", "severity", "state", "what", "since", "for", "who")
    return table(headers, shown, ("for",), caption="incidents")


def incident_page(one: Document, moment: float, view: View) -> Html:
    """An incident, what happened since, and what can be done."""
    facts = [
        ("about", _about(one)),
        ("what", one["summary"]),
        ("why", one["reason"]),
        ("since", when(one["opened"])),
        ("until", when(one["resolved"]) if one["resolved"] else "not yet"),
        ("went off", "once" if one["firings"] == 1 else f"{one['firings']} times"),
        ("who takes care", one["acknowledged_by"]),
        ("ended because", one["resolution"]),
    ]
    lines = [[when(line["time"]), line["kind"], _told(line["body"])] for line in one["time_line"]]
    parts = [
        section("What", table(("", ""), [row for row in facts if row[1]], caption="facts")),
        section("Time line", table(("when", "what", "more"), lines, caption="time line")),
    ]
    if one["actions"]:
        parts.append(section("What was begun", _actions(one["actions"])))
    if not view.read_only:
        parts.append(section("Do something", *_forms(one, view)))
    return framed(
        f"{one['name']} #{one['number']}",
        parts,
        view,
        here="/incidents",
        subtitle=f"Project {one['project']}",
        badges=[state_badge(one["severity"]), state_badge(one["state"])],
        moment=moment,
    )


def _actions(rows: Sequence[Document]) -> Html:
    shown = [
        [
            row["kind"],
            row["name"],
            state_badge(row["state"]),
            row["reason"],
            joined(
                [f"{run['name']} {run['state']} ({run['uid'][:12]})" for run in row["runs"]], ", "
            ),
            joined(
                [
                    element("span", model["uri"], f" version {model['version']}")
                    for model in row["models"]
                ],
                ", ",
            ),
        ]
        for row in rows
    ]
    headers = ("action", "name", "state", "why", "runs", "models")
    return table(headers, shown, caption="actions")


def _path(one: Document, part: str = "") -> str:
    return f"/incidents/{quote(one['project'], safe='')}/{one['number']}{part}"


def _about(one: Document) -> Html:
    if one["entity_kind"] in ("model-endpoint-result", "endpoint"):
        uid, _, rest = one["entity_id"].partition(".")
        return joined([endpoint_link(uid[:12], one["project"], uid), f" {rest}"])
    return joined([f"{one['entity_kind']} {one['entity_id']}"])


def _told(body: Any) -> str:
    if not isinstance(body, dict):
        return str(body)[:_LONGEST]
    words = [
        f"{key}: {value if isinstance(value, (str, int, float)) else json.dumps(value)}"
        for key, value in body.items()
        if value not in (None, "", [], {})
    ]
    return "; ".join(words)[:_LONGEST]


def _forms(one: Document, view: View) -> list[Html]:
    made = []
    if one["state"] == "open":
        made.append(_acknowledge(one, view, is_whole=True))
    spans = [element("option", text, value=text) for text in ("1h", "4h", "1d", "7d")]
    silence = _form(
        one, view, "/silence",
        element("label", "Silence this alert for ", element("select", *spans, name="duration")),
        _text("note", "why"),
        element("button", "Silence", type="submit"),
    )  # fmt: skip
    note = _form(
        one, view, "/note",
        _text("who", "your name", is_needed=True), _text("note", "what there is to say"),
        element("button", "Note", type="submit"),
    )  # fmt: skip
    return [element("p", form) for form in (*made, silence, note)]


def _acknowledge(one: Document, view: View, *, is_whole: bool = False) -> Html:
    if view.read_only:
        return Html()
    fields = [_text("who", "your name", is_needed=True)]
    if is_whole:
        fields.append(_text("note", "note"))
    button = element("button", "Acknowledge", type="submit")
    return _form(one, view, "/acknowledge", *fields, button)


def _text(name: str, label: str, *, is_needed: bool = False) -> Html:
    return element(
        "input", type="text", name=name, aria_label=label, placeholder=label, maxlength="200",
        size="12", required="required" if is_needed else None,
    )  # fmt: skip


def _form(one: Document, view: View, part: str, *fields: Html) -> Html:
    token = element("input", type="hidden", name="token", value=view.token)
    return element("form", token, *fields, method="post", action=_path(one, part))
