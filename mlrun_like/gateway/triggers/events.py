"""Named events (alerts, drift, promotions) and the ends of runs and pipelines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import orjson

from mlrun_like.gateway.triggers.config import TriggerConfig, seconds
from mlrun_like.gateway.triggers.event import Event
from mlrun_like.gateway.triggers.source import Source
from mlrun_like.gateway.triggers.spool import Posted, Spool
from mlrun_like.schedules.sources import look, start_state
from mlrun_like.specs.trigger import Trigger
from mlrun_like.tracking.connect import open_store

__all__ = ["EventsSource"]

_MOST_AHEAD = 500
RUN_ENDED = "run-ended"
"""Name of the event that a run, or a pipeline, has ended."""


class EventsSource(Source):
    """Attributes: `events` (names with `*`; default: all that are posted), `projects` (default: the
    function's own; `*`: all), `runs` (true, or `name`, `states`, `labels` of the runs whose end is
    an event `run-ended`; a pipeline is a run, too), `interval` (5s, between looks for runs).
    """

    def __init__(self, config: TriggerConfig, home: Path) -> None:
        super().__init__(config, home)
        given = config.attributes
        self._names = _texts(given.get("events")) or ["*"]
        self._project = config.key.partition("/")[0]
        self._projects = _texts(given.get("projects")) or [self._project]
        runs = given.get("runs")
        self._runs: dict[str, Any] | None = dict(runs) if isinstance(runs, dict) else None
        if runs is True:
            self._runs = {}
        self._interval = seconds(given.get("interval", "5s"))
        self._spool: Spool | None = None
        self._read = 0
        self._out: dict[int, bool] = {}
        """Number of what was handed out, or is not wanted -> whether it is done; in order."""
        self._next = 0.0

    def open(self) -> None:
        self.close()
        spool = self._spool = Spool(self.home)
        spool.join(self.config.id)
        self._read = spool.upto(self.config.id)
        self._out.clear()
        self._next = 0.0

    def read(self, most: int, wait: float) -> list[Event]:
        deadline = time.monotonic() + wait
        while self._spool is not None:
            if self._runs is not None and time.monotonic() >= self._next:
                self._look_for_runs(self._spool)
                self._next = time.monotonic() + self._interval
            found = []
            ahead = max(0, _MOST_AHEAD - len(self._out))
            for posted in self._spool.after(self.config.id, self._read, min(most, ahead)):
                self._read = posted.number
                wanted = self._wanted(posted)
                self._out[posted.number] = not wanted
                if wanted:
                    found.append(self._event(posted))
            if found:
                return found
            self._move()
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(left, 0.2))
        return []

    def _wanted(self, posted: Posted) -> bool:
        if posted.name == RUN_ENDED and "run" in posted.data:
            return self._runs is not None
        named = any(fnmatchcase(posted.name, pattern) for pattern in self._names)
        project = posted.project
        return named and (
            not project or any(fnmatchcase(project, pattern) for pattern in self._projects)
        )

    def _event(self, posted: Posted) -> Event:
        body = orjson.dumps(
            {
                "kind": "event",
                "name": posted.name,
                "project": posted.project,
                "at": posted.at,
                "data": posted.data,
            }
        )
        headers = {"content-type": "application/json", "event-name": posted.name}
        event = Event(
            body,
            headers,
            topic=posted.name,
            offset=str(posted.number),
            time=posted.at,
            id=f"{self.config.id} {posted.number}",
        )
        event.path = self.config.path
        event.raw = posted.number
        return event

    def _look_for_runs(self, spool: Spool) -> None:
        """Write the runs that ended down as events, together with what was seen."""
        wanted = self._runs or {}
        trigger = Trigger(
            "run",
            str(wanted.get("name") or ""),
            states=tuple(_texts(wanted.get("states")) or ("completed", "error", "aborted")),
            labels=dict(wanted.get("labels") or {}),
            interval=max(1.0, self._interval),
        )
        text = spool.state(self.config.id)
        state = orjson.loads(text) if text else start_state(trigger)
        rows: list[dict[str, Any]] = []
        for project in self._projects if "*" not in self._projects else [self._project]:
            rows += look(trigger, state, open_store(), (project, self.config.name))[0]
        with spool.writing() as db:
            for row in rows:
                spool.add(db, RUN_ENDED, {"run": row["key"], **row}, "", self.config.id)
            db.execute(
                "UPDATE readers SET state = ? WHERE name = ?",
                (orjson.dumps(state).decode(), self.config.id),
            )

    def ack(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.raw in self._out:
                self._out[event.raw] = True
        self._move()

    def _move(self) -> None:
        """Note up to where everything is done."""
        last = 0
        for number, done in list(self._out.items()):
            if not done:
                break
            last = number
            del self._out[number]
        if last and self._spool is not None:
            self._spool.done(self.config.id, last)

    def close(self) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.close()


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value or ()]
