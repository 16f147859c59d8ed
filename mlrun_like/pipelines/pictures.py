"""A plan as text, and what notebooks show of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlrun_like.pipelines.nodes import REQUIRED
from mlrun_like.pipelines.refs import producers

if TYPE_CHECKING:
    from mlrun_like.pipelines.plan import Plan

__all__ = ["bundle", "gates_of", "listing"]


def gates_of(plan: Plan, name: str) -> list[str]:
    """What decides whether and how often a step runs, outermost first."""
    return [above.gate for above in plan.places[name].above if above.gate]


def listing(plan: Plan) -> str:
    """Its head, then a numbered line for each step in a possible order."""
    given = ", ".join(
        name if item.default is REQUIRED else f"{name}={item.default!r}"
        for name, item in plan.parameters.items()
    )
    lines = [f"pipeline {plan.name}({given})"]
    for number, name in enumerate(plan.order(), 1):
        step = plan[name]
        used = {part for ref in step.references() for part in producers(ref)}
        order = [other for other in step.after if other not in used]
        text = f"{step} after {', '.join(order)}" if order else str(step)
        lines.append("  " + " ".join([f"{number}. {text}", *gates_of(plan, name)]))
    return "\n".join(lines)


def bundle(svg: str, text: str) -> dict[str, str]:
    """What a notebook is given to show: a picture, and a text where there are no pictures."""
    html = f'<div style="overflow-x:auto">{svg}</div>'
    return {"text/html": html, "image/svg+xml": svg, "text/plain": text}
