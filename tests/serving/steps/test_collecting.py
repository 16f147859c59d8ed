from __future__ import annotations

import pytest

from mlrun_like.serving.steps.collecting import Collector


def test_one_value_stands_for_itself() -> None:
    assert Collector().collected([]) == []
    assert Collector().collected(["a"]) == "a"
    assert Collector().collected(("a", "b")) == ["a", "b"]


def test_bodies_that_are_no_stream_pass() -> None:
    assert Collector().do([1]) == [1]


def test_it_waits_for_one_end_at_least() -> None:
    with pytest.raises(ValueError, match="expected_completions must be at least 1"):
        Collector(expected_completions=0)
    with pytest.raises(TypeError, match="expected_completions must be an integer"):
        Collector(expected_completions="2")  # type: ignore[arg-type]
