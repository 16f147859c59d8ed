"""What a cluster says about a run before anything is created."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.runtimes.kubernetes.runtime import KubernetesRuntime

if TYPE_CHECKING:
    from tests.runtimes.kubernetes.conftest import Bench


def codes(bench: Bench, **spec: Any) -> dict[str, str]:
    """Findings that are errors: code -> the whole text."""
    job = bench.job(bench.doc(**spec))
    begun = time.monotonic()
    found = KubernetesRuntime().check(job.function, job.run)
    assert time.monotonic() - begun < 5
    assert not bench.cluster.all("jobs") and not bench.cluster.all("pods")
    assert all(item.fix for item in found)
    return {item.code: str(item) for item in found if item.severity == "error"}


def test_nothing_is_wrong(bench: Bench) -> None:
    assert codes(bench) == {}


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
         "secret-missing", "kubectl create secret generic s"),
        ({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]},
         "configmap-missing", "'c'"),
        ({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "p"}}]},
         "persistentvolumeclaim-missing", "mount_pvc"),
        ({"volumes": [{"name": "v", "secret": {"secretName": "s2"}}]}, "secret-missing", "'s2'"),
        ({"service_account": "me"}, "serviceaccount-missing", "kubectl create serviceaccount me"),
        ({"priority_class_name": "high"}, "priorityclass-missing", "'high'"),
        ({"image_pull_secret": "pull"}, "secret-missing", "'pull'"),
    ],
)  # fmt: skip
def test_what_is_referred_to_must_be_there(
    bench: Bench, spec: dict[str, Any], code: str, words: str
) -> None:
    assert words in codes(bench, **spec)[code]


def test_keys_must_be_there(bench: Bench) -> None:
    meta = {"name": "s", "namespace": "default"}
    bench.cluster.put({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"b": ""}})
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    assert "its keys: b" in codes(bench, env=env)["key-missing"]


def test_namespace(bench: Bench) -> None:
    config.kubernetes_namespace = "absent"
    found = codes(bench, service_account="me")
    assert list(found) == ["namespace-missing"]
    assert "kubectl create namespace absent" in found["namespace-missing"]


@pytest.mark.parametrize("right", [("create", "jobs"), ("create", "secrets"), ("watch", "pods")])
def test_rights(bench: Bench, right: tuple[str, str]) -> None:
    bench.cluster.faults.forbidden = {right}
    assert right[1] in codes(bench)["forbidden"]


def test_questions_that_may_not_be_asked(bench: Bench) -> None:
    bench.cluster.faults.forbidden = {
        ("create", "pods"), ("get", "namespaces"), ("get", "serviceaccounts"),
    }  # fmt: skip
    assert codes(bench) == {}


def test_quota(bench: Bench) -> None:
    bench.cluster.faults.quota = {"cpu": 1}
    found = codes(bench, resources={"limits": {"cpu": "8"}})
    assert "quota 'compute'" in found["quota"]
    assert "fn.with_requests" in found["quota"]


def test_a_quota_that_others_use_is_a_warning(bench: Bench) -> None:
    bench.cluster.faults.quota = {"cpu": 4}
    bench.cluster.faults.used = 3
    job = bench.job(bench.doc(resources={"limits": {"cpu": "2"}}))
    found = {item.code: item for item in KubernetesRuntime().check(job.function, job.run)}
    assert found["quota"].severity == "warning"


def test_large_code_is_no_obstacle(bench: Bench) -> None:
    assert codes(bench, code=f"DATA = '{random.Random(1).randbytes(900_000).hex()}'\n") == {}


def test_rights_are_not_asked_again_at_once(bench: Bench) -> None:
    assert codes(bench) == {}
    first = len(bench.cluster.requests)
    assert codes(bench) == {}
    assert len(bench.cluster.requests) - first == 3


def test_no_cluster_answers(bench: Bench) -> None:
    bench.cluster.faults.down = True
    assert "cannot be reached" in codes(bench)["cluster-unreachable"]


def test_wrong_credentials(bench: Bench) -> None:
    bench.cluster.faults.tokens = {"other"}
    assert "credentials" in codes(bench)["cluster-refused"]


def test_own_mistakes_are_told_without_asking(bench: Bench) -> None:
    assert "quantity" in codes(bench, resources={"limits": {"memory": "much"}})["quantity"]
    assert not bench.cluster.requests


def test_the_default_image_lacks_this_package(bench: Bench) -> None:
    assert "fn.deploy()" in codes(bench, image="")["image-missing"]
    config.default_image = "team/base:1"
    assert codes(bench, image="") == {}
