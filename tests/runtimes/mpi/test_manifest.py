"""MPIJobs: their form, checked strictly, and a run whose launcher's pod is played here."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.runtimes.mpi.manifest import api_of
from mlrun_like.runtimes.mpi.planning import in_cluster
from mlrun_like.runtimes.mpi.runtime import MpiRuntime
from mlrun_like.runtimes.mpi.workers import operator_agent, operator_hosts
from mlrun_like.tracking.connect import close_stores, open_store
from tests.kubernetes_api import Cluster, kubernetes_cluster
from tests.runtimes.mpi.conftest import Ranks

CODE = "def handler(rank, scale=2):\n    print('at', rank)\n    return rank + scale\n"

# The parts of the custom resource definitions besides pod templates; an unknown key is an error.
POLICY = {
    "cleanPodPolicy": str,
    "backoffLimit": int,
    "activeDeadlineSeconds": int,
    "ttlSecondsAfterFinished": int,
}
REPLICA = {"replicas": int, "restartPolicy": str, "template": dict}
COMMON = {
    "slotsPerWorker": int,
    "runPolicy": POLICY,
    "mpiReplicaSpecs": {"Launcher": REPLICA, "Worker": REPLICA},
}
SHAPES: dict[str, Any] = {
    "kubeflow.org/v1": {**COMMON, "mainContainer": str},
    "kubeflow.org/v2beta1": {**COMMON, "mpiImplementation": str, "sshAuthMountPath": str},
}


def _check(value: Any, shape: Any, where: str = "spec") -> None:
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        for key, item in value.items():
            assert key in shape, f"unknown key {where}.{key}"
            _check(item, shape[key], f"{where}.{key}")
    else:
        assert type(value) is shape, where


def _function(folder: Path, **spec: Any) -> Any:
    (folder / "code.py").write_text(CODE)
    function = ml.code_to_function(
        "train", filename=str(folder / "code.py"), kind="mpijob", image="registry/train:1"
    )
    for key, value in {"replicas": 4, "default_handler": "handler", **spec}.items():
        setattr(function.spec, key, value)
    return function


@pytest.mark.parametrize("version", ["v1", "v2beta1"])
def test_the_form(tmp_path: Path, version: str) -> None:
    function = _function(tmp_path, clean_pod_policy="All", active_deadline=60, ttl=10)
    function.spec.resources = {"limits": {"nvidia.com/gpu": 1}}
    function.set_env("COLOUR", "blue")
    manifest = function.to_manifest(params={"scale": 3}, version=version)
    *maps, job = manifest
    assert {item["kind"] for item in maps} == {"ConfigMap"}
    assert job["apiVersion"] == f"kubeflow.org/{version}"
    assert job["kind"] == "MPIJob"
    _check(job["spec"], SHAPES[job["apiVersion"]])
    assert job["spec"]["runPolicy"] == {
        "cleanPodPolicy": "All",
        "backoffLimit": 0,
        "activeDeadlineSeconds": 60,
        "ttlSecondsAfterFinished": 10,
    }
    replicas = job["spec"]["mpiReplicaSpecs"]
    assert (replicas["Launcher"]["replicas"], replicas["Worker"]["replicas"]) == (1, 4)
    launcher = replicas["Launcher"]["template"]["spec"]["containers"][0]
    worker = replicas["Worker"]["template"]["spec"]["containers"][0]
    assert "command" not in worker  # the operator's own
    assert worker["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert "limits" not in launcher["resources"]
    assert "--local" not in launcher["command"] + launcher.get("args", [])
    assert {"name": "COLOUR", "value": "blue"} in worker["env"]
    assert launcher["image"] == worker["image"] == "registry/train:1"
    assert list(yaml.safe_load_all(str(manifest))) == list(manifest)
    assert function.to_manifest(params={"scale": 3}, version=version) == manifest


@pytest.mark.parametrize("version", ["v1", "v2beta1"])
def test_pod_templates_are_valid(tmp_path: Path, version: str) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    *_, job = _function(tmp_path).to_manifest(version=version)
    for replica in job["spec"]["mpiReplicaSpecs"].values():
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**replica["template"]["metadata"], "name": "x"},
            "spec": replica["template"]["spec"],
        }
        validate.validate(pod, "1.31", strict=True)


def test_what_cannot_stand_in_one(tmp_path: Path) -> None:
    function = _function(tmp_path)
    with pytest.raises(InvalidArgumentError, match="schedule"):
        function.to_manifest(schedule="0 * * * *")
    with pytest.raises(InvalidArgumentError, match="'v3' is not known"):
        function.to_manifest(version="v3")
    with pytest.raises(InvalidArgumentError, match="v0"):
        api_of("v0")
    function.spec.clean_pod_policy = "Some"
    with pytest.raises(InvalidArgumentError, match="'Some' is not known"):
        function.to_manifest()


def test_the_operators_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match="host file"):
        operator_hosts()
    file = tmp_path / "hostfile"
    file.write_text("train-worker-0.train slots=2\ntrain-worker-1.train slots=2\n")
    monkeypatch.setenv("OMPI_MCA_orte_default_hostfile", str(file))
    assert [host.slots for host in operator_hosts()] == [2, 2]
    assert operator_agent().startswith("ssh")
    monkeypatch.setenv("OMPI_MCA_plm_rsh_agent", "/etc/mpi/kubexec.sh")
    assert operator_agent() == "/etc/mpi/kubexec.sh"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that the settings name."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with kubernetes_cluster(folder) as cluster:
        config.kubeconfig = str(cluster.kubeconfig())
        yield cluster
    close_stores()


class _Operator:
    """Makes the launcher's pod of each MPIJob, as operators do; its workers are this machine."""

    def __init__(self, cluster: Cluster, hostfile: Path) -> None:
        self._cluster = cluster
        self._hostfile = hostfile
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self.jobs: list[dict[str, Any]] = []

    def __enter__(self) -> _Operator:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(5)

    def _loop(self) -> None:
        seen = set()
        while not self._ended.wait(0.05):
            for job in self._cluster.all("mpijobs"):
                if job["metadata"]["uid"] not in seen:
                    seen.add(job["metadata"]["uid"])
                    self.jobs.append(job)
                    namespace = job["metadata"].get("namespace", "default")
                    self._cluster.create(self._launcher(job), "", "pods", namespace, False)

    def _launcher(self, job: dict[str, Any]) -> dict[str, Any]:
        template = copy.deepcopy(job["spec"]["mpiReplicaSpecs"]["Launcher"]["template"])
        meta = job["metadata"]
        owner = {"apiVersion": job["apiVersion"], "kind": "MPIJob", "controller": True}
        container = template["spec"]["containers"][0]
        container["env"] = [
            *container.get("env", []),
            {"name": "OMPI_MCA_orte_default_hostfile", "value": str(self._hostfile)},
        ]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **template["metadata"],
                "name": f"{meta['name']}-launcher",
                "namespace": meta.get("namespace", "default"),
                "ownerReferences": [{**owner, "name": meta["name"], "uid": meta["uid"]}],
            },
            "spec": {**template["spec"], "restartPolicy": "Never"},
            "status": {"phase": "Pending"},
        }


@pytest.mark.slow
def test_a_run_in_a_cluster(cluster: Cluster, tmp_path: Path) -> None:
    hostfile = tmp_path / "hostfile"
    hostfile.write_text("localhost slots=2\n")
    ranks = Ranks(open_store(), "kubernetes")
    with _Operator(cluster, hostfile) as operator:
        job = ranks.job(CODE, {"image": "registry/f:1"}, parameters={"scale": 5})
        assert in_cluster(job.function)
        run = MpiRuntime().launch(job)
        assert run.status.state == "completed", (run.status.error, ranks.log(run))
        assert run.status.results == {"return": 5}
        lines = sorted(line for line in ranks.log(run).splitlines() if "at " in line)
        assert lines == ["[1] at 1", "at 0"]
        _check(operator.jobs[0]["spec"], SHAPES["kubeflow.org/v1"])
    assert not cluster.all("secrets")


@pytest.mark.slow
def test_an_abort_deletes_the_job(cluster: Cluster, tmp_path: Path) -> None:
    hostfile = tmp_path / "hostfile"
    hostfile.write_text("localhost slots=2\n")
    ranks = Ranks(open_store(), "kubernetes")
    code = (
        "import time\ndef handler(rank):\n    print('up', rank, flush=True)\n    time.sleep(60)\n"
    )
    with _Operator(cluster, hostfile):
        job, wait = ranks.start(code, {"image": "registry/f:1"})
        ranks.wait_log(job, "up 0")
        meta = job.run.metadata
        ranks.store.set_run_state(meta.project, meta.uid, 0, "aborting", "")
        run = wait()
    assert run.status.state == "aborted"
    end = time.monotonic() + 10
    while cluster.all("mpijobs") and time.monotonic() < end:
        time.sleep(0.05)
    assert not cluster.all("mpijobs")
