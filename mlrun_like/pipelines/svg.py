"""A plan as an SVG document that needs nothing else; its states can be drawn again and again.

Each frame is laid out by itself and is one box of the frame around it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlrun_like.drawing.arrows import TIP, curve, head
from mlrun_like.drawing.layout import Box, arrange
from mlrun_like.drawing.shapes import outline
from mlrun_like.drawing.text import shortened, width, xml
from mlrun_like.pipelines.blocks import Arrow, Block, arrows_of, blocks_of
from mlrun_like.pipelines.style import STYLE
from mlrun_like.pipelines.tallies import ICONS, Tallies, Tally

if TYPE_CHECKING:
    from mlrun_like.pipelines.plan import Plan

__all__ = ["Drawing"]

_MARGIN = 14.0
_PAD = 14.0
_HEAD = 20.0  # of a frame, for its title
_WIDEST = 260.0  # of a text
_BOLD = 12.6  # as wide as small bold letters
_STATE = 178.0  # room for the words of a state


@dataclass
class _Placed:
    """A block with its size, and where its middle is inside the block around it."""

    block: Block
    wide: float = 0.0
    high: float = 0.0
    x: float = 0.0
    y: float = 0.0
    left: float = 0.0
    inside: list[_Placed] = field(default_factory=list)
    arrows: list[str] = field(default_factory=list)


class Drawing:
    """The picture of a plan.

    Args:
        plan: The pipeline.
        live: Whether states will be shown.
    """

    def __init__(self, plan: Plan, live: bool = False) -> None:
        self._live = live
        root = blocks_of(plan)
        self._title = f"pipeline {plan.name}, {len(plan.steps)} steps"
        self._above = _above(root)
        self._levels: dict[str, dict[tuple[str, str], bool]] = {}
        for arrow in arrows_of(plan, root):
            self._lift(arrow)
        self._root = self._place(root)

    def svg(self, tallies: Tallies | None = None) -> str:
        """The picture as SVG text.

        Args:
            tallies: What became of each step; None: no states are shown.
        """
        wide, high = self._root.wide + 2 * _MARGIN, self._root.high + 2 * _MARGIN
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="mlp" role="img" width="{wide:.0f}" '
            f'height="{high:.0f}" viewBox="0 0 {wide:.1f} {high:.1f}">',
            f"<title>{xml(self._title)}</title>",
            f"<style>\n{STYLE}</style>",
            f'<g transform="translate({_MARGIN:g} {_MARGIN:g})">',
            *self._inside(self._root, tallies),
            "</g>",
        ]
        return "\n".join([*parts, "</svg>\n"])

    # -- places ----------------------------------------------------------------------------------

    def _lift(self, arrow: Arrow) -> None:
        """Put an arrow where its ends are side by side: at the frames that hold them."""
        source, target = self._above[arrow.source], self._above[arrow.target]
        depth = 0
        while depth < min(len(source), len(target)) and source[depth] == target[depth]:
            depth += 1
        if depth in (len(source), len(target)):
            return  # from a frame to something in it
        level = self._levels.setdefault(source[depth - 1], {})
        level.setdefault((source[depth], target[depth]), arrow.end)

    def _place(self, block: Block) -> _Placed:
        if block.kind in ("step", "handler"):
            return self._sized(block)
        inside = [self._place(each) for each in block.inside]
        numbers = {each.block.id: number for number, each in enumerate(inside)}
        edges = self._levels.get(block.id, {})
        boxes = [Box(each.wide, each.high) for each in inside]
        pairs = [(numbers[source], numbers[target]) for source, target in edges]
        layout = arrange(boxes, pairs)
        for each, box in zip(inside, boxes, strict=True):
            each.x, each.y = box.u, box.v
        placed = _Placed(block, layout.length, layout.breadth, inside=inside)
        for (one, two), bends, end in zip(pairs, layout.bends, edges.values(), strict=True):
            placed.arrows += _arrow(inside[one], inside[two], bends, end)
        if block.kind != "plan":
            title = width(shortened(block.title, _BOLD, _WIDEST), _BOLD) + 26
            placed.wide = max(layout.length + 2 * _PAD, title, 60.0)
            placed.left = (placed.wide - layout.length) / 2
            placed.high = placed.high + 2 * _PAD + _HEAD
        return placed

    def _sized(self, block: Block) -> _Placed:
        wide = max(width(shortened(block.title, 13, _WIDEST), 13.8) + 28, 64.0)
        wide = max(wide, width(shortened(block.note, 11, _WIDEST), 11) + 24)
        if self._live:
            return _Placed(block, max(wide, _STATE), 52.0)
        return _Placed(block, wide, 50.0 if block.note else 36.0)

    # -- parts of the document -------------------------------------------------------------------

    def _inside(self, placed: _Placed, tallies: Tallies | None) -> list[str]:
        parts = list(placed.arrows)
        for each in placed.inside:
            x, y = each.x - each.wide / 2, each.y - each.high / 2
            if each.block.kind in ("step", "handler"):
                tally = tallies.steps[each.block.name] if tallies is not None else None
                parts += _step(each, x, y, tally)
                continue
            title = xml(shortened(each.block.title, _BOLD, each.wide - 22))
            parts += [
                f'<g class="{each.block.kind}" transform="translate({x:.1f} {y:.1f})">'
                f"<title>{xml(each.block.title)}</title>",
                f'<rect class="frame" rx="9" width="{each.wide:.1f}" height="{each.high:.1f}"/>',
                f'<text class="title" x="11" y="17">{title}</text>',
                f'<g transform="translate({each.left:.1f} {_PAD + _HEAD:g})">',
                *self._inside(each, tallies),
                "</g></g>",
            ]
        return parts


def _above(root: Block) -> dict[str, list[str]]:
    """The ids of the blocks around each block and its own, outermost first."""
    found: dict[str, list[str]] = {root.id: [root.id]}

    def walk(block: Block) -> None:
        for each in block.inside:
            found[each.id] = [*found[block.id], each.id]
            walk(each)

    walk(root)
    return found


def _arrow(
    source: _Placed, target: _Placed, bends: list[tuple[float, float, float]], end: bool
) -> list[str]:
    sign = 1.0 if target.x > source.x else -1.0
    points = [(source.x + sign * source.wide / 2, source.y)]
    for first, last, v in bends:
        points += [(first, v), (last, v)] if sign > 0 else [(last, v), (first, v)]
    tip = target.x - sign * target.wide / 2
    points.append((tip - sign * TIP, target.y))
    kind = "edge end" if end else "edge"
    return [
        f'<path class="{kind}" d="{curve(points)}"/>',
        f'<polygon class="tip" points="{head(tip, target.y, sign)}"/>',
    ]


def _step(placed: _Placed, x: float, y: float, tally: Tally | None) -> list[str]:
    block = placed.block
    state = "" if tally is None else f" {tally.state}"
    note = block.note if tally is None else f"{ICONS[tally.state]} {tally.words}"
    hint = [block.name, block.note, note if tally is not None else ""]
    hint.append(tally.reason if tally is not None else "")
    shape = outline("pill" if block.kind == "handler" else "box", x, y, placed.wide, placed.high)
    base = y + placed.high / 2 + (-2 if note else 4.5)
    parts = [
        f'<g class="step{state}"><title>{xml("; ".join(each for each in hint if each))}</title>',
        f'<path class="box" d="{shape}"/>',
        f'<text class="name" x="{placed.x:.1f}" y="{base:.1f}">'
        f"{xml(shortened(block.title, 13, _WIDEST))}</text>",
    ]
    if note:
        text = xml(shortened(note, 11, placed.wide - 16))
        parts.append(f'<text class="note" x="{placed.x:.1f}" y="{base + 16:.1f}">{text}</text>')
    if tally is not None and tally.looped and tally.total:
        full = (placed.wide - 16) * min(1.0, tally.done / tally.total)
        parts.append(
            f'<rect class="bar" x="{x + 8:.1f}" y="{y + placed.high - 6:.1f}" width="{full:.1f}" '
            'height="3" rx="1.5"/>'
        )
    return [*parts, "</g>"]
