"""What is told about an application that ended: how, and the last lines that it printed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["ending", "last_lines"]

_TAIL = 4096


def ending(code: Any, asked: bool, seconds: float) -> str:
    """How a process ended, as a sentence.

    Args:
        code: As `subprocess.Popen.returncode`; None: nobody knows.
        asked: Whether it was told to end.
        seconds: How long it had run.

    >>> ending(3, False, 1.25)
    'it ended by itself with exit code 3 after 1.2 s'
    """
    if asked:
        return "it was stopped"
    if not isinstance(code, int):
        return "its keeper was killed"
    if code < 0:
        return f"it was ended by signal {-code} after {seconds:.1f} s"
    return f"it ended by itself with exit code {code} after {seconds:.1f} s"


def last_lines(log: Path, start: int) -> str:
    """The last five lines of a log behind a position, without control characters."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start, end - _TAIL))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    kept = [line.rstrip() for line in lines if line.strip()][-5:]
    return "\n".join("".join(c if c.isprintable() else "?" for c in line) for line in kept)
