"""The trials of a sweep as tasks of a cluster; workers run them, the parent records them."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cloudpickle

from mlrun_like.errors import EngineError
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.dask.attempt import shipment_of, target_of
from mlrun_like.runtimes.dask.calls import call
from mlrun_like.runtimes.dask.explain import explain_future
from mlrun_like.runtimes.dask.gathering import GatheringStore
from mlrun_like.runtimes.dask.outbox import unpack_files
from mlrun_like.runtimes.dask.session import Session
from mlrun_like.runtimes.dask.sharing import probe
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc
from mlrun_like.specs.values import HyperParamOptions

__all__ = ["DaskTrials"]

_TRIAL = "mlrun_like.runtimes.dask.remote:execute_trial"
_SWEEP = "mlrun_like.runtimes.dask.remote:Sweep"
_AHEAD = 4
"""Trials for each thread that are on their way, so that no worker waits for the next one."""
_LEAST_AHEAD = 16
_ASK_EVERY = 0.2
_ALONE = "-alone"


class DaskTrials:
    """A `TrialRunner` on a cluster.

    Args:
        session: The parent run's part of the cluster.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(
        self, job: Job, children: Iterator[MLClientCtx], done: Callable[[RunDoc], bool]
    ) -> None:
        """See `TrialRunner`."""
        with probe() as mark:
            _Run(self._session, job, cloudpickle.dumps(shipment_of(job, mark))).all(children, done)


class _Run:
    def __init__(self, session: Session, job: Job, blob: bytes) -> None:
        self._session = session
        self._client = session.client
        self._job = job
        self._target = target_of(job)
        self._name = f"{job.run.metadata.uid}-{job.attempt}"
        # A task and not scattered data: it is made again when the worker that holds it is lost.
        self._sweep = self._client.submit(
            call, _SWEEP, blob, key=f"mlrun-like-sweep-{self._name}", pure=False
        )
        if len(session.threads) > 1:
            # Dask prefers workers that have what a task needs: so all shall have it.
            with contextlib.suppress(Exception):  # the trials meet whatever is wrong, and say so
                self._client.replicate([self._sweep])
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._suspects: list[MLClientCtx] = []
        self._running: dict[Any, tuple[Any, MLClientCtx]] = {}
        asked = HyperParamOptions(**job.run.spec.hyper_param_options).parallel_runs
        threads = sum(session.threads.values())
        self._most = asked or max(_LEAST_AHEAD, _AHEAD * threads)

    def all(self, children: Iterator[MLClientCtx], done: Callable[[RunDoc], bool]) -> None:
        """Run them; what is still on its way when somebody stops the sweep is cancelled."""
        more = True
        try:
            while more or self._running or self._suspects:
                while more and len(self._running) < self._most:
                    child = next(children, None)
                    if child is None:
                        more = False
                        break
                    self._submit(child)
                if not self._running and self._suspects:
                    self._submit(self._suspects.pop(0), alone=True)
                for child in self._some():
                    if done(child._run) and more:
                        more = False
                        self._withdraw()
        except BaseException:
            self._stop()
            raise

    def _submit(self, child: MLClientCtx, alone: bool = False) -> None:
        run, shared = child._run, self._job.live_parameters
        own = child._job.live_parameters
        future = self._client.submit(
            call,
            _TRIAL,
            self._sweep,
            run.to_dict(),
            [name for name in shared if own.get(name) is not shared[name]],
            key=f"mlrun-like-trial-{self._name}-{run.metadata.iteration}{_ALONE * alone}",
            pure=False,
        )
        self._running[future.key] = (future, child)
        future.add_done_callback(self._ended.put)

    def _some(self) -> Iterator[MLClientCtx]:
        """The trials that have ended since the last time, recorded."""
        try:
            futures = [self._ended.get(timeout=_ASK_EVERY)]
        except queue.Empty:
            return
        with contextlib.suppress(queue.Empty):
            while True:
                futures.append(self._ended.get_nowait())
        futures = [future for future in futures if future.key in self._running]
        good = [future for future in futures if future.status == "finished"]
        answers = dict(zip([f.key for f in good], self._client.gather(good), strict=True))
        for future in futures:
            _, child = self._running.pop(future.key)
            if future.key in answers:
                self._record(child, answers[future.key])
            elif self._is_suspect(future):
                self._suspects.append(child)
                continue
            else:
                self._failed(child, future)
            yield child

    def _is_suspect(self, future: Any) -> bool:
        """Whether a trial may only have been waiting on workers that another one killed.

        Dask blames everything that was assigned to a lost worker; alone it shows who it was.
        """
        killed = future.status == "error" and type(future.exception()).__name__ == "KilledWorker"
        return killed and not future.key.endswith(_ALONE)

    def _record(self, child: MLClientCtx, answer: dict[str, Any]) -> None:
        child._job.run = child._run = parse(RunDoc, answer["run"], "trial")
        unpack_files(answer["files"], self._target)
        if answer["records"]["log"]:
            self._session.output(answer["records"]["log"].decode("utf-8", "replace"))
        GatheringStore.deliver(answer["records"], self._job.store)
        self._job.store.store_run(child.to_dict(), wait=False)

    def _failed(self, child: MLClientCtx, future: Any) -> None:
        """A trial that no worker could end; if the cluster is gone so is the sweep."""
        if future.status == "cancelled":
            self._running[future.key] = (
                future,
                child,
            )  # it is recorded with the others that were stopped
            raise EngineError(explain_future(future, self._session).removeprefix("EngineError: "))
        self._end(child, "error", explain_future(future, self._session))
        child.logger.error(f"trial {child.iteration} failed: {child._run.status.error}")

    def _end(self, child: MLClientCtx, state: str, error: str) -> None:
        status = child._run.status
        if status.state not in TERMINAL:
            status.state, status.error = state, error
        status.end_time = status.last_update = utc_now()
        self._job.store.store_run(child.to_dict(), wait=False)

    def _withdraw(self) -> None:
        """Take back the trials that no worker has begun."""
        begun: set[str] = set()
        with contextlib.suppress(OSError):
            stacks = self._client.call_stack(keys=list(self._running))
            begun = {key for row in stacks.values() for key in row}
        self._cancel(key for key in list(self._running) if key not in begun)

    def _cancel(self, keys: Iterable[Any]) -> None:
        futures = [self._running.pop(key)[0] for key in list(keys)]
        with contextlib.suppress(OSError, RuntimeError):  # the scheduler may be gone
            self._client.cancel(futures)

    def _stop(self) -> None:
        children = [child for _, child in self._running.values()] + self._suspects
        self._cancel(list(self._running))
        for child in children:
            self._end(child, "aborted", "the run was stopped")
