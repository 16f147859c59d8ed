"""What the list of pipelines shows: runs, workflows that can be started, one that begins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.look import Look, box, facts, first, form, place, took
from mlrun_like.api.pages.parts.pipelines import ENDED, elapsed
from mlrun_like.api.pages.parts.steps import one_line
from mlrun_like.api.pages.words import since, state_badge, whole
from mlrun_like.drawing.page import Html, element, joined, link, section, table, tiles
from mlrun_like.types import Document

__all__ = ["beginning_part", "pipelines_page", "runs_part"]

_FIRST = """\
# flow.py
from mlrun_like.pipelines import pipeline

@pipeline
def train_daily(days: int = 7):
    train(frame=load(days=days).outputs["frame"])

train_daily.run(days=7)        # here, or stored with its text, so that this page can start it:
project.set_workflow("daily", "flow.py", embed=True)
project.save()"""
_MOST = 2500


def pipelines_page(
    rows: Sequence[Document], flows: Sequence[Document], look: Look, runs: Html, *, state: str = "",
    given: Mapping[str, str] | None = None,
) -> list[Html]:  # fmt: skip
    """Runs of pipelines, and the workflows that can be started.

    Args:
        rows: From `pipeline_rows`.
        flows: From `stored_workflows`, each with its newest `start`.
        look: Who looks.
        runs: From `runs_part`, as a live part.
        state: Only runs in this state were asked for; empty: all.
        given: Arguments that were entered, by workflow.
    """
    if not rows and not flows and not state:
        return [
            first("No pipeline has run here", "A pipeline is a Python function whose calls of "
                  "other functions become steps: they run side by side, and equal ones are not "
                  "run again.", _FIRST)
        ]  # fmt: skip
    choices = [
        element("a", label, href=place(look.project, "pipelines", state=key), class_="button",
                aria_current="true" if key == state else None)
        for label, key in (("all", ""), ("running", "running"), ("failed", "error"),
                           ("stopped", "aborted"), ("completed", "completed"))
    ]  # fmt: skip
    return [
        _flows(flows, look, given or {}),
        section("Runs", element("div", *choices, class_="toolbar"), runs),
    ]


def runs_part(rows: Sequence[Document], look: Look, state: str = "", most: int = 0) -> Html:
    """Runs of pipelines; the part of the page that is live.

    Args:
        rows: From `pipeline_rows`.
        look: Who looks.
        state: Only runs in this state were asked for; empty: all.
        most: How many were asked for; as many rows mean that there are more.
    """
    cells = [
        [
            link(row["name"], place(look.project, "pipelines", row["uid"])),
            joined([state_badge(row["state"]),
                    element("span", one_line(row["error"]), class_="sub") if row["error"] else ""]),
            since(row["start_time"], look.now),
            took(elapsed(row, look.now)),
            _parameters(row["parameters"]),
            element("code", f"…{row['uid'][-8:]}", title=row["uid"]),
        ]
        for row in rows
    ]  # fmt: skip
    headers = ("pipeline", "state", "started", "took", "parameters", "id")
    listed = table(headers, cells, ("took",), caption="runs of pipelines")
    counts = {word: sum(row["state"] == word for row in rows) for word in ENDED}
    numbers = tiles([
        ("running", len(rows) - sum(counts.values())),
        ("failed", counts["error"], "bad" if counts["error"] else "ok"),
        ("completed", counts["completed"]),
    ])  # fmt: skip
    more: Any = ""
    if most and len(rows) >= most:
        where = place(look.project, "pipelines", state=state, most=most * 5)
        more = element("p", f"The newest {most}. ", link("Show more", where)
                       if most < _MOST else "", class_="note")  # fmt: skip
    return joined([numbers if rows and not state else "", listed or "No run is like this.", more])


def _flows(flows: Sequence[Document], look: Look, given: Mapping[str, str]) -> Html:
    cells = [
        [
            element("strong", flow["name"]),
            flow["path"] or ("embedded" if flow["embedded"] else ""),
            _last(flow, look),
            _start(flow, look, given.get(flow["name"])),
        ]
        for flow in flows
    ]
    headers = ("workflow", "file", "last run", "start")
    return box("Stored workflows", table(headers, cells, caption="stored workflows"))


def _last(flow: Document, look: Look) -> Any:
    last, start = flow.get("last"), flow.get("start")
    told: list[Any] = []
    if last:
        where = place(look.project, "pipelines", last["uid"])
        told = [element("a", state_badge(last["state"]), href=where), " ",
                since(last["start_time"], look.now)]  # fmt: skip
    if start and not start["pipeline"]:  # a start that no pipeline's run came of, or not yet
        words = "The last start failed" if start["state"] in ENDED else "It is starting"
        where = place(look.project, "pipelines", start["uid"])
        told.append(element("span", link(words, where), class_="sub"))
    return joined(told) if told else "never ran"


def _start(flow: Document, look: Look, entered: str | None) -> Html:
    if not look.may("pipeline", "run"):
        return Html()
    given = json.dumps(flow.get("args") or {}, default=str) if entered is None else entered
    return form(
        look, place(look.project, "workflows", flow["name"], "start"),
        element("input", name="arguments", value=given, size="24", spellcheck="false",
                aria_label=f"arguments of {flow['name']} as JSON"),
        button("Start", aria_label=f"Start {flow['name']}"), kind="inline",
    )  # fmt: skip


def beginning_part(start: Document, look: Look) -> Html:
    """What a start of a workflow does until its pipeline's run is there; why it failed.

    Args:
        start: From `start_data`.
        look: Who looks.
    """
    run = link("its run, with the log", place(look.project, "runs", start["uid"], tab="log"))
    known = [("state", state_badge(start["state"])),
             ("arguments", element("code", json.dumps(start["arguments"], default=str))
              if start["arguments"] else ""), ("starts in", run)]  # fmt: skip
    if start["state"] not in ENDED:
        told = "A process of its own begins and reads the workflow's file. Its graph appears here."
        here = link("Look again", place(look.project, "pipelines", start["uid"]))
        return joined([element("p", told, role="status"), facts(known),
                       element("noscript", element("p", here))])  # fmt: skip
    said = element("pre", whole(start["told"] or "It ended without a word."), tabindex="0")
    heading = "It was stopped before it began" if start["state"] == "aborted" else (
        "It ended before its pipeline began")  # fmt: skip
    again: Any = ""
    if start["name"] and look.may("pipeline", "run"):
        given = element("input", type="hidden", name="arguments",
                        value=json.dumps(start["arguments"], default=str))  # fmt: skip
        again = form(look, place(look.project, "workflows", start["name"], "start"), given,
                     button("Start it again", "main"), kind="inline")  # fmt: skip
    trouble = element("section", element("h2", heading), said, class_="trouble",
                      aria_label="what failed")  # fmt: skip
    return joined([trouble, facts(known), again])


def _parameters(values: Mapping[str, Any]) -> Html:
    chips = [element("span", f"{key}={value}", class_="chip") for key, value in values.items()]
    return element("span", *chips[:5], class_="chips")
