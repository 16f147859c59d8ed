"""A cluster for each test, and runs of small functions in it."""

from __future__ import annotations

import base64
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.names import new_uid
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.kubernetes.runtime import KubernetesRuntime
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import close_stores, open_store
from tests.kubernetes_api import Cluster, kubernetes_cluster


class Bench:
    """Makes jobs and runs them in the cluster."""

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self.cluster = cluster
        self.store = store

    def doc(self, code: str = "def handler():\n    return 1\n", **spec: Any) -> FunctionDoc:
        """A function whose source is embedded."""
        doc = FunctionDoc(
            kind="job",
            metadata=FunctionMetadata(name="f", project="default"),
            spec=FunctionSpec(**{"image": "registry/f:1", **spec}),
        )
        doc.spec.build.functionSourceCode = base64.b64encode(
            textwrap.dedent(code).encode()
        ).decode()
        return doc

    def job(self, doc: FunctionDoc, **spec: Any) -> Job:
        """A run of it."""
        run = RunDoc(
            metadata=RunMetadata(name="r", uid=new_uid(), project="default"),
            spec=RunSpec(**{"handler": "handler", **spec}),
        )
        return Job(function=doc, run=run, store=self.store)

    def run(self, code: str, function: dict[str, Any] | None = None, **spec: Any) -> RunDoc:
        """Run `handler` of this code to its end."""
        return KubernetesRuntime().launch(self.job(self.doc(code, **(function or {})), **spec))

    def start(
        self, code: str, function: dict[str, Any] | None = None, **spec: Any
    ) -> tuple[Job, Callable[[], RunDoc]]:
        """Run in the background; gives the job and what waits for its end."""
        job = self.job(self.doc(code, **(function or {})), **spec)
        done: list[RunDoc] = []
        thread = threading.Thread(target=lambda: done.append(KubernetesRuntime().launch(job)))
        thread.start()

        def wait() -> RunDoc:
            thread.join(60)
            return done[0]

        return job, wait

    def log(self, job: Job | RunDoc) -> str:
        """What a run printed."""
        self.store.flush()
        run = job.run if isinstance(job, Job) else job
        return self.store.read_log("default", run.metadata.uid).decode()

    def wait_log(self, job: Job, text: str, seconds: float = 30) -> str:
        """Wait until the log of a run holds a text."""
        return str(self.wait_for(lambda: self.log(job) if text in self.log(job) else "", seconds))

    def wait_for(self, check: Callable[[], Any], seconds: float = 30) -> Any:
        """Wait until `check()` is true, and give its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := check():
                return value
            time.sleep(0.02)
        raise AssertionError(f"not seen within {seconds} s")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that the settings name."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with kubernetes_cluster(folder) as cluster:
        config.kubeconfig = str(cluster.kubeconfig())
        yield cluster


@pytest.fixture
def bench(cluster: Cluster) -> Iterator[Bench]:
    """Runs in a cluster, with a store of their own."""
    yield Bench(cluster, open_store())
    close_stores()
