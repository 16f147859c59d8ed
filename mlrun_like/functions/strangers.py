"""Runs that are started here for people who have no rights on this machine.

A service starts them with its own rights: it can read its files, its environment and its database.
So nothing of theirs may run here, be built here or be read here; see the setting `guarded`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.mapped import mapped_url
from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError
from mlrun_like.functions.deploying import requires_build
from mlrun_like.functions.function import Function
from mlrun_like.functions.placing import choose_runtime
from mlrun_like.specs.function import FunctionDoc

__all__ = ["check_for_strangers"]

_HERE = ("auto", "", "oci", "podman", "buildah", "docker")
_FIX = "use a git:// address or an archive on shared storage"


def check_for_strangers(
    function: Function[..., Any], spec: Mapping[str, Any], project: str = ""
) -> None:
    """Whether a run may be started for somebody who has no rights on this machine.

    Args:
        function: What is to run.
        spec: What is asked for: `inputs`, `hyper_param_options`, `secret_sources`, as in a run's
            document.
        project: The run's project; by default what `spec` says, else the function's.

    Raises:
        AccessDeniedError: if something of it would run, be built or be read here.
    """
    document = function._doc()
    # a container here is no place of its own: its function says which folders it has
    runtime, _ = choose_runtime(document, None)
    if not runtime.needs_image or runtime.kind == "container":
        raise _refused(
            f"kind {function.kind!r} would run on the service's own machine",
            "setting service_execution is 'engines'",
            "use a kind with an engine of its own, such as job; service_execution=process lets "
            "all who may start runs use this machine with the rights of the service",
        )
    source = str(function.spec.build.source or "")
    if source and ("://" not in source or source.lower().startswith("file:")):
        raise _refused(
            "the function's source would be read on the service's own machine",
            f"spec.build.source is {source[:100]!r}",
            _FIX,
        )
    _check_build(document)
    sweep = spec.get("hyper_param_options")
    if isinstance(sweep, Mapping) and sweep.get("param_file"):
        raise _refused(
            "a file of parameters would be read on the service's own machine",
            "hyper_param_options.param_file",
            "read it where you are, and send its values as hyperparams",
        )
    inputs = spec.get("inputs")
    for name, url in inputs.items() if isinstance(inputs, Mapping) else ():
        if scheme_of(mapped_url(str(url))) in ("", "file", "local"):
            raise _refused(
                f"input {name!r} would be looked for on the service's own machine",
                str(url)[:100],
                "log it as an artifact, or put it on shared storage",
            )
    own = project or str(spec.get("project") or function.metadata.project)
    _check_secrets(spec.get("secret_sources"), own)


def _check_build(document: FunctionDoc) -> None:
    deployed = bool(document.spec.image) or document.status.get("state") == "ready"
    builds = document.spec.build.auto_build and not deployed
    if (builds or (requires_build(document) and not deployed)) and config.image_builder in _HERE:
        raise _refused(
            "its image would be built on the service's own machine",
            f"function {document.metadata.name!r} has no image",
            "build it where you are (fn.deploy()), or in CI, and store the function with its image",
        )


def _check_secrets(sources: Any, project: str) -> None:
    for source in sources if isinstance(sources, list) else ():
        kind = source.get("kind") if isinstance(source, Mapping) else ""
        own = kind == "project" and source.get("source") == project
        if kind != "inline" and not own:
            raise _refused(
                f"a secret source of kind {str(kind)[:40]!r} would be read with the rights of the "
                "service",
                "secret_sources",
                "set the values as secrets of the project",
            )


def _refused(what: str, where: str, fix: str) -> AccessDeniedError:
    return AccessDeniedError(what, where=where, fix=fix)
