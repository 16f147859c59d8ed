"""What the page of definitions of alerts shows: what is watched, what is silent, a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.alerts import FIRST_ALERT, SEVERITIES, alert_tabs
from mlrun_like.api.pages.parts.look import Look, box, choice, first, form, line, place
from mlrun_like.api.pages.words import moment, state_badge
from mlrun_like.drawing.page import Html, badge, element, joined, paragraph, section, table
from mlrun_like.types import Document

__all__ = ["definitions_page"]


def definitions_page(
    rows: Sequence[Document],
    silences: Sequence[Document],
    templates: Sequence[Document],
    look: Look,
) -> list[Html]:
    """What is watched, what is silent, and a form for one more.

    Args:
        rows: Definitions of alerts, as plain data.
        silences: Times of quiet that hold now.
        templates: Templates, as plain data.
        look: Who looks.
    """
    cells = [_definition(one, look) for one in rows]
    quiet = [
        [", ".join(f"{key}={value}" for key, value in (one.get("matchers") or {}).items()),
         moment(one.get("end")), one.get("who"), one.get("note"),
         form(look, place(look.project, "alerts", "silences", "end"),
              element("input", type="hidden", name="key", value=one.get("id")),
              button("End silence"), kind="inline")
         if look.may("alert", "update") else ""]
        for one in silences
    ]  # fmt: skip
    headers = ("alert", "watches", "severity", "state", "went off", "who is told", "actions")
    listed = table(headers, cells, caption="alerts") or first(
        "Nothing is watched yet", "Make an alert here, or in code.", FIRST_ALERT
    )
    return [
        alert_tabs(look, "definitions"),
        listed,
        box("Silences", table(("which", "until", "who", "why", "actions"), quiet,
                              caption="silences")),
        _create(templates, look) if look.may("alert", "create") else paragraph(),
    ]  # fmt: skip


def _definition(one: Document, look: Look) -> list[Any]:
    name = one.get("name")
    entities = one.get("entities") or {}
    events = (one.get("trigger") or {}).get("events") or []
    told = [
        str((each.get("notification") or each).get("kind") or "")
        for each in one.get("notifications") or []
        if isinstance(each, Mapping)
    ]
    made = []
    if look.may("alert", "update"):
        made.append(form(look, place(look.project, "alerts", "definitions", name, "reset"),
                         button("Reset", aria_label=f"Reset {name}"), kind="inline"))  # fmt: skip
        made.append(form(look, place(look.project, "alerts", "definitions", name, "silence"),
                         element("input", type="hidden", name="duration", value="1d"),
                         button("Pause for a day", aria_label=f"Pause {name} for a day"),
                         kind="inline"))  # fmt: skip
    if look.may("alert", "delete"):
        gone = place(look.project, "alerts", "definitions", name, "delete")
        label = f"Delete {name}…"
        made.append(element("a", "Delete…", class_="button", aria_label=label, href=gone))
    watches = f"{entities.get('kind', '')} {', '.join(map(str, entities.get('ids') or []))}"
    return [
        element("strong", name, id=str(name)),
        joined([watches, element("span", ", ".join(map(str, events)), class_="sub")]),
        badge(str(one.get("severity")), SEVERITIES.get(str(one.get("severity")), "none")),
        state_badge("open") if one.get("state") == "active" else badge("quiet", "ok"),
        one.get("count") or 0,
        ", ".join(filter(None, told)) or "nobody",
        element("span", *made, class_="toolbar"),
    ]


def _create(templates: Sequence[Document], look: Look) -> Html:
    options = [
        (str(one.get("template_name")), str(one.get("template_description") or
                                            one.get("template_name")))
        for one in templates
    ]  # fmt: skip
    kinds = ("job", "model-endpoint-result", "model-monitoring-application", "endpoint")
    return section(
        "New alert",
        form(look, place(look.project, "alerts", "definitions"),
             line("Name", "name", required="required", maxlength="63",
                  pattern="[a-z0-9]([a-z0-9\\-]*[a-z0-9])?", autocomplete="off",
                  note="Small letters, digits and hyphens."),
             choice("When", "template", options),
             choice("Of what", "kind", [(one, one) for one in kinds]),
             line("Which", "ids", "*", note="An id or name; * is all of them."),
             choice("Who is told", "notification", [("console", "the service's log")],
                    note="Slack, mail and webhooks need secrets: write them in code."),
             button("Create", "main"), label="new alert"),
    )  # fmt: skip
