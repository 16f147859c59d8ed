"""What no cluster would take, and what no pod can reach: found without asking anybody."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

from mlrun_like.artifacts.paths import service_artifact_path
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.kubernetes.attempt import reachable_store
from mlrun_like.runtimes.kubernetes.pod import image_of
from mlrun_like.specs.durations import check_thresholds
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.pod_checks import (
    PULL_POLICIES,
    check_affinity,
    check_annotations,
    check_choice,
    check_name,
    check_node_selector,
    check_quantity,
    check_security_context,
    check_tolerations,
)
from mlrun_like.specs.run import RunDoc

__all__ = ["check_document"]

_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*\Z")


def check_document(document: FunctionDoc, run: RunDoc | None = None) -> Iterator[Finding]:
    """Values that no cluster would take, and paths that no pod can reach. Asks nobody."""
    spec, where = document.spec, f"function {document.metadata.name!r}"
    checks: list[tuple[str, Callable[[], Any]]] = [
        ("image", lambda: image_of(document)),
        ("node-selector", lambda: check_node_selector(spec.node_selector)),
        ("tolerations", lambda: check_tolerations(spec.tolerations)),
        ("affinity", lambda: check_affinity(spec.affinity)),
        ("security-context", lambda: check_security_context(spec.security_context)),
        ("state-thresholds", lambda: check_thresholds(spec.state_thresholds)),
        ("annotations", lambda: check_annotations(document.metadata.annotations)),
    ]
    for what, value in (
        ("service_account", spec.service_account),
        ("image_pull_secret", spec.image_pull_secret),
        ("priority_class_name", spec.priority_class_name),
        ("node_name", spec.node_name),
    ):
        if value:
            checks.append(("name", lambda w=what, v=value: check_name(w, v)))  # type: ignore[misc]
    if spec.image_pull_policy:
        policy = spec.image_pull_policy
        checks.append(
            ("pull-policy", lambda: check_choice("image_pull_policy", policy, PULL_POLICIES))
        )
    for kind, rows in spec.resources.items():
        for name, value in (rows or {}).items():
            if value not in (None, ""):
                what = f"{kind} {name}"
                checks.append(
                    ("quantity", lambda w=what, v=value: check_quantity(w, v))  # type: ignore[misc]
                )
    for code, check in checks:
        try:
            check()
        except InvalidArgumentError as exc:
            yield Finding(code, exc.what, where, exc.fix)
    yield from _image(document, where)
    yield from _priority(document, where)
    yield from _variables(document, where)
    yield from _mounts(document, where)
    if run is not None:
        yield from _paths(document, run)


def _image(document: FunctionDoc, where: str) -> Iterator[Finding]:
    spec = document.spec
    if not (spec.image or spec.build.image) and config.explain("default_image")[1] == "default":
        yield Finding(
            "image-missing",
            f"function {document.metadata.name!r} has no image, and the default image "
            f"{config.default_image!r} does not hold this package",
            where,
            'fn.deploy() or `mlrun-like build` makes one; then fn.spec.image = "registry/name:tag" '
            "or --image on the command line",
        )


def _priority(document: FunctionDoc, where: str) -> Iterator[Finding]:
    known = [item for item in config.valid_function_priority_class_names.split(",") if item.strip()]
    name = document.spec.priority_class_name
    if name and known and name not in (item.strip() for item in known):
        yield Finding(
            "priority-class",
            f"priority class {name!r} may not be used",
            where,
            f"one of: {', '.join(item.strip() for item in known)}",
        )


def _variables(document: FunctionDoc, where: str) -> Iterator[Finding]:
    for row in document.spec.env:
        name = row.get("name")
        if not isinstance(name, str) or not _VARIABLE.match(name):
            yield Finding(
                "variable", f"environment variable name {name!r} cannot be used", where,
                'fn.set_env("NAME", "value")',
            )  # fmt: skip
        elif "\0" in str(row.get("value") or ""):
            yield Finding("variable", f"the value of {name!r} holds a zero byte", where, "")


def _mounts(document: FunctionDoc, where: str) -> Iterator[Finding]:
    spec = document.spec
    names = {str(row.get("name")) for row in spec.volumes}
    for name in names:
        if not re.fullmatch(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", name):
            yield Finding(
                "volume", f"volume name {name!r} is not allowed", where,
                "small letters, digits and '-', at most 63 characters",
            )  # fmt: skip
    for row in spec.volume_mounts:
        path, name = str(row.get("mountPath") or ""), str(row.get("name"))
        if name not in names:
            yield Finding(
                "volume", f"{path!r} mounts volume {name!r}, which the function does not have",
                where, "fn.apply(mount_pvc(...)) adds a volume with its mount",
            )  # fmt: skip
        if not path.startswith("/") or ":" in path:
            yield Finding(
                "volume", f"mount path {path!r} is no absolute path", where, 'such as "/data"'
            )


def _paths(document: FunctionDoc, run: RunDoc) -> Iterator[Finding]:
    """Folders of this machine mean nothing in a pod, unless a volume is mounted there."""
    where = f"run {run.metadata.name!r}"
    target = run.spec.output_path or config.artifact_path
    if not target and reachable_store(config.dbpath):
        target = service_artifact_path()
    if not _reachable(document, target):
        shown = target or str(config.path("artifacts"))
        yield Finding(
            "artifact-path",
            f"artifacts would be written to {shown!r}, a folder that ends with the pod",
            where,
            'artifact_path="s3://bucket/folder", or fn.apply(mount_pvc("claim", '
            'volume_mount_path="/data")) and artifact_path="/data/artifacts"',
            "error" if target or _makes_artifacts(document, run) else "warning",
        )
    for key, url in run.spec.inputs.items():
        if not _reachable(document, url):
            yield Finding(
                "input-path",
                f"input {key!r} is {url!r}, a file of this machine that the pod does not see",
                where,
                "put it into an artifact or a bucket (s3://, https://, store://), or on a mounted "
                "volume",
            )


def _makes_artifacts(document: FunctionDoc, run: RunDoc) -> bool:
    """Whether it says so; one that only returns numbers needs no place for files."""
    code = base64.b64decode(document.spec.build.functionSourceCode or "")
    return bool(re.search(rb"\blog_(?:artifact|dataset|model)\b", code)) or any(
        isinstance(hint, dict) or ":" in str(hint) for hint in run.spec.returns
    )


def _reachable(document: FunctionDoc, url: str) -> bool:
    path = url[len("file://") :] if url.startswith("file://") else url
    if "://" in path:
        return not path.startswith("memory://")
    mounts = [str(row.get("mountPath") or "").rstrip("/") for row in document.spec.volume_mounts]
    return any(mount and (path == mount or path.startswith(f"{mount}/")) for mount in mounts)
