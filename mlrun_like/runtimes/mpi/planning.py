"""What a run of several ranks needs before it starts: how many, where, and what each is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mlrun_like.configuration import config, environment
from mlrun_like.registry import resolve
from mlrun_like.runtimes.child import Request
from mlrun_like.runtimes.mpi.control import Rank
from mlrun_like.runtimes.mpi.hosts import Host, is_here, parse_hosts
from mlrun_like.runtimes.mpi.workers import operator_agent, operator_hosts
from mlrun_like.runtimes.workplace import Workplace
from mlrun_like.specs.function import FunctionDoc

__all__ = [
    "OPERATOR",
    "PASSED",
    "agent_of",
    "hosts_of",
    "in_cluster",
    "launcher_of",
    "size_of",
    "told",
]

OPERATOR = "operator"
"""The launcher inside of an MPIJob: mpirun with the operator's hosts and agent."""
PASSED = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "OMP_NUM_THREADS", "LANG")
"""Variables that travel to other hosts, besides the function's own."""


def launcher_of(document: FunctionDoc) -> str:
    """The launcher's name: the function's, else the setting's."""
    return document.spec.launcher or str(config.mpi_launcher)


def agent_of(document: FunctionDoc) -> str:
    """What starts a command on another host."""
    return operator_agent() if launcher_of(document) == OPERATOR else str(config.mpi_launch_agent)


def in_cluster(document: FunctionDoc) -> bool:
    """Whether a function's runs are MPIJobs: if it says so, or names neither launcher nor hosts
    where a cluster is configured."""
    name = launcher_of(document)
    if name != "auto":
        return name == "kubernetes"
    if document.spec.hosts or config.mpi_hosts or document.kind == "mpi":
        return False
    return not resolve("mlrun_like.runtimes.kubernetes.access:no_cluster")()


def size_of(document: FunctionDoc) -> int:
    """How many ranks a function wants."""
    return document.spec.replicas or 1


def hosts_of(document: FunctionDoc) -> list[Host]:
    """The hosts a function names, else those of the settings; empty: this machine alone."""
    if launcher_of(document) == OPERATOR:
        return operator_hosts()
    hosts = parse_hosts(document.spec.hosts or [config.mpi_hosts])
    return [] if all(is_here(host.name) for host in hosts) else hosts


def told(
    place: Workplace, payload: dict[str, Any], ranks: dict[int, Rank], rank: Rank
) -> dict[str, Any]:
    """What a rank is told when all are there.

    Args:
        place: Where the function works.
        payload: The run.
        ranks: All ranks.
        rank: The one.
    """
    who = rank.who
    first = ranks[0]
    request = Request(
        argument={"payload": payload},
        cwd=place.cwd,
        target="mlrun_like.runtimes.mpi.ranks:perform",
        path=place.path,
        memory=place.memory,
    )
    settled = {
        "MASTER_ADDR": _address_of(first, ranks),
        "MASTER_PORT": str(first.who["port"]),
        "RANK": str(who["rank"]),
        "WORLD_SIZE": str(who["size"]),
        "LOCAL_RANK": str(who["local_rank"]),
        "LOCAL_WORLD_SIZE": str(who["local_size"]),
        **place.own,
    }
    cores = max(1, len(who.get("affinity") or [0]) // max(1, int(who["local_size"])))
    return {
        "request": asdict(request),
        "settled": settled,
        "variables": {"OMP_NUM_THREADS": environment("OMP_NUM_THREADS") or str(cores)},
    }


def _address_of(first: Rank, ranks: dict[int, Rank]) -> str:
    """Rank 0's address as the others reach it."""
    there = first.channel.there
    if not there.startswith("127."):
        return there
    far = [rank for rank in ranks.values() if not rank.channel.there.startswith("127.")]
    return far[0].channel.here if far else "127.0.0.1"
