"""MpiRuntime: a run of several ranks, started by mpirun, horovodrun or without MPI."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.registry import resolve
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.concluding import catch_up
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.mpi.addresses import own_addresses
from mlrun_like.runtimes.mpi.control import Control, Failure
from mlrun_like.runtimes.mpi.elastic import checkpoint_base
from mlrun_like.runtimes.mpi.explain import describe, explain_launcher
from mlrun_like.runtimes.mpi.hosts import Host, is_here, silent_hosts
from mlrun_like.runtimes.mpi.launch import Launcher, Plan, command_line, find_launcher
from mlrun_like.runtimes.mpi.launching import LaunchProcess
from mlrun_like.runtimes.mpi.outputs import TAGS, RankedPipe
from mlrun_like.runtimes.mpi.planning import (
    OPERATOR,
    PASSED,
    agent_of,
    hosts_of,
    in_cluster,
    launcher_of,
    size_of,
    told,
)
from mlrun_like.runtimes.mpi.warm import STAND_IN, WarmRanks, can_be_warm
from mlrun_like.runtimes.mpi.who import CONTROL, LOST_AFTER, SECRET
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.processes import PACKAGE_ROOT, Ending, RunProcess
from mlrun_like.runtimes.programs import Program, ProgramRuntime
from mlrun_like.runtimes.workplace import Workplace, workplace_of
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.relay import RELAY

__all__ = ["PROVIDE", "MpiRuntime"]

PROVIDE = {
    "checkpoint": "mlrun_like.runtimes.mpi.elastic:checkpoint_of",
    "comm": "mlrun_like.runtimes.mpi.world:comm_of",
    "rank": "mlrun_like.runtimes.mpi.world:rank_of",
    "world_size": "mlrun_like.runtimes.mpi.world:size_of",
}
"""What handlers get by these argument names, and as attributes of their context."""

_AGENT_WITHIN = 5.0


class MpiRuntime(ProgramRuntime):
    """Runs a function as `spec.replicas` ranks.

    One rank (setting `logging_worker`) records; all ranks' output is in the run's log. The first
    rank that fails ends the others, and the run's error names it and its host.
    """

    kind: ClassVar[str] = "mpijob"
    extra: ClassVar[str] = "mpi"
    provides: ClassVar[frozenset[str]] = frozenset(PROVIDE)

    def __init__(self) -> None:
        self._control: Control | None = None
        self._warm: WarmRanks | None = None
        self._pipe: RankedPipe | None = None
        self._place: Workplace | None = None
        self._hosts: list[Host] = []
        self._lost: set[str] = set()
        self._began = 0.0
        self._stopped = False

    def unavailable(self, document: FunctionDoc) -> str:
        """See Runtime.unavailable."""
        if launcher_of(document) != "kubernetes":
            return ""
        return str(resolve("mlrun_like.runtimes.kubernetes.access:no_cluster")())

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """See Runtime.check."""
        found: Iterable[Finding] = resolve("mlrun_like.runtimes.mpi.findings:find")(document, run)
        return found

    # -- start ------------------------------------------------------------------------------

    def output(self, job: Job) -> OutputPipe:
        """See ProgramRuntime.output."""
        try:
            tag = TAGS.get(self._launcher(job).vendor, TAGS["openmpi"])
        except MLRunLikeError:
            tag = TAGS["openmpi"]  # `program` says what is wrong
        self._pipe = RankedPipe(job, tag, config.logging_worker)
        return self._pipe

    def program(self, job: Job, folder: Path) -> Program:
        """See ProgramRuntime.program."""
        spec = job.function.spec
        launcher = self._launcher(job)
        self._place = place = workplace_of(job.function)
        self._hosts = hosts = self._choose_hosts(job)
        self._stopped = False
        size = self._size(job, hosts)
        payload = self._payload(job, size)
        control = Control(
            size,
            hosts,
            lambda ranks, rank: told(place, payload, ranks, rank),
            config.mpi_lost_after,
        )
        self._control = control
        if config.warm and not hosts and not config.mpi_python and can_be_warm():
            self._warm = WarmRanks(job.function, place, folder, control.lost)
        own = {
            CONTROL: own_addresses(hosts, control.port, config.mpi_address),
            SECRET: control.secret,
            LOST_AFTER: f"{config.mpi_lost_after:g}",
            "PYTHONUNBUFFERED": "1",
        }
        carried = {"PYTHONPATH": PACKAGE_ROOT} if hosts else {}
        plan = Plan(
            size=size,
            hosts=hosts,
            python=config.mpi_python or Plan.python,
            agent=agent_of(job.function),
            arguments=spec.mpi_args,
            variables=sorted({*own, *place.own, *carried, *PASSED}),
            lost_after=config.mpi_lost_after,
            address=own[CONTROL].partition(":")[0],
        )
        if self._warm is not None:
            small = [plan.python, "-I", "-S", STAND_IN, self._warm.path]
            plan = replace(plan, rank=small)
        self._began = time.monotonic()
        env = {**carried, **place.env, **own}
        if PACKAGE_ROOT not in env.get("PYTHONPATH", ""):
            env["PYTHONPATH"] = ":".join(filter(None, [env.get("PYTHONPATH"), PACKAGE_ROOT]))
        return Program(command_line(launcher, plan), env, str(folder))

    def process(self, program: Program, output: OutputPipe, folder: Path) -> RunProcess:
        """See ProgramRuntime.process."""
        if self._control is None:
            raise RuntimeError("process() comes after program()")
        return LaunchProcess(program, output, folder, self._control)

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        if in_cluster(job.function):
            make = resolve("mlrun_like.runtimes.mpi.manifest:run_objects")
            done: RunDoc = resolve("mlrun_like.runtimes.kubernetes.attempt:attempt")(job, make)
            return done
        try:
            return super().attempt(job)
        finally:
            if self._warm is not None:
                self._warm.close()
                self._warm = None
            if self._control is not None:
                self._control.close()

    def _launcher(self, job: Job) -> Launcher:
        name = launcher_of(job.function)
        return find_launcher("mpirun" if name == OPERATOR else name, job.function.kind)

    def _choose_hosts(self, job: Job) -> list[Host]:
        hosts = hosts_of(job.function)
        if job.attempt == 1 or not hosts:
            return hosts
        silent = silent_hosts(hosts, agent_of(job.function), _AGENT_WITHIN)
        left = [host for host in hosts if host.name not in {*silent, *self._lost}]
        return left or hosts

    def _size(self, job: Job, hosts: list[Host]) -> int:
        wanted = size_of(job.function)
        all_hosts = hosts_of(job.function)
        if len(hosts) == len(all_hosts):
            return wanted
        slots = sum(host.slots for host in hosts)
        least = job.function.spec.min_replicas or 1
        return max(least, min(wanted, slots))

    def _payload(self, job: Job, size: int) -> dict[str, Any]:
        far = any(not is_here(host.name) for host in self._hosts)
        payload = build_payload(job, relay=far and not _elsewhere(job.store.url))
        writer = config.logging_worker if config.logging_worker < size else 0
        if self._pipe is not None:
            self._pipe.writer = writer
        payload["settings"] = {
            **payload["settings"],
            "logging_worker": writer,
            "mpi_checkpoint_path": checkpoint_base(job),
        }
        payload["provide"] = PROVIDE
        options = payload["run"]["spec"].get("hyper_param_options") or {}
        if options.get("strategy") == "random" and options.get("seed") is None:
            options["seed"] = secrets.randbelow(2**31)  # all ranks draw the same trials
        return payload

    # -- end --------------------------------------------------------------------------------

    def stop(self, job: Job, folder: Path) -> None:
        """See ProgramRuntime.stop."""
        del job, folder
        self._stopped = True
        if self._control is not None:
            self._control.stop("the run was stopped")

    def last(self, job: Job, folder: Path) -> RunDoc | None:
        """See ProgramRuntime.last."""
        control, pipe = self._control, self._pipe
        if control is None or pipe is None:
            return None
        pipe.finish()
        failure = control.settled()
        if self._stopped:
            return self._out_of_time(job, control)
        if failure is not None:
            error = describe(failure, control.size, config.mpi_lost_after, self._noise())
            if failure.kind == "silent":
                self._lost.add(failure.host)
            return self._failed(job, error, failure)
        if control.unfinished or control.result is None:
            return None
        done = parse(RunDoc, control.result, "the run's result")
        job.store.store_run(done.to_dict())
        return done

    def explain(self, job: Job, ending: Ending, tail: str) -> str:
        """See ProgramRuntime.explain."""
        if self._control is None:
            return super().explain(job, ending, tail)
        return explain_launcher(ending, self._noise(), self._control.unfinished)

    def _noise(self) -> str:
        return self._pipe.noise.decode("utf-8", "replace") if self._pipe else ""

    def _out_of_time(self, job: Job, control: Control) -> RunDoc | None:
        """The end of a run that was stopped: None for an abort, which is recorded by others."""
        limit = job.run.spec.timeout
        if not limit or time.monotonic() - self._began < limit:
            return None
        told = control.failure
        if told is not None and told.kind == "timeout":
            return self._failed(job, describe(told, control.size, 0, ""), told)
        ranks = control.unfinished
        hosts = dict.fromkeys(control.ranks[n].host for n in ranks if n in control.ranks)
        error = f"the run exceeded its timeout of {limit:g} s"
        failure = Failure("timeout", tuple(ranks), ", ".join(hosts), error)
        return self._failed(
            job, describe(failure, control.size, 0, "") if ranks else error, failure
        )

    def _failed(self, job: Job, error: str, failure: Failure) -> RunDoc:
        """Record a failed attempt with the failing rank's own words."""
        catch_up(job)
        status = job.run.status
        # the writing rank may have noted its own failure, which is not the first
        status.attempts = [row for row in status.attempts if row.get("attempt") != job.attempt]
        status.attempts.append(
            {
                "attempt": job.attempt,
                "error": error,
                "started": status.start_time or utc_now(),
                "ended": utc_now(),
            }
        )
        status.state = "error" if job.last_attempt else "pending"
        status.error, status.traceback = error, failure.traceback
        status.status_text = self._pipe.tail() if self._pipe else ""
        status.last_update = utc_now()
        if job.last_attempt:
            status.end_time = status.last_update
        if failure.traceback and self._pipe is not None and failure.kind != "error":
            self._pipe.note(failure.traceback)
        job.store.store_run(job.run.to_dict())
        return job.run


def _elsewhere(url: str) -> bool:
    """Whether other machines can use the store at this address."""
    host = urlsplit(url).hostname or ""
    local = host in ("", "localhost", "::1") or host.startswith("127.")
    return not url.startswith(("sqlite", RELAY)) and not local
