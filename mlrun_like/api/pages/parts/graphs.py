"""What the pages of serving graphs show: the graph with its numbers, recorded events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.look import (
    Look,
    facts,
    first,
    form,
    place,
    scrolled,
    took,
)
from mlrun_like.api.pages.parts.trying import trace
from mlrun_like.api.pages.words import since, state_badge, whole
from mlrun_like.drawing.network import Link, Part, network
from mlrun_like.drawing.page import Html, badge, element, link, number, section, table
from mlrun_like.types import Document

__all__ = ["events_page", "graph_page"]

_RECORD = """\
# in the code of the function
from mlrun_like.configuration import config
from mlrun_like.serving.observe.recording import Recorder

def record(server):
    folder = config.path("recordings", {project!r}, {name!r})
    server.observe(Recorder(folder, steps=True))

# and where it is deployed
fn.spec.graph_initializer = "record"
fn.deploy()"""


def graph_page(data: Document, look: Look, step: str = "") -> list[Html]:
    """A serving graph with what each step does and how long it takes.

    Args:
        data: From `function_graph`.
        look: Who looks.
        step: The step that is looked at; empty: none.
    """
    latency = data["latency"]
    worst = max((row.get("mean_ms") or 0.0 for row in latency.values()), default=0.0)
    parts: list[Part] = []
    rows: list[list[Any]] = []
    after = {target for _, target in [*data["edges"], *data["errors"]]}
    for node in data["nodes"]:
        told = latency.get(node["id"]) or {}
        mean, errors = told.get("mean_ms"), told.get("errors") or 0
        level = "bad" if errors else "warn" if worst and (mean or 0) > worst * 0.6 else "ok"
        words = f"{number(mean, 3)} ms · {number(told['calls'])}x" if told else node["class"]
        words += f" · {number(errors)} failed" if errors else ""
        if node["responder"]:
            words += " · responds"
        parts.append(
            Part(node["id"], node["id"], words, level if told else "none", f"#step-{len(rows)}",
                 group=node["function"], kind=node["kind"],
                 hint=f"{node['kind']} {node['id']}, {node['class']}. {words}",
                 is_chosen=node["id"] == step)
        )  # fmt: skip
        rows.append(
            [
                element("span", node["id"], id=f"step-{len(rows)}"),
                badge(node["kind"]),
                element("code", node["class"]),
                number(told["calls"]) if told else "—",
                number(mean, 3) if told else "—",
                errors if told else "—",
            ]
        )
    known = {node["id"] for node in data["nodes"]}
    starts = [node["id"] for node in data["nodes"] if node["id"] not in after]
    parts.insert(0, Part("\0in", "request", kind="start"))
    links = [Link("\0in", one) for one in starts]
    links += [Link(source, target) for source, target in data["edges"] if source in known]
    links += [Link(a, b, "errors", is_dashed=True) for a, b in data["errors"] if a in known]
    note = "Mean time and calls of each step in a replica since it started; dashed: errors."
    if data["latency_error"]:
        note = f"No numbers: {data['latency_error']}."
    picture = network(parts, links, title=f"serving graph, {len(data['nodes'])} steps")
    headers = ("step", "kind", "class", "calls", "mean ms", "failed")
    return [
        section("Graph", scrolled(picture, "serving graph"), note=note),
        section("Steps", table(headers, rows, ("calls", "mean ms", "failed"), caption="steps")),
    ]


def events_page(
    rows: Sequence[Document], look: Look, name: str, chosen: Document | None, again: Document
) -> list[Html]:
    """Recorded events, one of them with its steps, and what it gives now.

    Args:
        rows: From `recorded_events`.
        look: Who looks.
        name: The function.
        chosen: From `recorded_event`; None: none was chosen.
        again: What a replay gave; empty: there was none.
    """
    if not rows:
        return [
            first(
                "No event is recorded",
                "A recorder in the graph keeps requests with their "
                "answers and steps, so that one can be sent again after a change.",
                _RECORD.format(project=look.project, name=name),
            )
        ]
    cells = [
        [
            link(str(one.get("id"))[:16], place(look.project, "graphs", name, "events",
                                                event=one.get("id")) + "#event"),
            since(one.get("time"), look.now),
            element("code", f"{one.get('method') or ''} {one.get('path') or ''}"),
            _status(one),
            took(one.get("seconds")),
        ]
        for one in rows
    ]  # fmt: skip
    headers = ("event", "when", "request", "answer", "took")
    listed = section("Recorded events", table(headers, cells, ("took",), caption="events"))
    return [_event(chosen, again, look, name), listed] if chosen else [listed]


def _status(one: Document) -> Html:
    if one.get("error"):
        return state_badge("error")
    status = one.get("status") or 200
    return badge(str(status), "ok" if int(status) < 400 else "bad")


def _event(one: Document, again: Document, look: Look, name: str) -> Html:
    steps = one.get("steps")
    replay = form(look, place(look.project, "graphs", name, "events", one.get("id"), "replay"),
                  button("Send it again", "main"), kind="inline")  # fmt: skip
    parts = [
        facts([("when", since(one.get("time"), look.now)),
               ("request", f"{one.get('method') or ''} {one.get('path') or ''}"),
               ("answer", _status(one)), ("took", took(one.get("seconds")))]),
        replay if look.may("gateway", "run") else "",
        _compared(again),
        element("div", _value("Body", one.get("body")), _value("Answer", one.get("answer")),
                class_="halves"),
        trace([row for row in steps if isinstance(row, Mapping)]
               if isinstance(steps, list) else []),
    ]  # fmt: skip
    return section(f"Event {one.get('id')}", *[part for part in parts if part], key="event")


def _value(heading: str, value: Any) -> Html:
    told = json.dumps(value, indent=2, ensure_ascii=False, default=str)[:20_000]
    return element("div", element("h3", heading), element("pre", whole(told), tabindex="0"))


def _compared(again: Document) -> Html:
    if not again:
        return Html()
    if again.get("error"):
        return element("p", again["error"], class_="notice bad", role="alert")
    now = again.get("now") or {}
    if again.get("same"):
        told = f"The same answer as recorded, in {took(now.get('seconds'))}."
        return element("p", told, class_="notice", role="status")
    lines = [element("li", element("code", one)) for one in again.get("differences") or []]
    recorded = (again.get("recorded") or {}).get("status") or 200
    if not lines:
        lines = [element("li", f"status {recorded} became {now.get('status')}")]
    return element("div", element("p", "The answer differs now:"), element("ul", *lines[:100]),
                   class_="notice warn", role="status")  # fmt: skip
