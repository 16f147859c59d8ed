"""What a store with alerts can do: an event log, decisions made once, deliveries with leases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mlrun_like.types import Document

__all__ = [
    "Activation",
    "ActivationFilter",
    "AlertChange",
    "AlertCursor",
    "AlertLine",
    "AlertStore",
    "Happening",
    "HappeningStore",
    "Letter",
    "RunSign",
]


@dataclass(frozen=True)
class Happening:
    """Something that happened; times are seconds since 1970.

    Args:
        id: Made from what happened, so that telling it twice changes nothing.
        project: Whose.
        kind: `failed`, `data-drift-detected`, `result`, ...; underscores become dashes.
        entity_kind: What it happened to: `job`, `model-endpoint-result`, `endpoint`, ...
        entity_id: Which one.
        time: When.
        value: A number, if it has one.
        body: What else is known; plain data.
        seq: Its place in the log; given by the store.
    """

    id: str
    project: str
    kind: str
    entity_kind: str
    entity_id: str
    time: float
    value: float | None = None
    body: Document = field(default_factory=dict)
    seq: int = 0


class RunSign(NamedTuple):
    """What is seen of a run from outside; times are seconds since 1970 by its own clock.

    Args:
        project: Whose.
        uid: The run.
        name: Its name.
        kind: Its label `kind`.
        state: Its state.
        started: When it began.
        updated: When its record last changed.
        ended: When it was over; None: not yet.
        error: Why it failed.
        work: Changes with every sign of work: its record, log and metrics.
    """

    project: str
    uid: str
    name: str
    kind: str
    state: str
    started: float
    updated: float
    ended: float | None
    error: str
    work: str = ""


class HappeningStore(ABC):
    """The event log, and what of runs becomes events."""

    @abstractmethod
    def append_happenings(self, rows: Sequence[Happening]) -> None:
        """Add to the log in one transaction; ids that are there already stay as they are."""

    @abstractmethod
    def list_happenings(
        self, project: str, after: int = 0, limit: int = 0, *, kinds: Sequence[str] = (),
        entity_id: str = "", start: float | None = None, end: float | None = None,
    ) -> list[Happening]:  # fmt: skip
        """The log after a place, in its order; limit 0: all."""

    @abstractmethod
    def delete_happenings(self, project: str, before: float) -> int:
        """Forget what happened earlier, and incidents that were resolved earlier; how many."""

    @abstractmethod
    def alert_projects(self) -> list[str]:
        """Projects whose log is judged: those that have alerts or deliveries on their way."""

    @abstractmethod
    def changed_runs(self, project: str, after: float, limit: int) -> list[RunSign]:
        """Runs (no iterations) whose record changed after a time, in that order."""

    @abstractmethod
    def busy_runs(self, project: str) -> list[RunSign]:
        """Runs that go on, with their signs of work."""

    @abstractmethod
    def newest_run_change(self, project: str) -> float:
        """When a record of a run last changed; 0: there is none."""


class AlertCursor(NamedTuple):
    """How far a project's happenings were judged, and the version of what they are judged by."""

    position: int
    version: int
    body: Document


@dataclass(frozen=True)
class Activation:
    """An incident: an alert that went off, from its first event to its end.

    Args:
        project: Whose.
        number: Which one of the project.
        name: The alert's.
        entity_kind: What it is about.
        entity_id: Which one; `*` for a group.
        severity: `low`, `medium` or `high`.
        state: `open`, `acknowledged` or `resolved`.
        opened: When, in seconds since 1970.
        updated: When it last changed.
        resolved: When it ended; None: not yet.
        body: What else is known.
    """

    project: str
    number: int
    name: str
    entity_kind: str
    entity_id: str
    severity: str
    state: str
    opened: float
    updated: float
    resolved: float | None = None
    body: Document = field(default_factory=dict)


class AlertLine(NamedTuple):
    """A line of an incident's time line.

    Kinds: `event`, `opened`, `fired`, `acknowledged`, `suppressed`, `notification`, `action`,
    `note`, `resolved`.
    """

    number: int
    time: float
    kind: str
    body: Document


@dataclass(frozen=True)
class Letter:
    """A delivery: a notification to be sent or an action to be started.

    Args:
        id: The key by which receivers know a second delivery.
        project: Whose.
        number: The incident.
        kind: `notification` or `action`.
        state: `waiting`, `sent`, `skipped` or `failed`.
        due: When to try next.
        attempts: Tries begun so far.
        body: What is delivered; no secret values.
    """

    id: str
    project: str
    number: int
    kind: str
    state: str
    due: float
    attempts: int = 0
    body: Document = field(default_factory=dict)


@dataclass(frozen=True)
class AlertChange:
    """What changes at once, or not at all.

    Args:
        expected: The version of what was read to decide this; None: whatever it is now.
        position: How far happenings are judged; None: as before.
        body: The cursor's; None: as before.
        documents: Put (or with None remove) by kind and name.
        activations: Put by number.
        lines: Added to time lines.
        letters: Put in the outbox, unless they are in it.
        happenings: Added to the log.
    """

    expected: int | None = None
    position: int | None = None
    body: Document | None = None
    documents: Mapping[tuple[str, str], Document | None] = field(default_factory=dict)
    activations: Sequence[Activation] = ()
    lines: Sequence[AlertLine] = ()
    letters: Sequence[Letter] = ()
    happenings: Sequence[Happening] = ()


@dataclass(frozen=True)
class ActivationFilter:
    """Which incidents; empty fields do not choose.

    Args:
        name: Of this alert.
        states: In one of these states.
        entity_id: About this.
        severities: Of one of these.
        since: Opened then or later.
        until: Opened then or earlier.
        limit: At most so many; 0: all.
        number: This one.
    """

    name: str = ""
    states: Sequence[str] = ()
    entity_id: str = ""
    severities: Sequence[str] = ()
    since: float | None = None
    until: float | None = None
    limit: int = 0
    number: int = 0


class AlertStore(ABC):
    """Definitions of alerts, incidents with their time lines, and deliveries on their way."""

    @abstractmethod
    def alert_cursor(self, project: str) -> AlertCursor:
        """Where the project's judging stands."""

    @abstractmethod
    def alert_documents(self, project: str, kind: str, name: str = "") -> dict[str, Document]:
        """Documents of a kind by name; project `"*"`: of all (by `project/name`)."""

    @abstractmethod
    def commit_alerts(self, project: str, change: AlertChange) -> None:
        """Apply a change in one transaction.

        Raises ConflictError if something else was changed since; nothing has changed then.
        """

    @abstractmethod
    def list_activations(self, project: str, chosen: ActivationFilter) -> list[Activation]:
        """Incidents, newest first; project `"*"`: of all."""

    @abstractmethod
    def alert_lines(self, project: str, number: int) -> list[AlertLine]:
        """An incident's time line, oldest first."""

    @abstractmethod
    def alert_letters(self, project: str, number: int = 0, state: str = "") -> list[Letter]:
        """Deliveries of a project; number 0: of all incidents."""

    @abstractmethod
    def claim_letters(
        self, project: str, now: float, until: float, owner: str, limit: int
    ) -> list[Letter]:
        """Take deliveries that are due and not taken, up to a time; an attempt is counted."""

    @abstractmethod
    def settle_letter(self, letter: Letter, owner: str, lines: Sequence[AlertLine]) -> bool:
        """Record what became of a delivery, with lines for its incident; False if the claim was
        lost to another owner."""
