"""Flows written for storey: own steps, concurrency, cycles, documents."""

# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import pytest


def total(kept: int, body: int) -> int:
    return kept + body


def test_own_steps_see_events_and_the_end(compat: ModuleType) -> None:
    import storey

    seen: list[Any] = []

    class Doubling(storey.Flow):
        async def _do(self, event: Any) -> Any:
            seen.append(event is storey.dtypes._termination_obj)
            if event is not storey.dtypes._termination_obj:
                event.body *= 2
            return await self._do_downstream(event)

    flow = storey.build_flow([storey.SyncEmitSource(), Doubling(), storey.Reduce(0, total)])
    controller = flow.run()
    for number in range(4):
        controller.emit(number)
    assert controller.terminate(wait=True) == 12
    assert seen == [False] * 4 + [True]


def test_an_error_at_the_end_of_an_own_step_is_raised(compat: ModuleType) -> None:
    import storey

    class Failing(storey.Flow):
        async def _do(self, event: Any) -> Any:
            if event is storey.dtypes._termination_obj:
                raise KeyError("at the end")

    controller = storey.build_flow([storey.SyncEmitSource(), Failing()]).run()
    controller.emit(1)
    with pytest.raises(KeyError, match="at the end"):
        controller.terminate(wait=True)


def test_every_step_is_a_flow(compat: ModuleType) -> None:
    import storey

    assert isinstance(storey.Map(abs), storey.Flow)
    assert not isinstance(5, storey.Flow)


@pytest.mark.parametrize("most", [1, 3])
def test_concurrent_steps_keep_the_order(compat: ModuleType, most: int) -> None:
    import storey

    running: list[int] = []
    peak: list[int] = []

    async def work(body: int) -> int:
        running.append(body)
        peak.append(len(running))
        await asyncio.sleep(0.01 if body % 2 else 0)
        running.remove(body)
        return body * 10

    step = storey.ConcurrentExecution(work, max_in_flight=most)
    flow = storey.build_flow(
        [storey.SyncEmitSource(), step, storey.Reduce([], lambda kept, body: [*kept, body])]
    )
    controller = flow.run()
    for number in range(6):
        controller.emit(number)
    assert controller.terminate(wait=True) == [0, 10, 20, 30, 40, 50]
    assert max(peak) <= most


def test_a_failing_job_is_tried_again_then_recovered(compat: ModuleType) -> None:
    import storey

    tries: list[int] = []

    async def work(body: int) -> int:
        tries.append(body)
        if body == 1:
            raise ValueError("one")
        return body

    rescued = storey.Reduce([], lambda kept, body: [*kept, body])
    step = storey.ConcurrentExecution(work, retries=1, backoff_factor=0, recovery_step=rescued)
    end = storey.Reduce(0, total)
    controller = storey.build_flow([storey.SyncEmitSource(), step, end]).run()
    for number in range(3):
        controller.emit(number)
    assert controller.terminate(wait=True) == 2
    assert tries.count(1) == 2
    assert rescued.result() == [1]


def test_a_failing_job_stops_the_flow(compat: ModuleType) -> None:
    import storey

    async def work(body: int) -> int:
        raise ValueError(f"no {body}")

    flow = storey.build_flow(
        [storey.SyncEmitSource(), storey.ConcurrentExecution(work), storey.Complete()]
    )
    controller = flow.run()
    with pytest.raises(ValueError, match="no 7"):
        controller.emit(7).await_result()
    controller.terminate()
    with pytest.raises(ValueError, match="no 7"):
        controller.await_termination()


def test_concurrent_mistakes(compat: ModuleType) -> None:
    import storey

    with pytest.raises(ValueError, match="Execution mechanism 'gpu' is invalid"):
        storey.ConcurrentExecution(abs, concurrency_mechanism="gpu")
    with pytest.raises(ValueError, match="may not be less than 1"):
        storey.ConcurrentExecution(abs, max_in_flight=0)
    with pytest.raises(ValueError, match="full_event=True"):
        storey.ConcurrentExecution(abs, concurrency_mechanism="multiprocessing", full_event=True)


def test_runnables_side_by_side(compat: ModuleType) -> None:
    import storey

    class Add(storey.ParallelExecutionRunnable):
        def run(self, body: Any, path: str, origin_name: Any = None) -> Any:
            return body + len(self.name)

    class AddLater(storey.ParallelExecutionRunnable):
        async def run_async(self, body: Any, path: str, origin_name: Any = None) -> Any:
            await asyncio.sleep(0)
            return body + 100

    step = storey.ParallelExecution(
        [Add("a"), Add("bb"), AddLater("c")],
        {"a": "naive", "bb": "thread_pool", "c": "asyncio"},
    )
    end = storey.Reduce([], lambda kept, event: [*kept, event], full_event=True)
    controller = storey.build_flow([storey.SyncEmitSource(), step, end]).run()
    controller.emit(1)
    (event,) = controller.terminate(wait=True)
    assert event.body == {"a": 2, "bb": 3, "c": 101}
    assert set(event._metadata["c"]) == {"microsec", "when"}


def test_errors_of_runnables(compat: ModuleType) -> None:
    import storey

    class Failing(storey.ParallelExecutionRunnable):
        def run(self, body: Any, path: str, origin_name: Any = None) -> Any:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="without at least one runnable"):
        storey.ParallelExecution([], {})
    with pytest.raises(ValueError, match="No execution mechanism"):
        storey.ParallelExecution([Failing("f")], {})
    step = storey.ParallelExecution([Failing("f", raise_exception=False)], {"f": "naive"})
    controller = storey.build_flow([storey.SyncEmitSource(), step, storey.Complete()]).run()
    assert controller.emit(1).await_result() == {"error": "ValueError: broken"}
    controller.terminate(wait=True)


class Counting:
    """Made by a function, as the base is only there with the switch."""

    @staticmethod
    def made(storey: Any, **options: Any) -> Any:
        class Until(storey.Map):
            def select_outlets(self, event: int) -> list[str]:
                return ["end"] if event >= 5 else ["add"]

        return Until(lambda body: body, name="until", **options)


def cycle(storey: Any, **options: Any) -> Any:
    source = storey.SyncEmitSource()
    add = storey.Map(lambda body: body + 1, name="add", **options)
    until = Counting.made(storey)
    end = storey.Map(lambda body: body, name="end")
    source.to(add).to(until)
    until.to(end)
    until.to(add)
    end.to(storey.Complete())
    return source


def test_cycles_end_by_a_choice(compat: ModuleType) -> None:
    import storey

    source = cycle(storey)
    for _ in range(2):  # the same flow again
        controller = source.run()
        assert controller.emit(0).await_result() == 5
        controller.terminate(wait=True)


def test_cycles_have_a_limit(compat: ModuleType) -> None:
    import storey

    controller = cycle(storey, max_iterations=2).run()
    with pytest.raises(RuntimeError, match="Max iterations exceeded in step 'add'"):
        controller.emit(0).await_result()
    controller.terminate()


def test_documents_have_storeys_names(compat: ModuleType) -> None:
    import storey

    step = storey.Filter(abs, name="f", unknown=3, full_event=True)
    assert step.to_dict() == {
        "class_name": "storey.flow.Filter",
        "name": "f",
        "class_args": {"unknown": 3},
        "full_event": True,
    }
    flow = storey.build_flow([storey.SyncEmitSource(), storey.Reduce(0, total)])
    assert "reduce0 = Reduce(initial_value=0)" in flow.to_code()


def test_batches_hold_events_unless_told(compat: ModuleType) -> None:
    import storey

    with pytest.warns(UserWarning, match="full_event in Batch"):
        storey.Batch(2)
    with pytest.raises(ValueError, match="At least one of"):
        storey.Batch(full_event=True)
    flow = storey.build_flow(
        [
            storey.SyncEmitSource(),
            storey.Batch(2, full_event=False),
            storey.Reduce([], lambda kept, body: [*kept, body]),
        ]
    )
    controller = flow.run()
    for number in range(3):
        controller.emit(number)
    assert controller.terminate(wait=True) == [[0, 1], [2]]


def test_own_batch_targets(compat: ModuleType) -> None:
    import storey
    from storey.flow import _Batching

    kept: list[Any] = []

    class Target(_Batching):
        async def _emit(
            self, batch: Any, key: Any, time: Any, events: Any, last: Any = None
        ) -> None:
            kept.append((key, list(batch)))

    controller = storey.build_flow([storey.SyncEmitSource(), Target(2, key_field="$key")]).run()
    for number in range(3):
        controller.emit(number, key="ab"[number % 2])
    controller.terminate(wait=True)
    assert kept == [("a", [0, 2]), ("b", [1])]


def test_events_have_storeys_arguments(compat: ModuleType) -> None:
    import storey

    event = storey.Event("b", "k", 5, "i", path="/p")
    assert (event.id, event.key, event.processing_time.year, event.path) == ("i", "k", 1970, "/p")
    assert event == storey.Event("b", "other", id="i")
    assert event != storey.Event("b")
    assert isinstance(event, storey.Event)
    with pytest.raises(ValueError, match="not a time"):
        storey.Event("b", processing_time=object())
