"""What the page of a pipeline's run shows: a live graph, times, its steps, what can be done."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.look import (
    Look,
    box,
    form,
    line,
    place,
    scrolled,
    took,
)
from mlrun_like.api.pages.parts.steps import one_line
from mlrun_like.api.pages.words import seconds_of, state_badge
from mlrun_like.drawing.network import Link, Part, network
from mlrun_like.drawing.page import Html, element, joined, link, table, tiles
from mlrun_like.drawing.spans import Bar, Row, spans
from mlrun_like.pipelines.tallies import ICONS
from mlrun_like.types import Document

__all__ = ["ENDED", "elapsed", "graph_part", "run_buttons", "steps_part"]

ENDED = ("completed", "error", "aborted")
_LEVELS = {
    "completed": "ok", "reused": "ok", "running": "", "error": "bad", "aborted": "bad",
    "skipped": "none", "waiting": "none", "": "none",
}  # fmt: skip
_BARS = {"completed": "ok", "error": "bad", "aborted": "bad", "running": "0", "skipped": "none"}
_MOST = 300


def run_buttons(data: Document, look: Look) -> list[Html]:
    """What can be done with a run: stop it, let it go on, run it again."""
    if not look.may("pipeline", "run") or data.get("going"):
        return []
    uid, state = data["row"]["uid"], data["state"]
    made = []
    if state not in (*ENDED, "aborting"):
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


def graph_part(data: Document, look: Look, step: str = "") -> Html:
    """The upper live part of a run's page: errors first, then numbers and the graph.

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
            ("took", took(elapsed(row, look.now))),
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
        ]
    )


def steps_part(data: Document, look: Look) -> Html:
    """The lower live part: the steps over time, and as a list.

    Args:
        data: From `pipeline_data`.
        look: Who looks.
    """
    times = _times(data["steps"], look, data["row"]["uid"])
    return joined(
        [box("Times", scrolled(times, "steps over time")), box("Steps", _table(data, look))]
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
    count = f"{len(failed)} {'step' if len(failed) == 1 else 'steps'}"
    heading = f"{count} failed" if failed else "It failed"
    if row["state"] == "aborted":
        heading = "It was stopped" + (f" while {count} ran" if failed else "")
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
            _run_link(one, look),
        ]
        for one in shown[:_MOST]
    ]
    left = data["steps_total"] - len(cells)
    more = element("p", f"and {left} more steps", class_="note") if left > 0 else ""
    headers = ("step", "state", "took", "why", "run")
    return joined([table(headers, cells, ("took",), caption="steps"), more])


def _run_link(one: Document, look: Look) -> Html:
    # Runs of one pipeline begin in the same minute, so the heads of their ids are alike.
    if not one["uid"]:
        return Html()
    return element("a", f"…{one['uid'][-8:]}", href=place(look.project, "runs", one["uid"]),
                   title=one["uid"], aria_label=f"run of {one['step']}")  # fmt: skip


def elapsed(row: Document, now: float) -> float | None:
    """Seconds that a run took, or has taken so far."""
    started, ended = seconds_of(row["start_time"]), seconds_of(row["end_time"])
    if started is None:
        return None
    if ended is None:
        ended = now if row["state"] not in ENDED else None
    return None if ended is None else ended - started
