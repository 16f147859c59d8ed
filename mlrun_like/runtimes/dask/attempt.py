"""One attempt on a worker, as the submitting side sees it."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

import cloudpickle

from mlrun_like.artifacts.manager import Producer
from mlrun_like.artifacts.paths import resolve_artifact_path
from mlrun_like.errors import NotFoundError, PackagingError, StoreUnavailableError
from mlrun_like.packaging.source import capture_callable, embed
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import sent_settings, way_of
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.concluding import End, conclude
from mlrun_like.runtimes.dask.calls import call
from mlrun_like.runtimes.dask.clusters import gone_errors
from mlrun_like.runtimes.dask.explain import explain_future
from mlrun_like.runtimes.dask.outbox import unpack_files
from mlrun_like.runtimes.dask.pickled import pickled_handler
from mlrun_like.runtimes.dask.session import Session
from mlrun_like.runtimes.dask.sharing import probe
from mlrun_like.runtimes.relayed import Relayed
from mlrun_like.runtimes.supervise import ABORT, TIMEOUT
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.relay import needed_objects

__all__ = ["attempt_on_worker", "shipment_of", "target_of", "with_source"]

_TARGET = "mlrun_like.runtimes.dask.remote:execute_whole"
_ASK_EVERY = 0.5
_GRACE = 5.0
"""Seconds that a worker gets to record the end that it was asked for."""


def with_source(job: Job) -> FunctionDoc:
    """The function with the source of its live handler, if it has none and that can be had."""
    doc = job.function
    if doc.spec.build.functionSourceCode or job.handler is None:
        return doc
    doc = doc.model_copy(deep=True)
    try:
        embed(doc, capture_callable(job.handler))
    except PackagingError:
        return job.function  # it is pickled then
    return doc


def target_of(job: Job) -> str:
    """The folder of a run's artifacts, as this process sees it."""
    meta = job.run.metadata
    producer = Producer(
        kind="run",
        name=meta.name,
        uri=f"{meta.project}/{meta.uid}",
        project=meta.project,
        tree=meta.uid,
        artifact_path=job.run.spec.output_path,
    )
    return resolve_artifact_path(producer, None)


def shipment_of(job: Job, mark: dict[str, Any]) -> dict[str, Any]:
    """What a worker needs to execute a run; it may hold secrets."""
    return {
        "function": job.function.to_dict(),
        "run": job.run.to_dict(),
        "store": way_of(job).address,
        "objects": needed_objects(job.store, job.run),
        "settings": sent_settings(),
        "secrets": job.secrets,
        "live": job.live_parameters,
        "handler": pickled_handler(job),
        "artifacts": target_of(job),
        "mark": mark,
    }


def attempt_on_worker(session: Session, job: Job) -> RunDoc:
    """Send the whole run to a worker and wait for its end."""
    with probe() as mark:
        return _Attempt(session, job, mark).finish()


class _Attempt:
    def __init__(self, session: Session, job: Job, mark: dict[str, Any]) -> None:
        self._session = session
        self._job = job
        self._relayed = Relayed(job)
        self._started = utc_now()
        self._deadline = float("inf")
        self._ended = threading.Event()
        uid = job.run.metadata.uid
        topic = f"mlrun-like-records-{uid}"
        session.subscribe(topic, self._take)
        shipment = {
            **shipment_of(job, mark),
            "topic": topic,
            "attempt": job.attempt,
            "last_attempt": job.last_attempt,
        }
        self._key = f"mlrun-like-run-{uid}-{job.attempt}"
        self._future: Any = session.client.submit(
            call, _TARGET, cloudpickle.dumps(shipment), key=self._key, pure=False
        )
        self._future.add_done_callback(lambda _: self._ended.set())

    def _take(self, data: Any) -> None:
        """What the worker tells: that it began, then records and output of the run."""
        if isinstance(data, bytes):
            text = self._relayed.feed(data)
            if text:
                self._session.output(text.decode("utf-8", "replace"))
        elif self._deadline == float("inf") and self._job.run.spec.timeout:
            self._deadline = time.monotonic() + self._job.run.spec.timeout + 2 * _ASK_EVERY

    def finish(self) -> RunDoc:
        """Wait, and conclude."""
        stop, error = self._wait(), ""
        last: RunDoc | None = None
        if stop:
            self._ended.wait(_GRACE)
        if self._future.done() and self._future.status == "finished":
            answer = self._future.result()
            last = parse(RunDoc, answer["run"], "the run's result")
            unpack_files(answer["files"], target_of(self._job))
            self._job.store.store_run(last.to_dict())
        else:
            if not stop:
                error = self._lost() or explain_future(self._future, self._session)
            with contextlib.suppress(*gone_errors()):
                self._future.cancel(force=True)
            self._future_gone()
            last = self._relayed.finished
        return conclude(self._job, last, End(error, stop, self._started))

    def _future_gone(self) -> None:
        """A worker that is told so records the end of its run, if it can reach us."""
        end = time.monotonic() + (_GRACE if self._relayed.seen and not self._lost() else 0)
        while self._relayed.finished is None and time.monotonic() < end:
            time.sleep(0.05)

    def _wait(self) -> str:
        """Until the task has ended; ABORT or TIMEOUT if it shall end, empty if it has."""
        while not self._ended.wait(_ASK_EVERY):
            if self._lost():
                return ""
            if time.monotonic() > self._deadline:
                return TIMEOUT
            if self._state() in ("aborting", "aborted"):
                return ABORT
        return ""

    def _lost(self) -> str:
        """Why the run's worker is gone; Dask would silently start the handler a second time."""
        worker = self._session.watch.lost_tasks.get(self._key)
        if not worker:
            return ""
        return (
            f"EngineError: the worker {worker} that ran the handler was lost: it was killed, ran "
            "out of memory, or its host is cut off"
        )

    def _state(self) -> str:
        meta = self._job.run.metadata
        try:
            return self._job.store.heartbeat(meta.project, meta.uid, meta.iteration)
        except (NotFoundError, StoreUnavailableError):
            return ""  # not recorded yet, or not reachable: the run goes on
