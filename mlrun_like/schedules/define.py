"""Schedules as they are made, changed and looked at."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timezone
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.functions.placing import choose_runtime
from mlrun_like.names import check_run_name
from mlrun_like.registry import resolve
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.schedules.cron import check_cron, next_time, shortest_gap
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.specs.schedule import Schedule, ScheduleDoc, ScheduleSpec
from mlrun_like.specs.trigger import Trigger, read_trigger
from mlrun_like.tracking.abilities import ScheduleStore

__all__ = ["iso", "read_schedule", "run_of", "schedule_job", "set_paused", "to_schedule"]


def to_schedule(value: Any) -> Schedule | Trigger:
    """A schedule as users write it: an expression, a `Schedule`, a `Trigger`, or their fields.

    Raises:
        InvalidArgumentError: if it cannot be read.

    >>> to_schedule("@hourly").cron
    '@hourly'
    """
    if isinstance(value, Trigger):
        return value
    if isinstance(value, Mapping) and "kind" in value and "cron" not in value:
        return read_trigger(value)
    if isinstance(value, str):
        value = Schedule(value)
    elif isinstance(value, Mapping):
        known = [item.name for item in fields(Schedule)]
        for name in value:
            if name not in known:
                raise InvalidArgumentError(
                    f"a schedule has no option {name!r}.{nearest(str(name), known)}",
                    fix=f"options: {', '.join(known)}",
                )
        if "cron" not in value:
            raise InvalidArgumentError(
                "a schedule needs a cron expression", fix='schedule={"cron": "0 * * * *"}'
            )
        value = Schedule(**value)
    if not isinstance(value, Schedule):
        raise InvalidArgumentError(
            f"schedule must be a cron expression or Schedule(...), not {value!r}",
            fix='fn.run(schedule="0 * * * *")',
        )
    check_cron(value.cron, value.time_zone)
    least = config.schedule_min_interval
    if least and shortest_gap(value.cron, value.time_zone, time.time()) < least:
        raise InvalidArgumentError(
            f"schedule {value.cron!r} runs more often than every {least:g} s",
            where="setting 'schedule_min_interval'",
            fix="let more time pass between two runs, or change the setting",
        )
    return value


def schedule_job(job: Job, value: Any) -> ScheduleDoc:
    """Store a run as one that starts by itself; one of the same name is replaced.

    Args:
        job: What `fn.run` would start; its function is recorded already.
        value: See `to_schedule`.

    Raises:
        InvalidArgumentError: if the schedule cannot be read.
    """
    given = to_schedule(value)
    store = _store_of(job)
    run = job.run.model_copy(deep=True)
    run.metadata.uid = ""
    run.status.state, run.status.start_time = "created", None
    first = _first(given)
    schedule = ScheduleDoc(
        name=check_run_name(given.name or run.metadata.name),
        project=run.metadata.project,
        labels=dict(run.metadata.labels),
        creation_time=utc_now(),
        next_run_time=iso(first),
        spec=_spec(given, run),
    )
    choose_runtime(job.function)  # its kind can run somewhere
    store.store_schedule(schedule.to_dict(), first)
    return schedule


def _first(given: Schedule | Trigger) -> float | None:
    if isinstance(given, Trigger):
        return time.time()
    return next_time(given.cron, given.time_zone, time.time())


def _spec(given: Schedule | Trigger, run: RunDoc) -> ScheduleSpec:
    if isinstance(given, Trigger):
        # what is there now is not new; later it would be too late to know
        state = resolve("mlrun_like.schedules.sources:start_state")(given)
        return ScheduleSpec(
            concurrency="allow",
            trigger=given.to_dict(),
            state=state,
            function=run.spec.function,
            run=run,
        )
    return ScheduleSpec(
        cron=given.cron,
        time_zone=given.time_zone,
        concurrency=given.concurrency,
        missed=given.missed,
        grace=given.grace,
        function=run.spec.function,
        run=run,
    )


def _store_of(job: Job) -> ScheduleStore:
    if not isinstance(job.store, ScheduleStore):
        raise InvalidArgumentError(
            f"the tracking store {job.store.url!r} keeps no schedules",
            fix="use a SQLite or PostgreSQL store: setting dbpath",
        )
    return job.store


def read_schedule(store: ScheduleStore, project: str, name: str) -> ScheduleDoc:
    """A stored schedule.

    Raises:
        NotFoundError: if there is none.
    """
    return _parse(store.read_schedule(project, name))


def _parse(document: Mapping[str, Any]) -> ScheduleDoc:
    return parse(ScheduleDoc, document, f"schedule {document.get('name')!r}")


def set_paused(store: ScheduleStore, project: str, name: str, paused: bool) -> ScheduleDoc:
    """Pause or resume a schedule; what falls into a pause is not run afterwards.

    Raises:
        NotFoundError: if there is none.
    """
    schedule = read_schedule(store, project, name)
    schedule.paused = paused
    spec = schedule.spec
    if spec.trigger:
        coming: float | None = None if paused else time.time()
    else:
        coming = None if paused else next_time(spec.cron, spec.time_zone, time.time())
    schedule.next_run_time = iso(coming)
    store.store_schedule(schedule.to_dict(), coming)
    return schedule


def iso(when: float | None) -> str | None:
    """Seconds since 1970 as an ISO text in UTC."""
    if when is None:
        return None
    return datetime.fromtimestamp(when, tz=timezone.utc).isoformat()


def run_of(schedule: ScheduleDoc, due: float) -> RunDoc:
    """The run of one time of a schedule, with labels that say so."""
    run = schedule.spec.run.model_copy(deep=True)
    run.metadata.labels = {**run.metadata.labels, "schedule": schedule.name[:63]}
    run.metadata.annotations = {**run.metadata.annotations, "due": iso(due) or ""}
    return run
