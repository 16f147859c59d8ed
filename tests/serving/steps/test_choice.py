from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.serving.steps.choice import Choice
from mlrun_like.serving.steps.maps import Map


def test_the_first_condition_that_holds_decides() -> None:
    choice = Choice(
        [("small", lambda body: body < 3), ("even", lambda body: body % 2 == 0)], default="other"
    )
    assert [list(choice.select_outlets(n)) for n in (2, 4, 5)] == [["small"], ["even"], ["other"]]


def test_without_a_default_an_event_may_go_nowhere() -> None:
    assert list(Choice([("small", lambda body: body < 3)]).select_outlets(5)) == []


def test_steps_given_as_objects_follow_the_choice() -> None:
    big, small = Map(abs, name="big"), Map(abs, name="small")
    choice = Choice([(big, lambda body: body > 9)], default=small)
    assert choice.outlets == [big, small]
    assert list(choice.select_outlets(10)) == ["big"]


@pytest.mark.parametrize("array", [[5], ["ab", "c"], [("a",)], [("a", bool, 1)]])
def test_choices_are_pairs(array: Any) -> None:
    with pytest.raises(ValueError, match="choice_array"):
        Choice(array)


def test_pairs_are_a_step_and_a_condition() -> None:
    with pytest.raises(TypeError, match="neither a step nor the name of one"):
        Choice([(5, bool)])
    with pytest.raises(TypeError, match="neither a step nor the name of one"):
        Choice(default=abs)
    with pytest.raises(TypeError, match="the condition of choice_array"):
        Choice([("a", 5)])  # type: ignore[list-item]
