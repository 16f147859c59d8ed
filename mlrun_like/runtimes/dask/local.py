"""A Dask cluster of processes on this machine, owned by a program of ours."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from typing import Any

from mlrun_like.configuration import environment_copy
from mlrun_like.errors import EngineError
from mlrun_like.runtimes.dask.clusters import Cluster, distributed, size_of
from mlrun_like.runtimes.limits import memory_limit
from mlrun_like.runtimes.processes import PACKAGE_ROOT
from mlrun_like.runtimes.workplace import workplace_of
from mlrun_like.specs.function import FunctionDoc

__all__ = ["LocalCluster", "local_options"]

_GRACE = 5.0
"""Seconds that the program gets to end its workers."""


class LocalCluster(Cluster):
    """Scheduler, workers and what watches them, below one child process.

    The workers have the function's variables and, by `with_worker_limits`, its memory limit. They
    end with this process, however it ends.
    """

    shows_output = False  # it would come to the same terminal

    def __init__(self, doc: FunctionDoc, place: str, timeout: float) -> None:
        del place
        distributed()  # say which extra is missing before anything is started
        options = local_options(doc)
        adapt = options.get("adapt")
        self.min_workers = adapt["minimum"] if adapt else 1
        surroundings = workplace_of(doc)
        env = {**environment_copy(), **surroundings.own}
        env["PYTHONPATH"] = os.pathsep.join(
            dict.fromkeys([*surroundings.path, *(p or os.getcwd() for p in sys.path)])
        )
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlrun_like.runtimes.dask.local_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=surroundings.cwd,
            env={**env, "PYTHONPATH": os.pathsep.join([env["PYTHONPATH"], PACKAGE_ROOT])},
            start_new_session=True,  # Ctrl-C is the handler's
        )
        try:
            answer = self._ask(options, max(timeout, 10.0))
        except BaseException:
            self.close()
            raise
        self.scheduler_address = answer["address"]
        self.dashboard_link = answer["dashboard"]

    def scale(self, n: int) -> None:
        """See Cluster.scale."""
        self._ask({"scale": n}, 30.0)
        self.min_workers = min(1, n)

    def adapt(self, minimum: int = 0, maximum: int | None = None) -> None:
        """See Cluster.adapt."""
        self._ask({"adapt": {"minimum": minimum, "maximum": maximum}}, 30.0)
        self.min_workers = minimum

    def close(self) -> None:
        """See Cluster.close."""
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, 9)
            process.wait()

    def _ask(self, order: dict[str, Any], timeout: float) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        with self._lock:
            try:
                if stdin is None or stdout is None:
                    raise OSError("no pipe")
                stdin.write(json.dumps(order).encode() + b"\n")
                stdin.flush()
                answer: dict[str, Any] = json.loads(_line(stdout.fileno(), timeout))
            except (OSError, ValueError) as exc:
                code = self._process.poll()
                why = f"it ended with code {code}" if code is not None else str(exc)
                raise EngineError(
                    f"the local Dask cluster does not answer: {why}",
                    fix="its own messages are on standard error",
                ) from exc
        return answer


def _line(descriptor: int, timeout: float) -> bytes:
    """One line from a pipe; TimeoutError is an OSError."""
    end, found = time.monotonic() + timeout, b""
    while not found.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise TimeoutError(f"no answer within {timeout:g} s")
        part = os.read(descriptor, 65536)
        if not part:
            raise OSError("it ended")
        found += part
    return found


def local_options(doc: FunctionDoc) -> dict[str, Any]:
    """The options of `distributed.LocalCluster` that a function asks for.

    Raises:
        InvalidArgumentError: if a number or the memory limit cannot be used.
    """
    fixed, bounds = size_of(doc)
    options: dict[str, Any] = {
        "threads_per_worker": doc.spec.nthreads or 1,
        "dashboard_address": "127.0.0.1:0",
    }
    if bounds is not None:
        options["adapt"] = {"minimum": bounds[0], "maximum": bounds[1]}
        options["n_workers"] = bounds[0]
    elif fixed is not None:
        options["n_workers"] = fixed  # else one for each core
    memory = memory_limit(doc.spec.worker_resources)
    if memory is not None:
        options["memory_limit"] = memory
    return options
