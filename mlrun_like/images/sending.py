"""Progress of blobs that move, as a few lines for a person."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from mlrun_like.images.transfer import Transfer

__all__ = ["Meter", "bytes_text", "later"]

_AFTER = 1.0  # seconds: shorter work needs no line


def bytes_text(count: float) -> str:
    """A number of bytes for people.

    >>> bytes_text(999), bytes_text(1_500_000)
    ('999 bytes', '1.5 MB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"


@contextlib.contextmanager
def later(say: Callable[[str], None], line: str) -> Iterator[None]:
    """Say a line if the block takes longer than a second."""
    timer = threading.Timer(_AFTER, say, (line,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Meter:
    """Says every second how much has moved, from the second second on.

    Args:
        say: Called with a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._blobs: dict[str, Transfer] = {}
        self._next = 0.0

    def __enter__(self) -> Meter:
        self._next = time.monotonic() + _AFTER
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._next = float("inf")

    def __call__(self, transfer: Transfer) -> None:
        """Take note of how far one blob is."""
        with self._lock:
            self._blobs[transfer.digest] = transfer
            now = time.monotonic()
            if now < self._next:
                return
            self._next = now + _AFTER
            moving = [
                item for item in self._blobs.values() if item.state not in ("there", "mounted")
            ]
            done, total = sum(item.done for item in moving), sum(item.total for item in moving)
        if total:
            self._say(f"moved {bytes_text(done)} of {bytes_text(total)}")
