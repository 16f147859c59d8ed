"""Runs of small functions in processes of their own."""

from __future__ import annotations

import base64
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlrun_like.names import new_uid
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.process import ProcessRuntime
from mlrun_like.runtimes.zygote_client import close_zygotes
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import close_stores, open_store


class Bench:
    """Makes jobs and runs them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def doc(self, code: str, **spec: Any) -> FunctionDoc:
        """A function whose source is embedded."""
        doc = FunctionDoc(
            kind="process",
            metadata=FunctionMetadata(name="f", project="default"),
            spec=FunctionSpec(**spec),
        )
        doc.spec.build.functionSourceCode = base64.b64encode(
            textwrap.dedent(code).encode()
        ).decode()
        return doc

    def job(self, doc: FunctionDoc, handler: str = "handler", **spec: Any) -> Job:
        """A run of it."""
        run = RunDoc(
            metadata=RunMetadata(name="r", uid=new_uid(), project="default"),
            spec=RunSpec(handler=handler, **spec),
        )
        return Job(function=doc, run=run, store=self.store)

    def run(self, code: str, function: dict[str, Any] | None = None, **spec: Any) -> RunDoc:
        """Run `handler` of this code to its end."""
        return ProcessRuntime().launch(self.job(self.doc(code, **(function or {})), **spec))

    def log(self, run: RunDoc) -> bytes:
        """What the run printed."""
        self.store.flush()
        return self.store.read_log("default", run.metadata.uid)

    def launch(self, job: Job) -> tuple[threading.Thread, list[RunDoc]]:
        """Run in the background."""
        done: list[RunDoc] = []
        thread = threading.Thread(target=lambda: done.append(ProcessRuntime().launch(job)))
        thread.start()
        return thread, done

    def wait_log(self, job: Job, text: bytes, seconds: float = 30) -> bytes:
        """Wait until the log of a run that is going on holds a text."""

        def seen() -> bytes:
            self.store.flush()
            found = self.store.read_log("default", job.run.metadata.uid)
            return found if text in found else b""

        return bytes(self.wait_for(seen, seconds))

    def wait_for(self, check: Callable[[], Any], seconds: float = 30) -> Any:
        """Wait until `check()` is true, and return its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := check():
                return value
            time.sleep(0.02)
        raise AssertionError(f"not seen within {seconds} s")


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Runs, with a store of their own."""
    yield Bench(open_store())
    close_stores()


@pytest.fixture(scope="session", autouse=True)
def end_servers() -> Iterator[None]:
    """Warm servers serve all tests and end with them."""
    yield
    close_zygotes()
