"""What is due: which times are run, which are noted as missed or skipped."""

from __future__ import annotations

import os
import socket
import time
from typing import NamedTuple

from mlrun_like.errors import NotFoundError
from mlrun_like.schedules.cron import next_time, times_between
from mlrun_like.schedules.define import iso
from mlrun_like.specs.run import TERMINAL
from mlrun_like.specs.schedule import ScheduleDoc
from mlrun_like.tracking.abilities import Firing
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.process import own_start_time, process_alive

__all__ = ["Plan", "claim", "going_on", "own_mark", "plan"]

_MOST = 100


class Plan(NamedTuple):
    """What becomes of a schedule that is due.

    Args:
        firings: Its times since it was last looked at; those to run have the outcome `running`.
        next_time: When it is due again; None: never.
    """

    firings: list[Firing]
    next_time: float | None


def plan(schedule: ScheduleDoc, due: float, now: float) -> Plan:
    """Decide which of the times from `due` to `now` are run.

    Args:
        schedule: It.
        due: Its oldest time that was not looked at, seconds since 1970.
        now: The present time.
    """
    spec = schedule.spec
    times, total = times_between(spec.cron, spec.time_zone, due, now, _MOST)
    late = [when for when in times if now - when > spec.grace]
    if spec.missed == "skip":
        run = times[len(late) :]
    elif spec.missed == "once":
        run = times[-1:]
    else:
        run = times
    left_out = total - len(run)
    firings = [Firing(when, now, "running", text=own_mark()) for when in run]
    if left_out:
        text = f"{left_out} times passed while nothing was there to run them"
        first = next(when for when in [due, *times] if when not in run)
        firings.insert(0, Firing(first, now, "missed", text=text))
    return Plan(firings, next_time(spec.cron, spec.time_zone, now))


def claim(
    store: FullStore, schedule: ScheduleDoc, due: float, now: float | None = None
) -> list[Firing]:
    """Take what is due, unless another service was faster; the firings to run."""
    moment = time.time() if now is None else now
    firings, coming = plan(schedule, due, moment)
    schedule.next_run_time = iso(coming)
    mine = store.claim_firings(schedule.to_dict(), due, coming, firings)
    return [item for item in mine if item.outcome == "running"]


def going_on(store: FullStore, schedule: ScheduleDoc, lost_after: float) -> list[Firing]:
    """The earlier firings whose run still goes on; those that ended meanwhile are put right.

    Args:
        store: Where they are recorded.
        schedule: Whose they are.
        lost_after: Seconds after which a firing without a run counts as lost.
    """
    found = []
    for firing in store.list_firings(schedule.project, schedule.name):
        if firing.outcome != "running":
            continue
        state, error = _state_of(store, schedule.project, firing)
        if state in TERMINAL:
            ended = firing._replace(outcome=state, text=error)
            store.record_firing(schedule.project, schedule.name, ended)
        elif not state and (time.time() - firing.fired > lost_after or _deserted(firing)):
            lost = firing._replace(outcome="lost", text="the service ended before the run started")
            store.record_firing(schedule.project, schedule.name, lost)
        else:
            found.append(firing)
    return found


def own_mark() -> str:
    """Who fires: this process, in a form that another one on this machine can check."""
    pid = os.getpid()
    return f"{socket.gethostname()} {pid} {own_start_time(pid)!r}"


def _deserted(firing: Firing) -> bool:
    """Whether the service that claimed a firing is known to be gone."""
    try:
        host, pid, started = firing.text.split(" ")
        return host == socket.gethostname() and not process_alive(int(pid), float(started))
    except ValueError:
        return False


def _state_of(store: FullStore, project: str, firing: Firing) -> tuple[str, str]:
    if not firing.uid:
        return "", ""
    try:
        status = store.read_run(project, firing.uid)["status"]
    except NotFoundError:
        return "", ""
    return status.get("state", ""), status.get("error") or ""
