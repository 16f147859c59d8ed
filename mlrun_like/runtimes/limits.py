"""What the operating system enforces on a run's process: memory, and dying with its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.values import parse_memory

if sys.platform != "win32":
    import resource

__all__ = ["apply_memory_limit", "die_with_parent", "memory_limit"]

_PR_SET_PDEATHSIG = 1


def memory_limit(resources: Mapping[str, Any]) -> int | None:
    """The memory limit in bytes of a function's `resources`; None when there is none.

    A limit on cpu is for containers and pods; on one machine the scheduler shares the cores.

    >>> memory_limit({"limits": {"memory": "1Gi", "cpu": 2}})
    1073741824

    Raises:
        InvalidArgumentError: if the quantity is malformed.
    """
    limits = resources.get("limits") or {}
    if not isinstance(limits, Mapping):
        raise InvalidArgumentError(
            f"resources.limits must hold 'name: quantity', not {limits!r}",
            fix='resources={"limits": {"memory": "1Gi"}}',
        )
    amount = limits.get("memory") or limits.get("mem")
    return None if amount is None else parse_memory(amount)


def apply_memory_limit(size: int) -> None:
    """Bound this process's data, so that Python sees a MemoryError instead of a killed process.

    Only Linux counts all private memory; elsewhere the limit is not enforced.

    Raises:
        InvalidArgumentError: if the process already uses more.
    """
    if sys.platform != "linux":
        return
    used = _data_in_use()
    if used >= size:
        raise InvalidArgumentError(
            f"memory limit of {size >> 20} MiB is below the {used >> 20} MiB that the interpreter "
            "and the imported packages need",
            fix="raise resources.limits.memory",
        )
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        size = min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def _data_in_use() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent (process id `parent`) ends (Linux)."""
    if sys.platform != "linux":
        return
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(128 + signal.SIGKILL)


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
