"""The `container` kind: a run in a container on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, MLRunLikeError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.container.checking import check_container
from mlrun_like.runtimes.container.command import (
    INSIDE,
    container_name,
    image_of,
    run_command,
)
from mlrun_like.runtimes.container.explain import explain_container
from mlrun_like.runtimes.container.keeper import Keeper, client_command
from mlrun_like.runtimes.container.memory import ran_out_of_memory
from mlrun_like.runtimes.container.sharing import needs_relay
from mlrun_like.runtimes.container.tool import find_tool, tool_trouble
from mlrun_like.runtimes.container.user import user_of
from mlrun_like.runtimes.explain import Clue, explain_code
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.processes import Ending
from mlrun_like.runtimes.programs import Program, ProgramRuntime
from mlrun_like.runtimes.relayed import RelayedPipe
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = ["ContainerRuntime"]


class ContainerRuntime(ProgramRuntime):
    """Runs a function in a container of its own, by podman or docker.

    The function's source, parameters and secrets travel in a private folder that is mounted; the
    tracking store, the artifacts and local inputs are mounted at their own paths, so any image with
    a Python will do. The container has the function's limits, volumes and variables, runs as the
    user who submits it, and is removed at the end, also when this process is killed.
    """

    kind: ClassVar[str] = "container"
    needs_image: ClassVar[bool] = True
    local_form: ClassVar[str] = "process"

    def __init__(self) -> None:
        self._keeper: Keeper | None = None
        self._pipe: RelayedPipe | None = None

    def unavailable(self, document: FunctionDoc) -> str:
        """See Runtime.unavailable."""
        del document
        try:
            return tool_trouble(find_tool())
        except EngineError as exc:
            return f"{exc.what} ({exc.fix})" if exc.fix else exc.what

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """See Runtime.check."""
        return check_container(find_tool(), document, run)

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        try:
            return super().attempt(job)
        finally:
            if self._keeper is not None:
                self._keeper.release()
                self._keeper = None

    def program(self, job: Job, folder: Path) -> Program:
        """See ProgramRuntime.program."""
        tool = find_tool()
        argv = run_command(tool, job, folder, self._pipe is not None)
        self._keeper = Keeper(tool, container_name(job), folder)
        return Program(client_command(argv, folder))

    def output(self, job: Job) -> OutputPipe:
        """See ProgramRuntime.output: records come with it when the store is out of reach."""
        self._pipe = RelayedPipe(job) if _is_relayed(job) else None
        return self._pipe or OutputPipe(job)

    def last(self, job: Job, folder: Path) -> RunDoc | None:
        """See ProgramRuntime.last."""
        if self._pipe is not None and self._pipe.relayed.finished is not None:
            return self._pipe.relayed.finished
        return super().last(job, folder / INSIDE)

    def stop(self, job: Job, folder: Path) -> None:
        """See ProgramRuntime.stop: the client is gone, the container may be not."""
        del folder
        with contextlib.suppress(EngineError):  # it does not answer: the keeper will be heard later
            find_tool().ask("kill", container_name(job))

    def explain(self, job: Job, ending: Ending, tail: str) -> str:
        """See ProgramRuntime.explain."""
        tool = find_tool()
        limit = (job.function.spec.resources.get("limits") or {}).get("memory")
        image = image_of(job.function)
        killed = ending.code in (137, -9)
        oom = ran_out_of_memory(tool, container_name(job)) if killed else None
        clue = Clue(memory=str(limit or ""), out_of_memory=oom, image=image)
        known = {
            "tool": tool.name,
            "image": image,
            "memory": clue.memory,
            "network": config.container_network,
        }
        found = explain_container(ending.code, tail, clue, known)
        code = f" ({explain_code(ending.code)})" if ending.code else ""
        text = found.what if found.code.startswith("exit-") else f"{found.what}{code}"
        return f"{text}\n  fix: {found.fix}" if found.fix else text


def _is_relayed(job: Job) -> bool:
    try:
        user = user_of(job.function.spec.security_context, find_tool().name)
    except MLRunLikeError:
        return False  # `program` says it
    return needs_relay(job, user.own, config.container_network)
