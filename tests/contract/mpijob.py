"""The contract suite's rows for runs of several ranks: under mpirun, and without MPI."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlrun_like.runtimes.zygote_client import close_zygotes
from tests.contract.kinds import Place
from tests.servers import missing

__all__ = ["ready", "ready_without_mpi"]


@contextmanager
def ready(folder: Path) -> Iterator[Place]:
    """Two ranks under mpirun."""
    if not shutil.which("mpirun"):
        missing("no mpirun is installed (Debian package 'openmpi-bin')")
    with _place("mpirun") as place:
        yield place


@contextmanager
def ready_without_mpi(folder: Path) -> Iterator[Place]:
    """Two ranks that our own launcher starts."""
    with _place("spawn") as place:
        yield place


@contextmanager
def _place(launcher: str) -> Iterator[Place]:
    def prepare(function: Any) -> None:
        function.spec.replicas = 2
        function.spec.launcher = launcher

    try:
        yield Place("mpijob", prepare=prepare)
    finally:
        close_zygotes()
