"""The loop of attempts, which every runtime shares."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.base import Runtime
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc
from mlrun_like.specs.values import Retry
from mlrun_like.tracking.base import Store

if TYPE_CHECKING:
    from tests.runtimes.conftest import Bench


class Scripted(Runtime):
    """Ends each attempt in the next state of a list."""

    kind: ClassVar[str] = "scripted"

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.seen: list[tuple[int, bool, float]] = []

    def attempt(self, job: Job) -> RunDoc:
        self.seen.append((job.attempt, job.last_attempt, time.monotonic()))
        job.run.status.state = self.states.pop(0)
        job.store.store_run(job.run.to_dict())
        return job.run


def job(bench: Bench, **retry: float) -> Job:
    return bench.job(FunctionDoc(), retry=Retry(**retry).to_dict())  # type: ignore[arg-type]


def test_one_attempt_by_default(bench: Bench) -> None:
    runtime = Scripted("error")
    run = runtime.launch(bench.job(FunctionDoc()))
    assert run.status.state == "error"
    assert [row[:2] for row in runtime.seen] == [(1, True)]


def test_attempts_until_one_ends(bench: Bench) -> None:
    runtime = Scripted("pending", "pending", "completed")
    run = runtime.launch(job(bench, count=5, backoff=0.05, factor=2))
    assert run.status.state == "completed"
    assert [row[:2] for row in runtime.seen] == [(1, False), (2, False), (3, False)]
    first, second, third = (row[2] for row in runtime.seen)
    assert second - first >= 0.05
    assert third - second >= 0.1


def test_the_last_attempt_knows_it(bench: Bench) -> None:
    runtime = Scripted("pending", "error")
    runtime.launch(job(bench, count=1, backoff=0))
    assert [row[:2] for row in runtime.seen] == [(1, False), (2, True)]


@pytest.mark.parametrize("backoff", [0, 30])
def test_an_abort_while_waiting(bench: Bench, backoff: float) -> None:
    class Aborted(Scripted):
        def attempt(self, job: Job) -> RunDoc:
            run = super().attempt(job)
            job.store.set_run_state("default", run.metadata.uid, 0, "aborting", "")
            return run

    runtime = Aborted("pending", "completed")
    made = job(bench, count=1, backoff=backoff)
    run = runtime.launch(made)
    assert len(runtime.seen) == 1
    assert run.status.state == "aborted"
    assert run.status.end_time
    assert bench.store.read_run("default", run.metadata.uid)["status"]["state"] == "aborted"


def test_an_interrupt_while_waiting(bench: Bench) -> None:
    made = job(bench, count=1, backoff=30)
    store = made.store

    class Interrupting:
        """The store of somebody who loses patience."""

        def __getattr__(self, name: str) -> Callable[..., object]:
            found: Callable[..., object] = getattr(store, name)
            return found

        def heartbeat(self, *_: object) -> str:
            raise KeyboardInterrupt

    patient: Store = Interrupting()  # type: ignore[assignment]
    made.store = patient
    with pytest.raises(KeyboardInterrupt):
        Scripted("pending").launch(made)
    recorded = store.read_run("default", made.run.metadata.uid)
    assert recorded["status"]["state"] == "aborted"
    assert "waiting for a retry" in recorded["status"]["error"]


def test_runs_side_by_side(bench: Bench) -> None:
    runtimes = [Scripted("pending", "completed") for _ in range(4)]
    jobs = [job(bench, count=1, backoff=0.05) for _ in runtimes]
    threads = [
        threading.Thread(target=runtime.launch, args=(made,))
        for runtime, made in zip(runtimes, jobs, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [made.run.status.state for made in jobs] == ["completed"] * 4


def test_a_malformed_policy(bench: Bench) -> None:
    with pytest.raises(InvalidArgumentError):
        Scripted("completed").launch(bench.job(FunctionDoc(), retry={"count": -1}))
