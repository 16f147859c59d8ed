"""What the pages of incidents show: all over time, and one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.look import (
    Look,
    box,
    choice,
    facts,
    first,
    form,
    line,
    place,
    scrolled,
    took,
)
from mlrun_like.api.pages.words import moment, since, state_badge, tabs
from mlrun_like.drawing.page import (
    Html,
    badge,
    element,
    joined,
    link,
    section,
    table,
    tiles,
)
from mlrun_like.drawing.spans import Bar, Row, spans
from mlrun_like.types import Document

__all__ = [
    "FIRST_ALERT",
    "SEVERITIES",
    "alert_tabs",
    "incident_page",
    "incidents_page",
    "incidents_table",
]

FIRST_ALERT = """\
project.store_alert_config(mlrun_like.alerts.AlertConfig(
    name="failed-runs", template="JobFailed",
    entities={"kind": "job", "ids": ["*"]},
    notifications=[{"kind": "slack", "secret_params": {"webhook": "..."}}],
))"""
_SPANS = [("1h", "1 hour"), ("4h", "4 hours"), ("1d", "1 day"), ("7d", "7 days")]
SEVERITIES = {"high": "bad", "medium": "warn", "low": "none"}
_LONGEST = 400
_WEEK = 7 * 86400.0


def alert_tabs(look: Look, here: str) -> Html:
    """The views of alerts: incidents, definitions."""
    return tabs(
        [
            ("Incidents", place(look.project, "alerts"), here == "incidents"),
            ("Definitions", place(look.project, "alerts", "definitions"), here == "definitions"),
        ],
        "views of alerts",
    )


def incidents_page(rows: Sequence[Document], look: Look, state: str = "") -> list[Html]:
    """Incidents over time, and as a list.

    Args:
        rows: From `incident_rows`, in any state.
        look: Who looks.
        state: Which are listed: `open` (empty), `resolved` or `all`.
    """
    counts = {
        word: sum(one["state"] == word for one in rows)
        for word in ("open", "acknowledged", "resolved")
    }
    shown = [
        one
        for one in rows
        if state == "all" or (one["state"] == "resolved") == (state == "resolved")
    ]
    links = [
        element("a", label, href=place(look.project, "alerts", state=key), class_="button",
                aria_current="true" if key == state else None)
        for label, key in (("not over", ""), ("resolved", "resolved"), ("all", "all"))
    ]  # fmt: skip
    if not rows:
        return [
            alert_tabs(look, "incidents"),
            first("No alert has gone off", "An alert watches runs, models, features or schedules, "
                  "and tells somebody. When it goes off, the incident is here until it is over.",
                  FIRST_ALERT),
        ]  # fmt: skip
    return [
        alert_tabs(look, "incidents"),
        tiles([
            ("open", counts["open"], "bad" if counts["open"] else "ok"),
            ("acknowledged", counts["acknowledged"], "warn" if counts["acknowledged"] else "ok"),
            ("resolved", counts["resolved"]),
        ]),
        box("Time line", scrolled(_time_line(rows, look), "incidents over time"),
            note="Each line is an alert; red: high, orange: medium. In UTC."),
        section("Incidents", element("div", *links, class_="toolbar"),
                incidents_table(shown, look) or "There are none."),
    ]  # fmt: skip


def _time_line(rows: Sequence[Document], look: Look) -> Html:
    by_name: dict[str, list[Document]] = {}
    for one in rows:
        by_name.setdefault(one["name"], []).append(one)
    end = max([look.now, *(one["updated"] for one in rows)])
    start = max(min(one["opened"] for one in rows), end - 4 * _WEEK)
    lines = []
    for name, many in list(by_name.items())[:40]:
        bars = [
            Bar(one["opened"], one["resolved"] or end, _words(one, end),
                SEVERITIES.get(one["severity"], "none"))
            for one in many
        ]  # fmt: skip
        newest = max(many, key=lambda one: one["opened"])
        lines.append(Row(name, bars, place(look.project, "alerts", newest["number"])))
    return spans(lines, start=start, end=end, title="incidents over time", width=1000)


def _words(one: Document, end: float) -> str:
    lasted = took((one["resolved"] or end) - one["opened"])
    return f"{one['name']} #{one['number']}, {one['severity']}, {one['state']}, {lasted}"


def incidents_table(rows: Sequence[Document], look: Look) -> Html:
    """A line for each incident, with a button for open ones."""
    cells = [
        [
            link(f"{one['name']} #{one['number']}", place(look.project, "alerts", one["number"])),
            badge(one["severity"], SEVERITIES.get(one["severity"], "none")),
            state_badge(one["state"]),
            one["summary"] or one["reason"] or f"{one['entity_kind']} {one['entity_id']}",
            since(one["opened"], look.now),
            took((one["resolved"] or look.now or one["updated"]) - one["opened"]),
            _acknowledge(one, look) if one["state"] == "open" else one["acknowledged_by"],
        ]
        for one in rows
    ]
    headers = ("alert", "severity", "state", "what", "since", "for", "who takes care")
    return table(headers, cells, ("for",), caption="incidents")


def _acknowledge(one: Document, look: Look) -> Html:
    if not look.may("alert", "update"):
        return Html()
    label = f"Acknowledge {one['name']} #{one['number']}"
    return form(look, place(look.project, "alerts", one["number"], "acknowledge"),
                button("Acknowledge", aria_label=label), kind="inline")  # fmt: skip


def incident_page(one: Document, look: Look) -> list[Html]:
    """An incident, what happened since, and what can be done.

    Args:
        one: From `incident_data`.
        look: Who looks.
    """
    lines = [
        [moment(line_["time"]), badge(str(line_["kind"])), _told(line_["body"])]
        for line_ in one["time_line"]
    ]
    begun = [
        [
            row["kind"],
            row["name"],
            state_badge(row["state"]),
            row["reason"],
            joined([link(f"{run['name']} ({run['state']})", place(look.project, "runs", run["uid"]))
                    for run in row["runs"]], ", "),
            joined([f"{model['uri']} version {model['version']}" for model in row["models"]], ", "),
        ]
        for row in one["actions"]
    ]  # fmt: skip
    ended = one["resolved"] or look.now
    return [
        facts([
            ("about", _about(one, look)),
            ("what", one["summary"]),
            ("why", one["reason"]),
            ("since", moment(one["opened"])),
            ("until", moment(one["resolved"]) if one["resolved"] else "not over"),
            ("lasted", took(ended - one["opened"]) if ended else ""),
            ("went off", "once" if one["firings"] == 1 else f"{one['firings']} times"),
            ("who takes care", one["acknowledged_by"]),
            ("ended because", one["resolution"]),
            ("definition", link(one["name"],
                                place(look.project, "alerts", "definitions") + f"#{one['name']}")),
        ]),
        *_forms(one, look),
        section("Time line", table(("when", "what", "more"), lines, caption="time line")
                or "Nothing was noted."),
        box("What was begun", table(("action", "name", "state", "why", "runs", "models"), begun,
                                    caption="actions")),
    ]  # fmt: skip


def _about(one: Document, look: Look) -> Any:
    if one["entity_kind"] in ("model-endpoint-result", "endpoint"):
        uid, _, rest = one["entity_id"].partition(".")
        return joined([link(f"endpoint {uid[:12]}", place(look.project, "endpoints", uid)),
                       f" {rest}"])  # fmt: skip
    return f"{one['entity_kind']} {one['entity_id']}"


def _forms(one: Document, look: Look) -> list[Html]:
    if not look.may("alert", "update"):
        return []
    here = ("alerts", one["number"])
    made = []
    if one["state"] == "open":
        made.append(form(look, place(look.project, *here, "acknowledge"),
                         line("Note", "note", maxlength="200"), button("Acknowledge", "main"),
                         kind="inline", label="acknowledge"))  # fmt: skip
    made += [
        form(look, place(look.project, *here, "note"),
             line("What there is to say", "note", required="required", maxlength="200"),
             button("Add a note"), kind="inline", label="note"),
        form(look, place(look.project, *here, "silence"),
             choice("Silence this alert for", "duration", _SPANS),
             line("Why", "note", maxlength="200"), button("Silence"), kind="inline",
             label="silence"),
    ]  # fmt: skip
    if one["state"] != "resolved":
        made.append(form(look, place(look.project, *here, "resolve"),
                         line("Why it is over", "note", required="required", maxlength="200"),
                         button("Resolve"), kind="inline", label="resolve"))  # fmt: skip
    return [section("Do something", element("div", *made, class_="halves"))]


def _told(body: Any) -> str:
    if not isinstance(body, Mapping):
        return str(body)[:_LONGEST]
    told = []
    for key, value in body.items():
        if value not in (None, "", [], {}):
            is_plain = isinstance(value, (str, int, float))
            told.append(f"{key}: {value if is_plain else json.dumps(value, default=str)}")
    return "; ".join(told)[:_LONGEST]
