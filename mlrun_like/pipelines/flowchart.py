"""A plan as a Mermaid flowchart, which notebooks, GitHub and GitLab draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlrun_like.drawing.text import flowchart_text
from mlrun_like.pipelines.blocks import Block, arrows_of, blocks_of
from mlrun_like.pipelines.tallies import ICONS, Tallies

if TYPE_CHECKING:
    from mlrun_like.pipelines.plan import Plan

__all__ = ["to_mermaid"]

_COLOURS = {
    "completed": "fill:#e2f5e9,stroke:#229a5b,color:#123d26",
    "reused": "fill:#e2f1f5,stroke:#2b8a9e,color:#12363d",
    "running": "fill:#fdf4dd,stroke:#c99518,color:#543d05",
    "error": "fill:#fdecea,stroke:#d5564c,color:#6a1c16",
    "aborted": "fill:#fdecea,stroke:#d5564c,color:#6a1c16",
    "skipped": "fill:#eceef2,stroke:#8794ab,color:#4a5568",
}


def to_mermaid(plan: Plan, states: Any = None) -> str:
    """The plan as text; loops, branches, guarded and nested parts are frames.

    Args:
        plan: The pipeline.
        states: What is known of a run; see `Tallies.of`. None: no states are shown.
    """
    root = blocks_of(plan)
    tallies = None if states is None else Tallies.of(plan, states)
    lines = ["flowchart LR"]
    for block in root.inside:
        lines += _lines(block, tallies, "    ")
    for arrow in arrows_of(plan, root):
        line = "-. at the end .->" if arrow.end else "-->"
        lines.append(f"    {arrow.source} {line} {arrow.target}")
    if tallies is not None:
        found: dict[str, list[str]] = {}
        for block in root.all():
            if block.name in tallies.steps and not block.inside:
                found.setdefault(tallies.steps[block.name].state, []).append(block.id)
        for state, style in _COLOURS.items():
            if state in found:
                lines.append(f"    classDef {state} {style}")
                lines.append(f"    class {','.join(found[state])} {state}")
    return "\n".join(lines)


def _lines(block: Block, tallies: Tallies | None, indent: str) -> list[str]:
    text = flowchart_text(block.title)
    if block.kind in ("step", "handler"):
        if tallies is not None:
            tally = tallies.steps[block.name]
            text += f"<br/>{ICONS[tally.state]} {tally.words}"
        form = '(["{}"])' if block.kind == "handler" else '["{}"]'
        return [indent + block.id + form.format(text)]
    inside = [line for each in block.inside for line in _lines(each, tallies, indent + "    ")]
    return [f'{indent}subgraph {block.id}["{text}"]', *inside, f"{indent}end"]
