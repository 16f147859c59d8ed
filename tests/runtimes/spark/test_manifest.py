from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import pytest
import yaml

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.creators import new_function
from mlrun_like.functions.spark import SparkFunction
from mlrun_like.names import new_uid
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.spark.manifest import application, function_objects, run_objects
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.connect import open_store

# The fields of api/v1beta2/sparkapplication_types.go of the Spark operator, with their JSON types.
TEXT, WHOLE, FLAG, TEXTS, MAP, ROWS, OBJECT = "text", "whole", "flag", "texts", "map", "rows", "obj"
SPEC = {
    "type": TEXT, "sparkVersion": TEXT, "mode": TEXT, "proxyUser": TEXT, "image": TEXT,
    "imagePullPolicy": TEXT, "imagePullSecrets": TEXTS, "mainClass": TEXT,
    "mainApplicationFile": TEXT, "arguments": TEXTS, "sparkConf": MAP, "hadoopConf": MAP,
    "sparkConfigMap": TEXT, "hadoopConfigMap": TEXT, "volumes": ROWS, "driver": OBJECT,
    "executor": OBJECT, "deps": OBJECT, "restartPolicy": OBJECT, "nodeSelector": MAP,
    "failureRetries": WHOLE, "retryInterval": WHOLE, "pythonVersion": TEXT,
    "memoryOverheadFactor": TEXT, "monitoring": OBJECT, "batchScheduler": TEXT,
    "timeToLiveSeconds": WHOLE, "batchSchedulerOptions": OBJECT, "sparkUIOptions": OBJECT,
    "driverIngressOptions": ROWS, "dynamicAllocation": OBJECT,
}  # fmt: skip
POD = {
    "template": OBJECT, "cores": WHOLE, "coreLimit": TEXT, "memory": TEXT, "memoryOverhead": TEXT,
    "gpu": OBJECT, "image": TEXT, "configMaps": ROWS, "secrets": ROWS, "env": ROWS, "envVars": MAP,
    "envFrom": ROWS, "envSecretKeyRefs": OBJECT, "labels": MAP, "annotations": MAP,
    "volumeMounts": ROWS, "affinity": OBJECT, "tolerations": ROWS, "podSecurityContext": OBJECT,
    "securityContext": OBJECT, "schedulerName": TEXT, "sidecars": ROWS, "initContainers": ROWS,
    "hostNetwork": FLAG, "nodeSelector": MAP, "dnsConfig": OBJECT,
    "terminationGracePeriodSeconds": WHOLE, "serviceAccount": TEXT, "hostAliases": ROWS,
    "shareProcessNamespace": FLAG, "runtimeClassName": TEXT,
    "coreRequest": TEXT, "javaOptions": TEXT, "lifecycle": OBJECT, "ports": ROWS,
    "priorityClassName": TEXT,
}  # fmt: skip
DRIVER = {
    **POD, "podName": TEXT, "kubernetesMaster": TEXT, "serviceAnnotations": MAP,
    "serviceLabels": MAP,
}  # fmt: skip
EXECUTOR = {**POD, "instances": WHOLE, "deleteOnTermination": FLAG}
DEPS = dict.fromkeys(
    ("jars", "files", "pyFiles", "packages", "excludePackages", "repositories", "archives"), TEXTS
)
RESTART = {
    "type": TEXT, "onSubmissionFailureRetries": WHOLE, "onFailureRetries": WHOLE,
    "onSubmissionFailureRetryInterval": WHOLE, "onFailureRetryInterval": WHOLE,
}  # fmt: skip
DYNAMIC = {
    "enabled": FLAG, "initialExecutors": WHOLE, "minExecutors": WHOLE, "maxExecutors": WHOLE,
    "shuffleTrackingEnabled": FLAG, "shuffleTrackingTimeout": WHOLE,
}  # fmt: skip
REQUIRED = ("type", "sparkVersion", "mainApplicationFile", "driver", "executor")
CHECKS: dict[str, Any] = {
    TEXT: lambda v: isinstance(v, str) and v != "",
    WHOLE: lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= 0,
    FLAG: lambda v: isinstance(v, bool),
    TEXTS: lambda v: isinstance(v, list) and all(isinstance(row, str) for row in v),
    MAP: lambda v: isinstance(v, dict) and all(isinstance(x, str) for kv in v.items() for x in kv),
    ROWS: lambda v: isinstance(v, list) and all(isinstance(row, dict) for row in v),
    OBJECT: lambda v: isinstance(v, dict),
}


def strict(value: dict[str, Any], fields: dict[str, str], where: str) -> None:
    """No field but known ones, each of its type, none of them empty."""
    for name, item in value.items():
        assert name in fields, f"{where}.{name} is no field"
        assert CHECKS[fields[name]](item), f"{where}.{name}: {item!r} is no {fields[name]}"
        assert item not in ({}, []), f"{where}.{name} is empty"


def strict_application(body: dict[str, Any]) -> None:
    assert set(body) == {"apiVersion", "kind", "metadata", "spec"}
    assert body["apiVersion"] == "sparkoperator.k8s.io/v1beta2"
    assert body["kind"] == "SparkApplication"
    spec = body["spec"]
    assert not [name for name in REQUIRED if name not in spec]
    strict(spec, SPEC, "spec")
    strict(spec["driver"], DRIVER, "driver")
    strict(spec["executor"], EXECUTOR, "executor")
    for name, fields in (
        ("deps", DEPS),
        ("restartPolicy", RESTART),
        ("dynamicAllocation", DYNAMIC),
    ):
        strict(spec.get(name, {}), fields, name)
    assert spec["type"] in ("Java", "Python", "Scala", "R")
    assert spec["mode"] == "cluster"
    assert spec.get("pythonVersion", "3") in ("2", "3")
    mounted = {row["name"] for row in spec.get("volumes", [])}
    for role in ("driver", "executor"):
        part = spec[role]
        assert part["cores"] >= 1
        assert {row["name"] for row in part.get("volumeMounts", [])} <= mounted
        validate_pod(spec, part)


def validate_pod(spec: dict[str, Any], part: dict[str, Any]) -> None:
    """The parts in Kubernetes' own forms, in a pod."""
    validator = pytest.importorskip("kubernetes_validate")
    container = {"name": "c", "image": spec["image"], "env": part.get("env", [])}
    container["volumeMounts"] = part.get("volumeMounts", [])
    container["securityContext"] = part.get("securityContext", {})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": part["labels"]},
        "spec": {
            "containers": [container],
            "volumes": spec.get("volumes", []),
            "affinity": part.get("affinity", {}),
            "tolerations": part.get("tolerations", []),
            "nodeSelector": part.get("nodeSelector", {}),
            "securityContext": part.get("podSecurityContext", {}),
        },
    }
    validator.validate(pod, validator.latest_version(), strict=True)


def full() -> SparkFunction[..., Any]:
    found = new_function(name="train", kind="spark", image="reg.io/team/spark:1")
    assert isinstance(found, SparkFunction)
    code = "def handler(context, spark):\n    return 1\n"
    found.spec.build.functionSourceCode = base64.b64encode(code.encode()).decode()
    found.spec.default_handler = "handler"
    found.with_executor_requests(mem="3g", cpu="1500m").with_executor_limits(cpu=2, gpus=1)
    found.with_driver_requests(mem="1g", cpu=1).with_driver_limits(cpu=2)
    found.with_dynamic_allocation(1, 4, 2)
    found.with_restart_policy("OnFailure", retries=2, retry_interval=5)
    found.with_driver_node_selection(
        node_selector={"disk": "ssd"},
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
                    ]
                }
            }
        },
        tolerations=[{"key": "spark", "operator": "Exists", "effect": "NoSchedule"}],
    )
    found.with_executor_node_selection(node_selector={"disk": "big"})
    found.with_executor_host_path_volume("/data", "/mnt/data")
    found.set_env("LEVEL", 3).set_env("DB_PASSWORD", "hush")
    spec = found.spec
    spec.deps = {"packages": ["org:lib:1.0"], "jars": ["local:///opt/x.jar"]}
    spec.spark_conf = {"spark.executor.memoryOverhead": "512m", "spark.sql.shuffle.partitions": 8}
    spec.hadoop_conf = {"fs.s3a.path.style.access": True}
    spec.driver_java_options, spec.executor_java_options = "-Da=1", "-Db=2"
    spec.service_account, spec.image_pull_secret = "sparkapp", "pull"
    spec.image_pull_policy, spec.priority_class_name = "IfNotPresent", "high"
    spec.monitoring = {"enabled": True, "exporter_jar": "/x.jar"}
    spec.spark_version, spec.ttl, spec.replicas = "3.5.1", 600, 3
    found.metadata.annotations = {"team": "a"}
    return found


def job(found: SparkFunction[..., Any], **payload: Any) -> tuple[Job, dict[str, Any]]:
    run = RunDoc(
        metadata=RunMetadata(name="train", uid=new_uid(), project="default"),
        spec=RunSpec(handler="handler"),
    )
    one = Job(function=found._doc(), run=run, store=open_store())
    return one, {"function": found.to_dict(), "run": run.to_dict(), **payload}


def test_everything_has_its_field() -> None:
    one, payload = job(full())
    body = run_objects(one, payload).job
    strict_application(body)
    spec = body["spec"]
    driver, executor = spec["driver"], spec["executor"]
    assert spec["sparkVersion"] == "3.5.1" and spec["image"] == "reg.io/team/spark:1"
    assert spec["imagePullSecrets"] == ["pull"] and spec["timeToLiveSeconds"] == 600
    assert (executor["cores"], executor["coreRequest"], executor["coreLimit"]) == (2, "1500m", "2")
    assert (executor["memory"], executor["memoryOverhead"]) == ("3g", "512m")
    assert executor["gpu"] == {"name": "nvidia.com/gpu", "quantity": 1}
    assert "instances" not in executor and spec["dynamicAllocation"]["maxExecutors"] == 4
    assert (driver["cores"], driver["coreLimit"], driver["memory"]) == (1, "2", "1g")
    assert driver["serviceAccount"] == executor["serviceAccount"] == "sparkapp"
    assert driver["nodeSelector"] == {"disk": "ssd"} and executor["nodeSelector"] == {"disk": "big"}
    assert driver["tolerations"] and "tolerations" not in executor
    assert driver["javaOptions"] == "-Da=1" and executor["javaOptions"] == "-Db=2"
    assert driver["priorityClassName"] == "high" and driver["annotations"] == {"team": "a"}
    assert {"name": "host-path-volume", "mountPath": "/mnt/data"} in executor["volumeMounts"]
    assert spec["sparkConf"] == {"spark.sql.shuffle.partitions": "8"}
    assert spec["hadoopConf"] == {"fs.s3a.path.style.access": "true"}
    assert spec["restartPolicy"] == {
        "type": "OnFailure",
        "onFailureRetries": 2,
        "onFailureRetryInterval": 5,
        "onSubmissionFailureRetries": 3,
        "onSubmissionFailureRetryInterval": 20,
    }
    assert spec["deps"]["packages"] == ["org:lib:1.0"]
    assert spec["monitoring"]["prometheus"] == {"jmxExporterJar": "/x.jar"}


def test_the_least_function_has_mlruns_defaults() -> None:
    found = new_function(name="f", kind="spark", image="i:1")
    body = application(found._doc(), {"name": "x", "labels": {"a": "b"}}, [], ["-"], "s")
    strict_application(body)
    driver, executor = body["spec"]["driver"], body["spec"]["executor"]
    assert (driver["cores"], driver["memory"], driver["coreLimit"]) == (1, "2g", "2")
    assert (executor["cores"], executor["memory"], executor["instances"]) == (1, "5g", 1)
    assert body["spec"]["restartPolicy"] == {"type": "Never"}


def test_code_and_secrets_are_apart() -> None:
    one, payload = job(full(), secrets={"key": "TOP-SECRET"})
    objects = run_objects(one, payload, "team")
    text = json.dumps([objects.job, objects.config_maps])
    assert "TOP-SECRET" not in text and "hush" not in text
    data = {key: base64.b64decode(v) for s in objects.secrets for key, v in s["data"].items()}
    assert b"TOP-SECRET" in data["payload.json"] and data["DB_PASSWORD"] == b"hush"
    executor = objects.job["spec"]["executor"]
    volumes = {row["name"]: row for row in objects.job["spec"]["volumes"]}
    for mount in executor["volumeMounts"]:
        sources = volumes[mount["name"]].get("projected", {}).get("sources", [])
        assert all("secret" not in source for source in sources)
    for item in [*objects.config_maps, *objects.secrets, objects.job]:
        assert item["metadata"]["namespace"] == "team"
        assert item["metadata"]["labels"]["mlrun/uid"] == one.run.metadata.uid


def test_driver_and_modules_are_where_the_application_looks() -> None:
    one, payload = job(full())
    objects = run_objects(one, payload)
    spec = objects.job["spec"]
    assert spec["mainApplicationFile"] == "local:///mlrun-like/run/driver.py"
    assert spec["arguments"] == ["-", "/mlrun-like/run"]
    assert spec["deps"]["pyFiles"] == ["local:///mlrun-like/code/modules.zip"]
    texts = {key for item in objects.config_maps for key in item.get("data", {})}
    assert {"driver.py", "function.yaml"} <= texts
    packed = [v for m in objects.config_maps for v in m.get("binaryData", {}).values()]
    names = zipfile.ZipFile(io.BytesIO(base64.b64decode(packed[0]))).namelist()
    assert "handler.py" in names


def test_attempts_have_names_of_their_own() -> None:
    one, payload = job(full())
    first = run_objects(one, payload).job["metadata"]["name"]
    one.attempt = 2
    second = run_objects(one, payload).job["metadata"]["name"]
    assert first != second and len(second) <= 63


def test_a_program_for_the_jvm() -> None:
    found = full()
    found.spec.main_class, found.spec.command = "org.Pi", "/opt/pi.jar"
    found.spec.args, found.spec.build.functionSourceCode = [100], ""
    body = application(found._doc(), {"name": "x", "labels": {"a": "b"}}, [], ["-"], "s")
    strict_application(body)
    spec = body["spec"]
    assert (spec["type"], spec["mainClass"]) == ("Scala", "org.Pi")
    assert spec["mainApplicationFile"] == "local:///opt/pi.jar" and spec["arguments"] == ["100"]


def test_a_manifest_to_commit_is_always_the_same() -> None:
    first = full().to_manifest()
    assert str(first) == str(full().to_manifest())
    strict_application(first[-1])
    assert first[-1]["spec"]["arguments"][:3] == ["-", "--run", "/mlrun-like/run/function.yaml"]
    assert [item["kind"] for item in yaml.safe_load_all(str(first))][-1] == "SparkApplication"
    assert "hush" not in str(first)
    assert "kubectl create secret" in str(first)
    called = full().to_manifest("handler", params={"n": 3})
    assert called[-1]["metadata"]["name"] != first[-1]["metadata"]["name"]
    assert "n=3" in called[-1]["spec"]["arguments"]


def test_a_schedule_is_a_scheduled_application() -> None:
    body = full().to_manifest(schedule="0 3 * * *")[-1]
    assert body["kind"] == "ScheduledSparkApplication"
    assert body["spec"]["schedule"] == "0 3 * * *"
    assert body["spec"]["concurrencyPolicy"] == "Forbid"
    strict(body["spec"]["template"], SPEC, "template")


def test_where_the_image_comes_from() -> None:
    found = full()
    found.spec.image = ""
    with pytest.raises(InvalidArgumentError, match="no image with Spark") as info:
        function_objects(found._doc())
    assert "spark_image" in info.value.fix
    with config.override(spark_image="reg/spark:4"):
        assert function_objects(found._doc())[-1]["spec"]["image"] == "reg/spark:4"
    found.spec.use_default_image = True
    with config.override(docker_registry="reg:5000"):
        image = function_objects(found._doc())[-1]["spec"]["image"]
    assert image == "reg:5000/spark-job-default-image:latest"
