"""Facts about processes of this machine: do they live, and are they still the same ones."""

from __future__ import annotations

import os
import subprocess
import time
from functools import lru_cache
from pathlib import Path

__all__ = ["own_start_time", "process_alive", "process_start_time"]

_PROC = Path("/proc")


def process_start_time(pid: int) -> float:
    """When a process started, in seconds on a clock that never jumps; 0.0 if there is none.

    On Linux the seconds since boot, elsewhere the seconds since 1970. Only comparing two answers
    for one pid makes sense: a different number means that the number was given to a new process.

    Args:
        pid: The process id.

    >>> import os
    >>> process_start_time(os.getpid()) > 0
    True
    """
    found = _stat(pid) if _PROC.joinpath("self", "stat").exists() else _ps(pid)
    return found[1] if found else 0.0


@lru_cache(maxsize=8)
def own_start_time(pid: int) -> float:
    """The same for this very process, asked once.

    Args:
        pid: `os.getpid()`, which a fork changes.
    """
    return process_start_time(pid)


def process_alive(pid: int, started: float = 0.0) -> bool:
    """Whether the process runs, and is the one that started at `started` (0.0: not checked).

    A process that has ended and whose parent has not asked for its exit code yet is not alive.
    """
    if pid <= 0:
        return False
    found = _stat(pid) if _PROC.joinpath("self", "stat").exists() else _ps(pid)
    if found is None or found[0] in "ZX":
        return False
    return not started or abs(found[1] - started) < 0.5


def _stat(pid: int) -> tuple[str, float] | None:
    try:
        text = _PROC.joinpath(str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # the name in parentheses may itself hold spaces and parentheses
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _ps(pid: int) -> tuple[str, float] | None:
    try:
        done = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env={"LC_ALL": "C"},
        )
    except OSError:
        return None
    state, _, started = done.stdout.strip().partition(" ")
    if not state:
        return None
    return state[0], time.mktime(time.strptime(started.strip(), "%a %b %d %H:%M:%S %Y"))
