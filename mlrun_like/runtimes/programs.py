"""A run as one program on this machine that executes its payload: `podman run`, `mpirun`, …

The program reads a private file, reaches `runs.entry` in whatever way, and writes the final run
document beside it. What it prints is the run's log, live.
"""

from __future__ import annotations

import json
import os
import tempfile
from abc import abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.errors import MLRunLikeError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.concluding import End, conclude, explain_ending, record, recorded
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.processes import Ending, ProgramProcess, RunProcess
from mlrun_like.runtimes.supervise import Outcome, supervise
from mlrun_like.specs.run import RunDoc

__all__ = ["PAYLOAD", "RESULT", "Program", "ProgramRuntime", "write_payload"]

PAYLOAD, RESULT = "payload.json", "result.json"


class Program(NamedTuple):
    """A command on this machine.

    Args:
        argv: The program and its arguments.
        env: Its whole environment; None: the inherited one.
        cwd: Its folder; empty: the run's private one.
    """

    argv: list[str]
    env: dict[str, str] | None = None
    cwd: str = ""


class ProgramRuntime(Runtime):
    """Runs a job as a program that executes the job's payload.

    A kind implements `program`, which writes the payload (`write_payload`) and says what to start;
    `stop` for what a signal to the program does not reach; `explain` for its exit codes.
    """

    @abstractmethod
    def program(self, job: Job, folder: Path) -> Program:
        """Write the payload into the run's private folder and say what to start.

        Raises:
            MLRunLikeError: if the program cannot be started; recorded as the run's error.
        """

    def stop(self, job: Job, folder: Path) -> None:
        """End what the program started elsewhere; called after each attempt that was stopped."""
        del job, folder

    def explain(self, job: Job, ending: Ending, tail: str) -> str:
        """Why the program ended without recording the run."""
        del tail
        return explain_ending(ending, job)

    def output(self, job: Job) -> OutputPipe:
        """What takes in the program's output."""
        return OutputPipe(job)

    def process(self, program: Program, output: OutputPipe, folder: Path) -> RunProcess:
        """Start the program."""
        cwd = program.cwd or str(folder)
        return ProgramProcess(program.argv, output.write_end, cwd, program.env)

    def last(self, job: Job, folder: Path) -> RunDoc | None:
        """The document that the other side recorded at its end."""
        return recorded(folder / RESULT, job)

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        output = self.output(job)
        try:
            with tempfile.TemporaryDirectory(
                prefix="mlrun-like-", ignore_cleanup_errors=True
            ) as name:
                folder = Path(name)
                started = utc_now()
                try:
                    outcome = self._execute(job, folder, output)
                except KeyboardInterrupt:
                    self.stop(job, folder)
                    record(job, "aborted", "the run was interrupted from the keyboard")
                    raise
                except MLRunLikeError as exc:
                    return record(job, "error", str(exc), output.tail())
                if outcome.stop:
                    self.stop(job, folder)
                tail, last = output.tail(), self.last(job, folder)
                finished = last is not None and last.status.state not in ("created", "running")
                error = "" if finished else self.explain(job, outcome.ending, tail)
                return conclude(job, last, End(error, outcome.stop, started, tail))
        finally:
            output.close()

    def _execute(self, job: Job, folder: Path, output: OutputPipe) -> Outcome:
        process = self.process(self.program(job, folder), output, folder)
        output.started()
        try:
            return supervise(process, output, job)
        finally:
            process.close()


def write_payload(job: Job, folder: Path, **changes: Any) -> Path:
    """Write the payload of a job into its private folder; gives the file.

    Args:
        job: What to run.
        folder: Private folder of the run.
        changes: Keys of the payload that differ, such as `result_file` as the other side sees it.
    """
    payload = {**build_payload(job, str(folder / RESULT)), **changes}
    file = folder / PAYLOAD
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(payload, stream)
    return file
