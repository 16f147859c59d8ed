"""Limits that the kernel keeps for a worker, and its name in the process list.

Memory is measured and enforced by the gateway, too (`watching.py`): the limit here lets Python
raise MemoryError, which the function's caller sees, before the gateway has to kill the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import math
import resource
import sys

__all__ = ["confine", "find_title", "limit_threads", "set_title"]

_PR_SET_NAME = 15
_MARGIN = 64 << 20
_THREADS = 8  # a process of a function may have so many threads, on average


def confine(memory: int, processes: int, *, own_user: bool) -> list[str]:
    """Set this process's limits; gives notes about what cannot be set.

    Args:
        memory: Bytes that it may use beyond what it shares with the zygote; 0: no limit.
        processes: Processes that it may have; only for a user of its own, since the kernel counts
            by user.
        own_user: Whether no other worker has its user.
    """
    notes = []
    _set(resource.RLIMIT_CORE, 0)  # a core would have the environment in it
    # a quarter more than was asked for: freed memory is not given back at once
    most = _data_in_use() + memory + memory // 4 + _MARGIN
    if memory and not _set(resource.RLIMIT_DATA, most):
        notes.append("the memory limit is kept by the gateway only")
    if processes and own_user:
        _set(resource.RLIMIT_NPROC, processes * _THREADS)
    return notes


def limit_threads(cores: float) -> None:
    """Let BLAS and OpenMP use no more threads than there are cores for them.

    Args:
        cores: What the function may use; 0: no limit.
    """
    control = sys.modules.get("threadpoolctl")  # imported with the libraries that need it
    if cores and control is not None:
        with contextlib.suppress(Exception):  # a library that it does not know
            control.threadpool_limits(max(1, math.ceil(cores)))


def _set(kind: int, value: int) -> bool:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (value, value))
        return True
    return False


def _data_in_use() -> int:
    with contextlib.suppress(OSError), open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def find_title() -> tuple[int, int]:
    """Where the arguments of this process are kept, and how long they are; (0, 0): unknown.

    Source: proc(5), fields `arg_start` and `arg_end` of /proc/pid/stat.
    """
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        start, end = int(fields[45]), int(fields[46])
    except (OSError, ValueError, IndexError):
        return 0, 0
    return (start, end - start) if 0 < start < end else (0, 0)


def set_title(title: str, place: tuple[int, int]) -> None:
    """Show `title` in the process list.

    Args:
        title: Names, nothing secret.
        place: From `find_title`.
    """
    text = title.encode("utf-8", "replace").replace(b"\0", b"?")
    with contextlib.suppress(AttributeError, OSError):
        _libc().prctl(_PR_SET_NAME, text[:15])
    start, size = place
    if size > 1:
        ctypes.memmove(start, text[: size - 1].ljust(size, b"\0"), size)


@functools.lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
