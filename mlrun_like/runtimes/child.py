"""What happens inside the process of one run, however that process came to be.

A request names the function to call and everything around it. A new interpreter reads it from a
private file (`python -m mlrun_like.runtimes.child FILE PARENT`); a fork of the warm server reads
it from an inherited descriptor. From there on the two are the same.
"""

from __future__ import annotations

import atexit
import importlib
import io
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import IO, Any, NoReturn, TextIO

from mlrun_like.configuration import replace_environment
from mlrun_like.errors import MLRunLikeError
from mlrun_like.runs.watch import RunAborted
from mlrun_like.runtimes.limits import apply_memory_limit, die_with_parent

__all__ = ["CANNOT_START", "ENTRY", "Request", "leave", "main", "perform", "run", "settle_path"]

ENTRY = "mlrun_like.runs.entry:execute_payload"
CANNOT_START = 70
"""Exit code of a process that ended before it reached the function."""


@dataclass(frozen=True)
class Request:
    """One call in a process of its own.

    Args:
        argument: Plain data, the function's only argument.
        cwd: Absolute working folder, also first on `sys.path`.
        target: The function as `"module:name"`; it returns the exit code or None.
        path: Further folders for `sys.path`.
        env: The whole environment; None: the inherited one.
        memory: Limit in bytes; None: no limit.
        stay: Whether the process may take further requests like this one afterwards.
    """

    argument: Any
    cwd: str
    target: str = ENTRY
    path: tuple[str, ...] = ()
    env: dict[str, str] | None = None
    memory: int | None = None
    stay: bool = False

    def write(self, file: IO[str]) -> None:
        """Write the request as JSON."""
        file.write(json.dumps({item.name: getattr(self, item.name) for item in fields(self)}))

    @classmethod
    def read(cls, file: IO[str]) -> Request:
        """Read what `write` wrote."""
        values = json.load(file)
        return cls(**{**values, "path": tuple(values["path"])})


def settle_path() -> None:
    """Undo `python -m`: the start folder must not shadow installed packages.

    It stays last, because it may be the only place this package is found.
    """
    if not getattr(sys.flags, "safe_path", False):
        start = sys.path.pop(0)
        if start not in sys.path:
            sys.path.append(start)


def run(request: Request, tell: Callable[[int], None] = lambda code: None) -> NoReturn:
    """Turn this process into the run and end it with the function's exit code.

    Args:
        request: What to run.
        tell: Called with the exit code when all is done, just before the process ends.
    """
    leave(perform(request), tell)


def perform(request: Request) -> int:
    """Turn this process into the run and give its exit code."""
    code = CANNOT_START
    try:
        _end_in_order(os.getpid())
        if request.env is not None:
            replace_environment(request.env)
            if hasattr(time, "tzset"):
                time.tzset()
        os.chdir(request.cwd)
        sys.path[:0] = [request.cwd, *request.path]
        sys.stdout, sys.stderr = _stream(1), _stream(2)
        if request.memory is not None:
            apply_memory_limit(request.memory)
        module, _, name = request.target.partition(":")
        function = getattr(importlib.import_module(module), name)
        code = 1
        code = int(function(request.argument) or 0)
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except RunAborted:
        code = 128 + signal.SIGTERM
    except MLRunLikeError as exc:
        sys.stderr.write(f"{exc}\n")
    except BaseException:  # noqa: BLE001  (the end of this process: nothing above can report it)
        traceback.print_exc()
    return code & 0xFF


def _stream(descriptor: int) -> TextIO:
    """Unbuffered, and in one encoding whatever the locale is."""
    raw = os.fdopen(descriptor, "wb", 0, closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


def _end_in_order(pid: int) -> None:
    """Let SIGTERM unwind the function, so that its `finally` blocks run and the abort is recorded.

    Processes that it forks keep the usual meaning: multiprocessing ends its workers this way.
    """

    def on_terminate(number: int, _: object) -> None:
        if os.getpid() == pid:
            raise RunAborted
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, on_terminate)


def leave(code: int, tell: Callable[[int], None]) -> NoReturn:
    """End as an interpreter does, without taking its modules apart, which costs 100 ms."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:  # noqa: BLE001  (the stream may be closed; the exit code must survive)
        code = code or 1
    finally:
        tell(code)
        os._exit(code)


def main(arguments: list[str]) -> NoReturn:
    """Run the request in a file: `FILE PARENT`."""
    file, parent = arguments
    die_with_parent(int(parent))
    settle_path()
    with open(file, encoding="utf-8") as stream:
        request = Request.read(stream)
    sys.argv = ["mlrun-like"]
    run(request)


if __name__ == "__main__":
    main(sys.argv[1:])
