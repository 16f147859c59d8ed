"""What not every store can do: schedules, pipelines, projects, models, definitions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mlrun_like.types import Document

__all__ = [
    "AliasMove",
    "CachedStep",
    "DocumentStore",
    "Firing",
    "ModelChange",
    "ModelEvent",
    "ModelStore",
    "ModelVersion",
    "ProjectStore",
    "ScheduleStore",
    "StageMove",
    "StepRow",
    "WorkflowStore",
]


class Firing(NamedTuple):
    """One time of a schedule and what became of it; times are seconds since 1970.

    Outcomes: `running`, `completed`, `error`, `aborted`, `skipped` (the last run still went on),
    `missed` (nobody was there), `lost` (the service ended while it ran), `received` (an event that
    was posted to a trigger).
    """

    due: float
    fired: float
    outcome: str
    uid: str = ""
    text: str = ""


class ScheduleStore(ABC):
    """Schedules and their history; not every store has them."""

    @abstractmethod
    def store_schedule(self, schedule: Document, next_time: float | None) -> None:
        """Insert or replace a schedule by project and name; next_time None: nothing is due."""

    @abstractmethod
    def read_schedule(self, project: str, name: str) -> Document:
        """The schedule. Raises NotFoundError."""

    @abstractmethod
    def list_schedules(self, project: str = "", name: str = "") -> list[Document]:
        """Schedules by project and name; project `"*"` or empty: all; name `"~part"`: contains."""

    @abstractmethod
    def delete_schedule(self, project: str, name: str) -> bool:
        """Delete it with its history; False if there is none."""

    @abstractmethod
    def due_schedules(self, now: float) -> tuple[list[tuple[Document, float]], float | None]:
        """What is due with the time since when, and when the next one will be."""

    @abstractmethod
    def claim_firings(
        self, schedule: Document, due: float, next_time: float | None, firings: Sequence[Firing]
    ) -> list[Firing]:
        """Move a schedule on from `due` to `next_time` and record the firings; those that are now
        this caller's. Empty if somebody else was first."""

    @abstractmethod
    def record_firing(self, project: str, name: str, firing: Firing) -> None:
        """Record a firing, or change what is recorded of it; its due time says which."""

    @abstractmethod
    def list_firings(self, project: str, name: str, limit: int = 100) -> list[Firing]:
        """The history, newest first; limit 0: all."""


@dataclass(frozen=True)
class StepRow:
    """What is recorded of one step of a pipeline's run; times are seconds since 1970.

    Args:
        step: Its name, with the rounds of the loops around it: `train[3,0]`.
        state: `running`, `completed`, `error`, `aborted` or `skipped`.
        uid: The run that was made for it, or that stands in for it.
        started: When it began.
        ended: When it was over; 0: not yet.
        body: What else is known: `reason`, `reused`, `blocked`, `key`.
    """

    step: str
    state: str
    uid: str = ""
    started: float = 0.0
    ended: float = 0.0
    body: Document = field(default_factory=dict)


class CachedStep(NamedTuple):
    """A step that may stand in for an equal one; `made`: when it ended, seconds since 1970."""

    workflow: str
    step: str
    uid: str
    made: float
    body: dict[str, Any]


class WorkflowStore(ABC):
    """The steps of pipelines, and which of them may stand in for equal ones."""

    @abstractmethod
    def store_step(self, project: str, workflow: str, row: StepRow) -> None:
        """Insert or replace a step by its name. Queued; returns at once."""

    @abstractmethod
    def list_steps(self, project: str, workflow: str) -> list[StepRow]:
        """The steps of a pipeline's run, in the order they began."""

    @abstractmethod
    def reopen_run(self, project: str, uid: str) -> None:
        """Let a run that has ended go on: the only way out of a terminal state.

        Raises NotFoundError; StateError if it runs.
        """

    @abstractmethod
    def store_cached(self, project: str, name: str, key: str, step: CachedStep) -> None:
        """Let a step stand in for equal ones from now on; the newest of a key counts. Queued."""

    @abstractmethod
    def find_cached(self, project: str, key: str) -> CachedStep | None:
        """The newest step with this key."""

    @abstractmethod
    def last_cached(self, project: str, name: str) -> CachedStep | None:
        """The newest step of this name (`pipeline/step`), whatever its key."""

    @abstractmethod
    def forget_cached(self, project: str, name: str = "") -> int:
        """Let no step of this name (empty: of any) stand in any more; how many there were."""


class ProjectStore(ABC):
    """The documents of projects, and all that bears a project's name."""

    @abstractmethod
    def store_project(self, project: Document) -> None:
        """Insert or replace a project by its name."""

    @abstractmethod
    def read_project(self, name: str) -> Document:
        """The project. Raises NotFoundError."""

    @abstractmethod
    def list_projects(self, name: str = "") -> list[Document]:
        """Projects by name; `"~part"`: contains."""

    @abstractmethod
    def project_content(self, name: str) -> dict[str, int]:
        """How many `runs`, `artifacts`, `functions`, `schedules` it has, and runs that go on
        (`running`)."""

    @abstractmethod
    def delete_project(self, name: str) -> bool:
        """Delete it with every record that bears its name; False if it had no document."""


class ModelVersion(NamedTuple):
    """A logged model in the registry: the `number`-th of its key; `made` is when it was logged,
    in seconds since 1970, `tags` those it holds."""

    project: str
    key: str
    number: int
    uid: str
    stage: str
    tags: tuple[str, ...]
    made: float


class ModelEvent(NamedTuple):
    """One line of a model's audit trail.

    Actions: `alias` (body: alias, before and after as version numbers, 0: nobody), `stage` (before,
    after), `promote`, `reject`, `rollback`, `canary`. Each body also has `who` and `why`.
    """

    number: int
    uid: str
    action: str
    time: float
    body: Document


class AliasMove(NamedTuple):
    """An alias for one version (uid empty: for none); `expected` is the uid of the version that
    must hold it now, empty if none may, None if it does not matter."""

    alias: str
    uid: str
    expected: str | None = None


class StageMove(NamedTuple):
    """A version's next stage, if it is in `before` now."""

    uid: str
    before: str
    after: str


@dataclass(frozen=True)
class ModelChange:
    """What changes at once, or not at all.

    Args:
        aliases: Aliases that move.
        stages: Stages that follow.
        events: Lines for the audit trail.
        status: What is added to the record's `status` of versions, by uid.
    """

    aliases: Sequence[AliasMove] = ()
    stages: Sequence[StageMove] = ()
    events: Sequence[ModelEvent] = ()
    status: Mapping[str, Document] = field(default_factory=dict)


class ModelStore(ABC):
    """Versions of models, who holds which alias, and how that came to be."""

    @abstractmethod
    def model_versions(self, project: str = "", key: str = "") -> list[ModelVersion]:
        """Versions by project (`"*"` or empty: all) and key, oldest first."""

    @abstractmethod
    def change_model(self, project: str, key: str, change: ModelChange) -> None:
        """Apply a change and its audit trail in one transaction.

        Raises ConflictError if an alias is not held as expected, or a version is in another stage;
        NotFoundError if there is no such version. Nothing has changed then.
        """

    @abstractmethod
    def model_events(self, project: str, key: str = "", limit: int = 0) -> list[ModelEvent]:
        """The audit trail, newest first; limit 0: all."""


class DocumentStore(ABC):
    """Versioned definitions, such as feature sets: documents of a kind by project and name.

    A version is known by the hash of its content (without status, labels, tags and times); saving
    the same content again changes what is recorded of that version. The tag `latest` is held by
    what was saved last, except under a tag that it held already.
    """

    @abstractmethod
    def store_document(
        self, kind: str, document: Document, tag: str = "", *, versioned: bool = True,
        fixed: bool = False,
    ) -> str:  # fmt: skip
        """Save a version; its uid.

        Args:
            kind: What it is, such as `feature-set`.
            document: With metadata.name and metadata.project.
            tag: A tag that it takes besides `latest`.
            versioned: Keep the version that held the tag before; else it goes, if nothing else
                holds it.
            fixed: The tag shall never move again.

        Raises:
            ConflictError: if the tag is another version's for ever. Nothing has changed then.
        """

    @abstractmethod
    def read_document(
        self, kind: str, project: str, name: str, tag: str = "", uid: str = ""
    ) -> Document:
        """A version by uid, else by tag, else the latest. Raises NotFoundError."""

    @abstractmethod
    def list_documents(
        self, kind: str, project: str = "", name: str = "", tag: str = "",
        labels: Mapping[str, str | None] | None = None,
    ) -> list[Document]:  # fmt: skip
        """Documents by project (`"*"` or empty: all), name (`"~part"`: contains), tag (empty: the
        latest versions, `"*"`: each tag of each version) and labels (None: any value)."""

    @abstractmethod
    def delete_document(
        self, kind: str, project: str, name: str, tag: str = "", uid: str = ""
    ) -> int:
        """Delete a version by uid or tag, without them all versions; how many there were."""
