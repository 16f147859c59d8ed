"""How long a pod may be in a state before its run is given up (MLRun's state thresholds)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from mlrun_like.specs.durations import STATE_THRESHOLDS, parse_duration

__all__ = ["Thresholds"]

_WORDS = {
    "pending_scheduled": "it had a node, but did not start",
    "pending_not_scheduled": "it got no node",
    "image_pull_backoff": "its image could not be pulled",
    "executing": "it was running",
}


class Thresholds:
    """Watches one pod's state.

    Args:
        given: The function's thresholds, `"1h"` or `"-1"`; the defaults stand for the rest.
        clock: Seconds that pass; for tests.

    >>> limits = Thresholds({"executing": "1m"}, clock=iter([0, 30, 61]).__next__)
    >>> [limits.exceeded(state) for state in ("executing", "executing")]
    ['', '']
    >>> limits.exceeded("executing")
    'the pod was in state executing for more than 1m (it was running)'
    """

    def __init__(
        self, given: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._texts = {**STATE_THRESHOLDS, **given}
        self._limits = {state: parse_duration(text) for state, text in self._texts.items()}
        self._clock = clock
        self._state = ""
        self._since = 0.0

    def exceeded(self, state: str) -> str:
        """Why the run must be given up now; empty if it need not.

        Args:
            state: The pod's state; a new one starts its own time.
        """
        now = self._clock()
        if state != self._state:
            self._state, self._since = state, now
        limit = self._limits.get(state)
        if limit is None or now - self._since <= limit:
            return ""
        return f"the pod was in state {state} for more than {self._texts[state]} ({_WORDS[state]})"
