"""Who a rank is, and how it finds its submitter."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.runtimes.mpi.channel import Channel, connect

__all__ = ["CONTROL", "LOST_AFTER", "SECRET", "introduce", "who_am_i"]

CONTROL, SECRET = "MLRUN_LIKE_MPI_CONTROL", "MLRUN_LIKE_MPI_SECRET"
LOST_AFTER = "MLRUN_LIKE_MPI_LOST_AFTER"
"""Variables through which a rank finds its submitter."""

_NAMES = (  # rank, size, rank on this machine, ranks on this machine
    (
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ),
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    ("HOROVOD_RANK", "HOROVOD_SIZE", "HOROVOD_LOCAL_RANK", "HOROVOD_LOCAL_SIZE"),
    ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
)


def who_am_i(read: Callable[[str], str | None] = environment) -> dict[str, int]:
    """A process's place among the ranks, from whatever launcher started it.

    Args:
        read: Gives its variables; by default this process's.

    >>> who_am_i()
    {'rank': 0, 'size': 1, 'local_rank': 0, 'local_size': 1}
    """
    for names in _NAMES:
        rank, size, local, local_size = (_number(read(name)) for name in names)
        if rank is not None and size is not None:
            return {
                "rank": rank,
                "size": size,
                "local_rank": rank if local is None else local,
                "local_size": size if local_size is None else local_size,
            }
    return {"rank": 0, "size": 1, "local_rank": 0, "local_size": 1}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() else None


def introduce(**more: Any) -> tuple[Channel, dict[str, Any]]:
    """Connect to the submitter.

    Args:
        more: What it is told besides who this is.

    Returns:
        The channel, and what it was told.

    Raises:
        OSError: if the submitter cannot be reached, or refuses.
    """
    with socket.socket() as sock:  # a port that rank 0 offers to the others
        sock.bind(("", 0))
        port = int(sock.getsockname()[1])
    who = {
        **who_am_i(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "port": port,
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [],
        **more,
    }
    lost_after = float(environment(LOST_AFTER) or 6)
    channel = connect(environment(CONTROL) or "", environment(SECRET) or "", who, lost_after)
    return channel, who
