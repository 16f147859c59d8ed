"""What is wrong with an MPI run, found before anything is started."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.mpi.hosts import Host, is_here, parse_hosts, silent_hosts
from mlrun_like.runtimes.mpi.launch import Launcher, find_launcher
from mlrun_like.runtimes.mpi.needs import has_mpi4py, why_mpi4py
from mlrun_like.runtimes.mpi.planning import OPERATOR, in_cluster, launcher_of
from mlrun_like.runtimes.preload import imported_packages
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = ["find"]

_REACH_WITHIN = 1.5
_POLICIES = ("", "All", "Running", "None")
_VENDORS = {"Open MPI": "openmpi", "MPICH": "mpich", "Intel MPI": "mpich", "MVAPICH": "mpich"}


def find(document: FunctionDoc, run: RunDoc) -> Iterator[Finding]:
    """Everything that would make this run fail; cheap, except that other hosts are asked."""
    where = f"function {document.metadata.name!r}, kind {document.kind!r}"
    yield from _numbers(document, where)
    if in_cluster(document) or launcher_of(document) == OPERATOR:
        return
    launcher = None
    try:
        launcher = find_launcher(launcher_of(document), document.kind)
    except MLRunLikeError as exc:
        yield Finding("mpi-missing", exc.what, where, exc.fix)
    try:
        hosts = parse_hosts(document.spec.hosts or [config.mpi_hosts])
    except MLRunLikeError as exc:
        yield Finding("host-wrong", exc.what, exc.where, exc.fix)
        hosts = []
    yield from _hosts(hosts, where)
    yield from _accelerators(document, hosts, where)
    if all(is_here(host.name) for host in hosts):
        yield from _mpi4py(document, run.spec.handler or document.spec.default_handler, where)
    if launcher is not None and not config.mpi_python:
        yield from _packages(document, launcher, where)


def _numbers(document: FunctionDoc, where: str) -> Iterator[Finding]:
    spec = document.spec
    size = 1 if spec.replicas is None else spec.replicas
    if size < 1:
        yield Finding(
            "replicas-wrong",
            f"replicas {size!r} must be 1 or more: it is the number of ranks",
            where,
            "fn.spec.replicas = 2",
        )
    elif config.logging_worker >= size:
        yield Finding(
            "logging-worker-wrong",
            f"rank {config.logging_worker} shall record the run, but there are {size} ranks, "
            "numbered from 0",
            "setting 'logging_worker'",
            "MLRUN_LIKE_LOGGING_WORKER=0",
        )
    if spec.min_replicas is not None and not 1 <= spec.min_replicas <= max(size, 1):
        yield Finding(
            "replicas-wrong",
            f"min_replicas {spec.min_replicas!r} must be between 1 and replicas ({size})",
            where,
            "fn.spec.min_replicas = 1",
        )
    if spec.clean_pod_policy not in _POLICIES:
        yield Finding(
            "clean-pod-policy",
            f"clean_pod_policy {spec.clean_pod_policy!r} is not known",
            where,
            f"use one of {', '.join(_POLICIES[1:])}",
        )


def _hosts(hosts: list[Host], where: str) -> Iterator[Finding]:
    if all(is_here(host.name) for host in hosts):
        return
    silent = silent_hosts(hosts, config.mpi_launch_agent, _REACH_WITHIN)
    for name, reason in silent.items():
        yield Finding(
            "host-unreachable",
            f"nothing can be started on host {name!r}: {reason}",
            where,
            f"`{config.mpi_launch_agent} {name} true` must work without a question; another "
            "command is set with mpi_launch_agent",
        )


def _accelerators(document: FunctionDoc, hosts: list[Host], where: str) -> Iterator[Finding]:
    limits = document.spec.resources.get("limits") or {}
    wanted = sum(
        int(amount)
        for name, amount in limits.items()
        if "gpu" in str(name) and str(amount).isdecimal()
    )
    if not wanted or hosts:
        return
    there = _count_gpus()
    needed = wanted * (document.spec.replicas or 1)
    if needed > there:
        yield Finding(
            "gpus-missing",
            f"{document.spec.replicas or 1} ranks with {wanted} GPU each need {needed}, and this "
            f"machine has {there}",
            where,
            "fn.with_limits(gpus=0), fewer replicas, or fn.with_hosts(...) that have them",
        )


@lru_cache(maxsize=1)
def _count_gpus() -> int:
    devices = [path.name for path in Path("/dev").glob("nvidia[0-9]*")]
    if devices or not shutil.which("nvidia-smi"):
        return len(devices)
    try:
        done = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return done.stdout.count("GPU ")


def _mpi4py(document: FunctionDoc, handler: str, where: str) -> Iterator[Finding]:
    why = why_mpi4py(document, handler)
    if why and not has_mpi4py():
        yield Finding(
            "mpi4py-missing",
            f"mpi4py is not installed in {config.mpi_python or 'this Python'}, and {why} needs it",
            where,
            'pip install "mlrun-like[mpi]" there (or mpi4py alone)',
            # a branch may ask for it, which is not taken here
            "warning" if "context.comm" in why else "error",
        )


def _packages(document: FunctionDoc, launcher: Launcher, where: str) -> Iterator[Finding]:
    packages = imported_packages(document)
    if "horovod" in packages and importlib.util.find_spec("horovod") is None:
        yield Finding(
            "horovod-missing",
            "Horovod is not installed in this Python",
            where,
            "HOROVOD_WITH_TENSORFLOW=1 pip install horovod (it is compiled against the framework), "
            "set mpi_python to an interpreter that has it, or use torch.distributed, which needs "
            "nothing more",
        )
    if "mpi4py" not in packages or launcher.vendor not in ("openmpi", "mpich"):
        return
    if importlib.util.find_spec("mpi4py") is None:
        return
    built = _mpi4py_vendor(sys.executable)
    if built in ("openmpi", "mpich") and built != launcher.vendor:
        names = {"openmpi": "Open MPI", "mpich": "MPICH"}
        yield Finding(
            "mpi4py-other-mpi",
            f"mpi4py uses {names[built]}, but {launcher.program} is {names[launcher.vendor]}'s: "
            "every rank would be rank 0 of 1",
            where,
            f"use the mpirun of {names[built]}, or set MPI4PY_LIBMPI to the library of "
            f"{names[launcher.vendor]}",
        )


@lru_cache(maxsize=4)
def _mpi4py_vendor(python: str) -> str:
    """Whose library mpi4py loads; asked in a process of its own, which it would make a rank."""
    code = "import mpi4py; mpi4py.rc.initialize = False; from mpi4py import MPI; "
    try:
        done = subprocess.run(
            [python, "-c", code + "print(MPI.Get_library_version())"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search("|".join(_VENDORS), done.stdout)
    return _VENDORS[found[0]] if found else ""
