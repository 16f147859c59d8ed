"""Positions of boxes in columns: straight chains, no overlaps, frames of groups kept free.

`u` runs along the flow and `v` across it, so one layout serves both directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlrun_like.drawing.layers import Layers, layer

__all__ = ["Box", "Frame", "Layout", "arrange"]

_ROUNDS = 12
_LANE = 14.0  # breadth of a passing arrow
_GAP = 22.0  # between neighbours of one column
_COLUMN = 54.0  # between columns
_PAD = 14.0  # between a frame and what it holds
_HEAD = 16.0  # further room in a frame for its name


@dataclass(slots=True)
class Box:
    """A rectangle, and where its middle is once it is arranged.

    Args:
        length: Size along the flow.
        breadth: Size across it.
        group: Name of the frame it stands in; empty: none.
        tail: Whether it rather stands at the lower end of its column.
    """

    length: float
    breadth: float
    group: str = ""
    tail: bool = False
    u: float = 0.0
    v: float = 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """The rectangle around the boxes of one group."""

    group: str
    u0: float
    v0: float
    u1: float
    v1: float


@dataclass
class Layout:
    """The result of `arrange`: `bends[i]` are the straight pieces of arrow `i` between its boxes,

    as `(u of the begin, u of the end, v)`.
    """

    length: float
    breadth: float
    frames: list[Frame]
    bends: list[list[tuple[float, float, float]]]


class _Spread:
    """Positions of cells across the flow."""

    def __init__(self, boxes: Sequence[Box], layers: Layers) -> None:
        self.boxes, self.cells, self.columns = boxes, layers.cells, layers.columns
        self.breadth = [boxes[c.box].breadth if c.box >= 0 else _LANE for c in self.cells]
        self.v = [0.0] * len(self.cells)

    def distance(self, one: int, two: int) -> float:
        """The least distance of the middles of two neighbours in a column."""
        apart = (self.breadth[one] + self.breadth[two]) / 2 + _GAP
        if self.cells[one].group != self.cells[two].group:
            apart += _PAD * bool(self.cells[one].group)
            apart += (_PAD + _HEAD) * bool(self.cells[two].group)
        return apart

    def solve(self) -> None:
        for column in self.columns:
            at = 0.0
            for position, number in enumerate(column):
                at += self.distance(column[position - 1], number) if position else 0.0
                self.v[number] = at
        for turn in range(_ROUNDS):
            last = turn >= _ROUNDS - 4
            for column in self.columns if turn % 2 == 0 else self.columns[::-1]:
                self._place(column, above=last or turn % 2 == 0, below=last or turn % 2 == 1)
        for _ in range(4):
            self._straighten()

    def _weight(self, one: int, two: int) -> float:
        passing = (self.cells[one].box < 0) + (self.cells[two].box < 0)
        return (1.0, 2.0, 8.0)[passing]

    def _place(self, column: Sequence[int], *, above: bool, below: bool) -> None:
        """Each cell of the column as near to the mean of its neighbours as the others let it."""
        wanted: list[tuple[float, float]] = []
        for number in column:
            cell = self.cells[number]
            near = [*(cell.above if above else ()), *(cell.below if below else ())]
            weights = [self._weight(number, other) for other in near]
            if near:
                mean = sum(w * self.v[n] for w, n in zip(weights, near, strict=True)) / sum(weights)
                wanted.append((mean, sum(weights)))
            else:
                wanted.append((self.v[number], 0.01))
        self._project(column, wanted)

    def _project(self, column: Sequence[int], wanted: Sequence[tuple[float, float]]) -> None:
        """The nearest positions (least squares) that keep order and distances.

        Taking the distances off leaves isotonic regression: pool adjacent violators.
        """
        offset = 0.0
        pools: list[list[float]] = []  # sum of weight * value, weight, how many, offset of each
        offsets: list[float] = []
        for position, number in enumerate(column):
            offset += self.distance(column[position - 1], number) if position else 0
            offsets.append(offset)
            value, weight = wanted[position]
            pools.append([(value - offset) * weight, weight, 1])
            while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
                total, more, count = pools.pop()
                pools[-1] = [pools[-1][0] + total, pools[-1][1] + more, pools[-1][2] + count]
        position = 0
        for total, weight, count in pools:
            for _ in range(int(count)):
                self.v[column[position]] = total / weight + offsets[position]
                position += 1

    def _straighten(self) -> None:
        """Move chains without branches to one line, as far as their neighbours let them."""
        place = {number: i for column in self.columns for i, number in enumerate(column)}
        for chain in self._chains():
            low, high = float("-inf"), float("inf")
            for number in chain:
                column, i = self.columns[self.cells[number].rank], place[number]
                if i:
                    low = max(low, self.v[column[i - 1]] + self.distance(column[i - 1], number))
                if i + 1 < len(column):
                    high = min(high, self.v[column[i + 1]] - self.distance(number, column[i + 1]))
            if low <= high:
                first, last = self.cells[chain[0]], self.cells[chain[-1]]
                ends = [self.v[n] for n in (*first.above, *last.below)]
                single = [self.v[near[0]] for near in (first.above, last.below) if len(near) == 1]
                mean = sum(self.v[n] for n in chain) / len(chain)
                wanted = sum(single or ends or [mean]) / len(single or ends or [mean])
                # A chain follows its one neighbour only if that is near: fans stay symmetrical.
                aim = wanted if abs(wanted - mean) < _GAP / 2 else mean
                for number in chain:
                    self.v[number] = min(max(aim, low), high)

    def _chains(self) -> list[list[int]]:
        """Cells in a row, each the only neighbour of the other; longest first."""
        chains, done = [], set()
        for number, cell in enumerate(self.cells):
            inner = len(cell.above) == 1 and len(self.cells[cell.above[0]].below) == 1
            if inner or number in done:
                continue
            chain = [number]
            while True:
                below = self.cells[chain[-1]].below
                if len(below) != 1 or len(self.cells[below[0]].above) != 1:
                    break
                chain.append(below[0])
            done.update(chain)
            chains.append(chain)
        return sorted(chains, key=len, reverse=True)

    def clear_frames(self) -> None:
        """Where a frame would cover what is not in it, move its parts down until none does."""
        if all(not self._strangers(frame) for frame in self.frames()):
            return
        parts: dict[str, list[int]] = {}
        for number, cell in enumerate(self.cells):
            parts.setdefault(cell.group or f"\0{number}", []).append(number)
        floor = [float("-inf")] * len(self.columns)
        order = sorted(parts, key=lambda p: sum(self.v[n] for n in parts[p]) / len(parts[p]))
        for part in order:
            members = parts[part]
            framed = bool(self.cells[members[0]].group)
            ranks = [self.cells[number].rank for number in members]
            span = range(min(ranks), max(ranks) + 1)
            top = min(self.v[n] - self.breadth[n] / 2 for n in members)
            top -= (_PAD + _HEAD) if framed else 0
            move = max(0.0, max(floor[rank] for rank in span) + _GAP - top)
            bottom = max(self.v[n] + self.breadth[n] / 2 for n in members) + move
            for number in members:
                self.v[number] += move
            for rank in span:
                floor[rank] = bottom + (_PAD if framed else 0)

    def _strangers(self, frame: tuple[str, int, int, float, float]) -> bool:
        group, first, last, top, bottom = frame
        return any(
            self.cells[n].group != group
            and self.v[n] + self.breadth[n] / 2 > top
            and self.v[n] - self.breadth[n] / 2 < bottom
            for column in self.columns[first : last + 1]
            for n in column
        )

    def frames(self) -> list[tuple[str, int, int, float, float]]:
        """Each group with its first and last column, its upper and lower end."""
        found: dict[str, list[int]] = {}
        for number, cell in enumerate(self.cells):
            if cell.group:
                found.setdefault(cell.group, []).append(number)
        return [
            (
                group,
                min(self.cells[n].rank for n in numbers),
                max(self.cells[n].rank for n in numbers),
                min(self.v[n] - self.breadth[n] / 2 for n in numbers) - _PAD - _HEAD,
                max(self.v[n] + self.breadth[n] / 2 for n in numbers) + _PAD,
            )
            for group, numbers in found.items()
        ]


def arrange(boxes: Sequence[Box], edges: Sequence[tuple[int, int]]) -> Layout:
    """Give every box its `u` and `v`, both 0 or more.

    Args:
        boxes: What to place; box 0 is the start if there is one.
        edges: Arrows, as pairs of numbers of boxes.

    >>> boxes = [Box(80, 30), Box(80, 30)]
    >>> layout = arrange(boxes, [(0, 1)])
    >>> boxes[0].v == boxes[1].v, boxes[1].u > boxes[0].u + 80
    (True, True)
    """
    tails = [number for number, box in enumerate(boxes) if box.tail]
    layers = layer([box.group for box in boxes], edges, tails)
    spread = _Spread(boxes, layers)
    spread.solve()
    spread.clear_frames()
    begins, ends, length = _columns(boxes, layers, spread.v)
    framed = spread.frames()
    tops = [
        *(v - b / 2 for v, b in zip(spread.v, spread.breadth, strict=True)),
        *(f[3] for f in framed),
    ]
    top = min(tops, default=0.0)
    bottoms = [
        *(v + b / 2 for v, b in zip(spread.v, spread.breadth, strict=True)),
        *(f[4] for f in framed),
    ]
    for cell, v in zip(layers.cells, spread.v, strict=True):
        if cell.box >= 0:
            boxes[cell.box].u = (begins[cell.rank] + ends[cell.rank]) / 2
            boxes[cell.box].v = v - top
    return Layout(
        length,
        max(bottoms, default=0.0) - top,
        [
            Frame(group, begins[first] - _PAD, low - top, ends[last] + _PAD, high - top)
            for group, first, last, low, high in framed
        ],
        [
            [
                (begins[layers.cells[n].rank], ends[layers.cells[n].rank], spread.v[n] - top)
                for n in chain[1:-1]
            ]
            for chain in layers.chains
        ],
    )


def _columns(
    boxes: Sequence[Box], layers: Layers, v: Sequence[float]
) -> tuple[list[float], list[float], float]:
    """Where columns begin and end along the flow, and where the last frame may end."""
    begins, ends = [], []
    at = _PAD if any(box.group for box in boxes) else 0.0
    for column in layers.columns:
        wide = max((boxes[n].length for n in _boxes(layers, column)), default=0.0)
        begins.append(at)
        ends.append(at + wide)
        steep = max((abs(v[n] - v[m]) for n in column for m in layers.cells[n].below), default=0.0)
        at += wide + _COLUMN + min(60.0, steep * 0.15)
    return begins, ends, (ends[-1] if ends else 0.0) + (_PAD if begins and begins[0] else 0.0)


def _boxes(layers: Layers, column: Iterable[int]) -> list[int]:
    return [layers.cells[n].box for n in column if layers.cells[n].box >= 0]
