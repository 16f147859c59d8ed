"""Window: which values it emits, and when."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.windows import FixedWindow, SlidingWindow
from mlrun_like.serving.steps.windows_emission import (
    EmissionType,
    EmitAfterDelay,
    EmitAfterMaxEvent,
    EmitAfterPeriod,
    EmitAfterWindow,
    EmitEveryEvent,
    LateDataHandling,
)
from mlrun_like.serving.steps.windows_step import Window

MINUTE = 60


def values(event: Event) -> dict[Any, dict[str, list[list[Any]]]]:
    """Values by key, field and bucket."""
    return {
        key: {
            name: [[value for _, value in bucket.data] for bucket in buckets]
            for name, buckets in element.features.items()
        }
        for key, element in event.body
    }


def feed(step: Window, *events: tuple[Any, Any, float]) -> list[Event]:
    return [
        found
        for body, key, minutes in events
        for found in step.process(Event(body, key=key, time=minutes * MINUTE))
    ]


def test_every_third_event() -> None:
    policy = EmitAfterMaxEvent(3, emission_type=EmissionType.Incremental)
    step = Window(SlidingWindow("30m", "10m"), emit_policy=policy)
    found = feed(step, *(({"x": n}, f"{n % 2}", 5 * n) for n in range(7)))
    assert [values(event) for event in found] == [
        {"0": {"x": [[], [0], [2]]}, "1": {"x": [[], [], [1]]}},
        {"0": {"x": [[], [], [4]]}, "1": {"x": [[], [3], [5]]}},
    ]


def test_everything_each_time() -> None:
    step = Window(FixedWindow("1h"), time_field="t", emit_policy={"mode": "everyEvent"})
    bodies = [{"x": 1, "t": 0}, {"x": 2, "y": 3, "t": 1800}, {"x": 4, "t": 7200}, {"x": 5, "t": 0}]
    found = [event for body in bodies for event in step.process(Event(body, key="k"))]
    assert [values(event)["k"] for event in found] == [
        {"x": [[], [], [], [1]]},
        {"x": [[], [], [1], [2]], "y": [[], [], [], [3]]},
        {"x": [[2], [], [], [4]], "y": [[3], [], [], []]},
        {"x": [[2], [], [], [4]], "y": [[3], [], [], []]},  # too old
    ]
    assert bodies[0] == {"x": 1, "t": 0}


@pytest.mark.parametrize(
    ("handling", "order"),
    [(LateDataHandling.Nothing, [1, 2, 3]), (LateDataHandling.Sort_before_emit, [3, 2, 1])],
)
def test_late_values(handling: LateDataHandling, order: list[int]) -> None:
    step = Window(
        SlidingWindow("10m", "10m"), emit_policy=EmitEveryEvent(), late_data_handling=handling
    )
    found = feed(step, ({"x": 1}, "k", 9), ({"x": 2}, "k", 5), ({"x": 3}, "k", 1))
    assert values(found[-1])["k"]["x"] == [order]


@pytest.mark.parametrize(
    "policy",
    [
        EmitAfterPeriod(),
        EmitAfterWindow(0.01, EmissionType.Incremental),
        EmitAfterDelay(0.05),
        EmitAfterMaxEvent(5, 0.05),
    ],
)
def test_by_the_clock(policy: Any) -> None:
    step = Window(SlidingWindow("40ms", "20ms"), emit_policy=policy)
    sent: list[Event] = []
    step.connect(sent.append)
    assert feed(step, ({"x": 1}, "k", 0)) == []
    limit = time.monotonic() + 5
    while not any("k" in values(event) for event in sent):
        assert time.monotonic() < limit
        time.sleep(0.005)
    step.close()
    held = next(found["k"] for event in sent if "k" in (found := values(event)))
    assert held == {"x": [[], [1]]}


def test_arguments_that_cannot_be() -> None:
    with pytest.raises(TypeError, match="is no window"):
        Window("1h")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="LateDataHandling"):
        Window(FixedWindow("1h"), late_data_handling=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="EmitPolicy"):
        Window(FixedWindow("1h"), emit_policy="everyEvent")  # type: ignore[arg-type]
