"""`fn.to_manifest()`: the checked function and its call as Kubernetes objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import FunctionError, InvalidArgumentError, nearest
from mlrun_like.functions.documents import public, require_code
from mlrun_like.runtimes.kubernetes.manifest import (
    CronPolicy,
    cron_manifest,
    function_objects,
    missing_secrets,
)
from mlrun_like.runtimes.kubernetes.mounts import mount_by_settings
from mlrun_like.runtimes.kubernetes.preflight import check_document
from mlrun_like.runtimes.kubernetes.rendering import Call, Manifest
from mlrun_like.specs.function import FunctionDoc

__all__ = ["manifest_of"]

_SERVICES = ("serving", "nuclio", "remote", "application")


def manifest_of(
    document: FunctionDoc, call: Mapping[str, Any], schedule: str = "", policy: Any = None
) -> Manifest:
    """Do what `PodEditing.to_manifest` says."""
    if document.kind.partition(":")[0] in _SERVICES:
        raise FunctionError(
            f"{document.metadata.name!r} of kind {document.kind!r} is a service, not a job",
            fix="fn.deploy() deploys it through Nuclio; mlrun-like nuclio exports it",
        )
    require_code(document)
    document = mount_by_settings(public(document).model_copy(deep=True))
    handler, points = call["handler"], document.spec.entry_points
    if handler and points and handler.isidentifier() and handler not in points:
        raise FunctionError(
            f"{document.metadata.name!r} has no handler {handler!r}.{nearest(handler, points)}",
            fix=f"handlers are: {', '.join(sorted(points))}",
        )
    for finding in check_document(document):
        if finding.severity != "error":
            continue
        raise InvalidArgumentError(finding.what, where=finding.where, fix=finding.fix)
    wanted = Call(**{**call, "project": document.metadata.project})
    if schedule:
        if policy is not None and not isinstance(policy, CronPolicy):
            raise InvalidArgumentError(
                f"policy must be CronPolicy(...), not {policy!r}",
                fix='CronPolicy(time_zone="Europe/Rome")',
            )
        objects = cron_manifest(document, schedule, policy or CronPolicy(), wanted)
    else:
        objects = function_objects(document, wanted)
    return Manifest(objects, first=missing_secrets(document))
