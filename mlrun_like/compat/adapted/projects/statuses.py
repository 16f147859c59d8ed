"""States of pipelines' runs, compared without regard to capital letters."""

from __future__ import annotations

from enum import Enum

__all__ = ["RunStatuses"]


class RunStatuses(str, Enum):
    """What a pipeline's run can be.

    >>> RunStatuses.succeeded == "succeeded", RunStatuses("FAILED").value
    (True, 'Failed')
    """

    succeeded = "Succeeded"
    failed = "Failed"
    skipped = "Skipped"
    error = "Error"
    running = "Running"
    unknown = "Unknown"
    terminating = "Terminating"
    runtime_state_unspecified = "Runtime_State_Unspecified"
    pending = "Pending"
    canceling = "Canceling"
    canceled = "Canceled"
    paused = "Paused"

    def __eq__(self, other: object) -> bool:
        return str(self.value).casefold() == str(getattr(other, "value", other)).casefold()

    def __hash__(self) -> int:
        return hash(str(self.value).casefold())

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def _missing_(cls, value: object) -> RunStatuses | None:
        wanted = str(value).casefold()
        return next((item for item in cls if item.value.casefold() == wanted), None)

    @staticmethod
    def all() -> list[RunStatuses]:
        """All, without that of pods that end."""
        return [item for item in RunStatuses if item is not RunStatuses.terminating]

    @staticmethod
    def stable_statuses() -> list[RunStatuses]:
        """Those that do not change any more."""
        names = ("succeeded", "failed", "skipped", "error", "canceled")
        return [RunStatuses[name] for name in names]

    @staticmethod
    def transient_statuses() -> list[RunStatuses]:
        """The others."""
        stable = RunStatuses.stable_statuses()
        return [item for item in RunStatuses.all() if item not in stable]

    @staticmethod
    def retryable_statuses() -> list[RunStatuses]:
        """Those after which a run may be tried again."""
        return [
            *RunStatuses.stable_statuses(),
            RunStatuses.unknown,
            RunStatuses.runtime_state_unspecified,
        ]

    @staticmethod
    def terminable_statuses() -> list[RunStatuses]:
        """Those in which a run can be stopped."""
        names = ("running", "pending", "paused", "runtime_state_unspecified", "canceling")
        return [*(RunStatuses[name] for name in names), RunStatuses.terminating]

    @staticmethod
    def unsuccessful_statuses() -> list[RunStatuses]:
        """Those of runs that are over, and failed."""
        return [item for item in RunStatuses.stable_statuses() if item != RunStatuses.succeeded]
