from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.drawing.layers import Layers, layer


def crossings(layers: Layers) -> int:
    place = {number: i for column in layers.columns for i, number in enumerate(column)}
    total = 0
    for column in layers.columns:
        lines = [(place[n], place[m]) for n in column for m in layers.cells[n].below]
        for i, (a, b) in enumerate(lines):
            total += sum((a - c) * (b - d) < 0 for c, d in lines[i + 1 :])
    return total


def test_columns_follow_the_longest_path() -> None:
    layers = layer([""] * 4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    assert [cell.rank for cell in layers.cells[:4]] == [0, 1, 2, 3]
    assert [len(column) for column in layers.columns] == [1, 2, 2, 1]
    assert len(layers.chains[3]) == 4, "a long arrow has a cell in each column it passes"


def test_what_only_feeds_a_later_box_stands_just_before_it() -> None:
    layers = layer([""] * 5, [(0, 1), (1, 2), (2, 3), (4, 3)])
    assert layers.cells[4].rank == 2


@pytest.mark.parametrize("edges", [[(0, 1), (1, 0)], [(0, 0)], [(0, 1), (1, 2), (2, 1)]])
def test_cycles_are_drawn(edges: list[tuple[int, int]]) -> None:
    layers = layer([""] * 3, edges)
    assert sorted(n for column in layers.columns for n in column if n < 3) == [0, 1, 2]
    for (source, target), chain in zip(edges, layers.chains, strict=True):
        assert chain == [] if source == target else (chain[0], chain[-1]) == (source, target)


def test_crossings_that_can_be_avoided_are() -> None:
    # two interleaved trees, given in the worst order
    edges = (
        [(0, 1), (0, 2)] + [(1, 2 * i + 3) for i in range(4)] + [(2, 2 * i + 4) for i in range(4)]
    )
    assert crossings(layer([""] * 11, edges)) == 0


def test_fifty_steps_have_few_crossings() -> None:
    shuffled = random.Random(1)
    edges = []
    for child in range(1, 50):
        for parent in shuffled.sample(range(max(0, child - 7), child), min(child, child % 2 + 1)):
            edges.append((parent, child))
    assert crossings(layer([""] * 50, edges)) <= 10


@given(
    st.integers(1, 14).flatmap(
        lambda n: st.tuples(
            st.lists(st.sampled_from(["", "a", "b"]), min_size=n, max_size=n),
            st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30),
        )
    )
)
def test_any_graph_has_its_place(drawn: tuple[list[str], list[tuple[int, int]]]) -> None:
    groups, edges = drawn
    layers = layer(groups, edges)
    placed = [number for column in layers.columns for number in column]
    assert sorted(placed) == list(range(len(layers.cells)))
    for rank, column in enumerate(layers.columns):
        assert column and all(layers.cells[number].rank == rank for number in column)
        named = [layers.cells[n].group for n in column]
        for group in {"a", "b"} & set(named):
            first, last = named.index(group), len(named) - named[::-1].index(group)
            assert set(named[first:last]) == {group}, "the members of a group stand together"
    for (source, target), chain in zip(edges, layers.chains, strict=True):
        if source != target:
            assert (chain[0], chain[-1]) == (source, target)
            ranks = [layers.cells[number].rank for number in chain]
            assert ranks in (sorted(ranks), sorted(ranks)[::-1])


def test_thousands_of_boxes_take_seconds() -> None:
    start = time.perf_counter()
    layer([""] * 4500, [(0, box) for box in range(1, 4500)])
    layer([""] * 4500, [(box, box + 1) for box in range(4499)])
    everything = [(a, b) for a in range(150) for b in range(a + 1, 150)]
    layer([""] * 150, everything)
    assert time.perf_counter() - start < 20
