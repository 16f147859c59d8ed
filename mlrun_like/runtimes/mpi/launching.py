"""The launcher's process: ended when one of its ranks failed and it does not end by itself."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.runtimes.mpi.control import Control
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.processes import Ending, ProgramProcess
from mlrun_like.runtimes.programs import Program

__all__ = ["LaunchProcess"]


class LaunchProcess(ProgramProcess):
    """A launcher.

    Args:
        program: Its command.
        output: Takes what it prints.
        folder: The run's private folder.
        control: Knows of its ranks.
    """

    def __init__(
        self, program: Program, output: OutputPipe, folder: Path, control: Control
    ) -> None:
        super().__init__(program.argv, output.write_end, program.cwd or str(folder), program.env)
        self._control = control
        self._start_until = time.monotonic() + config.mpi_start_timeout
        self._end_at = self._kill_at = float("inf")

    def poll(self) -> Ending | None:
        """See RunProcess.poll."""
        ending = super().poll()
        if ending is None:
            self._mind()
        return ending

    def signal(self, number: int) -> None:
        """See RunProcess.signal."""
        self._control.stop("the run was stopped")
        super().signal(number)

    def _mind(self) -> None:
        now = time.monotonic()
        failure = self._control.failure
        if failure is None and now > self._start_until:
            self._start_until = float("inf")
            absent = self._control.absent()
            if absent is not None:
                self._control.fail(absent)
        elif failure is not None and self._end_at == float("inf"):
            self._control.stop(f"{failure.kind} on rank {failure.ranks[0]} ({failure.host})")
            # A cut-off host cannot answer the launcher; the others end within their grace.
            self._end_at = now + (1.0 if failure.kind in ("silent", "absent") else 4.0)
            self._kill_at = self._end_at + 3.0
        elif now > self._kill_at:
            super().signal(signal.SIGKILL)
        elif now > self._end_at:
            self._end_at = self._kill_at
            super().signal(signal.SIGTERM)
