"""How long signs of life have stayed the same, as this machine saw it.

Clocks of two machines cannot be compared: one that is behind would look silent. So a reader notes
which sign it saw and when, by its own clock, which runs evenly and only from one start of the
machine to the next. The notes of a machine are kept in a file, so that short commands one after
another see as much as a process that stays.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

__all__ = ["Sightings"]

_LARGEST = 64 << 20


class Sightings:
    """Signs of life by name, and since when each is the same.

    Args:
        folder: Where the notes lie; made if it is missing.
        clock: Seconds that pass evenly.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = folder / f"seen-{quote(socket.gethostname(), safe='')}.json"
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}
        self._saved = float("-inf")

    def unchanged(
        self, signs: Mapping[str, str], *, whole: bool = True, every: float = 30.0
    ) -> dict[str, float]:
        """Note signs; for each, the seconds since it was first seen as it is now.

        Args:
            signs: The present signs by name.
            whole: Whether these are all there are; others are forgotten then.
            every: Seconds between two writes of the notes, if nothing but changes of known signs
                is to be written.
        """
        if not signs and not self._seen:
            return {}
        now, kept = self._clock(), _read(self.path)
        noted: dict[str, tuple[str, float]] = {}
        for name, sign in signs.items():
            since = now
            for mark, moment in filter(None, (self._seen.get(name), kept.get(name))):
                # a moment to come is from before a restart of the machine
                if mark == sign and moment <= now:
                    since = min(since, moment)
            noted[name] = (sign, since)
        # a new one each time: threads and forks may be reading the other
        self._seen = noted if whole else {**kept, **self._seen, **noted}
        if not noted.keys() <= kept.keys() or now - self._saved > every:
            self._saved = now
            self._write()
        return {name: now - since for name, (_, since) in noted.items()}

    def forget(self) -> None:
        """Begin anew: after a time in which nobody could give a sign, silence means nothing."""
        self._seen, self._saved = {}, float("-inf")
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        temporary = self.path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        # without a file it is this process alone that remembers
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_text(json.dumps(self._seen), encoding="utf-8")
                os.replace(temporary, self.path)
            except OSError:
                temporary.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, tuple[str, float]]:
    """The notes; none of a file that is damaged."""
    try:
        if path.stat().st_size > _LARGEST:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): (str(sign), float(moment)) for name, (sign, moment) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
