"""One application on one endpoint in one pass: its due windows, one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import MLRunLikeError, StoreUnavailableError
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.definitions import Application
from mlrun_like.monitoring.applications.frames import EventFrames
from mlrun_like.monitoring.applications.journal import Fallen, Journal
from mlrun_like.monitoring.applications.report import PassReport
from mlrun_like.monitoring.applications.runner import Runner
from mlrun_like.monitoring.applications.view import EndpointView, Window
from mlrun_like.monitoring.applications.windows import Due, split
from mlrun_like.monitoring.applications.writing import (
    Written,
    failure_happening,
    from_results,
    plain_document,
)
from mlrun_like.runs.logger import Logger
from mlrun_like.tracking.alert_abilities import Happening
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.window_abilities import (
    ResultRow,
    WindowCommit,
    WindowCursor,
    WindowRow,
)

__all__ = ["Task"]

_PAUSE = 10.0
"""Seconds until a failed window is tried again; twice as long after each failure."""
_LONGEST_PAUSE = 600.0
_COMMIT_AFTER = 1.0
"""Seconds of work after which what is finished is written."""
_COMMIT_WINDOWS = 512
_TOGETHER = 64
"""Windows that are handed to the thread of applications at a time."""


@dataclass
class _Ready:
    """Windows that wait to be handed over.

    `empty_after` is the end of the empty windows behind a window, by its number; `failed` is a
    window whose events cannot be read, and `error` says why.
    """

    windows: list[Window] = field(default_factory=list)
    empty_after: dict[int, float] = field(default_factory=dict)
    failed: tuple[float, float] | None = None
    error: str = ""

    def next_span(self) -> tuple[float, float]:
        """The window that comes first now."""
        if self.windows:
            return self.windows[0].start, self.windows[0].end
        return self.failed or (0.0, 0.0)

    def drop(self, count: int) -> None:
        """Forget the first ones, which are done."""
        del self.windows[:count]
        moved = {number - count: end for number, end in self.empty_after.items()}
        self.empty_after = {number: end for number, end in moved.items() if number >= 0}


@dataclass
class Task:
    """Due windows of an application on an endpoint.

    Args:
        application: The application, loaded.
        project: The project.
        view: The endpoint.
        cursor: How far it has come; None: it never ran here.
        due: The span.
        now: The time of the pass.
        store: Where results go.
        report: Counts.
        journal: Where the window is named that is worked on.
        fallen: Windows of it at which processes ended.
    """

    application: Application
    project: str
    view: EndpointView
    cursor: WindowCursor | None
    due: Due
    now: float
    store: FullStore
    report: PassReport
    journal: Journal | None = None
    fallen: Sequence[Fallen] = ()
    ended: bool = False
    """Whether the commit that was given last is the last one."""
    _windows: list[WindowRow] = field(default_factory=list)
    _results: list[ResultRow] = field(default_factory=list)
    _happenings: list[Happening] = field(default_factory=list)
    _stats: dict[str, Any] = field(default_factory=dict)
    _position: float | None = None
    _finished: int = 0
    _given_up: set[float] = field(default_factory=set)

    @property
    def key(self) -> str:
        """`project/application`, for messages."""
        return f"{self.project}/{self.application.name}"

    def run(self, frames: EventFrames, runner: Runner, logger: Logger) -> Any:
        """Go through the windows; yields a commit whenever one should be written, and is told
        (by `send`) whether it was."""
        self._miss(frames)
        if self.fallen:
            self._crashed()
            if not (yield self._commit(self.cursor or self._cursor(self.due.start))):
                return
        spans = split(self.due.start, self.due.end, self.application.period * 60)
        begun, ready = time.monotonic(), _Ready()
        while True:
            self._gather(frames, spans, ready)
            if ready.failed is None and not ready.windows:
                break
            error = self._call(ready, runner, logger)
            if error:
                row, cursor = self._failed(ready.next_span(), error)
                self._windows.append(row)
                self.ended = True
                yield self._commit(cursor)
                return
            busy = time.monotonic() - begun
            if busy > _COMMIT_AFTER or len(self._windows) >= _COMMIT_WINDOWS:
                written = yield self._commit(self._cursor(self._position or self.due.start))
                if not written:
                    return
                begun = time.monotonic()
        if self._position is not None:
            self.ended = True
            yield self._commit(self._cursor(self._position))

    def _gather(
        self, frames: EventFrames, spans: Iterator[tuple[float, float]], ready: _Ready
    ) -> None:
        """Take windows until there are enough to hand over; those without events are done."""
        instance = self.application.instance
        while ready.failed is None and len(ready.windows) < _TOGETHER:
            span = next(spans, None)
            if span is None:
                return
            if span[0] in self._given_up:
                self._position, ready.empty_after = _past(self._position, ready, span[1])
                continue
            try:
                window = frames.window(*span)
            except StoreUnavailableError:
                raise  # nobody's fault here: the next pass begins where this one stood
            except (MLRunLikeError, ValueError, OSError) as exc:
                ready.failed = span
                ready.error = f"the events cannot be read: {exc}"
                return
            if window is None and instance is not None and instance.empty_windows:
                window = Window(*span, 0, frames.nothing)
            if window is not None:
                ready.windows.append(window)
                continue
            self.report.empty += 1
            self._position, ready.empty_after = _past(self._position, ready, span[1])

    def _call(self, ready: _Ready, runner: Runner, logger: Logger) -> str:
        """Hand windows over; why one failed, or an empty text. What was not begun stays."""
        instance = self.application.instance
        if ready.windows and instance is not None:
            calls = [self._bound(instance, window, logger) for window in ready.windows]
            outcome = runner.run(self.key, calls, self.application.timeout, _COMMIT_AFTER)
            for number, written in enumerate(outcome.values):
                self._take(ready.windows[number], written)
                self._position = ready.empty_after.get(number, self._position)
            ready.drop(len(outcome.values))
            if outcome.error:
                return outcome.error
        return "" if ready.windows else ready.error

    def _bound(
        self, instance: ModelMonitoringApplicationBase, window: Window, logger: Logger
    ) -> Callable[[], Written]:
        def call() -> Written:
            context = MonitoringApplicationContext(
                self.application.name, self.project, self.view, window,
                store=self.store, logger=logger,
            )  # fmt: skip
            if self.journal is not None:
                place = (self.project, self.view.endpoint.metadata.uid, self.application.name)
                self.journal.note(Fallen(*place, window.start, window.end))
            # what is made from the results may run user code, too
            return from_results(context, instance.do(context)[0])

        return call

    def _take(self, window: Window, written: Written) -> None:
        """Keep what a window led to."""
        attempts = 0 if self._finished or self._position is not None else self._attempts()
        row = WindowRow(window.start, window.end, "done", window.rows, attempts + 1, "")
        self._windows.append(row)
        self._results += written.rows
        self._happenings += written.happenings
        for one in written.stats:
            self._stats[one.name] = one
        self._finished += 1
        self._position = window.end

    def _miss(self, frames: EventFrames) -> None:
        """Note the windows that are too old, if there was anything in them."""
        begin, end = self.due.missed, self.due.start
        if begin is None or end <= begin:
            return
        self._position = end
        if frames.any(begin, end):
            self.report.missed += 1
            text = "older than the setting monitoring_catch_up"
            self._windows.append(WindowRow(begin, end, "missed", 0, 0, text))

    def _crashed(self) -> None:
        """Count how often a window ended its process; after the allowed tries it is given up."""
        uid, name = self.view.endpoint.metadata.uid, self.application.name
        known = {row.start: row for _, _, row in self.store.list_windows(self.project, uid, name)}
        for _, _, _, start, end, _ in self.fallen:
            if start < self.due.start or (start in known and known[start].state == "done"):
                continue
            attempts = (known[start].attempts if start in known else 0) + 1
            error = f"the process ended {attempts} times while it worked on this window"
            if attempts <= self.application.retries:
                self._windows.append(WindowRow(start, end, "failed", 0, attempts, error))
                continue
            self._given_up.add(start)
            self.report.skipped += 1
            self.report.errors[self.key] = error
            self._windows.append(WindowRow(start, end, "skipped", 0, attempts, error))
            self._happenings.append(failure_happening(self.project, uid, name, end, error))

    def _attempts(self) -> int:
        return self.cursor.attempts if self.cursor is not None else 0

    def _cursor(self, done: float, **changes: Any) -> WindowCursor:
        skipped = 0 if self._finished else (self.cursor.skipped if self.cursor else 0)
        cursor = WindowCursor(
            self.project, self.view.endpoint.metadata.uid, self.application.name, done,
            skipped=skipped, updated=self.now,
        )  # fmt: skip
        return cursor._replace(**changes)

    def _failed(self, span: tuple[float, float], error: str) -> tuple[WindowRow, WindowCursor]:
        """What is recorded of a failure: it is tried again, or the window is given up.

        After a window was given up, the next ones get one try each, until one goes well: a broken
        application must not fall ever further behind.
        """
        start, end = span
        place = self.view.endpoint.metadata.uid
        first = self._position is None and not self._finished
        attempts = (self._attempts() if first else 0) + 1
        skipped = 0 if self._finished else (self.cursor.skipped if self.cursor else 0)
        allowed = 1 if skipped else self.application.retries + 1
        self.report.errors[self.key] = error
        happening = failure_happening(self.project, place, self.application.name, end, error)
        self._happenings.append(happening)
        if attempts >= allowed:
            self.report.skipped += 1
            cursor = self._cursor(end, skipped=skipped + 1, error=error)
            return WindowRow(start, end, "skipped", 0, attempts, error), cursor
        self.report.failed += 1
        pause = min(_LONGEST_PAUSE, _PAUSE * 2 ** (attempts - 1))
        cursor = self._cursor(
            start, attempts=attempts, retry_at=self.now + pause, skipped=skipped, error=error
        )
        return WindowRow(start, end, "failed", 0, attempts, error), cursor

    def _commit(self, cursor: WindowCursor) -> WindowCommit:
        """What has gathered since the last commit."""
        stats = {name: plain_document(one.document()) for name, one in self._stats.items()}
        before = None if self.cursor is None else self.cursor.done
        commit = WindowCommit(cursor, before, self._windows, self._results, stats, self._happenings)
        self._windows, self._results, self._happenings = [], [], []
        self._stats = {}
        self.cursor = cursor
        return commit


def _past(
    position: float | None, ready: _Ready, end: float
) -> tuple[float | None, dict[int, float]]:
    """Where the cursor stands when a window without work is passed."""
    if not ready.windows:
        return end, ready.empty_after
    return position, {**ready.empty_after, len(ready.windows) - 1: end}
