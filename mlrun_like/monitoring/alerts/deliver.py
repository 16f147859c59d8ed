"""Sending what was decided: at least once, each with a key, over restarts of processes.

A delivery waits in the store's outbox. Who takes it holds it by a lease; a process that is killed
lets it go when the lease is over. A failed one is tried again with growing pauses; what has failed
for good is written on the incident's time line. Secrets are read when a message is sent.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import MLRunLikeError
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts.activation import view
from mlrun_like.monitoring.alerts.times import iso, shown_span
from mlrun_like.notifications.sending import Subject
from mlrun_like.notifications.sending import deliver as send_one
from mlrun_like.registry import resolve
from mlrun_like.specs.notification import read_notifications
from mlrun_like.tracking.alert_abilities import (
    Activation,
    ActivationFilter,
    AlertLine,
    AlertStore,
    Letter,
)
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["DeliveryReport", "deliver"]

_LEASE = 180.0
"""Seconds that a delivery may take before others may try it."""
_AT_ONCE = 16
_THREADS = 8
_BUDGET = 20.0
"""Seconds after which nothing more is begun: receivers that hang must not stop the windows."""
_PAUSE, _LONGEST_PAUSE = 15.0, 3600.0
_LOOK_AGAIN = 20.0
"""Seconds between looks at an action that goes on."""
_GOES_ON = ("starting", "running")
_SHOWN = 10
_EXECUTE = "mlrun_like.monitoring.actions.execute:execute"


@dataclass
class DeliveryReport:
    """What became of deliveries.

    Args:
        sent: Notifications that arrived, and actions that were started.
        again: Those that will be tried again.
        failed: Those that are given up.
    """

    sent: int = 0
    again: int = 0
    failed: int = 0


def deliver(project: str = "", store: Store | None = None, *, limit: int = 0) -> DeliveryReport:
    """Send what is due in a project's outbox.

    Args:
        project: Whose; by default the default project.
        store: The store; by default the configured one.
        limit: At most so many; 0: all that are due and can be begun in 20 seconds.

    Raises:
        StoreUnavailableError: if the store cannot be used.
    """
    target: Store = store or open_store()
    report, place = DeliveryReport(), project or settings.default_project
    if not isinstance(target, AlertStore):
        return report
    owner = f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident()}"
    count, ends = 0, time.monotonic() + _BUDGET
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="alerts") as pool:
        while (not limit or count < limit) and time.monotonic() < ends:
            size = min(_AT_ONCE, limit - count) if limit else _AT_ONCE
            now = clock.now()
            letters = target.claim_letters(place, now, now + _LEASE, owner, size)
            if not letters:
                break
            count += len(letters)
            courier = _Courier(target, owner)
            for state in pool.map(courier.carry, letters):
                report.sent += state in ("sent", "skipped")
                report.again += state == "waiting"
                report.failed += state == "failed"
    return report


class _Courier:
    """Delivers letters that this process holds."""

    def __init__(self, store: AlertStore, owner: str) -> None:
        self._store, self._owner = store, owner

    def carry(self, letter: Letter) -> str:
        """Deliver one; the state it has then."""
        incident = self._incident(letter)
        try:
            if letter.kind == "action":
                done, line = self._act(letter, incident)
            else:
                done, line = self._notify(letter, incident)
        except Exception as exc:  # noqa: BLE001 - one bad letter must not stop the others
            said = exc.what if isinstance(exc, MLRunLikeError) else f"{type(exc).__name__}: {exc}"
            done, line = self._later(letter, said, letter.kind == "notification")
        lines = [] if line is None or not letter.number else [line]
        # a lost lease: somebody else has it, and says what became of it
        return done.state if self._store.settle_letter(done, self._owner, lines) else ""

    def _incident(self, letter: Letter) -> Activation | None:
        if not letter.number:
            return None
        found = self._store.list_activations(letter.project, ActivationFilter(number=letter.number))
        return found[0] if found else None

    def _notify(
        self, letter: Letter, incident: Activation | None
    ) -> tuple[Letter, AlertLine | None]:
        (note,) = read_notifications(letter.body["notification"])
        secrets = resolve("mlrun_like.projects.secrets:provider_of")().read(letter.project)
        outcome = send_one(note, _subject(letter, incident), secrets)
        if outcome["status"] == "error":
            return self._later(letter, str(outcome.get("reason")), bool(outcome.get("again")))
        body = {k: v for k, v in letter.body.items() if k != "error"}
        said = {"name": note.name, "to": note.kind, "status": outcome["status"],
                "attempts": letter.attempts}  # fmt: skip
        if outcome.get("reason"):
            said["reason"] = outcome["reason"]
        done = replace(letter, state=str(outcome["status"]), body=body)
        return done, _line(letter, "notification", said)

    def _act(self, letter: Letter, incident: Activation | None) -> tuple[Letter, AlertLine | None]:
        if incident is None:
            return self._later(letter, "its incident is gone", False)
        action: Mapping[str, Any] = letter.body["action"]
        told = {**view(incident).to_dict(), "firing": letter.body.get("firing")}
        outcome = dict(resolve(_EXECUTE)(action, told, self._store))
        state = str(outcome.get("state", ""))
        body = {**letter.body, "outcome": outcome}
        line = None
        if letter.body.get("outcome", {}).get("state") != state:
            line = _line(letter, "action", {**outcome, "action": outcome.get("kind", "")})
        if state in _GOES_ON:
            due = clock.now() + _LOOK_AGAIN
            return replace(letter, due=due, body=body), line
        failed = state in ("failed", "lost")
        return replace(letter, state="failed" if failed else "sent", body=body), line

    def _later(self, letter: Letter, reason: str, again: bool) -> tuple[Letter, AlertLine | None]:
        """Try again after a pause, or give up; the first failure and the last are noted."""
        note: Document = letter.body.get("notification") or letter.body.get("action") or {}
        said: Document = {
            "name": note.get("name") or note.get("kind", ""),
            "to": note.get("kind", ""),
            "status": "error",
            "attempts": letter.attempts,
            "reason": reason[:1000],
        }
        body = {**letter.body, "error": reason[:1000]}
        if not again or letter.attempts >= settings.alerts_attempts:
            said["final"] = True
            return replace(letter, state="failed", body=body), _line(letter, letter.kind, said)
        pause = min(_LONGEST_PAUSE, _PAUSE * 2 ** min(letter.attempts - 1, 10))
        said["again"] = f"in {shown_span(pause)}"
        line = _line(letter, letter.kind, said) if letter.attempts == 1 else None
        return replace(letter, due=clock.now() + pause, body=body), line


def _line(letter: Letter, kind: str, body: Document) -> AlertLine:
    return AlertLine(letter.number, clock.now(), kind, body)


def _subject(letter: Letter, incident: Activation | None) -> Subject:
    """What is told: as the incident is now, so that a group names all that joined it."""
    said = str(letter.body.get("text", ""))
    if incident is None:
        return Subject(said, {"project": letter.project}, severity="warning", key=letter.id)
    told = view(incident)
    shown = ", ".join(told.entities[:_SHOWN]) or told.entity_id
    if len(told.entities) > _SHOWN:
        shown += f" and {len(told.entities) - _SHOWN} more"
    text = said or told.summary
    if len(told.entities) > 1 and not said:
        text += f" ({len(told.entities)} entities: {shown})"
    event = told.events[-1] if told.events else {}
    facts = [
        ("alert", told.name),
        ("project", told.project),
        (told.entity_kind, shown),
        ("why", told.reason),
        ("since", iso(incident.opened)),
        ("incident", f"{told.id} ({told.state}, {told.firings} times)"),
    ]
    document = {
        **{name: getattr(told, name) for name in ("id", "name", "project", "severity", "summary")},
        **{name: getattr(told, name) for name in ("entity_kind", "entity_id", "state", "reason")},
        "activation_time": iso(incident.opened),
        "event_kind": told.event_kind,
        "number_of_events": told.number_of_events,
    }
    values = {**document, "entity": shown, "value": told.value, "event": event.get("body", {}),
              "entities": told.entities, "alert": document}  # fmt: skip
    data = {"alert": document, "id": told.entity_id, "value": event.get("body", {})}
    return Subject(text, values, (), told.severity, facts, data, letter.id)
