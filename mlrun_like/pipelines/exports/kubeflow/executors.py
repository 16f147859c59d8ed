"""Steps as containers: image, command, resources, variables; secrets and nodes of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like import __version__
from mlrun_like.errors import MLRunLikeError, PipelineError
from mlrun_like.functions.documents import public, require_code
from mlrun_like.functions.function import Function
from mlrun_like.pipelines.exports.package import safe_json
from mlrun_like.pipelines.nodes import Step
from mlrun_like.registry import resolve
from mlrun_like.specs.function import FunctionDoc

__all__ = ["COMMAND", "container", "function_of", "platform"]

COMMAND = ("python3", "-m", "mlrun_like.pipelines.exports.kubeflow.step")
_MADE_HERE = ("origin_filename", "origin_module", "code_origin")
_SOURCES = {"secretKeyRef": "secretAsEnv", "configMapKeyRef": "configMapAsEnv"}


def function_of(step: Step) -> FunctionDoc:
    """The document of a step's function, with its code.

    Raises:
        PipelineError: if it cannot travel.
    """
    function = step.function
    if step.action != "run" or not isinstance(function, Function):
        raise PipelineError(
            f"step {step.name!r} {'does ' + step.action if step.action != 'run' else 'runs'} "
            f"{function!r:.80}, which a step of Kubeflow cannot",
            fix="build or deploy before; run functions of @function or code_to_function",
        )
    document = function._doc()
    try:
        require_code(document)
    except MLRunLikeError as exc:
        raise PipelineError(
            f"the code of step {step.name!r} cannot travel: {exc.what}",
            where=exc.where,
            fix=exc.fix,
        ) from exc
    return document


def container(
    document: FunctionDoc | None, spec: Mapping[str, Any], image: str, store: str
) -> dict[str, Any]:
    """The container of a step.

    Args:
        document: Its function; None: it only computes a value.
        spec: What it does; see `step`.
        image: For functions that name none.
        store: URL of the tracking service; empty: as the image says.

    Raises:
        InvalidArgumentError: if there is no usable image.
    """
    whole = dict(spec)
    row: dict[str, Any] = {"image": image}
    variables: list[dict[str, Any]] = []
    if document is not None:
        plain = public(document).to_dict()
        plain.pop("status", None)
        plain.get("spec", {}).pop("environment", None)  # a container has its own
        for name in ("updated", "hash"):  # of when it was stored last, if it was
            plain.get("metadata", {}).pop(name, None)
        for key in _MADE_HERE:
            plain["spec"].get("build", {}).pop(key, None)
        plain["spec"].pop("env", None)  # the container has them, and they may be secret
        whole["function"] = plain
        named = document.spec.image or document.spec.build.image
        row["image"] = resolve("mlrun_like.runtimes.kubernetes.pod:image_of")(document)
        row["image"] = row["image"] if named else image or row["image"]
        row["resources"] = _resources(document)
        found = _environment(document)
        variables = [{"name": r["name"], "value": r["value"]} for r in found if "value" in r]
    if store:
        variables = [*variables, {"name": "MLRUN_LIKE_DBPATH", "value": store}]
    row["env"] = variables
    row["command"] = list(COMMAND)
    row["args"] = [
        "--executor_input",
        "{{$}}",
        "--workflow",
        "{{$.pipeline_job_uuid}}",
        "--contract",  # inputs and outputs are handed over as to Kubeflow's own executor
        "kfp.dsl.executor_main",
        "--step",
        safe_json(whole),
    ]
    return {key: value for key, value in row.items() if value}


def platform(document: FunctionDoc | None, timeout: float | None) -> dict[str, Any]:
    """What only Kubernetes knows: secrets, nodes, volumes, the time limit."""
    made = {"annotations": {"mlrun-like/made-by": f"mlrun_like {__version__}"}}
    found: dict[str, Any] = {"podMetadata": made}
    if timeout:
        found["activeDeadlineSeconds"] = str(max(1, round(timeout)))
    if document is None:
        return found
    for row in _environment(document):
        _add_variable(found, row)
    pod = resolve("mlrun_like.runtimes.kubernetes.pod:pod_spec")(document, None, [])
    if pod.get("nodeSelector"):
        found["nodeSelector"] = {"labels": dict(pod["nodeSelector"])}
    if pod.get("tolerations"):
        found["tolerations"] = [dict(row) for row in pod["tolerations"]]
    if pod.get("imagePullSecrets"):
        rows = pod["imagePullSecrets"]
        found["imagePullSecret"] = [
            {"secretName": row["name"], "secretNameParameter": _constant(row["name"])}
            for row in rows
        ]
    if document.spec.image_pull_policy:
        found["imagePullPolicy"] = document.spec.image_pull_policy
    mounts = pod["containers"][0].get("volumeMounts", [])
    volumes = {row["name"]: row for row in pod.get("volumes", [])}
    for mount in mounts:
        _add_mount(found, mount, volumes.get(mount["name"], {}))
    return found


def _add_variable(found: dict[str, Any], row: Mapping[str, Any]) -> None:
    for source, key in _SOURCES.items():
        given = (row.get("valueFrom") or {}).get(source)
        if given is None:
            continue
        if source == "secretKeyRef":
            pair = {"secretKey": given["key"], "envVar": row["name"]}
            named = {"secretName": given["name"], "secretNameParameter": _constant(given["name"])}
        else:
            pair = {"configMapKey": given["key"], "envVar": row["name"]}
            named = {
                "configMapName": given["name"],
                "configMapNameParameter": _constant(given["name"]),
            }
        entry = {"keyToEnv": [pair], "optional": bool(given.get("optional")), **named}
        found.setdefault(key, []).append(entry)
    field = (row.get("valueFrom") or {}).get("fieldRef")
    if field is not None:
        entry = {"name": row["name"], "fieldPath": field["fieldPath"]}
        found.setdefault("fieldPathAsEnv", []).append(entry)


def _add_mount(found: dict[str, Any], mount: Mapping[str, Any], volume: Mapping[str, Any]) -> None:
    path = mount["mountPath"]
    claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
    secret = (volume.get("secret") or {}).get("secretName")
    config_map = (volume.get("configMap") or {}).get("name")
    if claim:
        entry = {"constant": claim, "pvcNameParameter": _constant(claim), "mountPath": path}
        if mount.get("subPath"):
            entry["subPath"] = mount["subPath"]
        found.setdefault("pvcMount", []).append(entry)
    elif secret:
        entry = {"secretName": secret, "secretNameParameter": _constant(secret), "mountPath": path}
        found.setdefault("secretAsVolume", []).append(entry)
    elif config_map:
        named = {"configMapName": config_map, "configMapNameParameter": _constant(config_map)}
        found.setdefault("configMapAsVolume", []).append({**named, "mountPath": path})
    elif "emptyDir" in volume:
        entry = {"volumeName": volume["name"], "mountPath": path}
        found.setdefault("emptyDirMounts", []).append(entry)
    else:
        raise PipelineError(
            f"volume {mount['name']!r} of kind {', '.join(set(volume) - {'name'}) or 'unknown'} "
            "has no form in a Kubeflow package",
            fix="mount a claim, secret, config map or empty folder",
        )


def _constant(value: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}


def _environment(document: FunctionDoc) -> list[dict[str, Any]]:
    secret = resolve("mlrun_like.runtimes.kubernetes.pod:env_secret_name")(document)
    find = resolve("mlrun_like.runtimes.kubernetes.variables:environment_of")
    rows: list[dict[str, Any]] = find(document, secret)
    return rows


def _resources(document: FunctionDoc) -> dict[str, Any]:
    given = resolve("mlrun_like.runtimes.kubernetes.pod:resources_of")(document.spec.resources)
    found: dict[str, Any] = {}
    for kind, word in (("limits", "Limit"), ("requests", "Request")):
        for name, value in given.get(kind, {}).items():
            if name in ("cpu", "memory"):
                found[f"resource{name.title()}{word}"] = value
            elif kind == "limits":
                found["accelerator"] = {"resourceType": name, "resourceCount": value}
    return found
