"""Control groups of workers: what the kernel itself enforces, where we may make them.

Version 2 (docs.kernel.org, "Control Group v2"): memory.max, pids.max, cpu.max, cgroup.kill.
Version 1: memory.limit_in_bytes, pids.max, cpu.cfs_quota_us. Only root, or who was given a subtree
(`Delegate=yes` of systemd), may make groups; elsewhere watching does with what `/proc` says.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Group", "Groups"]

_THREADS = 512
"""What pids.max allows above the limit of processes: it counts threads, too."""
_PERIOD = 100_000
_CONTROLLERS = ("memory", "pids", "cpu")
_ROOT = Path("/sys/fs/cgroup")


@dataclass
class Group:
    """The group of one worker: a folder for each controller that it needs."""

    folders: dict[str, Path] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)

    def join(self, pid: int) -> bool:
        """Move a process there; what it starts later is there too. False if it is gone."""
        try:
            for folder in set(self.folders.values()):
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    def processes(self) -> list[int]:
        """All in it."""
        for folder in self.folders.values():
            with contextlib.suppress(OSError, ValueError):
                return [int(word) for word in (folder / "cgroup.procs").read_text().split()]
        return []

    def memory(self) -> int:
        """Bytes that it uses; 0: not known."""
        folder = self.folders.get("memory")
        if folder is not None:
            for name in ("memory.current", "memory.usage_in_bytes"):
                with contextlib.suppress(OSError, ValueError):
                    return int((folder / name).read_text())
        return 0

    def verdict(self) -> str:
        """Which limit the kernel had to enforce; empty: none."""
        folder = self.folders.get("memory")
        if folder is not None and (
            _count(folder / "memory.events", "oom_kill")
            or _count(folder / "memory.oom_control", "oom_kill")
        ):
            return "memory"
        folder = self.folders.get("pids")
        if folder is not None and _count(folder / "pids.events", "max"):
            return "processes"
        return ""

    def kill(self) -> None:
        """End all in it: nothing can be started there from now on."""
        folder = self.folders.get("pids")
        if folder is not None:
            with contextlib.suppress(OSError):
                (folder / "pids.max").write_text("0")
        for folder in set(self.folders.values()):
            with contextlib.suppress(OSError):
                (folder / "cgroup.kill").write_text("1")
                return
        for _ in range(50):
            found = self.processes()
            if not found:
                return
            for pid in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)

    def remove(self) -> bool:
        """Remove the group; False if something in it has not ended yet."""
        done = True
        for name, folder in list(self.folders.items()):
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                done = False
                continue
            del self.folders[name]
        return done


class Groups:
    """The groups of a gateway's workers.

    Args:
        root: Where control groups are.
        own: What `/proc/self/cgroup` says.
    """

    def __init__(self, root: Path = _ROOT, own: str | None = None) -> None:
        self._parents: dict[str, Path] = {}
        self.version = 0
        """1, 2, or 0: there are none."""
        if own is None:
            own = ""
            with contextlib.suppress(OSError):
                own = Path("/proc/self/cgroup").read_text()
        places = _places(own)
        name = f"mlrun-like-{os.getpid()}"
        for controller in _CONTROLLERS:
            if controller in places:
                base = root / controller / places[controller].lstrip("/")
                if self._make(controller, base, name):
                    self.version = 1
        if not self.version and "" in places and (root / "cgroup.controllers").is_file():
            self._make_unified(root / places[""].lstrip("/"), name)

    @property
    def controllers(self) -> tuple[str, ...]:
        """What the kernel enforces for us: of memory, pids and cpu."""
        return tuple(self._parents)

    def make(self, name: str, memory: int, pids: int, cpu: float) -> Group | None:
        """A group with limits; None if there is none to make.

        Args:
            name: A name that no other has.
            memory: Bytes; 0: no limit.
            pids: Processes; 0: no limit.
            cpu: Cores; 0: no limit.
        """
        quota = int(cpu * _PERIOD)
        wanted: dict[str, list[tuple[str, str]]] = {}
        if pids:
            wanted["pids"] = [("pids.max", str(pids + _THREADS))]
        if memory:
            one = ("memory.limit_in_bytes", str(memory))
            two = ("memory.max", str(memory))
            wanted["memory"] = [one if self.version == 1 else two]
        if cpu:
            one = ("cpu.cfs_quota_us", str(quota))
            wanted["cpu"] = [one if self.version == 1 else ("cpu.max", f"{quota} {_PERIOD}")]
        group = Group()
        try:
            for controller, rows in wanted.items():
                parent = self._parents.get(controller)
                if parent is None:
                    continue
                folder = parent / name
                folder.mkdir(exist_ok=True)
                group.folders[controller] = folder
                for file, value in rows:
                    (folder / file).write_text(value)
        except OSError:
            group.remove()
            return None
        return group if group.folders else None

    def close(self) -> None:
        """Remove what is empty."""
        for parent in set(self._parents.values()):
            for folder in (*_folders(parent), parent):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        self._parents.clear()

    def _make(self, controller: str, base: Path, name: str) -> bool:
        try:
            for old in base.glob("mlrun-like-*"):
                _clear(old)
            (base / name).mkdir(exist_ok=True)
        except OSError:
            return False
        if not os.access(base / name / "cgroup.procs", os.W_OK):
            return False
        self._parents[controller] = base / name
        return True

    def _make_unified(self, base: Path, name: str) -> None:
        try:
            there = (base / "cgroup.controllers").read_text().split()
            usable = [one for one in _CONTROLLERS if one in there]
            words = " ".join("+" + one for one in usable)
            (base / "cgroup.subtree_control").write_text(words)
            if usable and self._make(usable[0], base, name):
                (base / name / "cgroup.subtree_control").write_text(words)
                self._parents = dict.fromkeys(usable, base / name)
                self.version = 2
        except OSError:
            self._parents.clear()


def _places(own: str) -> dict[str, str]:
    """Controller -> this process's group; "" for version 2 (cgroups(7))."""
    found = {}
    for line in own.splitlines():
        _, _, rest = line.partition(":")
        names, mark, path = rest.partition(":")
        if mark:
            found.update(dict.fromkeys(names.split(","), path))
    return found


def _count(file: Path, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            word, _, value = line.partition(" ")
            if word == name:
                return int(value)
    return 0


def _folders(parent: Path) -> list[Path]:
    try:
        return [path for path in parent.iterdir() if path.is_dir()]
    except OSError:
        return []


def _clear(old: Path) -> None:
    """Remove the groups of a gateway that is no more."""
    word = old.name.rpartition("-")[2]
    if word.isdigit() and not Path(f"/proc/{word}").exists():
        for folder in (*_folders(old), old):
            with contextlib.suppress(OSError):
                folder.rmdir()
