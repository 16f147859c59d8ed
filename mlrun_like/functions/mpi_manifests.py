"""`fn.to_manifest()` of functions of several ranks: an MPIJob and what it mounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import FunctionError, InvalidArgumentError, nearest
from mlrun_like.functions.documents import public, require_code
from mlrun_like.runtimes.kubernetes.manifest import function_objects, missing_secrets
from mlrun_like.runtimes.kubernetes.mounts import mount_by_settings
from mlrun_like.runtimes.kubernetes.rendering import Call, Manifest
from mlrun_like.runtimes.mpi.manifest import mpi_job
from mlrun_like.runtimes.mpi.planning import OPERATOR
from mlrun_like.specs.function import FunctionDoc

__all__ = ["manifest_of"]


def manifest_of(
    document: FunctionDoc, call: Mapping[str, Any], schedule: str = "", version: str = ""
) -> Manifest:
    """Do what `MpiFunction.to_manifest` says."""
    if schedule:
        raise InvalidArgumentError(
            f"schedule {schedule!r} cannot stand in the manifest of an MPIJob",
            fix='fn.run(schedule="0 * * * *") has the service start it',
        )
    require_code(document)
    document = mount_by_settings(public(document).model_copy(deep=True))
    handler, points = call["handler"], document.spec.entry_points
    if handler and points and handler.isidentifier() and handler not in points:
        raise FunctionError(
            f"{document.metadata.name!r} has no handler {handler!r}.{nearest(handler, points)}",
            fix=f"handlers are: {', '.join(sorted(points))}",
        )
    document.spec.launcher, document.spec.hosts = OPERATOR, []
    wanted = Call(**{**call, "project": document.metadata.project})
    *maps, job = function_objects(document, wanted)
    template = job["spec"]["template"]
    container = template["spec"]["containers"][0]
    # the ranks are started from this pod, not in it alone
    container["command"] = [item for item in container["command"] if item != "--local"]
    body = mpi_job(document, job["metadata"], template, version)
    return Manifest([*maps, body], first=missing_secrets(document))
