"""The trials of a sweep as tasks of a cluster; workers run them, the parent records them."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cloudpickle

from mlrun_like.errors import EngineError
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.dask.attempt import shipment_of, target_of
from mlrun_like.runtimes.dask.calls import call
from mlrun_like.runtimes.dask.clusters import gone_errors
from mlrun_like.runtimes.dask.explain import explain_future
from mlrun_like.runtimes.dask.gathering import GatheringStore
from mlrun_like.runtimes.dask.outbox import unpack_files
from mlrun_like.runtimes.dask.session import Session
from mlrun_like.runtimes.dask.sharing import probe
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc
from mlrun_like.specs.values import HyperParamOptions

__all__ = ["DaskTrials"]

_BATCH = "mlrun_like.runtimes.dask.batch:execute_batch"
_HALT = "mlrun_like.runtimes.dask.remote:halt"
_SWEEP = "mlrun_like.runtimes.dask.remote:Sweep"
_AHEAD = 4
"""Tasks for each thread that are on their way, so that no worker waits for the next one."""
_LEAST_AHEAD = 16
_BATCH_SECONDS = 0.2
"""What a task shall take at least: trials that are shorter share one."""
_LARGEST = 16
_OF_THE_LAST = 0.5
"""Weight of the last task in how long a trial takes."""
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
        self._given_back: deque[MLClientCtx] = deque()
        self._suspects: list[MLClientCtx] = []
        self._running: dict[Any, tuple[Any, list[MLClientCtx]]] = {}
        self._numbers = itertools.count(1)
        self._each = _BATCH_SECONDS
        """Seconds of a trial."""
        asked = HyperParamOptions(**job.run.spec.hyper_param_options).parallel_runs
        threads = sum(session.threads.values())
        self._most = asked or max(_LEAST_AHEAD, _AHEAD * threads)

    def all(self, children: Iterator[MLClientCtx], done: Callable[[RunDoc], bool]) -> None:
        """Run them; what is still on its way when somebody stops the sweep is cancelled."""
        more = True
        try:
            while more or self._running or self._suspects:
                while more and len(self._running) < self._most:
                    batch = self._next(children)
                    if not batch:
                        more = bool(self._running)  # some may be given back
                        break
                    self._submit(batch)
                if not self._running and self._suspects:
                    self._submit([self._suspects.pop(0)], alone=True)
                for child in self._some():
                    if done(child._run) and more:
                        more = False
                        self._withdraw()
        except BaseException:
            self._stop()
            raise

    def _next(self, children: Iterator[MLClientCtx]) -> list[MLClientCtx]:
        """The trials of a task: as many as a short time is enough for, one if they are long."""
        size = max(1, min(_LARGEST, int(_BATCH_SECONDS / self._each)))
        batch = [self._given_back.popleft() for _ in range(min(size, len(self._given_back)))]
        return batch + list(itertools.islice(children, size - len(batch)))

    def _submit(self, batch: list[MLClientCtx], alone: bool = False) -> None:
        shared = self._job.live_parameters
        trials = [
            (
                child._run.to_dict(),
                [
                    name
                    for name in shared
                    if child._job.live_parameters.get(name) is not shared[name]
                ],
            )
            for child in batch
        ]
        future = self._client.submit(
            call,
            _BATCH,
            self._sweep,
            pickle.dumps(trials),
            _BATCH_SECONDS,
            key=f"mlrun-like-trial-{self._name}-{next(self._numbers)}{_ALONE * alone}",
            pure=False,
        )
        self._running[future.key] = (future, batch)
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
        good = {future.key: future for future in futures if future.status == "finished"}
        # a result may be lost with its worker, and the task fail when it is made again
        found = self._client.gather(good, errors="skip").items()
        blobs = {key: blob for key, blob in found if blob is not None}
        for future in futures:
            batch = self._running[future.key][1]  # until it is recorded; see `_stop`
            if future.status == "cancelled":  # and not taken back: the cluster is gone
                error = explain_future(future, self._session)
                raise EngineError(error.removeprefix("EngineError: "))
            if future.key in blobs:
                yield from self._record_all(batch, blobs[future.key])
            elif self._is_suspect(future, batch):
                self._suspects += batch
            else:
                yield from self._failed(batch, explain_future(future, self._session))
            del self._running[future.key]

    def _record_all(self, batch: list[MLClientCtx], blob: bytes) -> Iterator[MLClientCtx]:
        answers, seconds = pickle.loads(blob)
        self._each += _OF_THE_LAST * (seconds / len(answers) - self._each)
        self._given_back += batch[len(answers) :]
        for child, answer in zip(batch, answers, strict=False):
            self._record(child, answer)
            yield child

    def _is_suspect(self, future: Any, batch: list[MLClientCtx]) -> bool:
        """Whether a trial may only have been beside, or behind, another one that is to blame.

        Dask blames everything that was assigned to a lost worker; alone it shows who it was. A
        result that was there and is not any more was lost with the worker that held it.
        """
        if future.key.endswith(_ALONE):
            return False
        if future.status != "error":
            return True
        return len(batch) > 1 or type(future.exception()).__name__ == "KilledWorker"

    def _record(self, child: MLClientCtx, answer: dict[str, Any]) -> None:
        child._job.run = child._run = parse(RunDoc, answer["run"], "trial")
        unpack_files(answer["files"], self._target)
        if answer["records"]["log"]:
            self._session.output(answer["records"]["log"].decode("utf-8", "replace"))
        GatheringStore.deliver(answer["records"], self._job.store)
        self._job.store.store_run(child.to_dict(), wait=False)

    def _failed(self, batch: list[MLClientCtx], error: str) -> Iterator[MLClientCtx]:
        """Trials that no worker could end."""
        for child in batch:
            self._end(child, "error", error)
            child.logger.error(f"trial {child.iteration} failed: {child._run.status.error}")
            yield child

    def _end(self, child: MLClientCtx, state: str, error: str) -> None:
        status = child._run.status
        if status.state not in TERMINAL:
            status.state, status.error = state, error
        status.end_time = status.last_update = utc_now()
        self._job.store.store_run(child.to_dict(), wait=False)

    def _withdraw(self) -> None:
        """Take back the trials that no worker has begun."""
        with contextlib.suppress(*gone_errors()):
            self._client.run(call, _HALT, self._job.run.metadata.uid, on_error="ignore")
        begun: set[str] = set()
        with contextlib.suppress(*gone_errors()):
            # all of them: asked for a task that it has just forgotten, the scheduler fails
            stacks = self._client.call_stack()
            begun = {key for row in stacks.values() for key in row}
        running = list(self._running.items())
        self._cancel(k for k, (future, _) in running if k not in begun and not future.done())

    def _cancel(self, keys: Iterable[Any]) -> None:
        futures = [self._running.pop(key)[0] for key in list(keys)]
        with contextlib.suppress(*gone_errors()):  # the scheduler may be gone
            self._client.cancel(futures)

    def _stop(self) -> None:
        batches = [batch for _, batch in self._running.values()]
        children = [*itertools.chain(*batches), *self._given_back, *self._suspects]
        self._cancel(list(self._running))
        for child in children:
            if child._run.status.state not in TERMINAL:
                self._end(child, "aborted", "the run was stopped")
