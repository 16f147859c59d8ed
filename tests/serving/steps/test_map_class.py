from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlrun_like.serving.event import DROP
from mlrun_like.serving.steps.map_class import MapClass


class OnlyEven(MapClass):
    def __init__(self, factor: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def do(self, event: int) -> Any:
        if event % 2:
            self.filter()
        return event * self.factor


class OnlyEvenInHelper(MapClass):
    def do(self, event: int) -> Any:
        self._check(event)
        return event

    def _check(self, event: int) -> None:
        if event % 2:
            self.filter()


class Inherited(OnlyEven):
    pass


class OnlyEvenAsync(MapClass):
    async def do(self, event: int) -> Any:
        await asyncio.sleep(0)
        return self.filter() if event % 2 else event


class Doubles(MapClass):
    def do(self, event: int) -> int:
        return event * 2


@pytest.mark.parametrize("step", [OnlyEven(), OnlyEvenInHelper(), Inherited()])
def test_filter_drops_the_event_whatever_do_returns(step: MapClass) -> None:
    assert [step.do(n) for n in range(4)] == [0, DROP, 2, DROP]


def test_arguments_of_the_class() -> None:
    assert OnlyEven(5).do(2) == 10


def test_an_async_do_may_filter_for_concurrent_events() -> None:
    step = OnlyEvenAsync()

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(step.do(n) for n in range(6)))

    assert asyncio.run(all_at_once()) == [0, DROP, 2, DROP, 4, DROP]


def test_threads_do_not_drop_each_others_events() -> None:
    step = OnlyEven()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(step.do, range(2000)))
    assert found == [n if n % 2 == 0 else DROP for n in range(2000)]


def test_a_class_without_filter_is_called_directly() -> None:
    assert "do" not in vars(Doubles())
    with pytest.raises(Exception, match="from outside the step's class"):
        Doubles().filter()


def test_a_step_that_fails_after_filter_does_not_drop_the_next_event() -> None:
    class Fails(MapClass):
        def do(self, event: int) -> int:
            if event == 1:
                self.filter()
                raise ValueError("broken")
            return event

    step = Fails()
    with pytest.raises(ValueError, match="broken"):
        step.do(1)
    assert step.do(2) == 2


def test_long_running_does_not_go_with_async_or_streams() -> None:
    class Streams(MapClass):
        def do(self, event: int) -> Iterator[int]:
            yield event

    for step in (OnlyEvenAsync, Streams):
        with pytest.raises(ValueError, match="cannot be used in conjunction with a coroutine or"):
            step(long_running=True)
    assert Doubles(long_running=True).blocking


def test_do_must_be_defined() -> None:
    with pytest.raises(NotImplementedError, match="must define do"):
        MapClass().do(1)


def test_a_generator_is_left_as_it_is() -> None:
    class Streams(MapClass):
        def do(self, event: int) -> Iterator[int]:
            if event < 0:
                self.filter()
            yield event

    assert list(Streams().do(3)) == [3]
