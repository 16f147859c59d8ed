"""Who is told about a run: when it starts, and when it ends; sent where it was submitted."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.notifications.outbox import Outbox
from mlrun_like.notifications.sending import due
from mlrun_like.runs.job import Job
from mlrun_like.specs.notification import Notification, read_notifications
from mlrun_like.specs.run import TERMINAL, RunDoc

__all__ = ["announce_end", "announce_start", "announced", "check_public"]

_LOG = logging.getLogger(__name__)
_PATIENCE = 1.0
"""Seconds that a run that has ended waits to learn what became of its notifications."""


def announce_start(job: Job) -> None:
    """Tell those who want to know when a run starts; nobody waits for what comes of it."""
    found = due(job.notifications, "running")
    if found:
        run = job.run.to_dict()
        run["status"]["state"] = "running"
        job.outbox = Outbox(dict(job.secrets))
        job.outbox.send(found, [run])


def announce_end(job: Job, finished: RunDoc) -> None:
    """Tell those who want to know how a run ended, and record what came of it.

    The outcomes of receivers that do not answer within a second are recorded when they come.
    """
    if not job.notifications:
        return
    box: Outbox = job.outbox or Outbox(dict(job.secrets))
    box.send(due(job.notifications, finished.status.state), [finished.to_dict()])
    if not box.outcomes:
        return
    box.wait(_PATIENCE, lambda: _record(job, finished, box))
    finished.status.notifications = {**finished.status.notifications, **box.outcomes}
    try:
        job.store.store_run(finished.to_dict())
    except MLRunLikeError as exc:  # the run itself is recorded
        _LOG.warning("the outcome of notifications of %s: %s", finished.metadata.name, exc.what)


def _record(job: Job, finished: RunDoc, box: Outbox) -> None:
    """Write outcomes that came late, unless the run goes on again or was deleted."""
    meta = finished.metadata
    finished.status.notifications = {**finished.status.notifications, **box.outcomes}
    try:
        run = job.store.read_run(meta.project, meta.uid, meta.iteration)
        if run["status"].get("state") not in TERMINAL:
            return
        known = run["status"].get("notifications") or {}
        run["status"]["notifications"] = {**known, **box.outcomes}
        job.store.store_run(run)
    except Exception as exc:  # noqa: BLE001 - the boundary of a thread: the store may be closed
        _LOG.warning("the outcome of notifications of %s: %s", meta.name, exc)


@contextmanager
def announced(
    job: Job, notifications: Sequence[Notification], secrets: Mapping[str, str]
) -> Iterator[None]:
    """Around what executes a job here: tell its start and its end."""
    job.secrets = {**secrets, **job.secrets}
    job.notifications = list(notifications)
    job.run.spec.notifications = [item.public() for item in notifications]
    announce_start(job)
    try:
        yield
    finally:
        announce_end(job, job.run)


def check_public(notifications: Any) -> None:
    """Refuse secret values in what is stored and runs one day.

    Raises:
        InvalidArgumentError: naming the first notification that holds one.
    """
    for item in read_notifications(notifications):
        if item.has_values:
            key = next(iter(item.secret_params))
            raise InvalidArgumentError(
                f"the secret values of notification {item.name!r} are never stored, so a scheduled "
                "run cannot have them",
                fix=f'name a secret instead: secret_params={{"{key}": {{"secret": "MY_SECRET"}}}}',
            )
