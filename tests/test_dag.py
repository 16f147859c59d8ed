"""Order and cycles."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.dag import find_cycle, topological_order


def test_ties_keep_the_order_of_the_mapping() -> None:
    assert topological_order({"c": [], "a": [], "b": []}) == ["c", "a", "b"]
    assert topological_order({"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": []}) == list("abcd")


def test_nothing_has_no_order_and_no_cycle() -> None:
    assert topological_order({}) == [] == find_cycle({})


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ({"a": ["a"]}, "cycle: a -> a"),
        ({"a": ["b"], "b": ["a"]}, "cycle: a -> b -> a"),
        ({"x": [], "a": ["x", "c"], "b": ["a"], "c": ["b"]}, "cycle: a -> b -> c -> a"),
        ({"a": ["nowhere"]}, "'a' depends on unknown 'nowhere'"),
    ],
)
def test_cycles_and_unknown_parents_are_named(graph: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        topological_order(graph)


@given(st.data())
def test_every_name_comes_once_and_after_its_parents(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    names = data.draw(st.permutations([f"n{i}" for i in range(size)]))
    graph = {
        name: data.draw(st.lists(st.sampled_from(names[:i]), max_size=3)) if i else []
        for i, name in enumerate(names)
    }
    shuffled = {name: graph[name] for name in data.draw(st.permutations(names))}
    order = topological_order(shuffled)
    assert sorted(order) == sorted(names)
    assert all(order.index(p) < order.index(n) for n, above in graph.items() for p in above)
    assert find_cycle(shuffled) == []


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), max_size=6
    )
)
def test_a_cycle_found_is_a_cycle(graph: dict[str, list[str]]) -> None:
    closed = {name: [p for p in above if p in graph] for name, above in graph.items()}
    cycle = find_cycle(closed)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(a in closed[b] for a, b in itertools.pairwise(cycle))
        with pytest.raises(ValueError, match="cycle"):
            topological_order(closed)
    else:
        assert len(topological_order(closed)) == len(closed)


def test_large_graphs_are_quick_and_deep_ones_do_not_recurse() -> None:
    size = 20_000
    graph = {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(size)}
    wide = {**graph, "end": list(graph)}
    began = time.perf_counter()
    assert topological_order(wide)[-1] == "end"
    assert find_cycle({**wide, "n0": ["n5"]})[0] == "n0"
    assert time.perf_counter() - began < 20  # quadratic work would take minutes
