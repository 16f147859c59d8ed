"""The contract suite's rows for Dask: the handler here with a client, or on a worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.contract.kinds import Place
from tests.servers import missing

__all__ = ["ready", "ready_on_worker"]


@contextmanager
def ready(folder: Path) -> Iterator[Place]:
    """A cluster of this machine starts with the first run and ends here."""
    with _place("client", in_process=True) as place:
        yield place


@contextmanager
def ready_on_worker(folder: Path) -> Iterator[Place]:
    """The same, with handlers on its workers."""
    with _place("worker", in_process=False) as place:
        yield place


@contextmanager
def _place(side: str, in_process: bool) -> Iterator[Place]:
    try:
        from mlrun_like.runtimes.dask.links import close_all
    except ImportError as exc:
        missing(f"distributed: {exc}")

    def prepare(function: Any) -> None:
        function.spec.replicas = 1
        function.spec.handler_on = side

    try:
        yield Place("dask", prepare=prepare, in_process=in_process)
    finally:
        close_all()
