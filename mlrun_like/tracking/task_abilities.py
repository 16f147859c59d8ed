"""Background tasks: work for somebody that takes longer than a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mlrun_like.types import Document

__all__ = ["BackgroundTask", "TaskStore"]


@dataclass(frozen=True)
class BackgroundTask:
    """One task; times are seconds since 1970.

    Args:
        uid: Its id.
        kind: What is to be done: the name of registered work.
        project: Its project; empty: it concerns the whole service.
        state: `pending`, `running`, `succeeded`, `failed` or `cancelled`.
        asked_by: Who wants it.
        arguments: What the work is told.
        done: How much is done.
        total: Of how much; 0: not known.
        message: What it is doing.
        result: What came out.
        error: Why it failed.
        created: When it was asked for.
        updated: When it last changed.
        attempts: How many times it was begun.
        cancel: Whether somebody wants it to stop.
    """

    uid: str
    kind: str
    project: str = ""
    state: str = "pending"
    asked_by: str = ""
    arguments: Document = field(default_factory=dict)
    done: float = 0.0
    total: float = 0.0
    message: str = ""
    result: Document = field(default_factory=dict)
    error: str = ""
    created: float = 0.0
    updated: float = 0.0
    attempts: int = 0
    cancel: bool = False

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in ("succeeded", "failed", "cancelled")


class TaskStore(ABC):
    """Background tasks; each is worked on by one process at a time."""

    @abstractmethod
    def store_task(
        self, task: BackgroundTask, owner: str = "", seconds: float = 0.0
    ) -> BackgroundTask:
        """Add a task; gives it with its times.

        Args:
            task: It waits for somebody who does it, or its state is `running`.
            owner: Who does it already.
            seconds: For how long it is the owner's.
        """

    @abstractmethod
    def read_task(self, uid: str) -> BackgroundTask:
        """The task. Raises NotFoundError."""

    @abstractmethod
    def list_tasks(
        self, project: str = "", states: tuple[str, ...] = (), limit: int = 0
    ) -> list[BackgroundTask]:
        """Tasks, newest first; project empty or `"*"`: all; no states: any; limit 0: all."""

    @abstractmethod
    def claim_task(
        self, kinds: tuple[str, ...], owner: str, seconds: float
    ) -> BackgroundTask | None:
        """Take the oldest task of these kinds that waits, or whose process is gone.

        Args:
            kinds: What the caller can do; empty: any, but only one whose process is gone.
            owner: Whose it is then; it is `running`.
            seconds: For how long.

        Returns:
            None: there is none.
        """

    @abstractmethod
    def move_task(self, task: BackgroundTask, owner: str, seconds: float) -> bool:
        """Write state, progress, result and error; prolong for `seconds`, 0: give it back.

        Returns:
            False if it is not this owner's any more: then it must stop.
        """

    @abstractmethod
    def cancel_task(self, uid: str) -> BackgroundTask:
        """Ask for its end; one that nobody has begun is cancelled at once. Raises NotFoundError."""

    @abstractmethod
    def delete_tasks(self, before: float) -> int:
        """Remove tasks that ended before this time; how many."""

    @abstractmethod
    def count_tasks(self) -> dict[str, int]:
        """State -> how many."""
