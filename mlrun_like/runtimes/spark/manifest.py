"""The SparkApplication of a run, and of a function to read, commit and apply.

Form as in the API reference of the Spark operator, sparkoperator.k8s.io/v1beta2. What is empty is
left out, and the same function always gives the same text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.images.reference import ImageName
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.kubernetes.code import FUNCTION
from mlrun_like.runtimes.kubernetes.manifest import (
    RUN_FOLDER,
    STORE_VARIABLE,
    Form,
    Objects,
    cron_spec,
    hidden_parts,
    metadata_of,
    run_metadata,
)
from mlrun_like.runtimes.kubernetes.names import labels_of, object_name
from mlrun_like.runtimes.kubernetes.pod import env_secret_name
from mlrun_like.runtimes.kubernetes.rendering import Call, arguments_of
from mlrun_like.runtimes.spark.conf import properties
from mlrun_like.runtimes.spark.pods import driver_spec, executor_spec
from mlrun_like.runtimes.spark.shipping import (
    CODE_FILE,
    CODE_FOLDER,
    DRIVER_FILE,
    code_maps,
    driver_folders,
    executor_folders,
    volumes_of,
)
from mlrun_like.runtimes.spark.submit import deps_of
from mlrun_like.specs.function import FunctionDoc

__all__ = [
    "API_VERSION",
    "KIND",
    "application",
    "function_objects",
    "image_of",
    "run_objects",
]

API_VERSION, KIND = "sparkoperator.k8s.io/v1beta2", "SparkApplication"
_NO_ROOT = "-"  # of the driver program: the package is installed in the image
_SPARK = "3.5.0"
_DEFAULT_IMAGE = ".spark-job-default-image"
_RESTART = {
    "retries": "onFailureRetries",
    "retry_interval": "onFailureRetryInterval",
    "submission_retries": "onSubmissionFailureRetries",
    "submission_retry_interval": "onSubmissionFailureRetryInterval",
}
_ELSEWHERE = (
    *("spark.driver.memory", "spark.driver.cores", "spark.executor.memory"),
    *("spark.executor.cores", "spark.executor.instances", "spark.driver.memoryOverhead"),
    *("spark.executor.memoryOverhead", "spark.driver.extraJavaOptions"),
    *("spark.executor.extraJavaOptions",),
)
"""Properties that have a field of their own; the operator refuses or overrides them."""
_DERIVED = (
    *("spark.hadoop.", "spark.dynamicAllocation.", "spark.submit.deployMode"),
    *("spark.kubernetes.node.selector.", "spark.kubernetes.driver.", "spark.kubernetes.executor."),
    *("spark.kubernetes.container.", "spark.kubernetes.authenticate.driver.serviceAccountName"),
)


def run_objects(job: Job, payload: Mapping[str, Any], namespace: str = "") -> Objects:
    """The objects that execute one attempt of a run; the application is in the place of the Job.

    Args:
        job: The run; its `attempt` is part of the names.
        payload: What `build_payload` gave. The function goes into a ConfigMap, the rest into a
            Secret, because it may hold secrets.
        namespace: Where they will be; empty: left out.

    Raises:
        InvalidArgumentError: if the code is too large, or image or resources cannot be used.
    """
    document = job.function
    metadata = run_metadata(job, namespace)
    maps = code_maps(document, metadata)
    hidden, holder = hidden_parts(document, payload, metadata)
    body = application(document, metadata, [*maps, *hidden], [_NO_ROOT, RUN_FOLDER], holder)
    return Objects(body, maps, hidden)


def function_objects(
    document: FunctionDoc,
    call: Call = Call(),  # noqa: B008
    form: Form = Form(),  # noqa: B008
) -> list[dict[str, Any]]:
    """ConfigMaps with the code and an application that runs the function: the same text for the
    same input.

    Args:
        document: The function, with its code.
        call: Handler, parameters and inputs.
        form: With a schedule: an object that has the operator start it again and again.

    Raises:
        InvalidArgumentError: if the code is too large, or image or resources cannot be used.
    """
    metadata = metadata_of(object_name(document.metadata.name), labels_of(document))
    maps = code_maps(document, metadata)
    arguments = [_NO_ROOT, "--run", f"{RUN_FOLDER}/{FUNCTION}", *arguments_of(call)]
    body = application(document, metadata, maps, arguments, env_secret_name(document))
    body["spec"]["driver"]["env"].append(dict(STORE_VARIABLE))
    mark = hashlib.sha256(json.dumps([maps, body], sort_keys=True).encode()).hexdigest()[:8]
    body["metadata"]["name"] = object_name(document.metadata.name, mark)
    if form.schedule:
        starts = cron_spec(form.schedule, form.policy, "Run")
        body |= {"kind": f"Scheduled{KIND}", "spec": {**starts, "template": body["spec"]}}
    return [*maps, body]


def application(
    document: FunctionDoc,
    metadata: Mapping[str, Any],
    holders: Sequence[Mapping[str, Any]],
    arguments: Sequence[str],
    secret: str,
) -> dict[str, Any]:
    """The SparkApplication.

    Args:
        document: The function.
        metadata: Its metadata; the labels are those of its pods, too.
        holders: ConfigMaps and Secrets whose files the driver reads.
        arguments: Of our driver program; a program for the JVM has its own.
        secret: The Secret that holds the function's secret variables.
    """
    spec = document.spec
    jvm = bool(spec.main_class) or spec.job_type in ("Java", "Scala")
    code = [item for item in holders if CODE_FILE in item.get("binaryData", {})]
    deps: dict[str, list[str]] = dict(deps_of(document))
    if code:
        deps["pyFiles"] = [f"local://{CODE_FOLDER}/{CODE_FILE}", *deps.get("pyFiles", [])]
    command = spec.command if "://" in spec.command else f"local://{spec.command}"
    wanted = properties(document, "k8s://")
    labels = dict(metadata.get("labels", {}))
    parts: dict[str, Any] = {
        "type": spec.job_type or ("Scala" if jvm else "Python"),
        "pythonVersion": "" if jvm else (spec.python_version or "3").partition(".")[0],
        "mode": "cluster",
        "sparkVersion": spec.spark_version or _installed() or _SPARK,
        "image": image_of(document),
        "imagePullPolicy": spec.image_pull_policy,
        "imagePullSecrets": [
            row for row in (spec.image_pull_secret or config.default_image_pull_secret,) if row
        ],
        "mainClass": spec.main_class,
        "mainApplicationFile": command if jvm else f"local://{RUN_FOLDER}/{DRIVER_FILE}",
        "arguments": [str(item) for item in spec.args] if jvm else list(arguments),
        "sparkConf": _spark_conf(wanted),
        "hadoopConf": {
            name.removeprefix("spark.hadoop."): value
            for name, value in sorted(wanted.items())
            if name.startswith("spark.hadoop.")
        },
        "deps": deps,
        "volumes": volumes_of(document, holders, code),
        "driver": driver_spec(document, wanted, labels, driver_folders(code), secret),
        "executor": executor_spec(document, wanted, labels, executor_folders(code), secret),
        "restartPolicy": _restart(spec.restart_policy),
        "dynamicAllocation": _dynamic(spec.dynamic_allocation),
        "monitoring": _monitoring(spec.monitoring),
        "timeToLiveSeconds": config.kubernetes_ttl if spec.ttl is None else spec.ttl,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": dict(metadata),
        "spec": {key: value for key, value in parts.items() if value not in (None, "", [], {})},
    }


def image_of(document: FunctionDoc) -> str:
    """The image of driver and executors; `.name` becomes a name in our registry.

    Raises:
        InvalidArgumentError: if there is none, or its name is malformed.
    """
    spec = document.spec
    image = spec.image or spec.build.image
    image = image or (_DEFAULT_IMAGE if spec.use_default_image else str(config.spark_image))
    if not image:
        raise InvalidArgumentError(
            f"function {document.metadata.name!r} has no image with Spark in it",
            fix='fn.deploy() builds one, or fn.spec.image = "registry/name:tag", or setting '
            "spark_image",
        )
    parsed = ImageName.parse(image)
    return str(parsed) if image.startswith(".") else image.strip()


def _spark_conf(wanted: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(wanted.items())
        if name not in _ELSEWHERE and not name.startswith(_DERIVED) and ".resource." not in name
    }


def _restart(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Retries are ours, so that each is recorded; the operator's are used if they are asked for."""
    kind = str(policy.get("type") or "Never")
    found: dict[str, Any] = {"type": kind}
    if kind != "Never":
        for name, field in _RESTART.items():
            if policy.get(name) is not None:
                found[field] = int(policy[name])
    return found


def _dynamic(given: Mapping[str, Any]) -> dict[str, Any]:
    if not given or given.get("enabled") is False:
        return {}
    found = {key: value for key, value in given.items() if value is not None}
    return {**found, "enabled": True, "shuffleTrackingEnabled": True}


def _monitoring(given: Mapping[str, Any]) -> dict[str, Any]:
    if not given.get("enabled"):
        return {}
    found: dict[str, Any] = {"exposeDriverMetrics": True, "exposeExecutorMetrics": True}
    if given.get("exporter_jar"):
        found["prometheus"] = {"jmxExporterJar": str(given["exporter_jar"])}
    return found


def _installed() -> str:
    try:
        return version("pyspark")
    except PackageNotFoundError:
        return ""
