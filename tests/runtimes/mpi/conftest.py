"""Runs of several ranks of small functions."""

from __future__ import annotations

import base64
import shutil
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlrun_like.names import new_uid
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.mpi.runtime import MpiRuntime
from mlrun_like.runtimes.zygote_client import close_zygotes
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import close_stores, open_store
from tests.servers import missing


class Ranks:
    """Makes jobs of several ranks and runs them.

    Args:
        store: Where they are recorded.
        launcher: What starts the ranks.
    """

    def __init__(self, store: Store, launcher: str) -> None:
        self.store = store
        self.launcher = launcher

    def doc(self, code: str, **spec: Any) -> FunctionDoc:
        """A function of two ranks whose source is embedded."""
        doc = FunctionDoc(
            kind="mpijob",
            metadata=FunctionMetadata(name="f", project="default"),
            spec=FunctionSpec(**{"replicas": 2, "launcher": self.launcher, **spec}),
        )
        doc.spec.build.functionSourceCode = base64.b64encode(
            textwrap.dedent(code).encode()
        ).decode()
        return doc

    def job(self, code: str, function: dict[str, Any] | None = None, **spec: Any) -> Job:
        """A run of it."""
        run = RunDoc(
            metadata=RunMetadata(name="r", uid=new_uid(), project="default"),
            spec=RunSpec(**{"handler": "handler", **spec}),
        )
        return Job(function=self.doc(code, **(function or {})), run=run, store=self.store)

    def run(self, code: str, function: dict[str, Any] | None = None, **spec: Any) -> RunDoc:
        """Run `handler` of this code to its end."""
        return MpiRuntime().launch(self.job(code, function, **spec))

    def start(
        self, code: str, function: dict[str, Any] | None = None, **spec: Any
    ) -> tuple[Job, Callable[[], RunDoc]]:
        """Run in the background; gives the job and what waits for its end."""
        job = self.job(code, function, **spec)
        done: list[RunDoc] = []
        thread = threading.Thread(target=lambda: done.append(MpiRuntime().launch(job)))
        thread.start()

        def wait() -> RunDoc:
            thread.join(60)
            assert done, f"it still goes on: {self.log(job)}"
            return done[0]

        return job, wait

    def log(self, of: Job | RunDoc) -> str:
        """What a run printed."""
        self.store.flush()
        run = of.run if isinstance(of, Job) else of
        return self.store.read_log("default", run.metadata.uid).decode()

    def wait_log(self, job: Job, text: str, seconds: float = 40) -> str:
        """Wait until the log of a run that goes on holds a text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if text in (log := self.log(job)):
                return log
            time.sleep(0.02)
        raise AssertionError(f"{text!r} not seen within {seconds} s: {self.log(job)}")

    def stored(self, run: RunDoc) -> dict[str, Any]:
        """The run as it is recorded."""
        self.store.flush()
        return self.store.read_run("default", run.metadata.uid)


@pytest.fixture(params=["mpirun", "spawn"])
def ranks(request: pytest.FixtureRequest) -> Iterator[Ranks]:
    """Runs under mpirun, and without MPI."""
    if request.param == "mpirun" and not shutil.which("mpirun"):
        missing("no mpirun is installed (Debian package 'openmpi-bin')")
    yield Ranks(open_store(), request.param)
    close_stores()


@pytest.fixture
def spawned() -> Iterator[Ranks]:
    """Runs without MPI, where the launcher makes no difference."""
    yield Ranks(open_store(), "spawn")
    close_stores()


@pytest.fixture(scope="session", autouse=True)
def end_servers() -> Iterator[None]:
    """Warm servers serve all tests and end with them."""
    yield
    close_zygotes()
