"""Columns of a layered drawing, and the order in each: few crossings, groups kept together.

The method is that of Sugiyama, Tagawa and Toda (1981): break cycles, rank by longest path, cut
long arrows into one cell per column, then sort every column by the mean position of its
neighbours, to and fro, with exchanges of neighbours between, from several first orders; the best
order seen is kept.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Cell", "Layers", "layer"]

_SWEEPS = 16
_STARTS = 8  # first orders that are tried, one natural, the others scattered
_SMALL = 400  # cells up to which several are
_THOROUGH = 2000  # cells up to which neighbours are exchanged as well
_MAX_BENDS = 20_000  # cells of long arrows; further long arrows are drawn straight


@dataclass(slots=True)
class Cell:
    """A place in a column: a box, or a long arrow that passes."""

    rank: int
    group: str
    box: int = -1
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)


@dataclass
class Layers:
    """Cells, their numbers by column from top to bottom, and the cells of each arrow.

    `chains[i]` begins with the source of arrow `i`; it is empty for an arrow from a box to itself.
    """

    cells: list[Cell]
    columns: list[list[int]]
    chains: list[list[int]]


def layer(
    groups: Sequence[str], edges: Sequence[tuple[int, int]], tails: Iterable[int] = ()
) -> Layers:
    """Arrange boxes 0, 1, … (one group name each; `""`: none) in columns.

    Args:
        groups: The group of each box.
        edges: Arrows as pairs of box numbers.
        tails: Boxes that start at the lower end of their column.

    >>> layer(["", "", ""], [(0, 1), (1, 2), (0, 2)]).columns
    [[0], [1, 3], [2]]
    """
    forward = _acyclic(len(groups), edges)
    ranks = _ranks(len(groups), forward)
    cells = [
        Cell(rank, group, box) for box, (rank, group) in enumerate(zip(ranks, groups, strict=True))
    ]
    chains: list[list[int]] = [[] for _ in edges]
    bends = 0
    by_length = sorted(
        range(len(edges)), key=lambda i: abs(ranks[edges[i][1]] - ranks[edges[i][0]])
    )
    for number in by_length:
        source, target = forward[number]
        if source == target:
            continue
        chain = [source]
        between = range(ranks[source] + 1, ranks[target])
        if bends + len(between) <= _MAX_BENDS:
            bends += len(between)
            group = groups[source] if groups[source] == groups[target] else ""
            for rank in between:
                chain.append(len(cells))
                cells.append(Cell(rank, group))
        chain.append(target)
        for one, two in itertools.pairwise(chain):
            if cells[two].rank == cells[one].rank + 1:
                cells[one].below.append(two)
                cells[two].above.append(one)
        chains[number] = chain if (source, target) == edges[number] else chain[::-1]
    return Layers(cells, _ordered(cells, set(tails)), chains)


def _acyclic(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges with those that close a cycle turned round."""
    below: list[list[int]] = [[] for _ in range(count)]
    for number, (source, _) in enumerate(edges):
        below[source].append(number)
    forward = list(edges)
    state = [0] * count  # 1: on the path from the root, 2: done
    for root in range(count):
        stack = [(root, iter(below[root]))] if not state[root] else []
        state[root] = state[root] or 1
        while stack:
            at, numbers = stack[-1]
            for number in numbers:
                target = edges[number][1]
                if state[target] == 1:
                    forward[number] = (target, at)
                elif not state[target]:
                    state[target] = 1
                    stack.append((target, iter(below[target])))
                    break
            else:
                state[at] = 2
                stack.pop()
    return forward


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    below: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in edges:
        if source != target:
            below[source].append(target)
            waiting[target] += 1
    ranks = [0] * count
    free = [box for box in range(count) if not waiting[box]]
    for box in free:
        for target in below[box]:
            ranks[target] = max(ranks[target], ranks[box] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                free.append(target)
    starts = set(range(count)) - {target for _, target in edges}
    for box in starts - {0}:  # what only feeds a later box stands just before it
        if below[box]:
            ranks[box] = min(ranks[target] for target in below[box]) - 1
    return ranks


def _ordered(cells: list[Cell], tails: set[int]) -> list[list[int]]:
    """The columns, each in the best order found."""
    visits = _visits(cells, tails)
    best, fewest = _swept(cells, visits)
    for seed in range(1, _STARTS if len(cells) <= _SMALL else 1):
        if not fewest:
            break
        columns, found = _swept(cells, sorted(visits, key=lambda n: _scattered(n, seed)))
        if found < fewest:
            best, fewest = columns, found
    return best


def _scattered(number: int, seed: int) -> int:
    """A number that has nothing to do with the order, the same in every run."""
    return (number * 2_654_435_761 + seed * 40_503) * (2 * seed + 1) % 4_294_967_291


def _swept(cells: list[Cell], visits: Sequence[int]) -> tuple[list[list[int]], int]:
    """The best order that sweeps from this first order find, and its crossings."""
    columns: list[list[int]] = [[] for _ in range(max((c.rank for c in cells), default=-1) + 1)]
    first = [0.0] * len(cells)
    place = [0] * len(cells)
    for position, number in enumerate(visits):
        first[number] = position
        columns[cells[number].rank].append(number)
    for column in columns:
        _sort(column, cells, place, first)
    best, fewest = [list(column) for column in columns], _crossings(columns, cells, place)
    thorough = len(cells) <= _THOROUGH
    for sweep in range(_SWEEPS if thorough else 4):
        if not fewest:
            break
        down = sweep % 2 == 0
        for column in columns if down else columns[::-1]:
            keys = {}
            for number in column:
                near = cells[number].above if down else cells[number].below
                keys[number] = (
                    sum(place[other] for other in near) / len(near) if near else place[number]
                )
            _sort(column, cells, place, keys)
        if thorough:
            _exchange(columns, cells, place)
        found = _crossings(columns, cells, place)
        if found < fewest:
            best, fewest = [list(column) for column in columns], found
    return best, fewest


def _visits(cells: list[Cell], tails: set[int]) -> list[int]:
    """All cells, as a walk that goes deep first meets them; tails come last."""
    order: list[int] = []
    seen: set[int] = set()
    roots = [n for n, cell in enumerate(cells) if not cell.above and n not in tails]
    for root in [*roots, *sorted(tails), *range(len(cells))]:
        stack = [root]
        while stack:
            at = stack.pop()
            if at in seen or (at in tails and at != root):
                continue
            seen.add(at)
            order.append(at)
            stack.extend(reversed(cells[at].below))
    return order


def _sort(
    column: list[int],
    cells: list[Cell],
    place: list[int],
    keys: Mapping[int, float] | Sequence[float],
) -> None:
    """Sort by key, the members of a group at the mean of theirs; equal keys stay in order."""
    members: dict[str, list[float]] = {}
    for number in column:
        members.setdefault(cells[number].group, []).append(keys[number])
    means = {group: sum(found) / len(found) for group, found in members.items()}

    def key(number: int) -> tuple[float, str, float]:
        group = cells[number].group
        return (means[group] if group else keys[number], group, keys[number])

    column.sort(key=key)
    for position, number in enumerate(column):
        place[number] = position


def _crossings(columns: list[list[int]], cells: list[Cell], place: list[int]) -> int:
    """How many pairs of arrows cross, between all neighbouring columns."""
    total = 0
    for column in columns:
        ends: list[int] = []
        for number in column:
            targets = sorted(place[other] for other in cells[number].below)
            total += sum(len(ends) - bisect_right(ends, target) for target in targets)
            for target in targets:
                insort(ends, target)
    return total


def _exchange(columns: list[list[int]], cells: list[Cell], place: list[int]) -> None:
    """Exchange neighbours of one group while that removes crossings."""
    for _ in range(8):
        better = False
        for column in columns:
            for position in range(len(column) - 1):
                one, two = column[position], column[position + 1]
                if cells[one].group == cells[two].group and _gain(cells[one], cells[two], place):
                    column[position], column[position + 1] = two, one
                    place[one], place[two] = position + 1, position
                    better = True
        if not better:
            return


def _gain(one: Cell, two: Cell, place: list[int]) -> bool:
    """Whether fewer arrows cross with `two` before `one`."""
    gain = 0
    for first, second in ((one.above, two.above), (one.below, two.below)):
        for left in first:
            for right in second:
                gain += (place[left] > place[right]) - (place[left] < place[right])
    return gain > 0
