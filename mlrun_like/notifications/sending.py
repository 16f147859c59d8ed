"""Which notifications are due, sent with retries; a failure is an outcome, never an error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from mlrun_like.configuration import config, environment
from mlrun_like.errors import (
    AccessDeniedError,
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    UnknownNameError,
)
from mlrun_like.notifications.message import Message, headline
from mlrun_like.notifications.template import fill, holds
from mlrun_like.registry import load
from mlrun_like.specs.notification import MASK, Notification, is_reference

__all__ = ["Outcome", "Sender", "Subject", "deliver", "due", "send"]

Sender = Callable[[Message, Mapping[str, Any]], None]
"""What a kind is: it sends a message, or raises one of our errors."""
Outcome = dict[str, Any]
"""`kind`, `status` (`sent`, `error` or `skipped`), `sent_time`, `reason`, `attempts`."""

_LOG = logging.getLogger(__name__)
_FINAL = (InvalidArgumentError, NotFoundError, UnknownNameError, AccessDeniedError)
_ATTEMPTS = 3
_PAUSE = 0.5
"""Seconds before the second attempt; each further pause is twice as long."""


def due(notifications: Iterable[Notification], state: str) -> list[Notification]:
    """Those that are sent when a run reaches a state."""
    return [item for item in notifications if state in item.when]


@dataclass(frozen=True)
class Subject:
    """What a notification is about.

    Args:
        text: What is said, if the notification has no message of its own.
        values: What its templates may name.
        runs: The documents of runs.
        severity: Instead of the notification's.
        facts: Names and values that are shown below the text.
        data: What programs get besides.
        key: By which a receiver knows a second delivery.
    """

    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    runs: Sequence[Mapping[str, Any]] = ()
    severity: str = ""
    facts: Sequence[tuple[str, str]] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""


def send(
    notification: Notification,
    runs: Sequence[Mapping[str, Any]],
    secrets: Mapping[str, str],
    text: str = "",
) -> Outcome:
    """Send one about runs, up to three times; gives its outcome, whatever happens."""
    values = {"run": runs[0] if runs else {}, "runs": list(runs)}
    return deliver(notification, Subject(text, values, runs), secrets, attempts=_ATTEMPTS)


def deliver(
    notification: Notification,
    subject: Subject,
    secrets: Mapping[str, str],
    *,
    attempts: int = 1,
) -> Outcome:
    """Send one about anything; gives its outcome, whatever happens.

    Args:
        notification: Where it goes, and what is said.
        subject: What it is about.
        secrets: Values of secrets, besides the environment's.
        attempts: Tries at most, here and now.

    Returns:
        The outcome; `again` is true if a later try may work.
    """
    hidden: set[str] = set()
    outcome: Outcome = {"kind": notification.kind, "status": "error", "attempts": 0}
    try:
        _send(notification, subject, secrets, attempts, (outcome, hidden))
    except MLRunLikeError as exc:
        outcome["reason"] = _masked(f"{exc.what}; {exc.fix}" if exc.fix else exc.what, hidden)
        outcome["again"] = not isinstance(exc, _FINAL)
    except Exception as exc:  # noqa: BLE001 - the boundary of code of plug-ins: a run never fails
        outcome["reason"] = _masked(f"{type(exc).__name__}: {exc}", hidden)
        outcome["again"] = True
    if outcome["status"] == "error":
        _LOG.warning("notification %r: %s", notification.name, outcome.get("reason"))
    return outcome


def _send(
    notification: Notification,
    subject: Subject,
    secrets: Mapping[str, str],
    attempts: int,
    told: tuple[Outcome, set[str]],
) -> None:
    outcome, hidden = told
    runs = subject.runs
    if not holds(notification.condition, subject.values):
        outcome.update(status="skipped", reason=f"not {notification.condition}")
        return
    sender: Sender = load("notifications", notification.kind)
    params = _params(notification, secrets, hidden)
    said = fill(notification.message, subject.values) or subject.text
    said = said or (headline(runs[0]) if runs else notification.name)
    message = Message(
        said,
        subject.severity or notification.severity,
        runs,
        notification.name,
        subject.facts,
        subject.data,
        subject.key,
    )
    pause = _PAUSE
    while True:
        outcome["attempts"] += 1
        try:
            sender(message, params)
        except _FINAL:
            raise  # the next attempt would be the same
        except MLRunLikeError:
            if outcome["attempts"] == attempts:
                raise
            time.sleep(pause)
            pause *= 2
            continue
        outcome.update(status="sent", sent_time=datetime.now(timezone.utc).isoformat())
        return


def _params(
    notification: Notification, secrets: Mapping[str, str], hidden: set[str]
) -> dict[str, Any]:
    """All params, references to secrets resolved; `hidden` gets the values never to be shown."""
    found = dict(notification.params)
    for key, value in {**notification.params, **notification.secret_params}.items():
        secret = key in notification.secret_params
        if is_reference(value):
            name, secret = str(value["secret"]), True
            # the variables of a service are not those of who wrote the notification
            own = None if config.guarded else environment(name)
            value = secrets.get(name, own)
            if value is None:
                raise NotFoundError(
                    f"there is no secret {name!r} for its param {key!r}",
                    fix=f"set the project's secret {name}"
                    if config.guarded
                    else f"set the variable {name}, or give it with with_secrets(...)",
                )
        if secret and value == MASK:
            raise InvalidArgumentError(
                f"the value of {key!r} was never recorded",
                fix=f'name a secret: secret_params={{"{key}": {{"secret": "MY_SECRET"}}}}',
            )
        if secret:
            hidden.add(str(value))
        found[key] = value
    return found


def _masked(text: str, hidden: set[str]) -> str:
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) >= 4:  # a shorter one occurs in texts that have nothing to do with it
            text = text.replace(value, MASK)
    return text
