"""A cluster of the Dask operator, played behind an API server: its scheduler is a real one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError
from tests.kubernetes_api import Cluster as Api
from tests.kubernetes_api import kubernetes_cluster
from tests.runtimes.dask.conftest import Cluster, function_maker

pytestmark = pytest.mark.slow

CODE = "def handler(dask_client):\n    return dask_client.submit(sum, [1, 2]).result()\n"


class Operator:
    """What the operator does with a new `DaskCluster`."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.port = 0
        self.image = ""
        self.phase = "Running"
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def _loop(self) -> None:
        done: set[str] = set()
        while not self._closed.wait(0.05):
            for item in self.api.all("daskclusters"):
                if item["metadata"]["name"] not in done:
                    done.add(item["metadata"]["name"])
                    self._begin(item)

    def _begin(self, item: dict[str, Any]) -> None:
        name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
        labels = {"dask.org/cluster-name": name, "dask.org/component": "scheduler"}
        ports = [dict(row, nodePort=self.port) for row in
                 item["spec"]["scheduler"]["service"]["ports"]]  # fmt: skip
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"{name}-scheduler", "namespace": namespace, "labels": labels},
            "spec": {"type": "NodePort", "ports": ports},
        }
        self.api.put(service)
        if self.image:
            container = {"name": "scheduler", "image": self.image, "command": ["true"]}
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"{name}-pod", "namespace": namespace, "labels": labels},
                "spec": {"containers": [container], "restartPolicy": "Never"},
            }
            self.api.put({**pod, "status": {"phase": "Pending"}})
        self.api.change(item, lambda stored: stored.update(status={"phase": self.phase}))

    def close(self) -> None:
        """Stop."""
        self._closed.set()
        self._thread.join(10)


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    """The operator, and the settings that lead to its API server."""
    with kubernetes_cluster(tmp_path) as api:
        played = Operator(api)
        try:
            with ml.config.override(
                dask_cluster="kubernetes",
                kubeconfig=str(api.kubeconfig()),
                remote_host="127.0.0.1",
            ):
                yield played
        finally:
            played.close()


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """A function for it."""
    function = function_maker(tmp_path, "")(CODE, image="registry/dask:1", service_type="NodePort")
    return function.set_env("API_TOKEN", "geheim")


def test_a_cluster_is_made_used_and_deleted(
    operator: Operator, made: Any, shared_cluster: Cluster
) -> None:
    operator.port = int(shared_cluster.address.rpartition(":")[2])
    assert made.run(watch=False).outputs["return"] == 3
    api = operator.api
    (cluster,) = api.all("daskclusters")
    assert cluster["spec"]["worker"]["replicas"] == 1
    (secret,) = api.all("secrets")
    env = cluster["spec"]["worker"]["spec"]["containers"][0]["env"]
    assert env[0]["valueFrom"]["secretKeyRef"]["name"] == secret["metadata"]["name"]
    assert "geheim" not in str(cluster)
    made.cluster().scale(4)
    assert api.all("daskclusters")[0]["spec"]["worker"]["replicas"] == 4
    made.cluster().adapt(0, 7)
    assert api.all("daskautoscalers")[0]["spec"]["maximum"] == 7
    made.cluster().adapt(1, 3)
    assert api.all("daskautoscalers")[0]["spec"]["minimum"] == 1
    made.cluster().scale(2)
    assert api.all("daskautoscalers") == []
    made.close()
    for plural in ("daskclusters", "daskautoscalers", "secrets"):
        assert api.all(plural) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": "reg/none:1", "phase": "Pending"}, r"ImagePull"),
        ({"phase": "Error"}, r"its phase is 'Error'"),
        ({"phase": "Pending"}, r"its phase is 'Pending'"),
    ],
)
def test_why_it_does_not_run(
    operator: Operator, made: Any, change: dict[str, str], message: str
) -> None:
    vars(operator).update(change)
    operator.api.faults.missing_images.add("reg/none:1")
    with ml.config.override(dask_timeout=1.5), pytest.raises(RunError, match=message):
        made.run(watch=False)
    assert operator.api.all("daskclusters") == [] and operator.api.all("secrets") == []


def test_the_operator_is_not_installed(operator: Operator, made: Any) -> None:
    operator.api.faults.errors.append(("POST .*daskclusters", 404))
    with pytest.raises(RunError, match="the Dask operator is not installed"):
        made.run(watch=False)
    assert operator.api.all("secrets") == []


def test_no_kubernetes(made: Any, tmp_path: Path) -> None:
    absent = str(tmp_path / "nowhere")
    with (
        ml.config.override(dask_cluster="kubernetes", kubeconfig=absent),
        pytest.raises(RunError, match="does not exist"),
    ):
        made.run(watch=False)
