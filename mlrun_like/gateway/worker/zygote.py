"""The zygote: one idle process with an environment's packages imported, forked for each worker.

`python -m mlrun_like.gateway.worker.zygote CONTROL FOLDER MODULE...` is started by the gateway with
one end of a socket pair (`socketpair(AF_UNIX, SOCK_SEQPACKET)`) as descriptor CONTROL. Each message
on it is one JSON object in one packet; the other end never needs to join or split anything. FOLDER
is the gateway's own, which workers without root's rights may not see; empty: nothing is hidden or
shared.

    gateway -> zygote
    {"start": N}             with three descriptors (`socket.send_fds`): the worker's end of its
                             frame socket (`socketpair(AF_UNIX, SOCK_STREAM)`; see `wire.py`), an
                             unnamed file with the order (any readable descriptor: a memfd, read
                             from its start), and where output goes (a log file opened for append).
                             N is any number that was not used before: the worker's name here.
    {"signal": N, "number": 9}   to the worker and all processes of its group.
    {"import": ["module"]}   import further modules; answered by a new "ready".

    zygote -> gateway
    {"ready": PID, "modules": {"numpy": 0.21}, "failed": {"nowhere": "ModuleNotFoundError: ..."},
     "seconds": 1.4, "notes": ["..."]}     all is imported and the spare child waits. Before it,
                             "start" may be sent already: packets wait.
    {"started": N, "pid": P, "waited": S}  a child has the order; S: seconds since the zygote read
                             it. The worker itself tells of its start (READY, FAILED) on its frames.
    {"refused": N, "error": "..."}         no child could be forked, or the packet was malformed.
    {"ended": N, "pid": P, "code": C, "cpu": S, "memory": B}   the process is gone and was waited
                             for: C as `subprocess.returncode` (negative: the signal), seconds of
                             CPU and the most bytes it had resident. Always the last of N, but for
                             "refused". Its frame socket ended just before.

The zygote always keeps one forked child that waits for an order, so that the usual cold start has
no fork in it. It has no threads of Python and holds no state of any function. The end of CONTROL
ends the zygote, and all its workers with their groups.

The order, JSON:

    key, project, name, version, kind    of the function: kind `nuclio`, `serving`, or any other
                             whose document has a handler
    document                 its document, as `Version.document`
    options                  `Options.to_dict()`
    env                      variables added to the zygote's environment; null: removed
    replica                  number of the replica: `context.worker_id`
    sent                     `time.monotonic()` when the gateway sent it: phase `fork` begins then
    uid, gid                 who to become if this process is root; uid missing: nobody else
    workdir                  working folder; missing: a folder of its own, removed at the end
    modules                  (optional) further folders for `sys.path`
    gateway                  (optional) the gateway's URL: for `context.platform.call_function`
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from mlrun_like.configuration import config
from mlrun_like.gateway.worker.children import Children
from mlrun_like.gateway.worker.confine import find_title, set_title
from mlrun_like.gateway.worker.main import Surroundings
from mlrun_like.gateway.worker.preloading import REFUSED, Preloading
from mlrun_like.gateway.worker.privileges import PRIVATE, View, hide, share
from mlrun_like.gateway.worker.waiting import wait_and_work
from mlrun_like.runtimes.child import settle_path

__all__ = ["main", "platform_folder"]

_MOST = 1 << 20  # bytes of a packet
_REST = 0.02  # seconds after an order before the next spare is forked: the worker's start is first


def main(arguments: list[str]) -> NoReturn:
    """Import, then fork: `CONTROL FOLDER MODULE...`."""
    control = socket.socket(fileno=int(arguments[0]))
    control.set_inheritable(False)
    settle_path()
    sys.argv = ["mlrun-like"]
    gateway, view = arguments[1], View()
    title = find_title()
    if gateway and os.geteuid() == 0 and sys.platform == "linux":
        home = str(config.path())
        notes = share(home)
        platform, told = platform_folder(home)
        notes += told
        if platform and os.path.isdir(platform):  # functions read and write there, as in a cluster
            notes += share(platform, private=False)
        view = hide(home, gateway, [platform] if platform else [])
        view = view._replace(notes=(*notes, *view.notes))
    _Zygote(control, list(arguments), title, view).serve()
    os._exit(0)


def platform_folder(home: str) -> tuple[str, list[str]]:
    """The folder that stands for the platform, empty if workers may not have it; and notes.

    Args:
        home: The store's folder; one above it would open its secrets to all workers, and so would
            one of those that the gateway keeps there for itself.
    """
    root = config.v3io_root
    if not root:
        return "", []
    own, above = os.path.realpath(home), os.path.realpath(root)
    told = f"v3io_root {root} is not opened to workers"
    if os.path.commonpath((own, above)) == above:
        return "", [f"{told}: the store in {home} is below it"]
    for name in sorted(PRIVATE):
        closed = os.path.realpath(os.path.join(own, name))
        if os.path.commonpath((closed, above)) in (closed, above):
            return "", [f"{told}: {closed} is the gateway's alone"]
    return root, []


class _Zygote:
    def __init__(
        self, control: socket.socket, arguments: list[str], title: tuple[int, int], view: View
    ) -> None:
        self._control = control
        self._arguments = arguments
        self._title, self._view = title, view
        self._pid = os.getpid()
        self._children = Children(self._become)
        self._preloading = Preloading(self._begin_anew)
        self._due = 0.0
        """When the next spare is to be forked."""
        self._wakers = socket.socketpair()
        for end in self._wakers:
            end.setblocking(False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakers[1].fileno(), warn_on_full_buffer=False)
        set_title("mlrun-like zygote", title)
        self._import(arguments[2:])

    def serve(self) -> None:
        """Fork and watch until the gateway is gone."""
        poll = select.poll()  # unlike epoll, not shared with forks
        poll.register(self._control, select.POLLIN)
        poll.register(self._wakers[0], select.POLLIN)
        try:
            while True:
                for descriptor, _ in poll.poll(self._wait()):
                    if descriptor == self._control.fileno() and not self._accept():
                        return
                self._reap()
        finally:
            self._children.close()

    def _wait(self) -> float | None:
        """Milliseconds until a spare is to be forked; None: there is one."""
        if self._children.spare:
            return None
        left = self._due - time.monotonic()
        if left <= 0:
            if self._children.fork():
                return None
            self._due, left = time.monotonic() + 1.0, 1.0
        return left * 1000

    def _become(self, channel: socket.socket, folder: str, others: list[socket.socket]) -> NoReturn:
        around = Surroundings(self._pid, folder, self._title, self._view.notes, self._view)
        wait_and_work(channel, around, [self._control, *self._wakers, *others])

    # Packets ---------------------------------------------------------------------------------

    def _accept(self) -> bool:
        """Take one packet; False when the gateway is gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, _MOST, 8)
        except OSError:
            return False
        began = time.monotonic()
        if not data:
            return False
        try:
            asked = json.loads(data)
            if not isinstance(asked, dict):
                raise ValueError("it is no object")
            self._obey(asked, descriptors, began)
        except (ValueError, TypeError, LookupError, RecursionError) as exc:
            self._tell({"refused": None, "error": f"the packet is malformed: {exc}"})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _obey(self, asked: dict[str, Any], descriptors: list[int], began: float) -> None:
        if "start" in asked:
            self._start(int(asked["start"]), descriptors, began)
        elif "signal" in asked:
            which = signal.Signals(int(asked.get("number", signal.SIGKILL)))
            self._children.signal(int(asked["signal"]), which)
        elif "import" in asked:
            modules = [str(name) for name in asked["import"]]
            self._arguments += modules
            self._children.end_spare()
            self._import(modules)
        else:
            raise ValueError(f"nothing is asked for in {sorted(asked)!r:.200}")

    def _start(self, number: int, descriptors: list[int], began: float) -> None:
        if number < 0 or len(descriptors) != 3:
            error = "an order has a number from 0 and comes with three descriptors"
        elif self._children.has(number):
            error = f"the number {number} is taken"
        else:
            pid = self._children.give(number, descriptors)
            self._due = time.monotonic() + _REST
            if pid:
                waited = round(time.monotonic() - began, 6)
                self._tell({"started": number, "pid": pid, "waited": waited})
                return
            error = "no process can be forked"
        self._tell({"refused": number, "error": error})

    def _import(self, modules: list[str]) -> None:
        seconds = self._preloading.add(modules)
        self._tell(
            {
                "ready": self._pid,
                "modules": self._preloading.imported,
                "failed": self._preloading.failed,
                "seconds": round(seconds, 4),
                "notes": self._view.notes,
            }
        )

    def _begin_anew(self, module: str) -> NoReturn:
        """Start again without a module that started a thread, which may hold locks for ever."""
        kept = [name for name in self._arguments if name != module]
        self._children.close()
        os.set_inheritable(self._control.fileno(), True)
        command = [sys.executable, "-m", "mlrun_like.gateway.worker.zygote"]
        os.execv(sys.executable, [*command, *kept, REFUSED + module])

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wakers[0].recv(4096):
                pass
        had = self._children.spare
        for told in self._children.reap():
            self._tell(told)
        if had and not self._children.spare:
            self._due = time.monotonic() + _REST

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._control.send(json.dumps(message).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
