"""How far an ingestion is, as an object and as lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Progress", "Reporter", "print_progress"]


@dataclass(frozen=True)
class Progress:
    """An ingestion after a chunk.

    Args:
        name: The feature set's name.
        chunk: Number of the chunk, from 1.
        rows: Rows read from the source so far.
        written: Rows of the result so far.
        rejected: Rows that a validator refused so far.
        seconds: Since the start (of this process's part).
        committed: Everything so far is durable.

    >>> print(Progress("quotes", 2, 500_000, 500_000, 0, 1.6, True))
    quotes: chunk 2, 500,000 rows read, 500,000 written in 1.6 s, committed
    """

    name: str
    chunk: int
    rows: int
    written: int
    rejected: int = 0
    seconds: float = 0.0
    committed: bool = False

    def __str__(self) -> str:
        rejected = f", {self.rejected:,} rejected" if self.rejected else ""
        end = ", committed" if self.committed else ""
        return (
            f"{self.name}: chunk {self.chunk}, {self.rows:,} rows read, "
            f"{self.written:,} written{rejected} in {self.seconds:.1f} s{end}"
        )


def print_progress(progress: Progress) -> None:
    """Write it as a line to standard error."""
    sys.stderr.write(f"{progress}\n")


class Reporter:
    """Tells a callable how far the ingestion is.

    Args:
        name: The feature set's name.
        tell: What is called; True: lines; False: nothing.
    """

    def __init__(self, name: str, tell: Callable[[Progress], None] | bool) -> None:
        self._name = name
        self._tell = print_progress if tell is True else tell or None
        self._start = time.monotonic()

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    def __call__(self, chunk: int, rows: int, written: int, rejected: int, done: bool) -> None:
        """Tell, after a chunk."""
        if self._tell is not None:
            seconds = self.seconds()
            self._tell(Progress(self._name, chunk, rows, written, rejected, seconds, done))
