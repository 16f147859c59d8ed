"""Decisions of one evaluation, gathered so that they are committed together.

The book knows the open incidents, opens new ones, writes their time lines, and puts what is to be
sent or started in the outbox, each under a key made from the decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.alerts.letters import delivery_key, event_document
from mlrun_like.monitoring.alerts.limits import allow, cooling, silenced
from mlrun_like.monitoring.alerts.model import plain
from mlrun_like.monitoring.alerts.rules import Rule, Signal
from mlrun_like.monitoring.alerts.times import iso, seconds, shown_span
from mlrun_like.notifications.template import fill
from mlrun_like.tracking.alert_abilities import Activation, AlertLine, Letter
from mlrun_like.types import Document

__all__ = ["Book"]

_MOST_OPEN = 1000
"""Open incidents of one alert; more entities go to one incident of the entity `*`."""
_LINES = 50
"""Times that an incident's repetitions are written down; further ones are counted."""
_EVENTS = 20
_ENTITIES = 1000
_TOO_MANY = "too many in this hour; they are counted"


class Book:
    """The decisions of one evaluation.

    Args:
        project: Whose.
        now: Seconds since 1970.
        body: The project's memory; changed.
        states: The alerts' memories by name; changed.
        incidents: Those that are open.
        silences: All that are kept.
    """

    def __init__(
        self,
        project: str,
        now: float,
        body: Document,
        states: dict[str, Document],
        incidents: Iterable[Activation],
        silences: Mapping[str, Document],
    ) -> None:
        self.project, self.now, self.body, self.states = project, now, body, states
        self.silences = silences
        self.open: dict[tuple[str, str], Activation] = {}
        self.of_entity: dict[str, dict[int, Activation]] = {}
        self.counts: dict[str, int] = {}
        self.changed: dict[int, Activation] = {}
        self.lines: list[AlertLine] = []
        self.letters: list[Letter] = []
        self.fired = 0
        self._most = settings.alerts_per_hour, settings.alerts_project_per_hour
        for incident in incidents:
            self.counts[incident.name] = self.counts.get(incident.name, 0) + 1
            self._hold(incident)

    # decisions

    def fire(self, rule: Rule, signal: Signal) -> None:
        """An alert goes off."""
        self.fired += 1
        state = self.states[rule.name]
        state["count"] = state.get("count", 0) + 1
        if rule.manual:
            state["active"] = True
        incident = self.open.get(self._key(rule, signal))
        first = incident is None
        incident = self._begin(rule, signal) if incident is None else self._join(incident, signal)
        if incident.state == "acknowledged":
            why = f"acknowledged by {incident.body.get('acknowledged_by')}"
        elif not first and rule.config.deduplicate:
            why = "told already, and the incident is open"
        elif rule.config.group and self.now < incident.body.get("until", 0.0):
            return  # it is told of together with those before it
        else:
            why = self._quiet(rule, incident)
        if why:
            self._suppressed(incident, why)
            return
        self._tell(rule, incident)

    def recover(self, rule: Rule, entity: str, time: float, reason: str) -> None:
        """What set an alert off is over for an entity."""
        for key in (entity, "*"):
            incident = self.open.get((rule.name, key))
            if incident is None:
                continue
            entities = {**incident.body.get("entities", {})}
            if key == "*" and entities.pop(entity, None) is None:
                continue
            if key == "*" and (entities or rule.manual):
                self._put(replace(incident, body={**incident.body, "entities": entities}))
            elif rule.manual:
                self._line(incident, "recovered", {"reason": reason, "waits": "for its reset"})
            else:
                self.end(rule, incident, reason, time)

    def end(self, rule: Rule, incident: Activation, reason: str, time: float) -> None:
        """An incident is over."""
        lasted = shown_span(max(0.0, time - incident.opened))
        body = {**incident.body, "resolution": reason}
        self._put(
            replace(incident, state="resolved", resolved=self.now, updated=self.now, body=body)
        )
        self._line(incident, "resolved", {"reason": reason, "after": lasted, "event": iso(time)})
        if rule.config.notify_recovery and body.get("told"):
            said = f"Over after {lasted}: {body['summary']} ({reason})"
            self._notify(rule, self.changed[incident.number], said, "end")

    def owed(self, rule: Rule, incident: Activation) -> None:
        """Tell of an incident that a silence hid, when the silence is over."""
        waits = incident.state == "open" and incident.body.get("owed")
        if waits and not self._quiet(rule, incident):
            self._tell(rule, incident)

    # incidents

    def _key(self, rule: Rule, signal: Signal) -> tuple[str, str]:
        if rule.config.group:
            return rule.name, "*"
        key = rule.name, signal.entity_id
        crowded = self.counts.get(rule.name, 0) >= _MOST_OPEN
        return (rule.name, "*") if crowded and key not in self.open else key

    def _begin(self, rule: Rule, signal: Signal) -> Activation:
        entity = self._key(rule, signal)[1]
        self.body["incidents"] = number = int(self.body.get("incidents", 0)) + 1
        self.counts[rule.name] = self.counts.get(rule.name, 0) + 1
        body: Document = {
            "event_kind": signal.cause.kind if signal.cause else "",
            "number_of_events": signal.events,
            "criteria": plain(rule.config.criteria) if rule.config.criteria else {},
            "firings": 1,
            "reason": signal.reason,
            "value": signal.value,
            "heard": self.now,
            "entities": {signal.entity_id: signal.time} if entity == "*" else {},
            "events": [event_document(signal.cause)] if signal.cause else [],
        }
        body["summary"] = self._summary(rule, signal, number)
        incident = Activation(
            self.project,
            number,
            rule.name,
            signal.entity_kind,
            entity,
            str(rule.config.severity),
            "open",
            signal.time,
            self.now,
            None,
            body,
        )
        if signal.cause is not None:
            self._line(incident, "event", {"event": event_document(signal.cause)}, signal.time)
        said = {"reason": signal.reason, "severity": incident.severity, "summary": body["summary"]}
        self._line(incident, "opened", said)
        self._put(incident)
        return incident

    def _join(self, incident: Activation, signal: Signal) -> Activation:
        body = dict(incident.body)
        body["firings"] = body.get("firings", 1) + 1
        body["number_of_events"] = body.get("number_of_events", 0) + signal.events
        body.update(heard=self.now, reason=signal.reason, value=signal.value)
        if incident.entity_id == "*":
            entities = {**body.get("entities", {}), signal.entity_id: signal.time}
            if len(entities) <= _ENTITIES:
                body["entities"] = entities
        if signal.cause is not None:
            kept = [*body.get("events", []), event_document(signal.cause)]
            body["events"] = kept[-_EVENTS:]
        found = replace(incident, updated=self.now, body=body)
        if body["firings"] <= _LINES:
            said: Document = {"reason": signal.reason, "entity": signal.entity_id}
            self._line(incident, "fired", said, signal.time)
        self._put(found)
        return found

    def _summary(self, rule: Rule, signal: Signal, number: int) -> str:
        values: dict[str, Any] = {
            "project": self.project,
            "name": rule.name,
            "entity": signal.entity_id,
            "severity": str(rule.config.severity),
            "value": signal.value,
            "reason": signal.reason,
            "number": number,
            "count": signal.events,
            "event": signal.cause.body if signal.cause else {},
        }
        try:
            return fill(str(rule.config.summary), values)[:2000]
        except InvalidArgumentError as exc:
            # what a template does with a value is known only now; to tell it badly beats silence
            return f"{rule.name}: {signal.entity_id}: {signal.reason} ({exc.what})"[:2000]

    def _put(self, incident: Activation) -> None:
        self.changed[incident.number] = incident
        if incident.state == "resolved":
            self.open.pop((incident.name, incident.entity_id), None)
            self.of_entity.get(incident.entity_id, {}).pop(incident.number, None)
            self.counts[incident.name] = self.counts.get(incident.name, 1) - 1
        else:
            self._hold(incident)

    def _hold(self, incident: Activation) -> None:
        self.open[incident.name, incident.entity_id] = incident
        self.of_entity.setdefault(incident.entity_id, {})[incident.number] = incident

    def _line(
        self, incident: Activation, kind: str, body: Document, time: float | None = None
    ) -> None:
        when = self.now if time is None else time
        self.lines.append(AlertLine(incident.number, when, kind, body))

    # deliveries

    def _quiet(self, rule: Rule, incident: Activation) -> str:
        """Why nothing is told now; empty: it is."""
        facts = {
            "name": rule.name,
            "entity": incident.entity_id,
            "entity_kind": incident.entity_kind,
            "severity": incident.severity,
            "kind": str(incident.body.get("event_kind", "")),
        }
        found = silenced(self.silences, facts, self.now)
        if found is None:
            return ""
        self._put(replace(incident, body={**incident.body, "owed": True}))
        return f"silence {found[0]} of {found[1].get('who') or 'somebody'}"

    def _suppressed(self, incident: Activation, why: str) -> None:
        incident = self.open.get((incident.name, incident.entity_id), incident)
        if incident.body.get("suppressed") != why:
            self._line(incident, "suppressed", {"reason": why})
            self._put(replace(incident, body={**incident.body, "suppressed": why}))

    def _tell(self, rule: Rule, incident: Activation) -> None:
        """Put what is to be told and done in the outbox, as far as it may be."""
        firing, wait = str(incident.body["firings"]), seconds(rule.config.group)
        sent = self._notify(rule, incident, "", firing, self.now + wait)
        sent += self._act(rule, incident, firing)
        incident = self.open.get((incident.name, incident.entity_id), incident)
        body = {**incident.body}
        body.pop("owed", None)
        if sent:
            body.pop("suppressed", None)
            body["told"] = True
        if wait:
            body["until"] = self.now + wait
        self._put(replace(incident, body=body))

    def _act(self, rule: Rule, incident: Activation, firing: str) -> int:
        state = self.states[rule.name]
        for place, action in enumerate(rule.config.actions):
            if not allow(self.body, state, rule.name, self.now, self._most):
                self._suppressed(incident, _TOO_MANY)
                return place
            key = delivery_key(self.project, incident.number, firing, "action", place)
            self._send(incident, key, "action", {"action": action, "firing": firing}, self.now)
        return len(rule.config.actions)

    def _notify(
        self, rule: Rule, incident: Activation, said: str, firing: str, due: float | None = None
    ) -> int:
        state, sent = self.states[rule.name], 0
        for item in rule.config.notifications:
            note = item.notification
            span = seconds(item.cooldown_period)
            if firing != "end" and cooling(state, note.name, span, self.now):
                self._suppressed(incident, f"{note.name}: sent less than {shown_span(span)} ago")
                continue
            if not allow(self.body, state, rule.name, self.now, self._most):
                self._suppressed(incident, _TOO_MANY)
                return sent
            key = delivery_key(self.project, incident.number, firing, note.name)
            letter = {"notification": plain(item)["notification"], "firing": firing, "text": said}
            self._send(incident, key, "notification", letter, self.now if due is None else due)
            sent += 1
        return sent

    def _send(self, incident: Activation, key: str, kind: str, body: Document, due: float) -> None:
        self.letters.append(
            Letter(key, self.project, incident.number, kind, "waiting", due, 0, body)
        )
