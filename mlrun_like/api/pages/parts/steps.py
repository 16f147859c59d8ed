"""What is shown of one step of a pipeline's run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.api.pages.parts.look import Look, facts, place, took
from mlrun_like.api.pages.words import state_badge, whole
from mlrun_like.drawing.page import Html, badge, element, fold, link, section
from mlrun_like.types import Document

__all__ = ["one_line", "step_part"]


def step_part(one: Document | None, node: Document | None, run: Document, look: Look) -> Html:
    """What is known of a step: why it ran or was reused, what went in and came out, its log.

    Args:
        one: Its row, from `step_rows`; None: it has not begun.
        node: Its node in the graph; None: there is no graph.
        run: `document` of its run and the end of its `log`, if there are; else empty.
        look: Who looks.
    """
    name = str((one or {}).get("step") or (node or {}).get("id") or "")
    if one is None:
        gates = ", ".join((node or {}).get("gates") or [])
        return section(
            f"Step {name}",
            facts([("state", state_badge("waiting")), ("waits for", "the steps before it"),
                   ("only", gates), ("function", (node or {}).get("function", ""))]),
        )  # fmt: skip
    document = run.get("document") or {}
    spec, status = document.get("spec") or {}, document.get("status") or {}
    verb = "why it was reused" if one["reused"] else "why"
    error = status.get("error") or (one["reason"] if one["state"] == "error" else "")
    told = [
        element("pre", whole(str(error)), class_="trouble", tabindex="0") if error else "",
        facts([
            ("state", state_badge("reused" if one["reused"] else one["state"])),
            ("took", took(one["seconds"]) if one["started"] else ""),
            (verb, "" if error == one["reason"] else one_line(one["reason"], 600)),
            ("equal steps are known by", element("code", one["key"][:16]) if one["key"] else ""),
            ("function", (node or {}).get("function", "")),
            ("run", link(one["uid"], place(look.project, "runs", one["uid"])) if one["uid"]
             else ""),
        ]),
        element("div", _values("Parameters", spec.get("parameters")),
                _values("Inputs", spec.get("inputs")), _values("Results", status.get("results")),
                _values("Artifacts", status.get("artifact_uris")), class_="halves"),
        _log(run, one, look),
    ]  # fmt: skip
    mark = badge("reused", "ok") if one["reused"] else ""
    return section(f"Step {name}", *[part for part in (mark, *told) if part])


def _values(heading: str, values: Any) -> Html:
    if not isinstance(values, Mapping) or not values:
        return Html()
    rows = [(key, element("code", value)) for key, value in list(values.items())[:60]]
    return element("div", element("h3", heading), facts(rows))


def _log(run: Document, one: Document, look: Look) -> Html:
    log = run.get("log") or ""
    if not log:
        return Html()
    shown = element("div", element("pre", whole(log)), class_="log", tabindex="0", role="group",
                    aria_label="end of the log")  # fmt: skip
    whole_log = link("the whole log", place(look.project, "runs", one["uid"], tab="log"))
    return fold("Log", shown, element("p", whole_log), is_open=True)


def one_line(reason: Any, most: int = 200) -> str:
    """A text on one line, shortened.

    >>> one_line("a\\n b")
    'a b'
    """
    told = " ".join(str(reason or "").split())
    return told if len(told) <= most else told[: most - 1] + "…"
