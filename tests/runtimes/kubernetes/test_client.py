"""Requests to the API server: access, refusals, repetition."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, EngineError, NotFoundError
from mlrun_like.runtimes.kubernetes import access
from mlrun_like.runtimes.kubernetes.access import load_access, no_cluster
from mlrun_like.runtimes.kubernetes.cleanup import clean_up, gone
from mlrun_like.runtimes.kubernetes.client import Client, path_of, status_of
from mlrun_like.runtimes.kubernetes.refusals import explain_refusal

if TYPE_CHECKING:
    from tests.kubernetes_api import Cluster


def secret(name: str, **labels: str) -> dict[str, object]:
    meta = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque"}


def test_objects_come_and_go(cluster: Cluster) -> None:
    client = Client()
    made = client.create(secret("a", x="1"))
    assert made["metadata"]["uid"]
    path = path_of("v1", "Secret", "default", "a")
    changed = client.patch(path, {"data": {"k": "dg=="}})
    assert changed["data"] == {"k": "dg=="}
    found = client.get(path_of("v1", "Secret", "default"), labelSelector="x=1")
    assert [item["metadata"]["name"] for item in found["items"]] == ["a"]
    assert client.delete(path) and not client.delete(path)
    with pytest.raises(NotFoundError):
        client.get(path)


def test_creating_twice_is_once(cluster: Cluster) -> None:
    client = Client()
    first = client.create(secret("a", x="1"))
    assert client.create(secret("a", x="1"))["metadata"]["uid"] == first["metadata"]["uid"]
    with pytest.raises(ConflictError):
        client.create(secret("a", x="2"))


def test_a_wrong_field_is_refused_by_name(cluster: Cluster) -> None:
    with pytest.raises(EngineError, match=r"strict decoding error.*dta") as caught:
        Client().create({**secret("a"), "dta": {}})
    assert status_of(caught.value) == 400
    assert caught.value.fix


def test_failures_are_repeated(cluster: Cluster) -> None:
    cluster.faults.errors = [("GET", 500), ("GET", 0), ("GET", 429), ("GET", 503)]
    assert Client().get("/version")["major"] == "1"
    assert len([row for row in cluster.requests if row.startswith("GET /version")]) == 5


def test_patience_ends(cluster: Cluster) -> None:
    cluster.faults.down = True
    begun = time.monotonic()
    with pytest.raises(EngineError, match="cannot be reached") as caught:
        Client(patience=0.5).get("/version")
    assert time.monotonic() - begun < 3
    assert status_of(caught.value) == 0
    assert cluster.url in caught.value.where


def test_refusals_are_not_repeated(cluster: Cluster) -> None:
    cluster.faults.forbidden = {("list", "secrets")}
    with pytest.raises(EngineError, match="'tester' may not list secrets") as caught:
        Client().get(path_of("v1", "Secret", "default"))
    assert "kubectl create role" in caught.value.fix
    assert len(cluster.requests) == 1


def test_expired_credentials_are_read_again_once(cluster: Cluster) -> None:
    client = Client()
    cluster.faults.tokens = {"t0"}
    client.get("/version")
    cluster.faults.tokens = {"t1"}
    cluster.kubeconfig(token="t1")
    client.get("/version")
    cluster.faults.tokens = {"nobody"}
    with pytest.raises(EngineError, match="does not accept the credentials") as caught:
        client.get("/version")
    assert "log in again" in caught.value.fix
    assert len(cluster.requests) == 5


def test_context_and_namespace(cluster: Cluster, tmp_path: Path) -> None:
    assert Client().namespace == "default"
    cluster.kubeconfig(namespace="team")
    assert Client().namespace == "team"
    config.kubernetes_namespace = "mine"
    assert Client().namespace == "mine"
    config.kubernetes_context = "absent"
    with pytest.raises(EngineError, match="absent") as caught:
        Client()
    assert "kubernetes_context" in caught.value.fix


@pytest.mark.parametrize(
    "text", ["", "{", "a: [", "apiVersion: v1\nkind: Config\n", "[]", "\0", "contexts: 5"]
)
def test_a_broken_kubeconfig(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    config.kubeconfig = str(file)
    with pytest.raises(EngineError, match="the kubeconfig cannot be used") as caught:
        load_access()
    assert str(file) in caught.value.where


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    config.kubeconfig = str(tmp_path / "absent")
    with pytest.raises(EngineError, match="does not exist"):
        load_access()


def test_a_pod_uses_its_own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert "no kubeconfig" in no_cluster()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    for name, text in (("token", "abc"), ("namespace", "here\n"), ("ca.crt", "x")):
        (tmp_path / name).write_text(text)
    assert not no_cluster()
    found = load_access()
    assert found.configuration.host == "https://10.0.0.1:443"
    assert found.namespace == "here"
    assert found.configuration.auth_settings()["BearerToken"]["value"].endswith("abc")
    (tmp_path / "ca.crt").unlink()
    with pytest.raises(EngineError, match="service account cannot be used"):
        load_access()


def test_what_is_over_is_cleaned_up(cluster: Cluster) -> None:
    labels = {"app.kubernetes.io/managed-by": "mlrun-like"}
    for name, spec, status, own in (
        ("never-started", {"suspend": True}, {}, labels),
        ("done", {}, {"conditions": [{"type": "Complete", "status": "True"}]}, labels),
        ("queued", {"suspend": True}, {}, {**labels, "kueue.x-k8s.io/queue-name": "q"}),
        ("foreign", {"suspend": True}, {}, {}),
    ):
        meta = {"name": name, "namespace": "default", "labels": own}
        meta["creationTimestamp"] = "2020-01-01T00:00:00Z"
        cluster.put(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": meta,
                "spec": {**spec, "suspend": True, "template": {"spec": {"containers": []}}},
                "status": status,
            }
        )
    client = Client()
    assert sorted(clean_up(client, dry_run=True)) == ["done", "never-started"]
    assert len(cluster.all("jobs")) == 4
    clean_up(client)
    assert sorted(o["metadata"]["name"] for o in cluster.all("jobs")) == ["foreign", "queued"]
    assert gone(client, "nobody")


@pytest.mark.parametrize(
    ("status", "text", "what", "fix"),
    [
        (401, b"", "credentials", "log in again"),
        (403, b'{"message": "exceeded quota: q, requested: a=2, used: a=0, limited: a=1"}',
         "quota 'q'", "quota raised"),
        (403, b'{"message": "serviceaccount \\"x\\" not found"}', "service account 'x'", "kubectl"),
        (403, b'{"message": "violates PodSecurity \\"restricted\\""}', "security standard",
         "with_security_context"),
        (403, b"plain text", "plain text", "administrator"),
        (404, b"[]", "not found", "namespace"),
        (422, b'{"message": "spec.x: Required"}', "spec.x", "field"),
        (429, b"{}", "busy", "later"),
        (500, b"\xff\xfe", "500", "later"),
        (409, b"null", "conflict", "name"),
    ],
)  # fmt: skip
def test_refusals_say_what_and_how(status: int, text: bytes, what: str, fix: str) -> None:
    said, remedy = explain_refusal(status, text, "GET /x")
    assert what in said and fix in remedy
