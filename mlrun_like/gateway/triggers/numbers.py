"""What `ps` shows of a trigger."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone
from typing import Any

from mlrun_like.gateway.triggers.mask import Mask

__all__ = ["Numbers"]


class Numbers:
    """Counts and the last error of one trigger; safe to use from several threads."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(
            ("events", "requests", "errors", "retries", "dead_letters", "waits", "skipped"), 0
        )
        self._state, self._since = "connecting", time.time()
        self._last_event = self._error_at = 0.0
        self._error = self._waits_for = ""

    def add(self, name: str, count: int = 1) -> None:
        """Count something."""
        with self._lock:
            self._counts[name] += count

    def answered(self, count: int) -> None:
        """So many events were worked on."""
        with self._lock:
            self._counts["events"] += count
            self._last_event = time.time()
            self._waits_for = ""

    def failed(self, error: str) -> None:
        """Something went wrong."""
        with self._lock:
            self._error, self._error_at = self._mask(error)[:1000], time.time()

    def waits(self, why: str) -> None:
        """An event waits for the gateway or the function."""
        with self._lock:
            self._counts["waits"] += 1
            self._waits_for = self._mask(why)[:300]

    def state(self, state: str, error: str = "") -> bool:
        """The source is `connected` or not; whether that has changed."""
        with self._lock:
            changed = state != self._state
            if changed:
                self._state, self._since = state, time.time()
            if error:
                self._error, self._error_at = self._mask(error)[:1000], time.time()
            return changed

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        with self._lock:
            return {
                "state": self._state,
                "since": _iso(self._since),
                **self._counts,
                "last_event": _iso(self._last_event),
                "last_error": self._error,
                "last_error_at": _iso(self._error_at),
                "waits_for": self._waits_for,
            }


def _iso(when: float) -> str:
    return datetime.fromtimestamp(when, tz=timezone.utc).isoformat() if when else ""
