"""The process that fires schedules: waits, claims what is due, runs it, records how it ended.

Any number of services may share a store: each time of a schedule is run by one of them. A service
that is killed leaves nothing behind that the next one does not put right.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, NotFoundError, RunError, StateError
from mlrun_like.functions.creators import import_function
from mlrun_like.functions.function import Function
from mlrun_like.functions.running import run_document
from mlrun_like.names import new_uid
from mlrun_like.schedules.define import run_of
from mlrun_like.schedules.firing import claim, going_on, own_mark
from mlrun_like.schedules.triggers import claim_events, give_event
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.specs.schedule import ScheduleDoc
from mlrun_like.tracking.abilities import Firing
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.reaper import mark_lost

__all__ = ["Scheduler"]

_LOG = logging.getLogger(__name__)
_HERE = ("", "local", "handler")
"""Kinds that would run inside the service: they get a process of their own instead."""


class Scheduler:
    """Fires the schedules of a store.

    Args:
        store: Where they are.
        threads: Runs at the same time; more wait.
        longest_wait: Seconds after which new schedules are looked for at the latest.
        allow: Raises an error for a run of a function that may not be started here.
        around: Surrounds the run of a schedule; what is made there says whose rights it has.
    """

    def __init__(
        self,
        store: FullStore,
        threads: int = 16,
        longest_wait: float = 2.0,
        allow: Callable[[Function[..., Any], RunDoc], None] | None = None,
        around: Callable[[ScheduleDoc], AbstractContextManager[None]] | None = None,
    ) -> None:
        self._allow = allow
        self._around = around or (lambda schedule: nullcontext())
        self._store = store
        self._longest = longest_wait
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mlrun-like-schedule")
        self._looks = ThreadPoolExecutor(4, thread_name_prefix="mlrun-like-trigger")
        self._looking: set[tuple[str, str]] = set()
        self._stop = threading.Event()

    def __enter__(self) -> Scheduler:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def serve(self) -> None:
        """Fire until `stop` is called from another thread or a signal handler."""
        mark_lost(self._store)
        while not self._stop.is_set():
            try:
                wait = self.tick()
            except MLRunLikeError as exc:  # the store may be back in a moment
                _LOG.warning("schedules: %s", exc)
                wait = self._longest
            self._stop.wait(wait)

    def stop(self) -> None:
        """Let `serve` return; runs that go on are waited for by `close`."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and wait for the runs."""
        self.stop()
        self._looks.shutdown(wait=True)  # it may still hand over what it has taken
        self._pool.shutdown(wait=True)

    def tick(self) -> float:
        """Fire what is due now; seconds until there may be more."""
        now = time.time()
        due, coming = self._store.due_schedules(now)
        for document, when in due:
            try:
                schedule = parse(ScheduleDoc, document, f"schedule {document.get('name')!r}")
                if schedule.spec.trigger:
                    self._look(schedule, when)
                    continue
                firings = claim(self._store, schedule, when, now)
            except MLRunLikeError as exc:  # one broken schedule does not stop the others
                _LOG.error("schedule %r: %s", document.get("name"), exc)
                self._store.store_schedule(document, None)
                continue
            for firing in firings:
                self._pool.submit(self.fire, schedule, firing)
        if coming is None:
            return self._longest
        return min(self._longest, max(0.0, coming - time.time()))

    def _look(self, schedule: ScheduleDoc, due: float) -> None:
        """Look at a trigger's source in a thread of its own: it may take long to answer."""
        place = (schedule.project, schedule.name)
        if place in self._looking:
            return
        self._looking.add(place)

        def work() -> None:
            try:
                for firing in claim_events(self._store, schedule, due):
                    self._pool.submit(self.fire, schedule, firing)
            except MLRunLikeError as exc:  # the store may be back in a moment
                _LOG.warning("trigger %s: %s", schedule.name, exc)
            finally:
                self._looking.discard(place)

        self._looks.submit(work)

    def invoke(self, schedule: ScheduleDoc) -> Firing:
        """Run a schedule's function now, besides its times; gives what was recorded.

        The run's uid stands in the history, and the policy on concurrency holds.
        """
        now = time.time()
        firing = Firing(now, now, "running", text=own_mark())
        self._store.record_firing(schedule.project, schedule.name, firing)
        return self.fire(schedule, firing)

    def fire(self, schedule: ScheduleDoc, firing: Firing) -> Firing:
        """Run one claimed time of a schedule to its end; gives what was recorded."""
        try:
            done = self._fire(schedule, firing)
        except MLRunLikeError as exc:
            done = firing._replace(outcome="error", text=str(exc))
        except Exception as exc:  # noqa: BLE001 - the boundary of a thread: it must be recorded
            done = firing._replace(outcome="error", text=f"{type(exc).__name__}: {exc}")
        self._store.record_firing(schedule.project, schedule.name, done)
        _LOG.info("%s/%s: %s %s %s", schedule.project, schedule.name, *done[2:])
        return done

    def _fire(self, schedule: ScheduleDoc, firing: Firing) -> Firing:
        others = [
            item
            for item in going_on(self._store, schedule, config.lost_after)
            if item.due != firing.due
        ]
        policy = schedule.spec.concurrency
        if others and policy == "forbid":
            text = f"the run of {_clock(others[0].due)} still goes on"
            return firing._replace(outcome="skipped", text=text)
        for other in others if policy == "replace" else ():
            self._abort(schedule, other)
        run = run_of(schedule, firing.due)
        give_event(schedule, firing, run)
        run.metadata.uid = new_uid()
        firing = firing._replace(uid=run.metadata.uid)
        self._store.record_firing(schedule.project, schedule.name, firing)
        function = import_function(f"db://{schedule.spec.function}")
        if function.kind in _HERE:
            function.kind = "process"
        if self._allow is not None:
            self._allow(function, run)
        try:
            with self._around(schedule):
                finished = run_document(function, run)
        except RunError as exc:
            return firing._replace(outcome=_outcome(self._store, firing, schedule), text=exc.what)
        return firing._replace(outcome=finished.state(), text="")

    def _abort(self, schedule: ScheduleDoc, other: Firing) -> None:
        try:
            self._store.set_run_state(schedule.project, other.uid, 0, "aborting", "")
        except (NotFoundError, StateError):
            return  # not recorded yet, or over already


def _outcome(store: FullStore, firing: Firing, schedule: ScheduleDoc) -> str:
    try:
        status = store.read_run(schedule.project, firing.uid)["status"]
    except NotFoundError:
        return "error"
    return str(status.get("state", "error"))


def _clock(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(when))
