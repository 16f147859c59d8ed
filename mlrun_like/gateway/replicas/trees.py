"""Process trees: what a worker started, also what left its session or lost its parent; ending all.

Reads `/proc/<pid>/stat` (proc(5)); where there is no `/proc`, a tree is its process group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Process", "end_tree", "end_user", "members", "processes", "proportional", "some"]

_ROUNDS = 200
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_AS_USER = (
    "import os,sys;u=int(sys.argv[1]);os.setgroups([]);os.setgid(u);os.setuid(u);os.kill(-1,9)"
)


class Process(NamedTuple):
    """One process.

    Args:
        pid: Its number.
        parent: Its parent's; an orphan's is that of whoever took it.
        started: When, in ticks since the machine's start: with `pid` it names a process for good.
        memory: Bytes resident, shared ones too.
        cpu: Seconds of CPU used.
        uid: Whose it is; -1: not asked for.
        zombie: Whether it has ended already.
    """

    pid: int
    parent: int
    started: int
    memory: int
    cpu: float
    uid: int = -1
    zombie: bool = False


def processes(*, users: bool = False) -> dict[int, Process]:
    """All processes of this machine that can be seen.

    Args:
        users: Whether to ask whose they are, too.
    """
    found: dict[int, Process] = {}
    try:
        entries = os.scandir("/proc")
    except OSError:
        return found
    with entries:
        for entry in entries:
            if entry.name.isdigit():
                process = _read(entry.name, entry if users else None)
                if process is not None:
                    found[process.pid] = process
    return found


def some(pids: Iterable[int]) -> dict[int, Process]:
    """Those of these processes that are there."""
    found = ((pid, _read(str(pid), None)) for pid in pids)
    return {pid: process for pid, process in found if process is not None}


def _read(name: str, entry: os.DirEntry[str] | None) -> Process | None:
    try:
        handle = os.open(f"/proc/{name}/stat", os.O_RDONLY)
        try:
            data = os.read(handle, 4096)
        finally:
            os.close(handle)
        uid = entry.stat().st_uid if entry is not None else -1
    except OSError:
        return None
    # the name of the program stands in brackets, and may hold anything
    fields = data[data.rfind(b")") + 2 :].split()
    if len(fields) < 22:
        return None
    return Process(
        pid=int(name),
        parent=int(fields[1]),
        started=int(fields[19]),
        memory=int(fields[21]) * _PAGE,
        cpu=(int(fields[11]) + int(fields[12])) / _TICK,
        uid=uid,
        zombie=fields[0] in (b"Z", b"X"),
    )


def members(
    table: dict[int, Process], roots: Iterable[int], known: Iterable[tuple[int, int]], uid: int = -1
) -> list[Process]:
    """What belongs to a worker: its tree, what was in it before, and what is its user's.

    Args:
        table: All processes.
        roots: The worker's process id.
        known: `(pid, started)` of those that were seen in the tree: an orphan still belongs to it.
        uid: The worker's own user; -1: it shares one.
    """
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    open_ = [pid for pid in roots if pid in table]
    open_ += [pid for pid, started in known if pid in table and table[pid].started == started]
    if uid >= 0:
        open_ += [process.pid for process in table.values() if process.uid == uid]
    found: dict[int, Process] = {}
    while open_:
        pid = open_.pop()
        if pid not in found and pid > 1:
            found[pid] = table[pid]
            open_.extend(children.get(pid, ()))
    return list(found.values())


def proportional(pid: int) -> int:
    """Bytes of memory with shared pages divided among those that share them; 0: not known."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
        for line in file:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def end_tree(pid: int, known: Iterable[tuple[int, int]] = (), uid: int = -1) -> None:
    """Kill a worker with all it started.

    All are stopped first, until no new one appears: what runs could start others meanwhile.

    Args:
        pid: The worker.
        known: See `members`.
        uid: Its own user, if it has one: all of the user's processes are killed in one call.
    """
    if uid > 0 and os.getuid() == 0:
        end_user(uid)
    _signal(pid, signal.SIGSTOP)
    stopped: dict[int, int] = {}
    seen = set(known)
    for _ in range(_ROUNDS):
        found = members(processes(users=uid >= 0), [pid], seen, uid)
        new = [one for one in found if stopped.get(one.pid) != one.started and not one.zombie]
        if not new:
            break
        for one in new:
            _signal(one.pid, signal.SIGSTOP)
            stopped[one.pid] = one.started
            seen.add((one.pid, one.started))
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
    for one_pid in stopped:
        _signal(one_pid, signal.SIGKILL)
    _signal(pid, signal.SIGKILL)


def end_user(uid: int) -> None:
    """Kill every process of a user, in one call of the kernel that no fork can escape (kill(2))."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _AS_USER, str(uid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=10,
        )


def _signal(pid: int, number: int) -> None:
    if pid > 1:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
