"""What the pages of pipelines show: lists, one run as a live graph, one step of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.look import (
    Look,
    box,
    first,
    form,
    line,
    place,
    scrolled,
    took,
)
from mlrun_like.api.pages.parts.steps import one_line
from mlrun_like.api.pages.words import seconds_of, since, state_badge
from mlrun_like.drawing.network import Link, Part, network
from mlrun_like.drawing.page import Html, element, joined, link, section, table, tiles
from mlrun_like.drawing.spans import Bar, Row, spans
from mlrun_like.pipelines.tallies import ICONS
from mlrun_like.types import Document

__all__ = ["ENDED", "pipeline_part", "pipelines_page", "run_buttons"]

ENDED = ("completed", "error", "aborted")
_FIRST = """\
# flow.py
from mlrun_like.pipelines import pipeline

@pipeline
def train_daily(days: int = 7):
    train(frame=load(days=days).outputs["frame"])
train_daily.run(days=7)                     # here, or
project.set_workflow("daily", "flow.py")    # stored, so that it can be started from this page"""
_LEVELS = {
    "completed": "ok", "reused": "ok", "running": "", "error": "bad", "aborted": "bad",
    "skipped": "none", "waiting": "none", "": "none",
}  # fmt: skip
_BARS = {"completed": "ok", "error": "bad", "aborted": "bad", "running": "0", "skipped": "none"}
_MOST = 300


def pipelines_page(
    rows: Sequence[Document], flows: Sequence[Document], look: Look, state: str = ""
) -> list[Html]:
    """Runs of pipelines, and the workflows that can be started.

    Args:
        rows: From `pipeline_rows`.
        flows: From `stored_workflows`.
        look: Who looks.
        state: Only runs in this state were asked for; empty: all.
    """
    if not rows and not flows and not state:
        return [
            first("No pipeline has run here", "A pipeline is a Python function whose calls of "
                  "other functions become steps: they run side by side, and equal ones are not "
                  "run again.", _FIRST)
        ]  # fmt: skip
    counts = {word: sum(row["state"] == word for row in rows) for word in ENDED}
    running = sum(row["state"] not in ENDED for row in rows)
    choices = [
        element("a", label, href=place(look.project, "pipelines", state=key), class_="button",
                aria_current="true" if key == state else None)
        for label, key in (("all", ""), ("running", "running"), ("failed", "error"),
                           ("completed", "completed"))
    ]  # fmt: skip
    cells = [
        [
            link(row["name"], place(look.project, "pipelines", row["uid"])),
            joined([state_badge(row["state"]),
                    element("span", one_line(row["error"]), class_="sub") if row["error"] else ""]),
            since(row["start_time"], look.now),
            took(_seconds(row, look.now)),
            _parameters(row["parameters"]),
            element("code", row["uid"][:8]),
        ]
        for row in rows
    ]  # fmt: skip
    headers = ("pipeline", "state", "started", "took", "parameters", "id")
    listed = table(headers, cells, ("took",), caption="runs of pipelines")
    return [
        tiles([
            ("running", running),
            ("failed", counts["error"], "bad" if counts["error"] else "ok"),
            ("completed", counts["completed"]),
        ]),
        _flows(flows, look),
        section("Runs", element("div", *choices, class_="toolbar"),
                listed or "No run is like this."),
    ]  # fmt: skip


def _flows(flows: Sequence[Document], look: Look) -> Html:
    cells = []
    for flow in flows:
        last = flow.get("last")
        cells.append(
            [
                element("strong", flow["name"]),
                flow["path"] or ("embedded" if flow["embedded"] else ""),
                joined([state_badge(last["state"]), " ", since(last["start_time"], look.now)])
                if last
                else "never ran",
                _start(flow, look),
            ]
        )
    headers = ("workflow", "file", "last run", "start")
    return box("Stored workflows", table(headers, cells, caption="stored workflows"))


def _start(flow: Document, look: Look) -> Html:
    if not look.may("pipeline", "run"):
        return Html()
    given = json.dumps(flow.get("args") or {}, default=str)
    return form(
        look, place(look.project, "workflows", flow["name"], "start"),
        element("input", name="arguments", value=given, size="24", spellcheck="false",
                aria_label=f"arguments of {flow['name']} as JSON"),
        button("Start", aria_label=f"Start {flow['name']}"), kind="inline",
    )  # fmt: skip


def run_buttons(data: Document, look: Look) -> list[Html]:
    """What can be done with a run: stop it, let it go on, run it again."""
    if not look.may("pipeline", "run"):
        return []
    uid, state = data["row"]["uid"], data["state"]
    made = []
    if state not in ENDED:
        made.append(element("a", "Stop…", href=place(look.project, "pipelines", uid, "abort"),
                            class_="button danger"))  # fmt: skip
    if state in ("error", "aborted"):
        made.append(form(look, place(look.project, "pipelines", uid, "resume"),
                         button("Go on from here", "main", title="Steps that finished are kept; "
                                "all others run."), kind="inline"))  # fmt: skip
    if state in ENDED and data.get("flow"):
        made.append(form(look, place(look.project, "workflows", data["row"]["name"], "start"),
                         line("", "arguments", json.dumps(data["row"]["parameters"], default=str),
                              type="hidden"), button("Run again"), kind="inline"))  # fmt: skip
    return made


def pipeline_part(data: Document, look: Look, step: str = "") -> Html:
    """The live part of a run's page: errors first, then the graph and the steps.

    Args:
        data: From `pipeline_data`.
        look: Who looks.
        step: The step that is looked at; empty: none.
    """
    row, steps = data["row"], data["steps"]
    failed = [one for one in steps if one["state"] in ("error", "aborted")]
    counts = _counts(data)
    numbers = tiles(
        [
            ("state", state_badge(row["state"])),
            ("took", took(_seconds(row, look.now))),
            ("steps done", f"{counts['done']} of {counts['all']}"),
            ("reused", counts["reused"]),
            ("failed", counts["failed"], "bad" if counts["failed"] else "ok"),
        ]
    )
    return joined(
        [
            _errors(row, failed, look),
            numbers,
            box(
                "Graph",
                scrolled(_graph(data, look, step), "graph of the pipeline")
                or (f"There is no picture: {data['graph_error']}" if data["graph_error"] else ""),
                note="Choose a step to see its log, its results, and why it ran or was reused.",
            ),
            box("Times", scrolled(_times(steps, look, row["uid"]), "steps over time")),
            box("Steps", _table(data, look)),
        ]
    )


def _errors(row: Document, failed: Sequence[Document], look: Look) -> Html:
    if not failed and not row["error"]:
        return Html()
    items = [
        element("li", link(one["step"], place(look.project, "pipelines", row["uid"],
                                              step=one["step"]) + "#step"),
                ": ", one_line(one["reason"]) or one["state"])
        for one in failed[:5]
    ]  # fmt: skip
    if len(failed) > 5:
        items.append(element("li", f"and {len(failed) - 5} more"))
    said = element("p", one_line(row["error"])) if row["error"] and not failed else ""
    heading = (
        f"{len(failed)} {'step' if len(failed) == 1 else 'steps'} failed" if failed else "It failed"
    )
    return element("section", element("h2", heading), said, element("ul", *items) if items else "",
                   class_="trouble", aria_label="what failed")  # fmt: skip


def _counts(data: Document) -> dict[str, int]:
    steps = data["steps"]
    ended = sum(one["state"] != "running" for one in steps)
    known = len((data["graph"] or {}).get("nodes") or ())
    return {
        "done": ended, "all": max(known, data["steps_total"]),
        "reused": sum(bool(one["reused"]) for one in steps),
        "failed": sum(one["state"] in ("error", "aborted") for one in steps),
    }  # fmt: skip


def _graph(data: Document, look: Look, step: str) -> Html:
    graph, uid = data["graph"], data["row"]["uid"]
    if not graph or len(graph["nodes"]) > _MOST:
        return Html()
    running = {one["name"]: one["seconds"] for one in data["steps"] if one["state"] == "running"}
    parts: list[Part] = []
    for node in graph["nodes"]:
        state = node["state"]
        told = f"{ICONS.get(state, '')} {node['words']}"
        if state == "running" and not node["rounds"]:
            told = f"{ICONS['running']} running, {took(running.get(node['id']))}"
        name = node["id"]
        href = place(look.project, "pipelines", uid, step=name) + "#step"
        parts.append(
            Part(
                name,
                node["label"],
                told,
                _LEVELS.get(state, "none"),
                href,
                group=node["group"],
                hint=". ".join(filter(None, [name, node["words"], one_line(node["reason"])])),
                is_running=state == "running",
                is_chosen=name == step.partition("[")[0],
                attributes={
                    "id": f"part-{len(parts)}",
                    "hx-get": place(look.project, "pipelines", uid, "step", step=name),
                    "hx-target": "#step",
                    "hx-swap": "innerHTML",
                },
            )
        )
    edges = [Link(source, target) for source, target in graph["edges"]]
    return network(parts, edges, title=f"pipeline {graph['name']}, {len(parts)} steps")


def _times(steps: Sequence[Document], look: Look, uid: str) -> Html:
    begun = [one for one in steps if one["started"]]
    if len(begun) < 2:
        return Html()
    rows = [
        Row(
            one["step"],
            [Bar(one["started"], one["started"] + one["seconds"],
                 f"{one['step']}: {one['state']}, {took(one['seconds'])}",
                 "none" if one["reused"] else _BARS.get(one["state"], "none"))],
            place(look.project, "pipelines", uid, step=one["step"]) + "#step",
            "reused" if one["reused"] else took(one["seconds"]),
        )
        for one in begun[:60]
    ]  # fmt: skip
    return spans(rows, title="steps over time", width=1000)


def _table(data: Document, look: Look) -> Html:
    steps, uid = data["steps"], data["row"]["uid"]
    order = {"error": 0, "aborted": 0, "running": 1}
    shown = sorted(steps, key=lambda one: (order.get(one["state"], 2), one["started"]))
    cells = [
        [
            link(one["step"], place(look.project, "pipelines", uid, step=one["step"]) + "#step"),
            state_badge("reused" if one["reused"] else one["state"]),
            took(one["seconds"]) if one["started"] and not one["reused"] else "—",
            one_line(one["reason"]),
            link(one["uid"][:8], place(look.project, "runs", one["uid"])) if one["uid"] else "",
        ]
        for one in shown[:_MOST]
    ]
    left = data["steps_total"] - len(cells)
    more = element("p", f"and {left} more steps", class_="note") if left > 0 else ""
    headers = ("step", "state", "took", "why", "run")
    return joined([table(headers, cells, ("took",), caption="steps"), more])


def _parameters(values: Mapping[str, Any]) -> Html:
    chips = [element("span", f"{key}={value}", class_="chip") for key, value in values.items()]
    return element("span", *chips[:5], class_="chips")


def _seconds(row: Document, now: float) -> float | None:
    started, ended = seconds_of(row["start_time"]), seconds_of(row["end_time"])
    if started is None:
        return None
    if ended is None:
        ended = now if row["state"] not in ENDED else None
    return None if ended is None else ended - started
