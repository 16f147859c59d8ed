"""The run inside the driver. Only light modules stand above: the JVM is set to work first."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

from mlrun_like.runtimes.spark.session import active_context, start_early

__all__ = ["EAGER", "REASON", "SUBMITTER", "main"]

EAGER = "spark_eager"
"""Key of the payload: whether the handler will ask for a session."""
SUBMITTER = "submitter"
"""Key of the payload: process id and start time of the submitter, on this machine."""
REASON = "reason.txt"
"""Beside the payload: why the driver gave up, in words."""
_GAVE_UP = 75
_STOP_LIMIT = 20.0
_LOOK_EVERY = 2.0
_SWITCH = 0.0005


def main(arguments: list[str]) -> int:
    """Execute a payload, or a function's document; gives the exit code.

    Args:
        arguments: The payload's file, or the folder with it and the function (in a pod), or `--run`
            and the arguments of `mlrun-like run`.
    """
    sys.argv = ["mlrun-like"]
    if arguments[0] == "--run":
        sys.argv = ["mlrun-like", "run", *arguments[1:], "--local"]
        import_module("mlrun_like.cli.main").main()
        return 0
    file = Path(arguments[0])
    aborted: BaseException | type[BaseException]
    if file.is_dir():  # in a pod, which others than the submitter may end
        inside = import_module("mlrun_like.runtimes.kubernetes.inside")
        payload = inside.read_payload(file)
        aborted = inside.Terminated("the pod was told to end (SIGTERM)")
    else:
        aborted = import_module("mlrun_like.runs.watch").RunAborted
        payload = json.loads(file.read_text(encoding="utf-8"))
    interval = sys.getswitchinterval()
    if payload.get(EAGER):
        # The JVM asks for an answer some hundred times while the context is made: it shall not
        # wait each time for the imports below.
        sys.setswitchinterval(_SWITCH)
        start_early()
    _end_in_order(aborted)
    if SUBMITTER in payload:
        _end_with(*payload[SUBMITTER])
    entry = import_module("mlrun_like.runs.entry")
    with_master = import_module("mlrun_like.runtimes.spark.watching")
    with_master.watch(lambda reason: _give_up(file.with_name(REASON), reason))
    sys.setswitchinterval(interval)  # the handler's own threads shall not pay for it
    code = int(entry.execute_payload(payload))
    _stop_spark(kill=not file.is_dir())
    return code


def _end_in_order(aborted: BaseException | type[BaseException]) -> None:
    """Let SIGTERM unwind the handler, so that its `finally` blocks run."""
    own = os.getpid()

    def on_terminate(number: int, _: object) -> None:
        if os.getpid() == own:
            raise aborted
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, on_terminate)


def _end_with(pid: int, started: float) -> None:
    """End Java and this process when the submitter has ended: nobody would know of them."""
    alive = import_module("mlrun_like.tracking.process").process_alive

    def look() -> None:
        while alive(pid, started):
            time.sleep(_LOOK_EVERY)
        _kill_java()
        os._exit(_GAVE_UP)

    threading.Thread(target=look, name="mlrun-like-submitter", daemon=True).start()


def _stop_spark(kill: bool) -> None:
    """Stop the context; a cluster that does not answer must not hold an ended run.

    One without a cluster is stopped by Java as it ends, which is faster.
    """
    context = active_context()
    if context is None or str(context.master).partition("[")[0] == "local":
        return
    stopping = threading.Thread(target=context.stop, name="mlrun-like-stop", daemon=True)
    stopping.start()
    stopping.join(_STOP_LIMIT)
    if stopping.is_alive() and kill:
        sys.stderr.write(f"mlrun-like: Spark did not stop within {_STOP_LIMIT:g} s\n")
        _kill_java()


def _kill_java() -> None:
    """End spark-submit's own process, whose child this is; the executors end without it."""
    parent = os.getppid()
    if parent > 1:
        os.kill(parent, signal.SIGKILL)


def _give_up(file: Path, reason: str) -> None:
    """End the driver from a thread, whatever the handler is waiting for."""
    file.write_text(reason, encoding="utf-8")
    sys.stderr.write(f"mlrun-like: {reason}\n")
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(_GAVE_UP)
