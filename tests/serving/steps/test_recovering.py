from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.recovering import Recover


def test_the_nearest_class_of_an_exception_has_the_step() -> None:
    step = FlowStep()
    recover = Recover({Exception: step, ValueError: step})
    assert recover.class_for(UnicodeError("x")) is ValueError
    assert recover.class_for(KeyError("x")) is Exception
    assert Recover({KeyError: step}).class_for(ValueError("x")) is None
    assert Recover({}).class_for(ValueError("x")) is None
    assert recover.do(5) == 5


def test_it_does_not_pretend_to_work_in_a_served_graph() -> None:
    with pytest.raises(ValueError, match="Recover works in flows"):
        flow().to(Recover({ValueError: FlowStep()}))


@pytest.mark.parametrize("value", [None, ValueError, {"ValueError": FlowStep()}, {ValueError: abs}])
def test_it_takes_a_mapping_of_exceptions_to_steps(value: Any) -> None:
    with pytest.raises(TypeError, match="is not a mapping of exceptions to steps"):
        Recover(value)
