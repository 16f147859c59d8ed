"""`fn.to_manifest()` of Spark functions: SparkApplication, or ScheduledSparkApplication."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import FunctionError, InvalidArgumentError, nearest
from mlrun_like.functions.documents import public, require_code
from mlrun_like.runtimes.kubernetes.manifest import CronPolicy, missing_secrets
from mlrun_like.runtimes.kubernetes.rendering import Call, Manifest
from mlrun_like.runtimes.spark.checks import check_definition
from mlrun_like.runtimes.spark.manifest import function_objects, scheduled
from mlrun_like.specs.function import FunctionDoc

__all__ = ["manifest_of"]


def manifest_of(
    document: FunctionDoc, call: Mapping[str, Any], schedule: str = "", policy: Any = None
) -> Manifest:
    """Do what `SparkFunction.to_manifest` says."""
    require_code(document)
    document = public(document).model_copy(deep=True)
    handler, points = call["handler"], document.spec.entry_points
    if handler and points and handler.isidentifier() and handler not in points:
        raise FunctionError(
            f"{document.metadata.name!r} has no handler {handler!r}.{nearest(handler, points)}",
            fix=f"handlers are: {', '.join(sorted(points))}",
        )
    for finding in check_definition(document, ""):
        raise InvalidArgumentError(finding.what, where=finding.where, fix=finding.fix)
    objects = function_objects(document, Call(**{**call, "project": document.metadata.project}))
    if schedule:
        if policy is not None and not isinstance(policy, CronPolicy):
            raise InvalidArgumentError(
                f"policy must be CronPolicy(...), not {policy!r}",
                fix='CronPolicy(time_zone="Europe/Rome")',
            )
        objects[-1] = scheduled(objects[-1], schedule, policy or CronPolicy())
    return Manifest(objects, first=missing_secrets(document))
