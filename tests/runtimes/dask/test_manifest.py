"""The operator's objects, against the operator's own definitions."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlrun_like as ml
from mlrun_like.errors import FunctionError, InvalidArgumentError
from tests.servers import missing


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    """Kind -> the schema in the chart that installs the operator."""
    try:
        package = metadata.distribution("dask-kubernetes")  # importing it takes seconds
    except metadata.PackageNotFoundError as exc:
        missing(f"dask-kubernetes: {exc}")
    folder = Path(str(package.locate_file("dask_kubernetes/operator/deployment/helm")))
    found = {}
    for path in folder.glob("*/crds/*.yaml"):
        body = yaml.safe_load(path.read_text())
        version = body["spec"]["versions"][0]
        found[body["spec"]["names"]["kind"]] = version["schema"]["openAPIV3Schema"]
    return found


def problems(value: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """What a strict API server would refuse."""
    if schema.get("x-kubernetes-preserve-unknown-fields") and "properties" not in schema:
        return []
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    wanted = kinds.get(schema.get("type", ""))
    if schema.get("x-kubernetes-int-or-string"):
        return [] if isinstance(value, (int, str)) else [f"{path}: {value!r}"]
    if wanted is not None and not isinstance(value, wanted):
        return [f"{path}: {value!r} is no {schema['type']}"]
    found = [f"{path}.{key} is missing" for key in schema.get("required", []) if key not in value]
    if isinstance(value, dict):
        known, more = schema.get("properties", {}), schema.get("additionalProperties")
        for key, item in value.items():
            inner = known.get(key, more)
            if inner is None and known and not schema.get("x-kubernetes-preserve-unknown-fields"):
                found.append(f"{path}.{key} is unknown")
            elif isinstance(inner, dict):
                found += problems(item, inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += problems(item, schema.get("items", {}), f"{path}[{number}]")
    return found


@pytest.fixture
def function() -> Any:
    """With something in each part of it."""
    made: Any = ml.new_function("Train_it", kind="dask", image="reg.example:5000/team/dask:1")
    made.with_worker_limits(mem="4Gi", cpu=2, gpus=1).with_worker_requests(cpu="500m")
    made.with_scheduler_limits(mem="1Gi")
    made.set_env("LEVEL", "3").set_env("API_TOKEN", "geheim")
    spec = made.spec
    spec.nthreads, spec.scheduler_timeout = 2, "1 hour"
    spec.node_selector = {"pool": "big"}
    spec.tolerations = [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    spec.volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    spec.volume_mounts = [{"name": "data", "mountPath": "/data"}]
    spec.service_account, spec.image_pull_secret = "runner", "pull"
    return made


def test_it_is_what_the_operator_takes(function: Any, definitions: dict[str, Any]) -> None:
    function.spec.min_replicas, function.spec.max_replicas = 1, 5
    objects = function.to_manifest(namespace="jobs")
    assert [body["kind"] for body in objects] == ["DaskCluster", "DaskAutoscaler"]
    for body in objects:
        assert body["apiVersion"] == "kubernetes.dask.org/v1"
        assert body["metadata"]["namespace"] == "jobs"
        assert problems(body["spec"], definitions[body["kind"]]["properties"]["spec"]) == []
    cluster, scaler = objects
    assert scaler["spec"] == {"cluster": "train-it", "minimum": 1, "maximum": 5}
    worker = cluster["spec"]["worker"]
    container = worker["spec"]["containers"][0]
    assert worker["replicas"] == 1 and cluster["spec"]["idleTimeout"] == 3600
    assert container["resources"]["limits"] == {"memory": "4Gi", "cpu": "2", "nvidia.com/gpu": "1"}
    assert container["args"][-2:] == ["--nthreads", "2"]
    assert worker["spec"]["nodeSelector"] == {"pool": "big"}
    scheduler = cluster["spec"]["scheduler"]
    assert scheduler["spec"]["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}
    assert scheduler["service"]["selector"]["dask.org/cluster-name"] == "train-it"
    assert "geheim" not in str(objects) and "geheim" not in objects.to_yaml()
    assert list(yaml.safe_load_all(str(objects))) == list(objects)


def test_a_fixed_number_and_the_service(function: Any) -> None:
    function.spec.replicas, function.spec.service_type = 3, "NodePort"
    function.spec.node_port = 30086
    (cluster,) = function.to_manifest(name="mine")
    assert cluster["metadata"]["name"] == "mine" and "namespace" not in cluster["metadata"]
    assert cluster["spec"]["worker"]["replicas"] == 3
    service = cluster["spec"]["scheduler"]["service"]
    assert service["type"] == "NodePort" and service["ports"][0]["nodePort"] == 30086
    function.spec.service_type = "Door"
    with pytest.raises(InvalidArgumentError, match="service_type 'Door' is unknown"):
        function.to_manifest()
    with pytest.raises(FunctionError, match="the manifest is that of the cluster"):
        function.to_manifest(handler="other")


def test_resources_are_checked() -> None:
    made: Any = ml.new_function("f", kind="dask")
    with pytest.raises(InvalidArgumentError, match="mem '4 GB' is not a quantity"):
        made.with_worker_limits(mem="4 GB")
    made.with_worker_limits(mem="1Gi", cpu=1).with_worker_limits(cpu=2, patch=True)
    assert made.spec.worker_resources == {"limits": {"memory": "1Gi", "cpu": 2}}
    made.with_worker_limits(cpu=3)
    assert made.spec.worker_resources == {"limits": {"cpu": 3}}
    made.with_scheduler_requests(mem="512Mi")
    assert made.spec.scheduler_resources == {"requests": {"memory": "512Mi"}}
    for method, instead in (
        ("with_limits", "with_worker_limits"),
        ("with_requests", "with_worker_requests"),
        ("set_state_thresholds", "timeout"),
    ):
        with pytest.raises(FunctionError, match=f"{method} is not for kind 'dask'") as caught:
            getattr(made, method)(mem="1Gi")
        assert instead in caught.value.fix


def test_the_document_keeps_it(tmp_path: Path) -> None:
    made: Any = ml.new_function("f", kind="dask")
    made.spec.min_replicas, made.spec.handler_on = 0, "worker"
    made.status = {"scheduler_address": "tcp://h:1", "cluster_name": "c"}
    made.export(str(tmp_path / "function.yaml"), strip=False)
    again: Any = ml.import_function(str(tmp_path / "function.yaml"))
    assert type(again).__name__ == "DaskFunction"
    assert again.spec.min_replicas == 0 and again.spec.handler_on == "worker"
    assert again.status.scheduler_address == "tcp://h:1" and again.status.cluster_name == "c"
    assert again.status.node_ports is None and again.status.to_dict()
