"""Applications in a cluster whose operator is played: drivers are real processes."""

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
from mlrun_like.runtimes.spark.runtime import SparkRuntime
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store
from tests.kubernetes_api import Cluster

Obj = dict[str, Any]


class Operator:
    """What the Spark operator does: submits drivers, and tells how they are.

    Args:
        cluster: Where it works.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.states: list[str] = []
        self.refuse = ""
        """What a submission fails with; empty: it does not."""
        self.ends = True
        """Whether the end of a driver is told as such."""
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="test-operator")
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._thread.join(10)

    def _loop(self) -> None:
        while not self._closing:
            with self.cluster.changed:
                self.cluster.changed.wait(0.05)
            for item in self.cluster.all("sparkapplications"):
                self._control(item)

    def _control(self, item: Obj) -> None:
        state = item.get("status", {}).get("applicationState", {}).get("state", "")
        if state in ("COMPLETED", "FAILED"):
            return
        if not state:
            if self.refuse:
                self._tell(item, "SUBMISSION_FAILED", self.refuse)
                self._tell(item, "FAILED", self.refuse)
                return
            self._submit(item)
            self._tell(item, "SUBMITTED")
            return
        pods = [p for p in self.cluster.all("pods") if p["metadata"]["name"] == _pod_name(item)]
        phase = pods[0].get("status", {}).get("phase") if pods else "Failed"
        if phase == "Running" and state == "SUBMITTED":
            self._tell(item, "RUNNING")
        elif phase == "Succeeded" and self.ends:
            self._tell(item, "SUCCEEDING")
            self._tell(item, "COMPLETED")
        elif phase == "Failed" and self.ends:
            said = "driver container failed with ExitCode: 1, Reason: Error"
            self._tell(item, "FAILING", said)
            self._tell(item, "FAILED", said)

    def _tell(self, item: Obj, state: str, message: str = "") -> None:
        self.states.append(state)
        status = {
            "applicationState": {"state": state, "errorMessage": message},
            "driverInfo": {"podName": _pod_name(item)} if state != "SUBMISSION_FAILED" else {},
        }
        self.cluster.change(item, lambda o: o["status"].update(status))

    def _submit(self, item: Obj) -> None:
        spec, meta = item["spec"], item["metadata"]
        driver = spec["driver"]
        labels = {**driver["labels"], "spark-role": "driver"}
        owner = {"apiVersion": item["apiVersion"], "kind": item["kind"], "name": meta["name"]}
        program = spec["mainApplicationFile"].removeprefix("local://")
        container = {
            "name": "spark-kubernetes-driver",
            "image": spec["image"],
            "command": ["python3", program, *spec["arguments"]],
            "env": driver["env"],
            "volumeMounts": driver["volumeMounts"],
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": _pod_name(item),
                "namespace": meta["namespace"],
                "labels": labels,
                "ownerReferences": [{**owner, "uid": meta["uid"], "controller": True}],
            },
            "spec": {"containers": [container], "volumes": spec["volumes"]},
            "status": {"phase": "Pending"},
        }
        self.cluster.create(pod, "", "pods", meta["namespace"], False)


def _pod_name(item: Obj) -> str:
    return f"{item['metadata']['name']}-driver"


class Bench:
    """Runs as applications."""

    def __init__(self, cluster: Cluster, operator: Operator, store: Store) -> None:
        self.cluster = cluster
        self.operator = operator
        self.store = store

    def job(self, code: str, name: str = "train", **spec: Any) -> Job:
        doc = FunctionDoc(
            kind="spark",
            metadata=FunctionMetadata(name="f", project="default"),
            spec=FunctionSpec(image="team/spark:1", default_handler="handler"),
        )
        text = textwrap.dedent(code).encode()
        doc.spec.build.functionSourceCode = base64.b64encode(text).decode()
        run = RunDoc(
            metadata=RunMetadata(name=name, uid=new_uid(), project="default"),
            spec=RunSpec(handler="handler", **spec),
        )
        return Job(function=doc, run=run, store=self.store)

    def run(self, code: str, **spec: Any) -> RunDoc:
        return SparkRuntime().launch(self.job(code, **spec))

    def start(self, job: Job) -> Callable[[], RunDoc]:
        done: list[RunDoc] = []
        thread = threading.Thread(target=lambda: done.append(SparkRuntime().launch(job)))
        thread.start()

        def wait() -> RunDoc:
            thread.join(40)
            assert done, "the run is not over"
            return done[0]

        return wait

    def log(self, run: RunDoc) -> str:
        self.store.flush()
        return self.store.read_log("default", run.metadata.uid).decode()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A cluster that the settings name, with an operator."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    operator = Operator(cluster)
    config.kubeconfig = str(cluster.kubeconfig())
    try:
        yield Bench(cluster, operator, open_store())
    finally:
        operator.close()
        cluster.close()


def test_a_run_is_recorded_through_its_log(bench: Bench) -> None:
    code = """
        def handler(context, x: int = 1):
            print("hello from the driver")
            context.log_result("twice", x * 2)
            context.log_artifact("note", body=b"text", format="txt", is_inline=True)
            return "done"
        """
    run = bench.run(code, parameters={"x": 4})
    assert run.status.state == "completed", run.status
    assert run.status.results == {"twice": 8, "return": "done"}
    assert "hello from the driver" in bench.log(run)
    assert "#mlrun-like#" not in bench.log(run)
    assert bench.operator.states == ["SUBMITTED", "RUNNING", "SUCCEEDING", "COMPLETED"]
    stored = bench.store.read_run("default", run.metadata.uid)
    assert stored["status"]["state"] == "completed"


def test_what_it_needs_belongs_to_it_and_secrets_go(bench: Bench) -> None:
    bench.run("def handler(): return 1")
    (item,) = bench.cluster.all("sparkapplications")
    maps = bench.cluster.all("configmaps")
    assert maps and not bench.cluster.all("secrets")
    for one in maps:
        (owner,) = one["metadata"]["ownerReferences"]
        assert owner["uid"] == item["metadata"]["uid"] and owner["kind"] == "SparkApplication"


def test_a_failure_has_its_traceback(bench: Bench) -> None:
    run = bench.run("def handler(): raise ValueError('bad data')")
    assert run.status.state == "error"
    assert "bad data" in str(run.status.error) and "handler" in run.status.traceback


def test_a_driver_that_is_killed_is_explained(bench: Bench) -> None:
    bench.cluster.faults.scripts = ["oom"]
    run = bench.run("import time\ndef handler():\n    print('on', flush=True)\n    time.sleep(60)")
    assert run.status.state == "error"
    assert "memory" in str(run.status.error).lower(), run.status.error


def test_a_submission_that_fails_says_why(bench: Bench) -> None:
    bench.operator.refuse = (
        "failed to run spark-submit for SparkApplication: UNRESOLVED DEPENDENCIES "
        "unresolved dependency: org.none#none;1.0: not found"
    )
    run = bench.run("def handler(): return 1")
    assert run.status.state == "error"
    assert "the Maven package 'org.none#none;1.0' of spec.deps" in str(run.status.error)
    bench.operator.refuse = "forbidden: exceeded quota: compute"
    run = bench.run("def handler(): return 1")
    assert "exceeded quota" in str(run.status.error)
    assert "kubectl describe sparkapplication" in str(run.status.error)


def test_an_abort_deletes_the_application(bench: Bench) -> None:
    job = bench.job("import time\ndef handler():\n    print('on', flush=True)\n    time.sleep(60)")
    wait = bench.start(job)
    uid = job.run.metadata.uid
    bench.cluster.wait_for(lambda: "on" in bench.log(job.run), 30)
    bench.store.set_run_state("default", uid, 0, "aborting", "")
    run = wait()
    assert run.status.state == "aborted"
    bench.cluster.wait_for(lambda: not bench.cluster.all("sparkapplications"))
    bench.cluster.wait_for(lambda: not bench.cluster.all("pods"), 40)
    assert not bench.cluster.all("configmaps") and not bench.cluster.all("secrets")


def test_a_timeout(bench: Bench) -> None:
    start = time.monotonic()
    run = bench.run("import time\ndef handler():\n    time.sleep(60)", timeout=1.0)
    assert run.status.state == "error" and "timeout of 1 s" in str(run.status.error)
    assert time.monotonic() - start < 30


def test_retries_are_new_applications(bench: Bench) -> None:
    code = """
        def handler(context):
            if context._job.attempt == 1:
                raise OSError("first")
            return "second"
        """
    run = bench.run(code, retry={"count": 1, "backoff": 0.0})
    assert run.status.state == "completed" and run.status.results["return"] == "second"
    assert len(bench.cluster.all("sparkapplications")) == 2


def test_a_refused_application_leaves_nothing(bench: Bench) -> None:
    bench.cluster.faults.errors = [("POST .*sparkapplications", 403)]
    run = bench.run("def handler(): return 1")
    assert run.status.state == "error"
    for plural in ("sparkapplications", "configmaps", "secrets"):
        assert not bench.cluster.all(plural)


def test_one_that_is_deleted_from_outside(bench: Bench) -> None:
    job = bench.job("import time\ndef handler():\n    print('on', flush=True)\n    time.sleep(60)")
    wait = bench.start(job)
    bench.cluster.wait_for(lambda: "on" in bench.log(job.run), 30)
    (item,) = bench.cluster.all("sparkapplications")
    bench.cluster.delete(item, None)
    run = wait()
    assert run.status.state == "error" and "deleted from outside" in str(run.status.error)


def test_a_pod_that_cannot_be_scheduled_is_told(bench: Bench) -> None:
    bench.cluster.faults.scripts = ["unschedulable"]
    job = bench.job("def handler(): return 1")
    wait = bench.start(job)
    bench.cluster.wait_for(lambda: "the driver's pod waits" in bench.log(job.run), 30)
    assert "memory" in bench.log(job.run).lower()
    bench.store.set_run_state("default", job.run.metadata.uid, 0, "aborting", "")
    assert wait().status.state == "aborted"


def test_preflight_asks_the_cluster(bench: Bench) -> None:
    job = bench.job("def handler(): return 1", name="x" * 30)
    runtime = SparkRuntime()
    found = [row.code for row in runtime.check(job.function, job.run)]
    assert found == ["name-long"]
    assert not bench.cluster.all("sparkapplications")  # it was a dry run
    job = bench.job("def handler(): return 1")
    assert not list(runtime.check(job.function, job.run))
    bench.cluster.faults.errors = [("GET .*sparkapplications", 404)]
    (finding,) = runtime.check(job.function, job.run)
    assert finding.code == "operator-missing" and "helm install" in finding.fix
    job.function.spec.image = ""
    (finding,) = runtime.check(job.function, job.run)
    assert finding.code == "manifest" and "no image" in finding.what
    bench.cluster.faults.down = True
    job.function.spec.image = "i:1"
    (finding,) = runtime.check(job.function, job.run)
    assert finding.code == "cluster-unreachable"
    bench.cluster.faults.down = False
