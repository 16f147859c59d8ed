"""Schedules as plain data: rows of a list, and one with its history and its next times."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.schedules.cron import next_time
from mlrun_like.schedules.define import iso, read_schedule
from mlrun_like.schedules.firing import going_on
from mlrun_like.specs.schedule import ScheduleDoc
from mlrun_like.specs.trigger import read_trigger
from mlrun_like.tracking.abilities import Firing
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["firing_row", "next_times", "schedule_data", "schedule_row", "schedule_rows"]


def schedule_rows(store: SqlStore, project: str, name: str = "") -> list[Document]:
    """Schedules by name, each with its last firing.

    Args:
        store: The store.
        project: The project; `"*"` or empty: all.
        name: Exactly this, or `~part`.
    """
    return [schedule_row(store, row) for row in store.list_schedules(project, name)]


def schedule_row(store: SqlStore, document: Document) -> Document:
    """What a list shows of a schedule."""
    spec = document.get("spec") or {}
    project, name = str(document.get("project") or ""), str(document.get("name") or "")
    last = store.list_firings(project, name, 1)
    return {
        "name": name,
        "project": project,
        "kind": "trigger" if spec.get("trigger") else "cron",
        "when": _when(spec),
        "cron": spec.get("cron") or "",
        "time_zone": spec.get("time_zone") or "",
        "concurrency": spec.get("concurrency") or "forbid",
        "missed": spec.get("missed") or "once",
        "paused": bool(document.get("paused")),
        "function": spec.get("function") or "",
        "labels": document.get("labels") or {},
        "creation_time": document.get("creation_time"),
        "next_run_time": document.get("next_run_time"),
        "last": firing_row(last[0]) if last else None,
    }


def schedule_data(store: SqlStore, project: str, name: str, limit: int = 100) -> Document:
    """A schedule with its newest firings and its next times.

    Raises:
        NotFoundError: if there is none.
    """
    document = store.read_schedule(project, name)
    schedule = read_schedule(store, project, name)
    going_on(store, schedule, config.lost_after)
    firings = store.list_firings(project, name, limit)
    return {
        "schedule": document,
        "row": schedule_row(store, document),
        "history": [firing_row(item) for item in firings],
        "next_times": next_times(schedule, 5),
    }


def next_times(schedule: ScheduleDoc, count: int) -> list[str]:
    """The coming times as ISO texts; of a trigger, or one that is paused: none."""
    spec = schedule.spec
    found: list[str] = []
    when: float | None = time.time()
    if schedule.paused or spec.trigger:
        return found
    while when is not None and len(found) < count:
        when = next_time(spec.cron, spec.time_zone, when)
        found += [text for text in [iso(when)] if text]
    return found


def firing_row(firing: Firing) -> Document:
    """A firing as plain data; times are ISO texts."""
    return {
        "due": iso(firing.due),
        "fired": iso(firing.fired),
        "outcome": firing.outcome,
        "uid": firing.uid,
        # while it runs, the text is the mark of the process that runs it
        "text": "" if firing.outcome == "running" else firing.text,
    }


def _when(spec: Mapping[str, Any]) -> str:
    if not spec.get("trigger"):
        return str(spec.get("cron") or "")
    try:
        return str(read_trigger(spec["trigger"]))
    except MLRunLikeError:  # a trigger of a package that is not here
        return str(spec["trigger"].get("kind", "trigger"))
