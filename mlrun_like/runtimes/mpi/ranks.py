"""What a rank does once it is connected: wait until all are there, run the handler as every other
run does, and report its end. One rank's records are kept."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from mlrun_like.configuration import environment_copy, replace_environment
from mlrun_like.registry import resolve
from mlrun_like.runs.watch import RunAborted
from mlrun_like.runtimes.child import Request, run, settle_path
from mlrun_like.runtimes.mpi.channel import Channel
from mlrun_like.runtimes.mpi.interfaces import interfaces
from mlrun_like.runtimes.mpi.who import introduce

__all__ = ["NO_SUBMITTER", "begin", "perform", "resume"]

_GRACE = 3.0
"""Seconds a handler has to end in order when it is told to stop."""
_HEARD_WITHIN = 10.0
_DAEMONS = ("orted", "prted", "hydra_pmi_proxy")
NO_SUBMITTER, _STOPPED = 74, 75
"""Exit codes of a rank that never worked."""


class _Session:
    """What this process knows of its run."""

    def __init__(self, channel: Channel, who: dict[str, Any]) -> None:
        self.channel = channel
        self.who = who
        self.told: dict[str, Any] = {}
        self.heard = threading.Event()
        self.over = False
        self.cut_off = False

    def listen(self) -> None:
        """Obey the submitter for the rest of this process's life."""
        while True:
            try:
                message = self.channel.receive()
            except OSError as exc:
                self.cut_off = isinstance(exc, TimeoutError)
                message = {"stop": "the submitter is gone", "heard": False}
            if "heard" in message:
                self.heard.set()
            if "stop" in message and not self.over:
                # a thread of its own: what the rank reports at its end is still answered
                why = str(message["stop"])
                threading.Thread(target=_end_this_process, args=(why,), daemon=True).start()
            if message.get("heard") is False:
                return

    def report(self, end: dict[str, Any]) -> None:
        """Say how it ended and wait until that was heard."""
        self.over = True
        try:
            self.channel.send({"end": end})
        except OSError:
            return
        self.heard.wait(_HEARD_WITHIN)


_session: _Session | None = None


def begin(channel: Channel, who: dict[str, Any]) -> NoReturn:
    """Be the rank that the launcher started: wait for the others, then work."""
    settle_path()
    sys.argv = ["mlrun-like"]
    session = _start(channel, who)
    request = session.told["request"]
    run(Request(**{**request, "path": tuple(request["path"])}))


def resume(argument: dict[str, Any]) -> int:
    """Be a rank in a fork of a warm server, in place of the process that the launcher started."""
    if argument.get("affinity") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, argument["affinity"])
    channel, who = introduce()
    return perform(_start(channel, who).told["request"]["argument"])


def _start(channel: Channel, who: dict[str, Any]) -> _Session:
    """Wait until all ranks are there."""
    global _session
    session = _Session(channel, who)
    try:
        session.told = channel.receive()
    except OSError:
        sys.exit(NO_SUBMITTER)
    if "stop" in session.told:
        sys.exit(_STOPPED)
    threading.Thread(target=session.listen, name="mlrun-like-rank", daemon=True).start()
    own = {**session.told.get("variables", {}), **_interfaces(channel.here)}
    replace_environment({**own, **environment_copy(), **session.told.get("settled", {})})
    _session = session
    return session


def perform(argument: dict[str, Any]) -> int:
    """Execute the payload and report its end; gives the exit code."""
    session = _session
    if session is None:
        raise RuntimeError("a rank works only where it is connected")
    payload = argument["payload"]
    own = session.who["rank"]
    writes = own == payload["settings"].get("logging_worker", 0)
    wrap = "HeldStore" if writes else "QuietStore"
    if not writes:  # its artifacts must not lie where the writing rank puts the same ones
        aside = tempfile.TemporaryDirectory(prefix="mlrun-like-rank-")
        atexit.register(aside.cleanup)
        payload["run"]["spec"]["output_path"] = aside.name
    _unwind_once()
    for stream in (sys.stdout, sys.stderr):  # whole lines: launchers mark each piece they get
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, write_through=False)
    run_payload = resolve("mlrun_like.runs.entry:run_payload")
    try:
        done = run_payload(payload, resolve(f"mlrun_like.runtimes.mpi.quiet:{wrap}"))
    except BaseException as exc:
        lines = resolve("mlrun_like.runs.tracebacks:error_line")(exc)
        trace = resolve("mlrun_like.runs.tracebacks:format_traceback")(exc)
        state = "aborted" if isinstance(exc, RunAborted) else "error"
        session.report({"state": state, "error": lines, "traceback": trace})
        raise
    status = done.status
    sys.stdout.flush()
    sys.stderr.flush()
    attempt = status.attempts[-1] if status.attempts else {}
    session.report(
        {
            "state": status.state,
            "error": status.error or attempt.get("error"),
            "traceback": status.traceback,
            "timed_out": (status.error or "").startswith("the run exceeded its timeout"),
            "run": done.to_dict() if writes else None,
        }
    )
    return 0 if status.state == "completed" else 1


def _unwind_once() -> None:
    """The submitter and the launcher both tell a rank to end: the second must not disturb the
    unwinding that the first began."""

    def on_terminate(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise RunAborted

    signal.signal(signal.SIGTERM, on_terminate)


def _end_this_process(why: str) -> None:
    """Let the handler unwind; what does not end in time is killed."""
    with contextlib.suppress(OSError, ValueError):  # nobody may read it any more
        sys.stderr.write(f"stopping: {why}\n")
    _end_daemon()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


def _end_daemon() -> None:
    """On a host that is cut off, its MPI daemon would wait for the submitter for ever."""
    session = _session
    if session is None or not session.cut_off:
        return
    parent = os.getppid()
    with contextlib.suppress(OSError):
        name = Path(f"/proc/{parent}/comm").read_text(encoding="ascii").strip()
        if name in _DAEMONS:  # after this process, which it would take with it
            command = f"sleep {_GRACE:g}; kill -9 {parent}"
            subprocess.Popen(["sh", "-c", command], start_new_session=True)


def _interfaces(address: str) -> dict[str, str]:
    """Which network interface the libraries shall use: the one that leads to the submitter.

    Gloo and NCCL guess from the machine's name, which often is no address of it.
    """
    if address.startswith("127."):
        return {}
    name = next((name for name, own in interfaces() if own == address), "")
    return dict.fromkeys(("GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME"), name) if name else {}
