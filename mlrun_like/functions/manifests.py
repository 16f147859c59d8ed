"""`fn.to_manifest()`: the checked function and its call as Kubernetes objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import FunctionError, InvalidArgumentError, nearest
from mlrun_like.functions.documents import public, require_code
from mlrun_like.functions.manifesting import Manifesting
from mlrun_like.registry import resolve
from mlrun_like.runtimes.kubernetes.manifest import CronPolicy, Form, missing_secrets
from mlrun_like.runtimes.kubernetes.mounts import mount_by_settings
from mlrun_like.runtimes.kubernetes.rendering import Call, Manifest

__all__ = ["manifest_of"]

_SERVICES = ("serving", "nuclio", "remote", "application")


def manifest_of(
    function: Manifesting, call: Mapping[str, Any], schedule: str, policy: Any, version: str
) -> Manifest:
    """Do what `Manifesting.to_manifest` says."""
    document = function._doc()
    if document.kind.partition(":")[0] in _SERVICES:
        raise FunctionError(
            f"{document.metadata.name!r} of kind {document.kind!r} is a service, not a job",
            fix="fn.deploy() deploys it; mlrun-like nuclio exports it for Nuclio",
        )
    require_code(document)
    document = mount_by_settings(public(document).model_copy(deep=True))
    handler, points = call["handler"], document.spec.entry_points
    if handler and points and handler.isidentifier() and handler not in points:
        raise FunctionError(
            f"{document.metadata.name!r} has no handler {handler!r}.{nearest(handler, points)}",
            fix=f"handlers are: {', '.join(sorted(points))}",
        )
    if policy is not None and not isinstance(policy, CronPolicy):
        raise InvalidArgumentError(
            f"policy must be CronPolicy(...), not {policy!r}",
            fix='CronPolicy(time_zone="Europe/Rome")',
        )
    for finding in resolve(function.checked_by)(document):
        if finding.severity == "error":
            raise InvalidArgumentError(finding.what, where=finding.where, fix=finding.fix)
    wanted = Call(**{**call, "project": document.metadata.project})
    form = Form(schedule, policy or CronPolicy(), version)
    objects = resolve(function.objects_by)(document, wanted, form)
    api = objects[-1]["apiVersion"]
    if version and not api.endswith(f"/{version}"):
        raise InvalidArgumentError(
            f"version {version!r} is not known for {objects[-1]['kind']}", fix=f"it has {api} only"
        )
    return Manifest(objects, first=missing_secrets(document))
