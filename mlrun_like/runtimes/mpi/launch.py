"""Command lines that start ranks: Open MPI, MPICH (hydra), horovodrun, and our own spawn."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError, nearest
from mlrun_like.runtimes.mpi.hosts import Host

__all__ = ["LAUNCHERS", "Launcher", "Plan", "command_line", "find_launcher", "vendor_of"]

LAUNCHERS = ("auto", "mpirun", "horovodrun", "torchrun", "spawn", "kubernetes")
MISSING = "install Open MPI (Debian: openmpi-bin) or MPICH, or use fn.spec.launcher = 'spawn'"
_ENTRY = "mlrun_like.runtimes.mpi"


class Launcher(NamedTuple):
    """A program that starts ranks.

    Args:
        vendor: `openmpi`, `mpich`, `horovodrun` or `spawn`.
        program: Its path.
    """

    vendor: str
    program: str


@dataclass(frozen=True)
class Plan:
    """What is to be started.

    Args:
        size: Number of ranks.
        hosts: Where; empty: here.
        python: The interpreter on the hosts.
        agent: Starts a command on another host: `AGENT HOST COMMAND`.
        arguments: The user's own arguments of the launcher.
        variables: Names of variables that travel to other hosts.
        lost_after: Seconds after which a host that does not answer counts as cut off.
        cwd: The folder.
        address: This machine's, as the hosts reach it; empty: its name.
        rank: The command of one rank; empty: the interpreter with this package's entry.
    """

    size: int
    hosts: Sequence[Host] = ()
    python: str = sys.executable
    agent: str = "ssh"
    arguments: Sequence[str] = ()
    variables: Sequence[str] = ()
    lost_after: float = 6.0
    cwd: str = ""
    address: str = ""
    rank: Sequence[str] = ()

    @property
    def command(self) -> list[str]:
        """The command of one rank."""
        return [*self.rank] or [self.python, "-u", "-m", _ENTRY]


def find_launcher(name: str, kind: str = "") -> Launcher:
    """What a launcher's name means here.

    Args:
        name: One of `LAUNCHERS`, or a path to an mpirun or mpiexec.
        kind: The function's kind: `horovod` prefers horovodrun.

    Raises:
        EngineError: if it is not installed.
        InvalidArgumentError: if there is no such launcher.
    """
    name = name or "auto"
    if name in ("spawn", "torchrun"):
        return Launcher("spawn", sys.executable)
    if name == "horovodrun" or (name == "auto" and kind == "horovod"):
        found = _beside_python("horovodrun")
        if found:
            return Launcher("horovodrun", found)
        if name == "horovodrun":
            raise EngineError(
                "horovodrun is not installed",
                fix="pip install horovod (it is compiled), or use fn.spec.launcher = 'mpirun'",
            )
    if name in ("auto", "mpirun"):
        program = shutil.which("mpirun") or shutil.which("mpiexec")
        if program is None and name == "auto":
            return Launcher("spawn", sys.executable)
    elif os.sep in name:
        program = name if os.access(name, os.X_OK) else None
    else:
        raise InvalidArgumentError(
            f"launcher {name!r} is not known.{nearest(name, LAUNCHERS)}",
            fix=f"use one of {', '.join(LAUNCHERS)}, or the path of an mpirun",
        )
    if program is not None and os.path.basename(program) == "horovodrun":
        return Launcher("horovodrun", program)
    if program is None:
        raise EngineError(f"{name} is not installed on this machine", fix=MISSING)
    return Launcher(vendor_of(program), program)


def _beside_python(name: str) -> str:
    beside = Path(config.mpi_python or sys.executable).with_name(name)
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name) or ""


@lru_cache(maxsize=16)
def vendor_of(program: str) -> str:
    """Whose mpirun it is: by the file it links to, else by what it says of itself.

    Raises:
        EngineError: if it does not run, or is of an unknown kind.
    """
    real = os.path.basename(os.path.realpath(program))
    if re.match(r"(orterun|prterun|mpirun\.openmpi)", real):
        return "openmpi"
    if "hydra" in real or "mpich" in real:
        return "mpich"
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, timeout=10, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise EngineError(f"{program} does not run: {exc}", fix=MISSING) from exc
    text = done.stdout + done.stderr
    if re.search(r"open ?mpi|open ?rte|prte", text, re.IGNORECASE):
        return "openmpi"
    if re.search(r"hydra|mpich|intel\(r\) mpi", text, re.IGNORECASE):
        return "mpich"
    raise EngineError(
        f"{program} is neither Open MPI's nor MPICH's: {text.strip()[:200]!r}", fix=MISSING
    )


def command_line(launcher: Launcher, plan: Plan) -> list[str]:
    """The command that starts all ranks of a plan.

    >>> command_line(Launcher("mpich", "mpiexec"), Plan(2, rank=["python", "x.py"]))
    ['mpiexec', '-n', '2', '-prepend-rank', 'python', 'x.py']
    """
    build = {
        "openmpi": _openmpi,
        "mpich": _mpich,
        "horovodrun": _horovodrun,
        "spawn": _spawn,
    }[launcher.vendor]
    return [launcher.program, *build(plan), *plan.command]


def _openmpi(plan: Plan) -> list[str]:
    """See the manual page mpirun(1) of Open MPI 4 and 5."""
    arguments = ["-np", str(plan.size), "--tag-output"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-run-as-root")
    if plan.hosts:
        slots = _slots(plan)
        arguments += ["--host", ",".join(f"{h.name}:{h.slots}" for h in slots), "--map-by", "slot"]
        arguments += ["--mca", "plm_rsh_agent", plan.agent, "--mca", "plm_rsh_no_tree_spawn", "1"]
        step = str(max(1, round(plan.lost_after / 3)))
        for name, value in (("time", step), ("intvl", step), ("probes", "3")):
            arguments += ["--mca", f"oob_tcp_keepalive_{name}", value]
        for name in plan.variables:
            arguments += ["-x", name]
        if plan.cwd:
            arguments += ["--wdir", plan.cwd]
    if plan.size > sum(h.slots for h in plan.hosts) if plan.hosts else plan.size > _cores():
        arguments += ["--oversubscribe", "--bind-to", "none"]
    elif not plan.hosts:
        arguments += ["--host", f"localhost:{plan.size}"]
    return [*arguments, *plan.arguments]


def _mpich(plan: Plan) -> list[str]:
    """See `mpiexec.hydra -help` of MPICH 4."""
    arguments = ["-n", str(plan.size), "-prepend-rank"]
    if plan.hosts:
        arguments += ["-hosts", ",".join(f"{h.name}:{h.slots}" for h in _slots(plan))]
        agent = shlex.split(plan.agent)
        if os.path.basename(agent[0]) == "ssh":
            arguments += ["-launcher", "ssh"]
        else:
            arguments += ["-launcher", "rsh", "-launcher-exec", plan.agent]
        arguments += ["-genvlist", ",".join(plan.variables)]
        if plan.address:
            arguments += ["-localhost", plan.address]
        if plan.cwd:
            arguments += ["-wdir", plan.cwd]
    return [*arguments, *plan.arguments]


def _horovodrun(plan: Plan) -> list[str]:
    """See `horovodrun --help` of Horovod 0.28; it passes its own variables on."""
    arguments = ["-np", str(plan.size)]
    if plan.hosts:
        arguments += ["-H", ",".join(f"{h.name}:{h.slots}" for h in _slots(plan))]
    own = list(plan.arguments)
    if not {"--gloo", "--mpi"} & set(own):
        arguments.append("--gloo")
    return [*arguments, *own]


def _spawn(plan: Plan) -> list[str]:
    arguments = ["-m", "mlrun_like.runtimes.mpi.spawn", str(plan.size)]
    if plan.hosts:
        arguments += ["--hosts", ",".join(f"{h.name}:{h.slots}" for h in _slots(plan))]
        arguments += ["--agent", plan.agent, "--variables", ",".join(plan.variables)]
        if plan.cwd:
            arguments += ["--cwd", plan.cwd]
    return [*arguments, *plan.arguments, "--"]


def _slots(plan: Plan) -> list[Host]:
    """The hosts with as many slots as ranks are planned there (`control.place` deals alike)."""
    counts = [host.slots for host in plan.hosts]
    for index in range(max(0, plan.size - sum(counts))):
        counts[index % len(counts)] += 1
    return [Host(host.name, count) for host, count in zip(plan.hosts, counts, strict=True)]


def _cores() -> int:
    return os.cpu_count() or 1
