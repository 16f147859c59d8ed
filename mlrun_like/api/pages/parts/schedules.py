"""What the pages of schedules show."""

from __future__ import annotations

from collections.abc import Sequence
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
    took,
    words,
)
from mlrun_like.api.pages.words import STATES, moment, seconds_of, since, state_badge
from mlrun_like.drawing.page import Html, badge, element, joined, link, paragraph, table, tiles
from mlrun_like.drawing.scales import time_label
from mlrun_like.drawing.strips import outcomes
from mlrun_like.types import Document

__all__ = ["create_form", "explained_cron", "schedule_page", "schedules_page"]

_FIRST = """\
fn = project.get_function("train")
fn.run(schedule="0 6 * * MON-FRI", params={"days": 7})      # every workday at six
fn.run(schedule=mlrun_like.Schedule("*/15 * * * *", time_zone="Europe/Berlin"))"""


def schedules_page(rows: Sequence[Document], look: Look) -> list[Html]:
    """The list: what runs by itself, when next, and how the last times went.

    Args:
        rows: From `schedule_rows`.
        look: Who looks.
    """
    if not rows:
        return [
            first("Nothing runs by itself yet", "A schedule starts a function at the times of a "
                  "cron expression, and keeps what became of each time.", _FIRST)
        ]  # fmt: skip
    failing = sum(_last(row) in ("error", "lost") for row in rows)
    paused = sum(bool(row.get("paused")) for row in rows)
    cells = [
        [
            link(row.get("name"), place(look.project, "schedules", row.get("name"))),
            words([_times(row)]),
            _next(row, look),
            outcomes(_marks(row.get("history") or []), title="last times", most=20) or "—",
            state_badge(_last(row)) if _last(row) else badge("never ran"),
            _buttons(row, look),
        ]
        for row in rows
    ]
    headers = ("schedule", "when", "next", "last times", "last", "actions")
    return [
        tiles([
            ("schedules", len(rows)),
            ("last time failed", failing, "bad" if failing else "ok"),
            ("paused", paused, "warn" if paused else "none"),
        ]),
        table(headers, cells, caption="schedules"),
    ]  # fmt: skip


def schedule_page(data: Document, look: Look) -> list[Html]:
    """One schedule: what, when, next times, history, and what can be done.

    Args:
        data: From `schedule_data`: `schedule`, `history`, `next_times`.
        look: Who looks.
    """
    row, history = {**data["schedule"], **data["row"]}, data.get("history") or []
    spec = row.get("spec") or {}
    run = (spec.get("run") or {}).get("spec") or {}
    rows = [
        [
            moment(one.get("due")),
            state_badge(one.get("outcome")),
            _late(one),
            link(str(one["uid"])[:12], place(look.project, "runs", one["uid"]))
            if one.get("uid")
            else "",
            one.get("text"),
        ]
        for one in history
    ]
    coming = element(
        "ol", *(element("li", moment(one), " ", element("small", since(one, look.now)))
                for one in data.get("next_times") or [])
    )  # fmt: skip
    marks = outcomes(_marks(history), title="last times")
    return [
        element("div", _buttons(row, look, whole=True), class_="toolbar"),
        facts([
            ("when", _times(row)),
            ("next", _next(row, look)),
            ("function", _function(spec.get("function"), look)),
            ("handler", run.get("handler") or ""),
            ("parameters", _short(run.get("parameters"))),
            ("while the last run goes on", _CONCURRENCY.get(str(spec.get("concurrency")), "")),
            ("times that were missed", _MISSED.get(str(spec.get("missed")), "")),
        ]),
        box("Next times", coming if data.get("next_times") else "It is paused, or waits for an "
            "event: there are no times.", note="In UTC."),
        box("History", element("figure", marks) if marks else "",
            table(("due", "outcome", "began after", "run", "why"), rows, ("began after",),
                  caption="history") or paragraph("It has not run yet.")),
    ]  # fmt: skip


def create_form(
    functions: Sequence[str], look: Look, given: Document | None = None, told: Html | None = None
) -> Html:
    """The form that makes a schedule; its expression is explained as it is typed.

    Args:
        functions: Names to choose from.
        look: Who looks.
        given: What was entered before.
        told: What is said of the expression, from `explained_cron`.
    """
    known = given or {}
    explain = place(look.project, "schedules", "explain")
    return form(
        look, place(look.project, "schedules"),
        choice("Function", "function", [(one, one) for one in functions],
               str(known.get("function") or "")),
        line("Handler", "handler", known.get("handler", ""), autocomplete="off",
             spellcheck="false", note="Which of its functions runs; empty: its default one."),
        line("Name", "name", known.get("name", ""), required="required", maxlength="63",
             pattern="[a-z0-9]([a-z0-9\\-]*[a-z0-9])?", autocomplete="off",
             note="Small letters, digits and hyphens."),
        line("When (cron)", "cron", known.get("cron") or "0 6 * * MON-FRI", required="required",
             note="Minute, hour, day of month, month, day of week; or @hourly, @daily.",
             hx_get=explain, hx_trigger="input changed delay:300ms, load", hx_target="#cron-told",
             hx_include="closest form", autocomplete="off"),
        line("Time zone", "time_zone", known.get("time_zone", ""), placeholder="UTC",
             note="Such as Europe/Berlin; empty: UTC.", list="time-zones",
             hx_get=explain, hx_trigger="input changed delay:300ms", hx_target="#cron-told",
             hx_include="closest form", autocomplete="off"),
        element("div", told or "", id="cron-told", class_="told", aria_live="polite"),
        choice("While the last run goes on", "concurrency", list(_CONCURRENCY.items()),
               str(known.get("concurrency") or "")),
        choice("Times that were missed", "missed", list(_MISSED.items()),
               str(known.get("missed") or "")),
        line("Parameters (JSON)", "parameters", known.get("parameters") or "{}", type="textarea",
             rows="3", spellcheck="false"),
        element("p", button("Create", "main"), " ",
                button("Explain", formaction=place(look.project, "schedules", "new"),
                       formmethod="get", formnovalidate="formnovalidate")),
        label="new schedule",
    )  # fmt: skip


def explained_cron(sentence: str, times: Sequence[float], error: str = "") -> Html:
    """An expression in words, with its next times; or what is wrong with it.

    >>> explained_cron("At 06:00", [0.0])
    '<p><strong>At 06:00</strong></p><ol><li>1970-01-01 00:00:00 UTC</li></ol>'
    """
    if error:
        return element("p", error, class_="problem")
    rows = [element("li", f"{time_label(one)} UTC") for one in times]
    return joined([element("p", element("strong", sentence)), element("ol", *rows)])


_CONCURRENCY = {
    "forbid": "skip the new one",
    "allow": "start another one beside it",
    "replace": "stop it and start the new one",
}
_MISSED = {"once": "run once for all of them", "skip": "leave them out", "all": "run all of them"}


def _times(row: Document) -> Any:
    spec = row.get("spec") or {}
    cron, trigger = spec.get("cron") or row.get("cron"), spec.get("trigger") or row.get("trigger")
    if cron:
        told = element("small", row["explained"]) if row.get("explained") else ""
        zone = spec.get("time_zone") or row.get("time_zone")
        zone = "" if zone and zone in str(row.get("explained")) else zone
        return joined([element("code", cron), f" {zone}" if zone else "", " ", told])
    kind = trigger.get("kind") if isinstance(trigger, dict) else trigger
    return joined(["on ", element("code", kind or "an event")])


def _next(row: Document, look: Look) -> Html:
    if row.get("paused"):
        return badge("paused", "warn")
    found = row.get("next_run_time") or row.get("next_time")
    return since(found, look.now) if found else Html("—")


def _last(row: Document) -> str:
    return str((row.get("last") or {}).get("outcome") or "")


def _marks(history: Sequence[Document]) -> list[tuple[str, str]]:
    ordered = sorted(history, key=lambda one: seconds_of(one.get("due")) or 0.0)
    return [
        (f"{time_label(seconds_of(one.get('due')) or 0.0)}: {one.get('outcome')}",
         "ok" if one.get("outcome") in ("completed", "received")
         else STATES.get(str(one.get("outcome")), "bad"))
        for one in ordered
    ]  # fmt: skip


def _late(one: Document) -> str:
    due, fired = seconds_of(one.get("due")), seconds_of(one.get("fired"))
    return "—" if due is None or fired is None else took(fired - due)


def _buttons(row: Document, look: Look, whole: bool = False) -> Html:
    name = row.get("name")
    made: list[Html] = []
    if look.may("schedule", "run"):
        made.append(
            form(look, place(look.project, "schedules", name, "run"),
                 button("Run now", "main" if whole else "", aria_label=f"Run {name} now"),
                 kind="inline")
        )  # fmt: skip
    if look.may("schedule", "update"):
        verb = "resume" if row.get("paused") else "pause"
        made.append(
            form(look, place(look.project, "schedules", name, verb),
                 button(verb.capitalize(), aria_label=f"{verb.capitalize()} {name}"),
                 kind="inline")
        )  # fmt: skip
    if whole and look.may("schedule", "delete"):
        made.append(
            element("a", "Delete…", href=place(look.project, "schedules", name, "delete"),
                    class_="button")
        )  # fmt: skip
    return element("span", *made, class_="toolbar")


def _function(uri: Any, look: Look) -> Any:
    name = str(uri or "").rpartition("/")[2].partition("@")[0].partition(":")[0]
    return link(name, place(look.project, "functions", name)) if name else ""


def _short(value: Any) -> Html:
    if not isinstance(value, dict) or not value:
        return Html()
    return joined([element("code", f"{key}={one!r:.60}") for key, one in value.items()], ", ")
