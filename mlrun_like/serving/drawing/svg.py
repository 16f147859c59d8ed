"""A network of boxes as an SVG document that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlrun_like.drawing.arrows import TIP, curve, head
from mlrun_like.drawing.layout import Box, Layout, arrange
from mlrun_like.drawing.shapes import SLANT, outline, shape_of
from mlrun_like.drawing.text import shortened, width, xml
from mlrun_like.serving.drawing.node import START, Edge, Network, Node
from mlrun_like.serving.drawing.style import STYLE

__all__ = ["draw"]

_MARGIN = 16.0
_WIDEST = 240.0  # of a text
_ROUTES = 8  # shown in a router; the tooltip has all
_ROW = 24.0  # height of a route


@dataclass
class _Drawn:
    """A step with the texts that are shown and the size they need."""

    node: Node
    name: str
    note: str
    routes: list[str]
    shape: str
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0

    @classmethod
    def of(cls, node: Node) -> _Drawn:
        name = shortened(node.name, 13, _WIDEST) or " "
        note = shortened(node.note, 11, _WIDEST)
        routes = [shortened(route, 11, _WIDEST - 40) for route in node.routes[:_ROUTES]]
        if len(node.routes) > _ROUTES:
            routes[-1] = f"… {len(node.routes) - _ROUTES + 1} more"
        shape = shape_of(node.kind, node.shape)
        wide = max(width(name, 13.8) + 28, width(note, 11) + 24, 64.0)
        wide = max([wide, 84.0 * node.responder, *(width(route, 11) + 48 for route in routes)])
        high = 36.0 + (13 if note else 0)
        if routes:
            high += len(routes) * _ROW + 10
        if shape in ("ellipse", "diamond"):
            wide, high = wide * 1.25, high * (1.9 if shape == "diamond" else 1.2)
        elif shape in ("parallelogram", "hexagon"):
            wide += 2 * SLANT
        elif shape == "cylinder":
            high += 12
        if node.kind == "start":
            wide, high = width(name, 11.5) + 28, 26.0
        return cls(node, name, note, routes, shape, wide, high)


def draw(network: Network, *, down: bool = False) -> str:
    """The picture as SVG text.

    Args:
        network: What to draw.
        down: Whether the flow runs from top to bottom instead of left to right.

    >>> draw(Network.of([Node("a"), Node("b", after=["a"])])).startswith("<svg ")
    True
    """
    drawn = {name: _Drawn.of(node) for name, node in network.nodes.items()}
    numbers = {name: number for number, name in enumerate(drawn)}
    handlers = {edge.target for edge in network.edges if edge.kind == "error"}
    boxes = [
        Box(
            item.height if down else item.width,
            item.width if down else item.height,
            item.node.function,
            item.node.kind == "error_step" or name in handlers,
        )
        for name, item in drawn.items()
    ]
    edges = network.edges
    layout = arrange(boxes, [(numbers[edge.source], numbers[edge.target]) for edge in edges])
    for item, box in zip(drawn.values(), boxes, strict=True):
        item.x, item.y = (box.v, box.u) if down else (box.u, box.v)
    # A box with a badge, and loops, reach a little over the edge of the layout: the margin.
    wide, high = layout.length + 2 * _MARGIN, layout.breadth + 2 * _MARGIN
    if down:
        wide, high = high, wide
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="mlg" role="img" width="{wide:.0f}" '
        f'height="{high:.0f}" viewBox="{-_MARGIN:g} {-_MARGIN:g} {wide:.1f} {high:.1f}">',
        f"<title>{xml(_summary(network))}</title>",
        f"<style>\n{STYLE}</style>",
        *_frames(layout, down),
    ]
    for number, edge in enumerate(edges):
        parts += _arrow(edge, drawn, layout.bends[number], down)
    for item in drawn.values():
        parts += _box(item)
    return "\n".join([*parts, "</svg>\n"])


def _summary(network: Network) -> str:
    names = [name for name in network.nodes if name != START]
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    counted = f"{len(names)} step{'s' * (len(names) != 1)}"
    return f"Graph of {counted}: {shown}" if names else "Graph without steps"


def _frames(layout: Layout, down: bool) -> list[str]:
    parts = []
    for frame in layout.frames:
        x, y, right, low = frame.u0, frame.v0, frame.u1, frame.v1
        if down:
            x, y, right, low = y, x, low, right
            y -= 12  # room for the name
        size = f'x="{x:.1f}" y="{y:.1f}" width="{right - x:.1f}" height="{low - y:.1f}"'
        label = xml(shortened(frame.group, 11, right - x - 20))
        parts.append(
            f'<g><title>function {xml(frame.group)}</title><rect class="frame" rx="9" {size}/>'
            f'<text class="frame-name" x="{x + 11:.1f}" y="{y + 17:.1f}">{label}</text></g>'
        )
    return parts


def _arrow(
    edge: Edge, drawn: dict[str, _Drawn], bends: Sequence[tuple[float, float, float]], down: bool
) -> list[str]:
    source, target = drawn[edge.source], drawn[edge.target]
    look = f" {edge.kind}" if edge.kind != "flow" else ""
    title = f"<title>{xml(_end(edge.source))} → {xml(_end(edge.target))}</title>"
    if source is target:
        x, y = source.x + source.width / 2 - 8, source.y - source.height / 2
        loop = f"M{x - 24:.1f} {y:.1f}c0 -22 24 -22 24 {-TIP}"
        corners = f"{x:.1f},{y:.1f} {x - 4.2:.1f},{y - TIP - 1:.1f} {x + 4.2:.1f},{y - TIP - 1:.1f}"
        return [
            f'<path class="edge{look}" d="{loop}">{title}</path>',
            f'<polygon class="tip{look}" points="{corners}"/>',
        ]
    begin, end = _along(source, down), _along(target, down)
    sign = 1.0 if end[0] > begin[0] else -1.0
    v0, v1 = begin[1], end[1]
    if edge.kind == "error":
        v0 += (0.26 if v1 >= v0 else -0.26) * begin[3]
    u0, u1 = (
        begin[0] + sign * _reach(source, begin, down),
        end[0] - sign * _reach(target, end, down),
    )
    points = [(u0, v0)]
    for first, last, v in bends:
        points += [(first, v), (last, v)] if sign > 0 else [(last, v), (first, v)]
    points.append((u1 - sign * TIP, v1))
    path = curve(points, down)
    return [
        f'<path class="edge{look}" d="{path}">{title}</path>',
        f'<polygon class="tip{look}" points="{head(u1, v1, sign, down)}"/>',
    ]


def _end(name: str) -> str:
    return "start" if name == START else name


def _along(item: _Drawn, down: bool) -> tuple[float, float, float, float]:
    """Middle and sizes along and across the flow."""
    if down:
        return item.y, item.x, item.height, item.width
    return item.x, item.y, item.width, item.height


def _reach(item: _Drawn, place: tuple[float, float, float, float], down: bool) -> float:
    """From the middle of a box to its outline, along the flow."""
    slanted = item.shape == "parallelogram" and not down
    return place[2] / 2 - (SLANT / 2 if slanted else 0.0)


def _box(item: _Drawn) -> list[str]:
    node = item.node
    x, y = item.x - item.width / 2, item.y - item.height / 2
    kind = (
        node.kind if node.kind in ("router", "queue", "error_step", "start", "missing") else "task"
    )
    parts = [
        f'<g class="{kind}{" responder" if node.responder else ""}">',
        f"<title>{xml(_tooltip(node))}</title>",
        f'<path class="box" d="{outline(item.shape, x, y, item.width, item.height)}"/>',
    ]
    if item.shape == "octagon":
        ring = outline("octagon", x + 3.5, y + 3.5, item.width - 7, item.height - 7)
        parts.append(f'<path class="inner ring" d="{ring}"/>')
    heading = 36.0 + (13 if item.note else 0)
    middle = y + heading / 2 if item.routes else item.y + (3 if item.shape == "cylinder" else 0)
    if item.routes:
        middle += 2
    base = middle + (4.5 if not item.note else -2)
    parts.append(f'<text class="name" x="{item.x:.1f}" y="{base:.1f}">{xml(item.name)}</text>')
    if item.note:
        parts.append(
            f'<text class="note" x="{item.x:.1f}" y="{base + 14:.1f}">{xml(item.note)}</text>'
        )
    top = y + heading + 1
    for number, route in enumerate(item.routes):
        row = top + number * _ROW
        inner = outline("box", x + 14, row, item.width - 28, _ROW - 4)
        parts.append(f'<path class="inner row" d="{inner}"/>')
        parts.append(f'<text class="route" x="{item.x:.1f}" y="{row + 14:.1f}">{xml(route)}</text>')
    if node.responder:
        low = y + item.height
        pill = outline("pill", item.x - 28, low - 6.5, 56, 13)
        parts.append(f'<path class="badge" d="{pill}"/>')
        parts.append(
            f'<text class="badge-name" x="{item.x:.1f}" y="{low + 3.4:.1f}">responds</text>'
        )
    return [*parts, "</g>"]


def _tooltip(node: Node) -> str:
    facts = [f"{node.kind} {node.name}" if node.kind != "start" else node.name, node.note]
    facts.append(f"function {node.function}" if node.function else "")
    facts.append(f"errors go to {node.on_error}" if node.on_error else "")
    facts.append(f"routes: {', '.join(node.routes)}" if node.routes else "")
    return "; ".join(fact for fact in facts if fact)
