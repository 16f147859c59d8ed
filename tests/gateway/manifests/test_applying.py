"""Services in a cluster: applied, waited for, changed, pruned; pods are real processes."""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import EngineError
from mlrun_like.gateway.manifests.applying import delete_service, deploy_service
from tests.kubernetes_api import Cluster
from tests.kubernetes_services import PORT

Make = Callable[..., Any]
pytestmark = pytest.mark.slow


def _board(**values: Any) -> Any:
    """An application that a pod of the test cluster can run."""
    given = {"project": "shop", "kind": "application", "image": "repo/board:1", **values}
    fn: Any = ml.new_function("board", **given)
    fn.spec.command, fn.spec.args = "python3", ["-m", "http.server", "8050"]
    fn.spec.readiness_timeout = 60
    return fn


def _names(cluster: Cluster, plural: str) -> list[str]:
    return sorted(item["metadata"]["name"] for item in cluster.all(plural))


def _get(pod: dict[str, Any], path: str = "/") -> bytes:
    url = f"http://127.0.0.1:{pod['metadata']['annotations'][PORT]}{path}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def _pods(cluster: Cluster) -> list[dict[str, Any]]:
    return [pod for pod in cluster.all("pods") if not pod["metadata"].get("deletionTimestamp")]


def test_an_application_is_deployed_changed_and_deleted(cluster: Cluster) -> None:
    told: list[str] = []
    fn = _board()
    status = deploy_service(fn, {}, say=told.append)
    assert status["state"] == "ready"
    assert status["address"] == "http://shop-board.default.svc:80"
    assert "Deployment shop-board: applied" in told
    (first,) = _pods(cluster)
    assert b"Directory listing" in _get(first)
    # nothing changes if nothing has changed
    version = cluster.all("deployments")[0]["metadata"]["generation"]
    deploy_service(fn, {})
    assert cluster.all("deployments")[0]["metadata"]["generation"] == version
    # a change is a new pod; a scaler that is no longer wanted goes
    fn.spec.min_replicas, fn.spec.max_replicas = 1, 2
    fn.set_env("LEVEL", "2")
    fn.set_env("API_TOKEN", "sekret")
    deploy_service(fn, {})
    assert _names(cluster, "horizontalpodautoscalers") == ["shop-board"]
    env = _pods(cluster)[0]["spec"]["containers"][0]["env"]
    assert {"name": "LEVEL", "value": "2"} in env
    (secret,) = cluster.all("secrets")
    assert base64.b64decode(secret["data"]["API_TOKEN"]) == b"sekret"
    fn.spec.max_replicas = 1
    deploy_service(fn, {})
    assert _names(cluster, "horizontalpodautoscalers") == []
    assert delete_service(fn)
    assert not delete_service(fn)
    for plural in ("deployments", "services", "secrets"):
        assert _names(cluster, plural) == [], plural
    cluster.wait_for(lambda: not _pods(cluster))


def test_a_handler_answers_in_its_pod(cluster: Cluster, make: Make) -> None:
    fn = make()
    fn.spec.min_replicas = fn.spec.max_replicas = 1
    fn.set_env("LEVEL", "7")
    fn.with_code(body="import os\ndef handler(context, event): return os.environ['LEVEL']\n")
    assert fn.deploy(target="kubernetes") == "http://shop-hello.default.svc:80"
    assert fn.status.kubernetes_name == "shop-hello"
    (pod,) = _pods(cluster)
    assert _get(pod) == b"7"
    assert b"mlrun_like_gateway" in _get(pod, "/-/metrics")
    assert fn.delete()
    cluster.wait_for(lambda: not _pods(cluster))


def test_code_that_fails_is_told_and_the_old_pod_stays(cluster: Cluster, make: Make) -> None:
    fn = make()
    fn.spec.min_replicas = fn.spec.max_replicas = 1
    fn.deploy(target="kubernetes")
    (old,) = _pods(cluster)
    fn.with_code(body="raise KeyError('weights')\ndef handler(context, event): return 1\n")
    with pytest.raises(EngineError, match="KeyError: 'weights'"):
        fn.deploy(target="kubernetes")
    assert old["metadata"]["uid"] in [pod["metadata"]["uid"] for pod in _pods(cluster)]
    assert _get(old) == b"hello "


def test_replicas_that_others_set_stay(cluster: Cluster) -> None:
    fn = _board()
    fn.spec.min_replicas, fn.spec.max_replicas = 1, 3
    deploy_service(fn, {"scaler": "hpa"})
    (item,) = cluster.all("deployments")
    cluster.change(item, lambda o: o["spec"].update(replicas=2))  # as the HPA does
    fn.set_env("LEVEL", "2")
    deploy_service(fn, {"scaler": "hpa"})
    assert cluster.all("deployments")[0]["spec"]["replicas"] == 2


def test_a_canary_comes_and_is_taken_over(cluster: Cluster) -> None:
    fn = _board()
    fn.spec.min_replicas = 1
    deploy_service(fn, {})
    fn.set_env("LEVEL", "2")
    deploy_service(fn, {"canary": 10, "gateway": "main"})
    assert _names(cluster, "deployments") == ["shop-board", "shop-board-canary"]
    (route,) = cluster.all("httproutes")
    assert [row["weight"] for row in route["spec"]["rules"][0]["backendRefs"]] == [900, 100]
    deploy_service(fn, {"gateway": "main"})
    assert _names(cluster, "deployments") == ["shop-board"]
    (route,) = cluster.all("httproutes")
    assert [row["name"] for row in route["spec"]["rules"][0]["backendRefs"]] == ["shop-board"]


def test_why_it_does_not_become_ready(cluster: Cluster) -> None:
    cluster.faults.missing_images.add("repo/absent:1")
    with pytest.raises(EngineError, match="no such image") as caught:
        deploy_service(_board(image="repo/absent:1"), {})
    assert "shop-board" in caught.value.what


def test_a_crash_is_told_with_its_log(cluster: Cluster) -> None:
    fn = _board()
    fn.spec.args = ["-c", "print('the disk is gone'); raise SystemExit(3)"]
    with pytest.raises(EngineError, match="exit code 3") as caught:
        deploy_service(fn, {})
    assert "the disk is gone" in caught.value.what


def test_a_quota(cluster: Cluster) -> None:
    cluster.faults.quota["memory"] = 1.0
    fn = _board()
    fn.spec.resources = {"limits": {"memory": "10"}}
    with pytest.raises(EngineError, match=r"pods are refused: .*exceeded quota"):
        deploy_service(fn, {})


def test_a_cluster_without_keda(cluster: Cluster, make: Make) -> None:
    cluster.faults.absent = {"keda.sh", "http.keda.sh"}
    with pytest.raises(EngineError, match="the cluster knows no HTTPScaledObject") as caught:
        deploy_service(make(), {})
    assert "scaler='hpa'" in caught.value.fix


def test_a_name_that_is_taken(cluster: Cluster) -> None:
    item = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop-board", "namespace": "default"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": []}},
        },
        "status": {},
    }
    cluster.put(item)
    with pytest.raises(EngineError, match="was made by something else"):
        deploy_service(_board(), {})


def test_the_server_is_away_for_a_moment(cluster: Cluster) -> None:
    cluster.faults.errors = [("PATCH .*deployments", 503), ("PATCH .*services", 0)]
    assert deploy_service(_board(), {})["state"] == "ready"
