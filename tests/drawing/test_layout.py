from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.drawing.layout import Box, arrange


def overlap(a: Box, b: Box) -> bool:
    apart_u = abs(a.u - b.u) >= (a.length + b.length) / 2 - 1e-6
    apart_v = abs(a.v - b.v) >= (a.breadth + b.breadth) / 2 - 1e-6
    return not (apart_u or apart_v)


@given(
    st.integers(1, 14).flatmap(
        lambda n: st.tuples(
            st.lists(
                st.tuples(st.sampled_from(["", "", "a", "b", "c"]), st.floats(20, 200)),
                min_size=n,
                max_size=n,
            ),
            st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=25),
        )
    )
)
def test_nothing_overlaps_in_any_graph(
    drawn: tuple[list[tuple[str, float]], list[tuple[int, int]]],
) -> None:
    given_boxes, edges = drawn
    boxes = [Box(80, breadth, group) for group, breadth in given_boxes]
    layout = arrange(boxes, edges)
    for a, b in combinations(boxes, 2):
        assert not overlap(a, b)
    for box in boxes:
        assert box.length / 2 - 1e-6 <= box.u <= layout.length - box.length / 2 + 1e-6
        assert box.breadth / 2 - 1e-6 <= box.v <= layout.breadth - box.breadth / 2 + 1e-6
    frames = {
        frame.group: Box(
            frame.u1 - frame.u0, frame.v1 - frame.v0, "", False,
            (frame.u0 + frame.u1) / 2, (frame.v0 + frame.v1) / 2,
        )
        for frame in layout.frames
    }  # fmt: skip
    assert set(frames) == {box.group for box in boxes} - {""}
    for group, frame in frames.items():
        assert frame.u - frame.length / 2 >= -1e-6 and frame.v - frame.breadth / 2 >= -1e-6
        for box in boxes:
            assert overlap(frame, box) == (box.group == group), "a frame holds its own, no others"


def test_a_chain_is_a_straight_line() -> None:
    boxes = [Box(80, 30 + 10 * (i % 3)) for i in range(6)]
    arrange(boxes, [(i, i + 1) for i in range(5)])
    assert len({round(box.v, 6) for box in boxes}) == 1
    assert [box.u for box in boxes] == sorted(box.u for box in boxes)


def test_branches_are_symmetrical_and_straight() -> None:
    boxes = [Box(80, 30) for _ in range(8)]
    #      0 -> 1 -> 2 -> 3 -> 7
    #      0 -> 4 -> 5 -> 6 -> 7
    arrange(boxes, [(0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 7)])
    upper, lower = boxes[1].v, boxes[4].v
    assert all(box.v == pytest.approx(upper) for box in boxes[1:4])
    assert all(box.v == pytest.approx(lower) for box in boxes[4:7])
    assert boxes[0].v == pytest.approx((upper + lower) / 2, abs=1)
    assert boxes[7].v == pytest.approx((upper + lower) / 2, abs=1)


def test_long_arrows_pass_beside_the_boxes_between() -> None:
    boxes = [Box(80, 30) for _ in range(4)]
    layout = arrange(boxes, [(0, 1), (1, 2), (2, 3), (0, 3)])
    for begin, end, v in layout.bends[3]:
        for box in boxes:
            within = begin < box.u + box.length / 2 and end > box.u - box.length / 2
            assert not (within and abs(v - box.v) < box.breadth / 2)


def test_nothing_to_arrange() -> None:
    layout = arrange([], [])
    assert (layout.length, layout.breadth, layout.frames, layout.bends) == (0, 0, [], [])
