"""Boxes and arrows that lead somewhere: lineage of runs and artifacts, steps with their states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlrun_like.drawing.arrows import TIP, curve, head
from mlrun_like.drawing.layout import Box, arrange
from mlrun_like.drawing.looks import SERIES, colour
from mlrun_like.drawing.markup import Html, text
from mlrun_like.drawing.svg import INK, MUTED, picture
from mlrun_like.drawing.text import shortened
from mlrun_like.drawing.text import width as text_width

__all__ = ["Node", "linked"]

_WIDEST = 210.0
_HIGH = 40.0
_MARGIN = 8.0
_MOST = 400


@dataclass(frozen=True)
class Node:
    """A box.

    Args:
        key: Its id.
        label: The words in it.
        note: Smaller words below: its kind or state.
        address: Where it leads; empty: nowhere.
        level: Colour of its edge: "ok", "warn", "bad", "none" or "run".
        is_round: Whether its ends are round: a run, between artifacts.
        is_here: Whether it is the one that the page is about.
    """

    key: str
    label: str
    note: str = ""
    address: str = ""
    level: str = "none"
    is_round: bool = False
    is_here: bool = False


def linked(nodes: Sequence[Node], edges: Iterable[tuple[str, str]], title: str = "graph") -> Html:
    """Boxes in columns along their arrows; arrows of unknown ends and double ones are left out.

    >>> drawn = linked([Node("a", "data"), Node("b", "<train>", address="/x")], [("a", "b")])
    >>> drawn.count("<rect"), drawn.count("<a "), "&lt;train&gt;" in drawn
    (2, 1, True)
    >>> linked([], [])
    ''
    """
    shown = list({node.key: node for node in nodes}.values())[:_MOST]
    if not shown:
        return Html()
    places = {node.key: at for at, node in enumerate(shown)}
    pairs = list(
        dict.fromkeys(
            (places[one], places[two])
            for one, two in edges
            if one in places and two in places and one != two
        )
    )
    boxes = [Box(_wide(node), _HIGH) for node in shown]
    layout = arrange(boxes, pairs)
    parts = []
    for (one, two), bends in zip(pairs, layout.bends, strict=True):
        parts.append(_arrow(boxes[one], boxes[two], bends))
    parts += [_drawn(node, box) for node, box in zip(shown, boxes, strict=True)]
    body = f'<g transform="translate({_MARGIN} {_MARGIN})">{"".join(parts)}</g>'
    about = f"{len(shown)} boxes, {len(pairs)} arrows"
    drawn = picture(
        round(layout.length + 2 * _MARGIN), round(layout.breadth + 2 * _MARGIN), body, title, about
    )
    # A picture is one thing to a screen reader, but this one has links in it.
    return Html(drawn.replace('role="img"', 'role="group"', 1))


def _wide(node: Node) -> float:
    longest = max(text_width(node.label, 13), text_width(node.note, 11))
    return min(max(longest + 28, 76.0), _WIDEST)


def _arrow(source: Box, target: Box, bends: Sequence[tuple[float, float, float]]) -> str:
    sign = 1.0 if target.u > source.u else -1.0
    end = target.u - sign * target.length / 2
    points = [(source.u + sign * source.length / 2, source.v)]
    for begin, stop, v in bends:
        points += [(begin, v), (stop, v)] if sign > 0 else [(stop, v), (begin, v)]
    points.append((end - sign * TIP, target.v))
    return (
        f'<path d="{curve(points)}" style="fill:none;stroke:{MUTED};stroke-width:1.3;opacity:.75"/>'
        f'<polygon points="{head(end, target.v, sign)}" style="fill:{MUTED}"/>'
    )


def _drawn(node: Node, box: Box) -> str:
    tone = f"var(--c0,{SERIES[0]})" if node.level == "run" or node.is_here else colour(node.level)
    x, y = box.u - box.length / 2, box.v - box.breadth / 2
    radius = box.breadth / 2 if node.is_round else 6
    label_y = y + (17 if node.note else 24)
    words = shortened(node.label, 13, box.length - 20)
    note = shortened(node.note, 11, box.length - 20)
    under = (
        f'<text x="{box.u:.1f}" y="{y + 31:.1f}" font-size="11" text-anchor="middle" '
        f'style="fill:{MUTED}">{text(note)}</text>'
        if note
        else ""
    )
    bold = ";font-weight:600" if node.is_here else ""
    body = (
        f"<title>{text(f'{node.label} {node.note}'.strip())}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.length:.1f}" height="{box.breadth:.1f}" '
        f'rx="{radius:g}" style="fill:var(--card,#f6f8fa);stroke:{tone};'
        f'stroke-width:{2 if node.is_here else 1.3}"/>'
        f'<text x="{box.u:.1f}" y="{label_y:.1f}" font-size="13" text-anchor="middle" '
        f'style="fill:{INK}{bold}">{text(words)}</text>{under}'
    )
    if node.address.startswith("/") and not node.address.startswith("//"):
        return f'<a href="{text(node.address)}">{body}</a>'
    return f"<g>{body}</g>"
