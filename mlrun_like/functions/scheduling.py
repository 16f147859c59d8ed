"""Runs that start by themselves: stored instead of started."""

from __future__ import annotations

import sys
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.notifying import check_public
from mlrun_like.registry import resolve
from mlrun_like.runs.job import Job
from mlrun_like.runs.object import RunObject

__all__ = ["check_later", "scheduled"]


def check_later(given: dict[str, Any]) -> None:
    """Refuse what starts by itself one day and needs something of this process.

    Raises:
        InvalidArgumentError: saying what it is.
    """
    given["schedule"] = resolve("mlrun_like.schedules.define:to_schedule")(given["schedule"])
    if given["local"]:
        raise InvalidArgumentError(
            "local and schedule cannot be used together: this process may be gone by then",
            fix="leave local=True out",
        )
    check_public(given["notifications"])
    if any(item.get("kind") == "inline" for item in given["secret_sources"]):
        raise InvalidArgumentError(
            "the values of inline secrets are never stored, so a scheduled run cannot have them",
            fix='with_secrets("file", "/path/secrets.env") or with_secrets("env", "A,B"), where '
            "`mlrun-like schedules serve` runs",
        )


def scheduled(job: Job, when: Any) -> RunObject:
    """Store a run as one that starts by itself; gives it, not started."""
    schedule = resolve("mlrun_like.schedules.define:schedule_job")(job, when)
    when = schedule.spec.cron or "trigger"
    text = f"scheduled as {schedule.name!r}: {when}, next {schedule.next_run_time}"
    job.run.status.status_text, job.run.status.start_time = text, None
    remote = job.store.url.startswith("http")
    who = "the service" if remote else "`mlrun-like schedules serve`"
    sys.stderr.write(f"mlrun-like: {text}; {who} runs it\n")
    found = RunObject(job.run, job.store)
    found.scheduled = True
    return found
