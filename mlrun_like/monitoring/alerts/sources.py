"""What becomes an event by itself: runs, pipelines, schedules, features, endpoints.

Each source remembers how far it looked, and its events have ids made from what happened: looking
twice, or by two processes, or again after a kill tells of nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts.times import moment, shown_span
from mlrun_like.specs.durations import parse_duration
from mlrun_like.tracking.abilities import DocumentStore, ScheduleStore
from mlrun_like.tracking.alert_abilities import (
    AlertChange,
    AlertStore,
    Happening,
    HappeningStore,
    RunSign,
)
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import EndpointQuery, EndpointStore
from mlrun_like.types import Document

__all__ = ["begin", "look"]

_LOG = logging.getLogger(__name__)
_OVERLAP = 30.0
"""Seconds that are looked at again: another process's record may arrive late."""
_RUNS = 2000
_LATE = 300.0
"""Seconds after which a schedule that nobody fired is missed."""
_KINDS: Mapping[tuple[bool, str], str] = MappingProxyType(
    {
        (False, "completed"): "run-completed",
        (False, "error"): "failed",
        (False, "aborted"): "run-aborted",
        (True, "completed"): "pipeline-completed",
        (True, "error"): "pipeline-failed",
        (True, "aborted"): "pipeline-aborted",
    }
)
_Looker = Callable[[str, Any, Document, float], list[Happening]]


def look(project: str = "", store: Store | None = None) -> int:
    """Tell of what happened since the last look.

    Args:
        project: Whose; by default the default project.
        store: The store; by default the configured one.

    Returns:
        How many events were found; those that were known already count too.

    Raises:
        StoreUnavailableError: if the store cannot be used.
    """
    place, target = project or settings.default_project, store or open_store()
    if not (isinstance(target, AlertStore) and isinstance(target, HappeningStore)):
        return 0
    begin(place, target)
    memories = target.alert_documents(place, "source")
    found: list[Happening] = []
    changed: dict[tuple[str, str], Document | None] = {}
    for name, looker in _LOOKERS.items():
        before = memories.get(name, {})
        memory: Document = {**before}
        try:
            told = looker(place, target, memory, clock.now())
        except StoreUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - an odd record of one source must not hide the others
            _LOG.exception("%s of project %r cannot be looked at", name, place)
            continue
        found += told
        if memory != before:
            changed["source", name] = memory
    if changed or found:
        target.commit_alerts(place, AlertChange(documents=changed, happenings=found))
    return len(found)


def begin(project: str, store: Store) -> None:
    """Look from now on: what is past when a project gets its first alert sets off none."""
    if not (isinstance(store, AlertStore) and isinstance(store, HappeningStore)):
        return
    if "runs" in store.alert_documents(project, "source", "runs"):
        return
    memory: Document = {"after": store.newest_run_change(project)}
    memory["first"] = memory["after"]
    fires: Document = {}
    if isinstance(store, ScheduleStore):
        for schedule in store.list_schedules(project):
            newest = store.list_firings(project, schedule["name"], 1)
            fires[schedule["name"]] = newest[0].due if newest else 0.0
    documents: dict[tuple[str, str], Document | None] = {
        ("source", "runs"): memory,
        ("source", "schedules"): fires,
    }
    store.commit_alerts(project, AlertChange(documents=documents))


def _runs(project: str, store: Any, memory: Document, now: float) -> list[Happening]:
    found, after = [], max(memory["first"], memory["after"] - _OVERLAP)
    while True:
        rows: list[RunSign] = store.changed_runs(project, after, _RUNS)
        for row in rows:
            kind = _KINDS.get((row.kind == "pipeline", row.state))
            if kind is not None:
                found.append(_run_event(row, kind, row.ended or row.updated, row.state))
        if rows:
            after = rows[-1].updated
            memory["after"] = max(memory["after"], after)
        if len(rows) < _RUNS:
            return found + _busy(store.busy_runs(project), memory, now)


def _busy(rows: list[RunSign], memory: Document, now: float) -> list[Happening]:
    """Runs that go on for too long, or show no sign of work."""
    found, before = [], memory.get("busy", {})
    busy: dict[str, Any] = {}
    for row in rows:
        work, since, began = before.get(row.uid, (row.work, now, now))
        if work != row.work:
            work, since = row.work, now
        busy[row.uid] = [work, since, began]
        if now - since >= settings.alerts_stuck_after:
            lasting = shown_span(now - since)
            event = _run_event(row, "run-stuck", since + settings.alerts_stuck_after, work)
            event.body["reason"] = f"no sign of work for {lasting}"
            found.append(event)
        if settings.alerts_too_long and now - began >= settings.alerts_too_long:
            event = _run_event(row, "run-too-long", began + settings.alerts_too_long, "")
            found.append(event)
    if busy != before:
        memory["busy"] = busy
    return found


def _run_event(row: RunSign, kind: str, time: float, what: str) -> Happening:
    body: Document = {"uid": row.uid, "status": row.state, "started": row.started}
    if row.error:
        body["error"] = row.error
    return Happening(
        f"run/{row.project}/{row.uid}/{kind}/{what}",
        row.project,
        kind,
        "pipeline" if row.kind == "pipeline" else "job",
        row.name,
        time,
        None,
        body,
    )


def _schedules(project: str, store: Any, memory: Document, now: float) -> list[Happening]:
    if not isinstance(store, ScheduleStore):
        return []
    found = []
    overdue: dict[str, float] = {}
    if not clock.is_simulated():  # schedules go by the machine's clock
        rows, _ = store.due_schedules(now - _LATE)
        overdue = {item["name"]: due for item, due in rows if item["project"] == project}
    for schedule in store.list_schedules(project):
        name = schedule["name"]
        last = memory.get(name, 0.0)
        for firing in reversed(store.list_firings(project, name, 50)):
            if firing.due > last:
                memory[name] = firing.due
                missed = firing.outcome in ("missed", "lost")
                found.append(_fired(project, name, firing.due, missed, firing.outcome))
        if name in overdue:
            found.append(_fired(project, name, overdue[name], True, "nobody fires schedules"))
    return found


def _fired(project: str, name: str, due: float, missed: bool, outcome: str) -> Happening:
    kind = "schedule-missed" if missed else "schedule-fired"
    return Happening(
        f"schedule/{project}/{name}/{due}/{kind}", project, kind, "schedule", name, due, None,
        {"outcome": outcome, "status": "missed" if missed else "fired"},
    )  # fmt: skip


def _features(project: str, store: Any, memory: Document, now: float) -> list[Happening]:
    if not isinstance(store, DocumentStore):
        return []
    found = []
    for document in store.list_documents("feature-set", project):
        name = str(document["metadata"]["name"])
        ttl, newest = (document.get("spec") or {}).get("ttl"), _newest(document)
        if not ttl or newest is None:
            continue
        try:
            limit = parse_duration(ttl)
        except InvalidArgumentError:
            continue
        state = "stale" if now - newest > limit else "fresh"
        before = memory.get(name)
        if state == before or (before is None and state == "fresh"):
            memory[name] = state
            continue
        memory[name] = state
        kind = f"feature-set-{state}"
        time = newest + limit if state == "stale" else newest
        body = {"ttl": ttl, "newest": newest, "status": state}
        key = f"feature-set/{project}/{name}/{newest}/{state}"
        value = now - newest
        found.append(Happening(key, project, kind, "feature-set", name, time, value, body))
    return found


def _newest(document: Mapping[str, Any]) -> float | None:
    """When the newest value of a feature set was true, as its targets say."""
    times = []
    for target in (document.get("status") or {}).get("targets") or ():
        for key in ("last_written", "updated"):
            try:
                times.append(moment(target.get(key)))
                break
            except InvalidArgumentError:
                continue
    return max(times, default=None)


def _endpoints(project: str, store: Any, memory: Document, now: float) -> list[Happening]:
    del now
    if not isinstance(store, EndpointStore):
        return []
    found = []
    for document in store.list_endpoints(EndpointQuery(project)):
        uid, status = str(document["metadata"]["uid"]), document.get("status") or {}
        try:
            last = moment(status.get("last_request"))
        except InvalidArgumentError:
            continue  # nobody has asked it yet
        requests, errors = int(status.get("requests") or 0), int(status.get("error_count") or 0)
        before = memory.get(uid, [0.0, 0, 0])
        if last <= before[0] and errors <= before[2]:
            continue
        memory[uid] = [max(last, before[0]), requests, errors]
        body = {"endpoint_name": document["metadata"].get("name") or "", "requests": requests}
        counts = (("requests", requests - before[1]), ("errors", errors - before[2]))
        for what, more in counts:
            if more > 0:
                total = requests if what == "requests" else errors
                key = f"endpoint/{project}/{uid}/{what}/{last}/{total}"
                kind = f"endpoint-{what}"
                row = Happening(key, project, kind, "endpoint", uid, last, float(more), body)
                found.append(row)
    return found


_LOOKERS: Mapping[str, _Looker] = MappingProxyType(
    {"runs": _runs, "schedules": _schedules, "features": _features, "endpoints": _endpoints}
)
