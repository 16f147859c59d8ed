"""The kinds that the contract suite runs over: one row each, and what a row's file yields.

A kind joins the suite with a file `tests/contract/<kind>.py` that holds a context manager
`ready(folder)`, and a row here. `ready` starts what the kind needs (a cluster, an image) and yields
a `Place`; it is entered once for each session. A part that cannot be had: `missing(reason)`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["ROWS", "Place", "Row", "nothing_to_prepare"]


def nothing_to_prepare(function: Any) -> None:
    """Leave the function as it is."""


def _kill(run: Mapping[str, Any]) -> None:
    os.kill(run["status"]["pid"], signal.SIGKILL)


@dataclass
class Place:
    """A kind that is ready to run functions.

    Args:
        kind: As in `new_function(kind=...)`.
        image: Image of the functions; empty: none is needed.
        settings: Settings in force in every test, besides a home folder of its own.
        prepare: Called with every function before it runs: addresses, resources, ...
        kill: Ends what executes a run with SIGKILL, given the run's record.
        in_process: The run executes in the process that submits it, so a test that kills it
            submits from another process.
        patience: Seconds in which a run that does nothing must be over.
    """

    kind: str
    image: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Any], None] = nothing_to_prepare
    kill: Callable[[Mapping[str, Any]], None] = _kill
    in_process: bool = False
    patience: float = 60.0


class Row(NamedTuple):
    """One kind.

    Args:
        name: Shown in test ids; normally the kind.
        ready: `"module:function"`, a context manager that takes a folder and yields a Place.
        lacks: Tests (names without `test_`) that cannot pass, and why: they are strict xfails.
        slow: Whether it needs seconds or a real engine.
    """

    name: str
    ready: str
    lacks: Mapping[str, str] = MappingProxyType({})
    slow: bool = True

    def start(self, folder: Path) -> AbstractContextManager[Place]:
        """The kind's context manager, not yet entered."""
        module, _, function = self.ready.partition(":")
        place: AbstractContextManager[Place] = getattr(import_module(module), function)(folder)
        return place


_MARKED = "every rank prints; the lines of the second one begin with [1]"
_EVERY_RANK_PRINTS = {
    "long_logs_are_whole_and_in_order": _MARKED,
    "runs_at_the_same_time": _MARKED,
}

ROWS: tuple[Row, ...] = (
    Row(
        "local",
        "tests.contract.local:ready",
        lacks={"environment": "a run in this process has this process's variables"},
        slow=False,
    ),
    Row("process", "tests.contract.process:ready", slow=False),
    Row("container", "tests.contract.container:ready"),
    Row("job", "tests.contract.job:ready"),
    Row("farm", "tests.contract.farm:ready"),  # a package of somebody else
    Row(
        "dask",
        "tests.contract.dask:ready",
        lacks={"environment": "the handler runs in this process and has this process's variables"},
    ),
    Row("dask-worker", "tests.contract.dask:ready_on_worker"),
    Row("mpijob", "tests.contract.mpijob:ready", lacks=_EVERY_RANK_PRINTS),
    Row("mpijob-spawn", "tests.contract.mpijob:ready_without_mpi", lacks=_EVERY_RANK_PRINTS),
    Row("spark", "tests.contract.spark:ready"),
)
