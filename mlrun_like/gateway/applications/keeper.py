"""The process between the gateway and an application: starts it with limits, and ends all of it.

Run as a program, with nothing but the standard library. It is the reaper of everything that the
application starts, so nothing stays behind, also when the gateway was killed: its input ends then.
The first line of input is JSON: `argv`, `env`, `cwd`, `limits`, `uid`, `gid`, `alone` (nobody else
has this uid), `show` (folders that this user shall reach), `after` (commands for the end). Each
further line is `stop SECONDS`. Lines of output are JSON: `{"pid": 1}`, `{"error": "..."}`,
`{"ended": -15}`. Standard error is the function's log.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn

__all__ = ["descendants", "main"]

_SUBREAPER, _PARENT_DEATH, _NO_NEW_PRIVILEGES = 36, 1, 38  # linux/prctl.h
_NEW_NAMESPACE, _BIND, _RECURSIVE, _PRIVATE = 0x20000, 4096, 16384, 1 << 18  # linux/mount.h
_NO_SUID, _NO_DEVICES = 2, 4
_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL when the gateway is gone."""
_LIMITS = {"files": "RLIMIT_NOFILE", "processes": "RLIMIT_NPROC", "core": "RLIMIT_CORE"}


def main() -> int:
    """Start what the first line says, and stay until it is over."""
    for entry in os.listdir("/proc/self/fd"):  # what others left open is not for applications
        if int(entry) > 2:
            with contextlib.suppress(OSError):
                os.close(int(entry))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _prctl(_SUBREAPER, 1)
    reader = _Lines(0)
    line = reader.first()
    if not line:
        return 0
    order = json.loads(line)
    pid, error = _start(order)
    if error:
        _tell({"error": error})
        return 1
    _tell({"pid": pid})
    status = _watch(pid, reader, order)
    _sweep(order)
    _tell({"ended": status})
    return 0


def _start(order: dict[str, Any]) -> tuple[int, str]:
    """Process id, or why it cannot be started."""
    read, write = os.pipe()  # closed by exec: an empty answer is a good one
    pid = os.fork()
    if pid == 0:
        _become(order, write)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        error = pipe.read().decode("utf-8", "replace")
    if error:
        os.waitpid(pid, 0)
    return pid, error


def _become(order: dict[str, Any], write: int) -> NoReturn:
    """In the child: give up rights, set limits, and turn into the application."""
    doing = "start"
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(2, 1)
        for name, value in (order.get("limits") or {}).items():
            doing = f"limit {name} to {value}"
            _limit(getattr(resource, _LIMITS[name]), value)
        if order.get("uid"):
            doing = "show it where Python is"
            _show(order.get("show") or [])
            doing = f"become user {order['uid']}"
            os.setgroups([])
            os.setgid(order["gid"])
            os.setuid(order["uid"])
        if os.getuid() != 0:
            _prctl(_NO_NEW_PRIVILEGES, 1)
        _prctl(_PARENT_DEATH, signal.SIGKILL)  # a change of user would clear it: after that
        os.umask(0o027)
        doing = f"enter folder {order['cwd']}"
        os.chdir(order["cwd"])
        doing = f"run {order['argv'][0]}"
        os.execvpe(order["argv"][0], order["argv"], order["env"])
    except BaseException as exc:  # noqa: BLE001 - a forked child: nothing may get out of here
        told = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        os.write(write, f"cannot {doing}: {told}".encode())
    os._exit(127)


def _show(folders: list[str]) -> None:
    """Let everybody reach folders that lie in closed ones, such as a Python in /root.

    In a mount namespace of its own, the closed folder is covered by an empty one, and only these
    are seen in it, at their places (mount_namespaces(7)).
    """
    covered: dict[str, dict[str, int]] = {}
    for path in folders:
        whole = os.path.realpath(path)
        parts = whole.split("/")
        for count in range(2, len(parts)):
            above = "/".join(parts[:count])
            if os.path.isdir(whole) and not os.stat(above).st_mode & 0o001:
                covered.setdefault(above, {})[whole] = 0
                break
    libc = ctypes.CDLL(None, use_errno=True)
    if not covered or libc.unshare(_NEW_NAMESPACE):
        return  # not allowed here: what cannot be reached is told by exec

    def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
        given = [text.encode() for text in (source, target, kind)]
        if libc.mount(*given, ctypes.c_ulong(flags), data.encode()):
            raise OSError(ctypes.get_errno(), f"mount of {target}")

    mount("none", "/", "none", _RECURSIVE | _PRIVATE)
    for above, inside in covered.items():
        for whole in inside:
            inside[whole] = os.open(whole, os.O_PATH | os.O_CLOEXEC)
        mount("none", above, "tmpfs", _NO_SUID | _NO_DEVICES, "mode=0755,size=1m")
        for whole, handle in inside.items():
            os.makedirs(whole, 0o755, exist_ok=True)
            mount(f"/proc/self/fd/{handle}", whole, "none", _BIND | _RECURSIVE)


def _limit(number: int, value: int) -> None:
    """Lower or raise a limit, as far as the one that there is allows."""
    hard = resource.getrlimit(number)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(number, (value, value))


def _watch(pid: int, reader: _Lines, order: dict[str, Any]) -> int:
    """Wait for its end; end it when told, or when nobody is there who could tell."""
    ending = os.pidfd_open(pid)
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    kill_at = 0.0
    listening = [0, woken]
    while True:
        wait = max(0.0, kill_at - time.monotonic()) if kill_at else None
        ready, _, _ = select.select([ending, *listening], [], [], wait)
        if woken in ready:
            os.read(woken, 4096)
            _reap(pid)
        if ending in ready:
            break
        if 0 in ready:
            lines, closed = reader.more()
            if closed:
                listening = [woken]
                lines.append(f"stop {_GRACE}")
            for line in lines:
                grace = float(line.partition(" ")[2] or 0)
                _signal(pid, signal.SIGTERM)
                until = time.monotonic() + grace
                kill_at = min(kill_at, until) if kill_at else until
        if kill_at and time.monotonic() >= kill_at:
            _signal(pid, signal.SIGKILL)
            break
    os.close(ending)
    _, status = os.waitpid(pid, 0)
    _signal(pid, signal.SIGKILL)
    for argv in order.get("after") or ():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(argv, env=order["env"], stdout=2, timeout=30, check=False)
    return os.waitstatus_to_exitcode(status)


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _reap(main_pid: int) -> None:
    """Take the status of what was left to us, and leave that of the application."""
    for pid in descendants(os.getpid(), direct=True):
        if pid != main_pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _sweep(order: dict[str, Any]) -> None:
    """Kill whatever is left of it, in other sessions and groups too."""
    own = order.get("uid") if order.get("alone") else 0
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if own:  # nobody else has this user, and one call leaves no time to fork
            _kill_all_of(own, order["gid"])
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _kill_all_of(uid: int, gid: int) -> None:
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(pid, 0)


def descendants(root: int, *, direct: bool = False) -> list[int]:
    """Processes below one; `direct`: its own children only."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with (
                contextlib.suppress(OSError, ValueError, IndexError),
                open(f"/proc/{entry}/stat", "rb") as file,
            ):
                parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry))
    found = list(children.get(root, ()))
    if not direct:
        for pid in found:  # grows while it is walked
            found.extend(children.get(pid, ()))
    return found


class _Lines:
    """Lines from a descriptor, as they come."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._held = descriptor, b""

    def first(self) -> bytes:
        while b"\n" not in self._held:
            data = os.read(self._descriptor, 1 << 16)
            if not data:
                return b""
            self._held += data
        line, _, self._held = self._held.partition(b"\n")
        return line

    def more(self) -> tuple[list[str], bool]:
        data = os.read(self._descriptor, 4096)
        *lines, self._held = (self._held + data).split(b"\n")
        return [line.decode() for line in lines if line], not data


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _tell(message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the gateway is gone
        os.write(1, json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
