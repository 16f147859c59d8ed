from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.serving.steps.batching import Batch
from mlrun_like.serving.steps.choice import Choice
from mlrun_like.serving.steps.ending import Complete, Reduce
from mlrun_like.serving.steps.maps import Filter, Map
from mlrun_like.serving.steps.recovering import Recover
from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.emit_sources import SyncEmitSource

Run = Callable[..., Any]


class BrokenError(Exception):
    pass


def failing_at(number: int) -> Callable[[Any], Any]:
    calls = iter(range(1, 10**6))

    def fail(body: Any) -> Any:
        if next(calls) == number:
            raise BrokenError("test")
        return body

    return fail


def failing_at_async(number: int) -> Callable[[Any], Any]:
    plain = failing_at(number)

    async def fail(body: Any) -> Any:
        return plain(body)

    return fail


def kept(**options: Any) -> Reduce:
    return Reduce([], lambda rows, row: [*rows, row], **options)


def total() -> Reduce:
    return Reduce(0, lambda value, body: value + body)


FORMS = pytest.mark.parametrize("failing", [failing_at, failing_at_async])


@FORMS
def test_a_recovery_step_gets_the_event_that_failed(run: Run, failing: Any) -> None:
    end = total()
    risky = Map(failing(5), recovery_step=end)
    assert run([Map(lambda x: x + 1), risky, Map(lambda x: x * 10), end], range(10)) == 505


@FORMS
def test_it_can_be_set_later_and_be_a_branch_of_its_own(run: Run, failing: Any) -> None:
    bad = kept()
    risky = Map(failing(2), termination_result_fn=lambda x, y: [x, y]).set_recovery_step(bad)
    assert run([risky, kept()], range(4)) == [[0, 2, 3], [1]]


@FORMS
def test_recovery_by_exception(run: Run, failing: Any) -> None:
    end = kept(full_event=True)
    risky = Map(failing(2), recovery_step={BrokenError: end}, name="risky")
    found = run([risky, end], range(3))
    assert [(e.body, type(e.error).__name__, e.origin_state) for e in found] == [
        (0, "NoneType", ""),
        (1, "BrokenError", "risky"),
        (2, "NoneType", ""),
    ]


@FORMS
def test_other_exceptions_stop_the_flow(run: Run, failing: Any) -> None:
    end = total()
    with pytest.raises(BrokenError):
        run([Map(failing(2), recovery_step={ValueError: end}), end], range(3))


def test_a_step_does_not_recover_those_after_it(run: Run) -> None:
    end = total()
    with pytest.raises(BrokenError):
        run([Map(lambda x: x, recovery_step=end), Map(failing_at(2)), end], range(3))


def test_subclasses_of_an_exception_recover_too(run: Run) -> None:
    end = kept()
    risky = Map(lambda text: int(text), recovery_step={Exception: end})
    assert run([risky, end], ["1", "x"]) == [1, "x"]


def test_filters_and_choices_recover(run: Run) -> None:
    class Half(Choice):
        def select_outlets(self, event: int) -> list[str]:
            if event == 1:
                raise BrokenError("test")
            return ["good"]

    bad = kept()
    assert run([Filter(failing_at(2), recovery_step=bad), bad], [1, 2, 3]) == [1, 2, 3]
    bad = kept(name="bad")
    half = Half(recovery_step={BrokenError: bad}, termination_result_fn=lambda x, y: [x, y])
    assert run([half, kept(name="good")], range(3)) == [[0, 2], [1]]


def test_a_batch_recovers_and_goes_on_collecting(run: Run) -> None:
    bad = kept()
    batch = Batch(2, key_field="k", recovery_step=bad, termination_result_fn=lambda x, y: [x, y])
    found = run([batch, kept()], [{"k": 1}, {}, {"k": 1}, {"k": 2}])
    assert found == [[[{"k": 1}, {"k": 1}], [{"k": 2}]], [{}]]


def test_a_recovery_step_that_fails_stops_the_flow(run: Run) -> None:
    def fail(body: Any) -> Any:
        raise ValueError("the recovery failed")

    bad = Map(fail)
    with pytest.raises(ValueError, match="the recovery failed"):
        run([Map(failing_at(1), recovery_step=bad), kept()], [1])


@FORMS
def test_recover_gives_back_the_event_as_it_was(run: Run, failing: Any) -> None:
    end = total()
    steps = [Recover({BrokenError: end}), Map(lambda x: x + 1), Map(failing(7)), end]
    assert run(steps, range(10)) == 54


def test_recover_of_other_exceptions(run: Run) -> None:
    end = total()
    with pytest.raises(BrokenError):
        run([Recover({ValueError: end}), Map(failing_at(2)), end], range(3))


def test_recover_reaches_through_branches_and_choices(run: Run) -> None:
    class Half(Choice):
        def select_outlets(self, event: int) -> list[str]:
            return ["a"] if event % 2 else ["b"]

    bad = kept()
    steps = [
        Recover({BrokenError: bad}),
        Half(),
        [Map(failing_at(2), name="a"), kept()],
        [Map(lambda x: x, name="b"), kept()],
    ]
    run(steps, range(6))
    assert bad.result() == [3]


def test_results_of_recovered_events() -> None:
    end = Complete()
    end.to(total())
    risky = Map(failing_at(5), recovery_step=end)
    flow = [SyncEmitSource(), Map(lambda x: x + 1), risky, Map(lambda x: x * 100), end]
    controller = build_flow(flow).run()
    found = [controller.emit(number).await_result() for number in range(10)]
    assert found == [100, 200, 300, 400, 5, 600, 700, 800, 900, 1000]
    assert controller.terminate(wait=True) == 5005
