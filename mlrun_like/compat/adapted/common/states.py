"""States of runs as MLRun's client knows them."""

from __future__ import annotations

__all__ = ["RunStates", "ThresholdStates"]


class RunStates:
    """The states of a run.

    >>> RunStates.completed in RunStates.terminal_states()
    True
    """

    completed = "completed"
    error = "error"
    running = "running"
    created = "created"
    pending = "pending"
    unknown = "unknown"
    aborted = "aborted"
    aborting = "aborting"
    skipped = "skipped"
    pending_retry = "pendingRetry"

    @staticmethod
    def all() -> list[str]:
        """All of them."""
        return [
            *("completed", "error", "running", "created", "pending", "unknown"),
            *("aborted", "aborting", "skipped", "pendingRetry"),
        ]

    @staticmethod
    def terminal_states() -> list[str]:
        """Those of runs that are over."""
        return ["completed", "error", "aborted", "skipped"]

    @staticmethod
    def error_states() -> list[str]:
        """Those of runs that did not do what they were for."""
        return ["error", "aborted", "pendingRetry"]

    @staticmethod
    def error_and_abortion_states() -> list[str]:
        """The same, with those that are being stopped."""
        return [*RunStates.error_states(), "aborting"]

    @staticmethod
    def abortion_states() -> list[str]:
        """Those of runs that somebody stopped."""
        return ["aborted", "aborting"]

    @staticmethod
    def non_terminal_states() -> list[str]:
        """Those of runs that go on."""
        over = RunStates.terminal_states()
        return [state for state in RunStates.all() if state not in over]

    @staticmethod
    def not_allowed_for_deletion_states() -> list[str]:
        """Those in which a run cannot be deleted."""
        return ["running", "pending"]

    @staticmethod
    def retryable_states() -> list[str]:
        """Those after which a run may be tried again."""
        return ["error", "aborted"]


class ThresholdStates:
    """What a pod can be stuck in."""

    pending_scheduled = "pending_scheduled"
    pending_not_scheduled = "pending_not_scheduled"
    image_pull_backoff = "image_pull_backoff"
    executing = "executing"

    @staticmethod
    def all() -> list[str]:
        """All of them."""
        return ["pending_scheduled", "pending_not_scheduled", "image_pull_backoff", "executing"]
