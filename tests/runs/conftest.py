"""Handlers run in this process, against a store of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.functions.decorators import function
from mlrun_like.names import new_uid
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.job import Job
from mlrun_like.runs.object import RunObject
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec, RunStatus
from mlrun_like.tracking.base import RunQuery, Store
from mlrun_like.tracking.connect import close_stores, open_store

Handler = Callable[..., Any]


class Bench:
    """Makes jobs, contexts and runs."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def run(self, handler: Handler, declared: dict[str, Any] | None = None, **given: Any) -> Any:
        """Run a handler as users do; raises what they get."""
        return function(**(declared or {}))(handler).run(**given)

    def job(self, handler: Handler | None = None, **spec: Any) -> Job:
        """A job for a live handler."""
        name = getattr(handler, "__name__", "h") if handler is not None else ""
        run = RunDoc(
            metadata=RunMetadata(name="r", uid=new_uid(), project="default"),
            spec=RunSpec(handler=name, **spec),
        )
        return Job(function=FunctionDoc(), run=run, store=self.store, handler=handler)

    def context(self, *, live: dict[str, Any] | None = None, **spec: Any) -> MLClientCtx:
        """The context of a run that has begun."""
        job = self.job(**spec)
        job.live_parameters = live or {}
        job.run.status = RunStatus(state="running")
        context = MLClientCtx(job)
        context.store_run()
        return context

    def recorded(self, run: RunDoc | RunObject | MLClientCtx, iteration: int = 0) -> RunObject:
        """What the store has of a run."""
        uid = run._run.metadata.uid if isinstance(run, MLClientCtx) else run.metadata.uid
        self.store.flush()
        return RunObject.from_dict(self.store.read_run("default", uid, iteration), self.store)

    def all(self, **query: Any) -> list[RunObject]:
        """All recorded runs, newest first."""
        self.store.flush()
        found = self.store.list_runs(RunQuery(project="*", **query))
        return [RunObject.from_dict(document, self.store) for document in found]

    def last(self) -> RunObject:
        """The newest run."""
        return self.all()[0]

    def log(self, run: RunDoc | RunObject) -> str:
        """What the run printed."""
        self.store.flush()
        return self.store.read_log("default", run.metadata.uid).decode()

    def start(self, work: Callable[[], Any]) -> tuple[threading.Thread, list[BaseException]]:
        """Work in a thread; its error is in the list when it is over."""
        errors: list[BaseException] = []

        def call() -> None:
            try:
                work()
            except Exception as exc:  # noqa: BLE001 - carried to the test
                errors.append(exc)

        thread = threading.Thread(target=call)
        thread.start()
        return thread, errors

    def wait_for(self, check: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait until `check()` is true, and return its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := check():
                return value
            time.sleep(0.02)
        raise AssertionError(f"not seen within {seconds} s")


@pytest.fixture
def bench(home: Path) -> Iterator[Bench]:
    """Runs, with a store of their own."""
    yield Bench(open_store())
    close_stores()


@pytest.fixture
def script(home: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start a program whose runs go to this test's home."""

    def start(code: str, **environment: str) -> subprocess.Popen[str]:
        file = tmp_path / "program.py"
        file.write_text(code, encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, str(file)],
            env={**os.environ, "MLRUN_LIKE_HOME": str(home), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start
