"""A run's process as its parent sees it: any program, or a new interpreter."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import mlrun_like
from mlrun_like.configuration import environment_copy
from mlrun_like.errors import EngineError
from mlrun_like.runtimes.child import Request

__all__ = ["PACKAGE_ROOT", "Ending", "FreshProcess", "ProgramProcess", "RunProcess"]

PACKAGE_ROOT = str(Path(mlrun_like.__file__).resolve().parents[1])
"""Where `python -m mlrun_like…` is started, so that the package is found however we found it."""


class Ending(NamedTuple):
    """How a process ended.

    Args:
        code: Its return code (negative: the signal that ended it); None: unknown.
        started: Whether it reached the run at all.
        reason: What is known when the code is not.
    """

    code: int | None
    started: bool = True
    reason: str = ""


class RunProcess(ABC):
    """The process of one run; it leads a process group of its own."""

    @abstractmethod
    def fileno(self) -> int:
        """A descriptor that becomes readable when there is news; -1 if there is none."""

    @abstractmethod
    def poll(self) -> Ending | None:
        """How it ended; None while it runs."""

    @abstractmethod
    def signal(self, number: int) -> None:
        """Send SIGTERM or SIGKILL to its group."""

    @abstractmethod
    def close(self) -> None:
        """Release; kills what still runs."""


class ProgramProcess(RunProcess):
    """A program in a process group of its own.

    Args:
        argv: The program and its arguments.
        output: Descriptor of its output.
        cwd: Its folder.
        env: Its whole environment; None: the inherited one.

    Raises:
        EngineError: if it cannot be started.
    """

    def __init__(
        self, argv: list[str], output: int, cwd: str, env: dict[str, str] | None = None
    ) -> None:
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                env=environment_copy() if env is None else env,
                start_new_session=True,
            )
        except OSError as exc:
            raise EngineError(
                f"{argv[0]!r} cannot be started: {exc.strerror or exc}",
                fix=f"install it, or put it on PATH: `command -v {argv[0]}` must find it",
            ) from exc
        self._descriptor = -1
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._descriptor = os.pidfd_open(self._process.pid)

    def fileno(self) -> int:
        """See RunProcess.fileno."""
        return self._descriptor

    def poll(self) -> Ending | None:
        """See RunProcess.poll."""
        code = self._process.poll()
        return None if code is None else Ending(code)

    def signal(self, number: int) -> None:
        """See RunProcess.signal."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def close(self) -> None:
        """See RunProcess.close."""
        if self._process.poll() is None:
            self.signal(signal.SIGKILL)
            self._process.wait()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class FreshProcess(ProgramProcess):
    """A new interpreter.

    Args:
        request: What to run.
        output: Descriptor of its output.
        folder: Private folder for the request.
    """

    def __init__(self, request: Request, output: int, folder: Path) -> None:
        file = folder / "request.json"
        # The environment goes with the process, not into the file.
        with os.fdopen(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as stream:
            replace(request, env=None).write(stream)
        child = [sys.executable, "-u", "-m", "mlrun_like.runtimes.child", str(file)]
        super().__init__([*child, str(os.getpid())], output, PACKAGE_ROOT, request.env)
