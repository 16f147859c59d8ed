"""Whether files have changed, by their times: for reloading while one develops."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["Changes"]

_ENDINGS = (".py", ".ipynb", ".yaml", ".yml", ".json", ".toml")
_SKIPPED = frozenset({"__pycache__", "node_modules", ".git", ".venv", "venv"})
_MOST = 5000  # files that are looked at
_OFTEN = 0.5  # seconds between two looks


class Changes:
    """Tells once about each change of code or documents below a folder.

    Args:
        folder: Where to look; hidden folders are left out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = self._times()
        self._next = 0.0

    def __call__(self) -> bool:
        """Whether something has changed since the last time this was true."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _OFTEN
        times = self._times()
        changed, self._seen = times != self._seen, times
        return changed

    def _times(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for folder, inner, files in os.walk(self._folder):
            inner[:] = [n for n in inner if n not in _SKIPPED and not n.startswith(".")]
            for name in files:
                if name.endswith(_ENDINGS) and len(found) < _MOST:
                    path = os.path.join(folder, name)
                    try:
                        found[path] = os.stat(path).st_mtime
                    except OSError:  # it has just gone
                        continue
        return found
