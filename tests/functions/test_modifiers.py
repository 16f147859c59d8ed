"""Mounts and variables, by modifiers and by the settings."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from kubernetes import client as k8s

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, InvalidArgumentError
from mlrun_like.functions.modifiers import (
    VolumeMount,
    auto_mount,
    mount_by_settings,
    mount_configmap,
    mount_hostpath,
    mount_pvc,
    mount_s3,
    mount_secret,
    set_env_variables,
)


@pytest.fixture
def fn() -> Any:
    """A function without anything."""
    return ml.new_function("f", kind="job", image="reg/f:1")


def test_mounts(fn: Any) -> None:
    fn.apply(mount_pvc("claim", "data", "/data"))
    fn.apply(mount_secret("s", "/secrets", items=[{"key": "a", "path": "b"}]))
    fn.apply(mount_configmap("c", "/config"))
    fn.apply(mount_hostpath("/dev/shm", "/dev/shm"))
    assert fn.spec.volumes == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "claim"}},
        {"name": "secret", "secret": {"secretName": "s", "items": [{"key": "a", "path": "b"}]}},
        {"name": "configmap", "configMap": {"name": "c"}},
        {"name": "hostpath", "hostPath": {"path": "/dev/shm", "type": ""}},
    ]
    assert [row["mountPath"] for row in fn.spec.volume_mounts] == [
        "/data",
        "/secrets",
        "/config",
        "/dev/shm",
    ]


def test_a_volume_of_the_same_name_is_replaced(fn: Any) -> None:
    fn.apply(mount_pvc("one", "data", "/data")).apply(mount_pvc("two", "data", "/data"))
    assert fn.spec.volumes == [{"name": "data", "persistentVolumeClaim": {"claimName": "two"}}]
    assert len(fn.spec.volume_mounts) == 1


def test_a_folder_inside_of_a_volume(fn: Any) -> None:
    fn.apply(mount_pvc("claim", "data", VolumeMount("/data", "team/a")))  # type: ignore[arg-type]
    assert fn.spec.volume_mounts == [{"name": "data", "mountPath": "/data", "subPath": "team/a"}]


def test_the_claim_of_the_setting(fn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidArgumentError, match="needs the name of a volume claim"):
        mount_pvc()
    monkeypatch.setenv("MLRUN_PVC_MOUNT", "shared:/mnt/x")
    fn.apply(mount_pvc())
    assert fn.spec.volumes[0]["persistentVolumeClaim"] == {"claimName": "shared"}
    assert fn.spec.volume_mounts[0]["mountPath"] == "/mnt/x"
    monkeypatch.setenv("MLRUN_PVC_MOUNT", "shared")
    with pytest.raises(ConfigError, match="'shared'"):
        mount_pvc()


def test_s3(fn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    fn.apply(mount_s3("login", endpoint_url="http://minio:9000", prefix="P_"))
    rows = {row["name"]: row for row in fn.spec.env}
    assert rows["P_AWS_ACCESS_KEY_ID"]["valueFrom"]["secretKeyRef"] == {
        "name": "login",
        "key": "AWS_ACCESS_KEY_ID",
    }
    assert rows["P_S3_ENDPOINT_URL"]["value"] == "http://minio:9000"
    with pytest.raises(InvalidArgumentError, match="not both"):
        mount_s3("login", aws_access_key="a")


def test_variables(fn: Any) -> None:
    fn.apply(set_env_variables({"A": "1"}, B="2"))
    assert fn.get_env("A") == "1" and fn.get_env("B") == "2"


def test_modifiers_of_others(fn: Any) -> None:
    """Written for the pod of Kubeflow Pipelines 1, or for MLRun's function."""

    def old(task: Any) -> Any:
        task.add_volume(k8s.V1Volume(name="v", empty_dir=k8s.V1EmptyDirVolumeSource()))
        task.add_volume_mount(k8s.V1VolumeMount(name="v", mount_path="/v"))
        task.container.add_env_variable(k8s.V1EnvVar(name="A", value="1"))
        task.add_toleration(k8s.V1Toleration(key="gpu", operator="Exists"))
        task.add_node_selector_constraint("disk", "ssd")
        return task.add_pod_label("a", "b").add_pod_annotation("c", "d")

    def new(runtime: Any) -> Any:
        runtime.set_env("B", 2)
        runtime.spec.node_name = "n1"
        return runtime

    fn.apply(old).apply(new)
    assert fn.spec.volumes == [{"name": "v", "emptyDir": {}}]
    assert fn.spec.volume_mounts == [{"name": "v", "mountPath": "/v"}]
    assert fn.get_env("A") == "1" and fn.get_env("B") == "2"
    assert fn.spec.tolerations == [{"key": "gpu", "operator": "Exists"}]
    assert fn.spec.node_selector == {"disk": "ssd"} and fn.spec.node_name == "n1"
    assert fn.metadata.labels["a"] == "b" and fn.metadata.annotations["c"] == "d"


def test_auto_mount(fn: Any) -> None:
    fn.apply(auto_mount("claim", "/data"))
    assert fn.spec.volumes[0]["name"] == "shared-persistency"
    with pytest.raises(InvalidArgumentError, match="nothing to mount"):
        auto_mount()
    config.pvc_mount = "other:/x"
    fn.apply(auto_mount())
    assert fn.spec.volumes[0]["persistentVolumeClaim"] == {"claimName": "other"}


def test_settings_mount_only_where_nothing_is_mounted(fn: Any) -> None:
    config.auto_mount_type = "env"
    params = base64.b64encode(json.dumps({"A": "1"}).encode()).decode()
    config.auto_mount_params = params
    document = mount_by_settings(fn._doc().model_copy(deep=True))
    assert document.spec.env == [{"name": "A", "value": "1"}]
    fn.apply(mount_hostpath("/a", "/a"))
    assert not mount_by_settings(fn._doc().model_copy(deep=True)).spec.env


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("v3io", "", "'auto_mount_type' cannot be 'v3io'"),
        ("pvc", "????", "'auto_mount_params' cannot be read"),
        ("env", base64.b64encode(b"[1]").decode(), "'auto_mount_params' cannot be read"),
    ],
)
def test_broken_settings(fn: Any, kind: str, params: str, message: str) -> None:
    config.auto_mount_type, config.auto_mount_params = kind, params
    with pytest.raises(ConfigError, match=message):
        mount_by_settings(fn._doc())


def test_paths_are_absolute() -> None:
    with pytest.raises(InvalidArgumentError, match="no absolute path"):
        mount_secret("s", "secrets")
    with pytest.raises(InvalidArgumentError, match="cannot be a name"):
        mount_pvc("claim", "My Volume", "/a")
