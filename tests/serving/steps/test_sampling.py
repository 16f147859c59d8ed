from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.sampling import EmitPeriod, SampleWindow


def sampled(step: SampleWindow, *events: Event) -> list[Any]:
    made = [found for event in events for found in step.process(event)]
    return [event.body for event in [*made, *step.flush()]]


@pytest.mark.parametrize(
    ("period", "before_termination", "count", "expected"),
    [
        (EmitPeriod.FIRST, False, 12, [0, 5, 10]),
        (EmitPeriod.LAST, False, 12, [4, 9]),
        (EmitPeriod.FIRST, True, 12, [0, 5, 10, 11]),
        (EmitPeriod.LAST, True, 12, [4, 9, 11]),
        (EmitPeriod.LAST, True, 10, [4, 9]),
        (EmitPeriod.FIRST, True, 0, []),
        ("last", False, 5, [4]),
    ],
)
def test_one_event_of_each_window(
    period: Any, before_termination: bool, count: int, expected: list[int]
) -> None:
    step = SampleWindow(5, period, before_termination)
    assert sampled(step, *map(Event, range(count))) == expected
    step.begin()
    assert sampled(step, *map(Event, range(count))) == expected


def test_windows_by_key() -> None:
    events = [Event(n, key=key) for n, key in enumerate("aabbcab")]
    assert sampled(SampleWindow(2, key="$key"), *events) == [0, 2, 4, 5, 6]
    bodies = [Event({"f": n % 3, "i": n}) for n in range(8)]
    found = sampled(SampleWindow(2, EmitPeriod.LAST, True, "f"), *bodies)
    assert [body["i"] for body in found] == [3, 4, 5, 7]
    by_function = SampleWindow(2, key=lambda event: None if event.body < 3 else event.body)
    assert sampled(by_function, *map(Event, range(7))) == [0, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("arguments", [(1,), (0,), (2, 5), (2, "middle"), (2, None)])
def test_wrong_arguments(arguments: Any) -> None:
    with pytest.raises(ValueError, match=r"window_size must be at least 2|Expected emit_period"):
        SampleWindow(*arguments)
    with pytest.raises(ValueError, match="Unsupported key type"):
        SampleWindow(2, key=5)  # type: ignore[arg-type]
