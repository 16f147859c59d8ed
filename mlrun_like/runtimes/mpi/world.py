"""What handlers get from their launch: their rank, the number of ranks, MPI's communicator."""

from __future__ import annotations

from typing import Any

from mlrun_like.registry import require
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.mpi.who import who_am_i

__all__ = ["comm_of", "rank_of", "size_of"]


def rank_of(job: Job) -> int:
    """This process's number among the ranks, from 0."""
    del job
    return who_am_i()["rank"]


def size_of(job: Job) -> int:
    """How many ranks there are."""
    del job
    return who_am_i()["size"]


def comm_of(job: Job) -> Any:
    """`mpi4py.MPI.COMM_WORLD`.

    Raises:
        MissingDependencyError: if mpi4py is not installed.
    """
    del job
    require("mpi4py", extra="mpi", feature="context.comm")
    return require("mpi4py.MPI", extra="mpi", feature="context.comm").COMM_WORLD
