"""What becomes of the events of a trigger: found, put together, started once, held back.

A trigger is a schedule that is due every few seconds to look at its source. One transaction moves
it on, keeps its state, and records a firing for each event (or for those put together), so every
event is recorded once, however many services there are and whenever one is killed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.registry import resolve
from mlrun_like.schedules.define import iso
from mlrun_like.schedules.firing import going_on, own_mark
from mlrun_like.schedules.sources import Event, look
from mlrun_like.specs.run import TERMINAL, RunDoc
from mlrun_like.specs.schedule import ScheduleDoc
from mlrun_like.specs.trigger import Trigger, read_trigger
from mlrun_like.tracking.abilities import Firing, ScheduleStore
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.reaper import LOST

__all__ = ["claim_events", "fire_event", "give_event"]

_LOG = logging.getLogger(__name__)
_LONGEST = 3600.0
_PATIENCE = 10.0
"""Times the debounce that an event waits at most."""
_EVER = 1e18
_TRIES = 3
"""Runs of an event that are begun, if they are killed from outside."""


def claim_events(store: FullStore, schedule: ScheduleDoc, due: float) -> list[Firing]:
    """Look at a trigger's source and take what is to be started now; the firings to run.

    Args:
        store: Where it is.
        schedule: The trigger, changed in place.
        due: Since when it is due.

    Raises:
        MLRunLikeError: if the store cannot be written.
    """
    now = time.time()
    trigger, state = read_trigger(schedule.spec.trigger), schedule.spec.state
    place = (schedule.project, schedule.name)
    busy = _settle(store, schedule)
    finish: Callable[[bool], None] | None = None
    mine: list[Firing] | None = None
    try:
        try:
            events, finish = look(trigger, state, store, place)
            state.pop("error", None)
        except MLRunLikeError as exc:
            _LOG.warning("trigger %s: %s", schedule.name, exc)
            events, state["error"] = [], str(exc)
        state.setdefault("pending", []).extend(events)
        firings, wait = _start(trigger, state, now, busy)
        if state.get("unsettled"):  # look again as soon as it may have settled
            wait = min(wait or trigger.interval, max(trigger.settle, 0.05))
        coming = now + (min(wait, trigger.interval) if wait else trigger.interval)
        schedule.next_run_time = iso(coming)
        mine = _claim(store, schedule, due, coming, firings)
    finally:
        if finish is not None:
            finish(mine is not None)
    return mine or []


def _start(
    trigger: Trigger, state: dict[str, Any], now: float, busy: bool
) -> tuple[list[Firing], float]:
    """Take what is ready from what waits: its firings, and seconds until there may be more."""
    ready, wait = _ready(trigger, state, now, busy)
    firings, flying = [], state.setdefault("flying", {})
    for number, group in enumerate(ready):
        when = now + number * 1e-4  # the time of a firing is its name
        firings.append(Firing(when, now, "running", text=own_mark()))
        flying[repr(when)] = group
    state["pending"] = state["pending"][sum(len(group) for group in ready) :]
    return firings, wait


def _claim(
    store: ScheduleStore, schedule: ScheduleDoc, due: float, coming: float, firings: list[Firing]
) -> list[Firing] | None:
    """Move a trigger on and record its firings; None: another service was faster, and has seen
    the same."""
    mine = store.claim_firings(schedule.to_dict(), due, coming, firings)
    if mine:
        return mine
    found = store.read_schedule(schedule.project, schedule.name)
    moved = found.get("next_run_time") == schedule.next_run_time
    return [] if moved and not firings else None


def give_event(schedule: ScheduleDoc, firing: Firing, run: RunDoc) -> None:
    """Let a run have the events that it was started for."""
    if not schedule.spec.trigger:
        return
    trigger = read_trigger(schedule.spec.trigger)
    events = schedule.spec.state.get("flying", {}).get(repr(firing.due), [])
    if events:
        run.metadata.annotations["event"] = ", ".join(str(item["key"]) for item in events)[:500]
    if trigger.param and events:
        value: Any = events if trigger.debounce else events[0]
        run.spec.parameters = {**run.spec.parameters, trigger.param: value}


def fire_event(
    store: ScheduleStore, name: str, data: Mapping[str, Any] | None = None, project: str = ""
) -> list[str]:
    """Post a named event; the triggers that it was given to, as `<project>/<name>`.

    Deployed functions with a trigger of kind `events` get it, too.

    Args:
        store: Where the triggers are.
        name: The event's name, such as an alert's.
        data: More about it, plain data.
        project: Only triggers of this project; empty: of all.

    Raises:
        InvalidArgumentError: if there is no name.
    """
    if not isinstance(name, str) or not name:
        raise InvalidArgumentError(
            f"event name {name!r} must be a text", fix="mlrun-like trigger fire drift"
        )
    event = {"kind": "event", "key": name, "at": time.time(), "data": dict(data or {})}
    told: list[str] = []
    for document, _ in store.due_schedules(_EVER)[0]:
        wanted = document.get("spec", {}).get("trigger") or {}
        ours = not project or document["project"] == project
        if ours and (wanted.get("kind"), wanted.get("source")) == ("event", name):
            _hand_over(store, document["project"], document["name"], event)
            told.append(f"{document['project']}/{document['name']}")
    resolve("mlrun_like.gateway.triggers.spool:post_event")(name, data, project)
    return sorted(told)


def _hand_over(store: ScheduleStore, project: str, name: str, event: Event) -> None:
    """Add an event to a trigger, again and again until nobody changed it meanwhile."""
    while True:
        found = [
            (document, due)
            for document, due in store.due_schedules(_EVER)[0]
            if (document["project"], document["name"]) == (project, name)
        ]
        if not found:
            return  # deleted or paused in this moment
        document, due = found[0]
        document["spec"].setdefault("state", {}).setdefault("pending", []).append(event)
        now = time.time()
        if store.claim_firings(
            document, due, now, [Firing(now, now, "received", text=event["key"])]
        ):
            return


def _ready(
    trigger: Trigger, state: dict[str, Any], now: float, busy: bool
) -> tuple[list[list[Event]], float]:
    """The groups of events to start now, and seconds until there may be more; 0: nothing waits."""
    pending = state["pending"]
    if not pending:
        return [], 0.0
    held = float(state.get("held_until", 0.0)) - now
    if held > 0:
        return [], held
    if busy and trigger.concurrency == "forbid":
        return [], min(trigger.interval, 1.0)
    if trigger.debounce:
        last, first = float(pending[-1]["at"]), float(pending[0]["at"])
        quiet = min(last + trigger.debounce, first + trigger.debounce * _PATIENCE) - now
        return ([], quiet) if quiet > 0 else ([list(pending)], 0.0)
    if trigger.concurrency == "allow":
        return [[event] for event in pending], 0.0
    return [[pending[0]]], min(trigger.interval, 1.0) if len(pending) > 1 else 0.0


def _settle(store: FullStore, schedule: ScheduleDoc) -> bool:
    """Note how the runs ended: failures hold the next one back, an event whose run never started
    waits again. Whether one still goes on."""
    state = schedule.spec.state
    flying: dict[str, list[Event]] = state.setdefault("flying", {})
    if not flying:
        return False
    going_on(store, schedule, config.lost_after)  # puts those right that ended without a word
    known = {repr(item.due): item for item in store.list_firings(schedule.project, schedule.name)}
    for key in list(flying):
        firing = known.get(key)
        if firing is not None and firing.outcome == "running":
            continue
        events = flying.pop(key)
        if firing is None or (firing.outcome == "lost" and not firing.uid):
            state["pending"] = [*events, *state.get("pending", [])]
        elif _killed(firing) and all(event.get("tries", 1) < _TRIES for event in events):
            again = [{**event, "tries": event.get("tries", 1) + 1} for event in events]
            state["pending"] = [*again, *state.get("pending", [])]
        elif firing.outcome in TERMINAL and firing.outcome != "error":
            state["failures"] = 0
        else:
            _hold_back(schedule, state)
    return bool(flying)


def _killed(firing: Firing) -> bool:
    """Whether the run was ended from outside, and not by its own fault."""
    return firing.outcome == "lost" or (firing.outcome == "error" and firing.text == LOST)


def _hold_back(schedule: ScheduleDoc, state: dict[str, Any]) -> None:
    trigger = read_trigger(schedule.spec.trigger)
    failures = int(state.get("failures", 0))
    state["failures"] = failures + 1
    state["held_until"] = time.time() + min(trigger.backoff * 2.0**failures, _LONGEST)
