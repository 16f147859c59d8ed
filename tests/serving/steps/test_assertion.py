from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.assertion import Assert


def holds(step: Assert, bodies: list[Any]) -> bool:
    try:
        for body in bodies:
            event = Event(body)
            assert list(step.process(event)) == [event]
        step.flush()
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize(
    ("step", "bodies", "expected"),
    [
        (Assert().each_event(lambda body: body > 10), [1], False),
        (Assert().each_event(lambda body: body > 10), [11, 12], True),
        (Assert().greater_or_equal_to(2), [1], False),
        (Assert().greater_or_equal_to(2), [1, 1], True),
        (Assert().greater_than(1), [1], False),
        (Assert().greater_than(1), [1, 1], True),
        (Assert().less_than(1), [1], False),
        (Assert().less_than(1), [], True),
        (Assert().less_or_equal_to(2), [1, 2, 3], False),
        (Assert().less_or_equal_to(2), [1, 2], True),
        (Assert().exactly(2), [1], False),
        (Assert().exactly(2), [1, 1], True),
        (Assert().exactly(2), [1, 1, 1], False),
        (Assert().match_exactly([1, 1, 1]), [1, 1], False),
        (Assert().match_exactly([1, 1, 1]), [1, 1, 1], True),
        (Assert().match_exactly([1, 2]), [2, 1], True),
        (Assert().match_exactly([1, 2]), [2, 3], False),
        (Assert().match_exactly([1, 1, 2]), [1, 2, 2], False),
        (Assert().match_exactly([[1], [2]]), [[1], [2]], True),
        (Assert().contains_all_of([1, 2]), [1, 2, 3], True),
        (Assert().contains_all_of([1, 4]), [1, 2, 3], False),
        (Assert().contains_any_of([1, 4]), [1, 2], True),
        (Assert().contains_any_of([4]), [1, 2], False),
        (Assert().contains_none_of([4]), [1, 2], True),
        (Assert().contains_none_of([1]), [1, 2], False),
    ],
)
def test_checks(step: Assert, bodies: list[Any], expected: bool) -> None:
    assert holds(step, bodies) is expected
    step.begin()
    assert holds(step, bodies) is expected


def test_messages_and_events() -> None:
    step = Assert(full_event=True).each_event(lambda event: event.key == "k").exactly(1)
    with pytest.raises(AssertionError, match="Expected event count == 1, got 0 instead"):
        step.flush()
    step.process(Event(1, key="k"))
    step.flush()
    with pytest.raises(AssertionError, match="Predicate results in False for Event"):
        step.process(Event(1, key="other"))
    with pytest.raises(TypeError, match="Expected a callable"):
        Assert().each_event(5)  # type: ignore[arg-type]
