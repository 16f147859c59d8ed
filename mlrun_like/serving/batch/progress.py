"""How far a batch is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import IO

__all__ = ["Progress", "progress_of"]

Progress = Callable[[int, int, "int | None"], None]
"""Called after each chunk with the rows done, those of them that failed, and all (None: unknown).

Called once more at the end, then with all equal to the rows done.
"""


def progress_of(wanted: bool | Progress) -> Progress:
    """Nothing, a line on stderr once a second, or the caller's function."""
    if callable(wanted):
        return wanted
    return _Lines(sys.stderr) if wanted else lambda done, failed, total: None


class _Lines:
    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._begin = self._last = time.monotonic()
        self._terminal = stream.isatty()

    def __call__(self, done: int, failed: int, total: int | None) -> None:
        now = time.monotonic()
        ended = done == total
        if now - self._last < 1 and not ended:
            return
        self._last = now
        speed = done / max(now - self._begin, 1e-9)
        share = f" of {total:,}" if total is not None and not ended else ""
        text = f"{done:,}{share} rows, {failed:,} failed, {speed:,.0f} rows/s"
        if self._terminal:
            self._stream.write(f"\r\x1b[K{text}" + ("\n" if ended else ""))
        else:
            self._stream.write(text + "\n")
        self._stream.flush()
