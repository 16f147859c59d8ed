"""Judging what happened: exactly once, each decision with all it causes in one transaction.

A pass reads what happened since the last one, asks the rules, and commits their memories, the
incidents, what is to be sent, and how far it came, if nothing else was changed meanwhile; else it
begins again. A process that is killed leaves all or nothing.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from mlrun_like.configuration import config as settings
from mlrun_like.errors import ConflictError, InvalidArgumentError, MLRunLikeError
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts.book import Book
from mlrun_like.monitoring.alerts.definition import AlertConfig
from mlrun_like.monitoring.alerts.incidents import OPEN
from mlrun_like.monitoring.alerts.kinds import RECOVERY
from mlrun_like.monitoring.alerts.letters import delivery_key
from mlrun_like.monitoring.alerts.limits import HOUR
from mlrun_like.monitoring.alerts.model import plain
from mlrun_like.monitoring.alerts.rules import Rule, names_of, rule_of
from mlrun_like.monitoring.alerts.times import seconds, shown_span
from mlrun_like.tracking.alert_abilities import (
    Activation,
    ActivationFilter,
    AlertChange,
    AlertStore,
    Happening,
    HappeningStore,
    Letter,
)
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["EvaluationReport", "evaluate"]

_LOG = logging.getLogger(__name__)
_BATCH = 10_000
"""Happenings that are judged in one transaction."""
_TRIES = 50


@dataclass
class EvaluationReport:
    """What an evaluation did.

    Args:
        events: Happenings that were judged.
        firings: Times that alerts went off.
        ended: Incidents that ended.
        deliveries: What was put in the outbox.
    """

    events: int = 0
    firings: int = 0
    ended: int = 0
    deliveries: int = 0


def evaluate(
    project: str = "", now: float | None = None, store: Store | None = None
) -> EvaluationReport:
    """Judge what happened in a project since the last evaluation.

    Args:
        project: Whose; by default the default project.
        now: Seconds since 1970; by default the clock's.
        store: The store; by default the configured one.

    Raises:
        ConflictError: if others change alerts all the time.
        StoreUnavailableError: if the store cannot be used.
    """
    place = project or settings.default_project
    target: Store = store or open_store()
    report = EvaluationReport()
    moment = clock.now() if now is None else now
    if settings.alerts_mode == "disabled" or not isinstance(target, (AlertStore,)):
        return report
    for _ in range(_TRIES):
        try:
            while _evaluate(place, moment, target, report):
                pass
            return report
        except ConflictError:
            continue  # somebody changed an alert, or judges at the same time
    raise ConflictError(f"alerts of project {place!r} are changed all the time", fix="try again")


def _evaluate(project: str, now: float, store: AlertStore, report: EvaluationReport) -> bool:
    """One transaction; whether there is more to judge."""
    log = _log_of(store)
    cursor = store.alert_cursor(project)
    configs = store.alert_documents(project, "config")
    events = log.list_happenings(project, cursor.position, _BATCH)
    states = store.alert_documents(project, "state")
    before, body = copy.deepcopy(states), copy.deepcopy(cursor.body)
    rules = _rules(configs)
    chosen = ActivationFilter(states=OPEN)
    incidents = store.list_activations(project, chosen) if rules else []
    silences = store.alert_documents(project, "silence")
    for rule in rules:
        states.setdefault(rule.name, {})
    book = Book(project, now, body, states, incidents, silences)
    more = len(events) == _BATCH
    _Pass(book, rules).run(events, timers=not more)
    changed: dict[tuple[str, str], Document | None] = {
        ("state", name): state for name, state in states.items() if state != before.get(name)
    }
    if not (events or changed or book.changed or book.letters or body != cursor.body):
        return False
    store.commit_alerts(
        project,
        AlertChange(
            expected=cursor.version,
            position=events[-1].seq if events else None,
            body=body,
            documents=changed,
            activations=list(book.changed.values()),
            lines=book.lines,
            letters=book.letters,
        ),
    )
    report.events += len(events)
    report.firings += book.fired
    report.ended += sum(item.state == "resolved" for item in book.changed.values())
    report.deliveries += len(book.letters)
    return more


def _rules(configs: dict[str, Document]) -> list[Rule]:
    found = []
    for name, item in configs.items():
        try:
            found.append(rule_of(AlertConfig.from_dict(item)))
        except MLRunLikeError as exc:  # of a newer version; the other alerts go on
            _LOG.warning("alert %r cannot be judged: %s", name, exc)
    return found


def _log_of(store: AlertStore) -> HappeningStore:
    if not isinstance(store, HappeningStore):
        raise InvalidArgumentError(f"{store!r} has no event log")
    return store


class _Pass:
    """Rules by what they listen to, and one batch of events through them."""

    def __init__(self, book: Book, rules: Sequence[Rule]) -> None:
        self.book, self.rules = book, {rule.name: rule for rule in rules}
        self._exact: dict[tuple[str, str, str], list[Rule]] = {}
        self._wild: dict[tuple[str, str], list[Rule]] = {}
        self._known: dict[tuple[str, str, tuple[str, ...]], list[Rule]] = {}
        for rule in rules:
            for kind in rule.kinds:
                place = kind, rule.entity_kind
                if rule.exact:
                    self._exact.setdefault((*place, rule.exact), []).append(rule)
                else:
                    self._wild.setdefault(place, []).append(rule)

    def run(self, events: Sequence[Happening], timers: bool) -> None:
        for event in events:
            self._take(event)
        if timers:
            self._tick()

    def _take(self, event: Happening) -> None:
        self._recover(event)
        names = names_of(event)
        key = event.kind, event.entity_kind, names
        rules = self._known.get(key)
        if rules is None:  # many events are about few entities
            rules = self._known[key] = self._find(event.kind, event.entity_kind, names)
        for rule in rules:
            self._judge(rule, event)

    def _find(self, kind: str, entity_kind: str, names: tuple[str, ...]) -> list[Rule]:
        exact = [rule for name in names for rule in self._exact.get((kind, entity_kind, name), ())]
        return exact + [
            rule for rule in self._wild.get((kind, entity_kind), ()) if rule.concerns(names)
        ]

    def _judge(self, rule: Rule, event: Happening) -> None:
        state = self.book.states[rule.name]
        if rule.manual and state.get("active"):
            return
        signal = rule.take(state, event)
        if signal is None:
            return
        if signal.fires:
            self.book.fire(rule, signal)
        else:
            self.book.recover(rule, signal.entity_id, signal.time, signal.reason)

    def _recover(self, event: Happening) -> None:
        """End what counted events began, if this event says that it is over."""
        for key in (event.entity_id, "*"):
            for incident in list(self.book.of_entity.get(key, {}).values()):
                rule = self.rules.get(incident.name)
                if rule is None or rule.config.trigger is None or not rule.config.trigger.events:
                    continue
                if event.time >= incident.opened and _ends(incident, event):
                    reason = event.kind.replace("-", " ")
                    if event.kind == "result":
                        reason = f"{event.body.get('name', 'the result')} shows nothing any more"
                    self.book.recover(rule, event.entity_id, event.time, reason)

    def _tick(self) -> None:
        book = self.book
        for rule in self.rules.values():
            if not (rule.manual and book.states[rule.name].get("active")):
                for signal in list(rule.tick(book.states[rule.name], book.now)):
                    book.fire(rule, signal)
        for incident in list(book.open.values()):
            rule_found = self.rules.get(incident.name)
            if rule_found is None:
                continue
            book.owed(rule_found, incident)
            config = rule_found.config
            quiet = book.now - float(incident.body.get("heard", book.now))
            counted = bool(config.trigger and config.trigger.events)
            if counted and not rule_found.manual and quiet > seconds(config.resolve_after):
                said = f"nothing more was heard for {shown_span(quiet)}"
                book.end(rule_found, incident, said, book.now)
        _tell_of_held(book, self.rules)


def _ends(incident: Activation, event: Happening) -> bool:
    began = str(incident.body.get("event_kind", ""))
    if event.kind in RECOVERY.get(began, ()):
        return True
    status = event.body.get("status")
    found = began.endswith(("-detected", "-suspected"))
    return found and event.kind == "result" and status in (0, "no_detection")


def _tell_of_held(book: Book, rules: dict[str, Rule]) -> None:
    """When an hour is over: one message about all that was held back in it."""
    rate = book.body.get("rate")
    if not rate or book.now < rate["start"] + HOUR:
        return
    held: dict[str, int] = rate["held"]
    del book.body["rate"]
    shown = ", ".join(f"{name} x {count}" for name, count in sorted(held.items())[:20])
    more = f" and {len(held) - 20} more alerts" if len(held) > 20 else ""
    text = (
        f"{sum(held.values())} notifications and actions of project {book.project} were held back "
        f"in one hour: {shown}{more}"
    )
    told = set()
    for name in held:
        for item in rules[name].config.notifications if name in rules else ():
            note = plain(item)["notification"]
            receiver = note["kind"], str(note.get("params")), str(note.get("secret_params"))
            if receiver in told:
                continue
            told.add(receiver)
            key = delivery_key(book.project, "held", rate["start"], *receiver)
            body = {"notification": note, "text": text, "firing": "held"}
            book.letters.append(
                Letter(key, book.project, 0, "notification", "waiting", book.now, 0, body)
            )
