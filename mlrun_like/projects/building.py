"""Images of a project's functions, and functions that are deployed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.build_calls import BuildStatus
from mlrun_like.functions.build_calls import build_function as build_now
from mlrun_like.functions.tracing import TRACER
from mlrun_like.projects.current import get_current_project
from mlrun_like.projects.functions import find_function
from mlrun_like.registry import resolve

__all__ = ["BuildStatus", "DeployStatus", "build_function", "deploy_function"]

_SERVED = ("nuclio", "remote", "serving", "application")


@dataclass(frozen=True)
class DeployStatus:
    """How a deployment ended, in MLRun's words.

    Args:
        state: `ready`, or what the cluster says.
        outputs: `endpoint`: its address; `name`: its name there.
        function: The function.
    """

    state: str
    outputs: dict[str, str] = field(default_factory=dict)
    function: Any = None

    def after(self, *steps: Any) -> DeployStatus:
        """Nothing is left to wait for: it is deployed."""
        del steps
        return self


def build_function(  # noqa: PLR0913 - MLRun's signature
    function: Any,
    with_mlrun: bool | None = None,
    skip_deployed: bool = False,
    image: str | None = None,
    base_image: str | None = None,
    commands: Sequence[str] | None = None,
    secret_name: str | None = None,
    requirements: Sequence[str] | str | None = None,
    mlrun_version_specifier: str | None = None,
    builder_env: Mapping[str, Any] | None = None,
    project_object: Any = None,
    overwrite_build_params: bool = False,
    requirements_file: str | None = None,
    extra_args: str | None = None,
    force_build: bool = False,
) -> Any:
    """Build the image of a function of the project; in a pipeline's body, add a step that does.

    Args:
        function: Its name in the project, or the object.
        with_mlrun: Add this package to the image.
        skip_deployed: Do nothing if it has an image.
        image: The image's name.
        base_image: What it rests on.
        commands: Shell commands.
        secret_name: Secret for the registry.
        requirements: Package specifiers.
        mlrun_version_specifier: Which version of this package to add.
        builder_env: Variables of the build.
        project_object: Another project than the current one.
        overwrite_build_params: Replace what the function says of its build, do not add to it.
        requirements_file: A file with one specifier a line.
        extra_args: Further arguments of the builder.
        force_build: Build even if nothing has changed.

    Returns:
        A BuildStatus; in a pipeline's body the step.

    Raises:
        InvalidArgumentError: if the function is one that is deployed.
        BuildError: if it cannot be built.
    """
    found = find_function(function, project_object or get_current_project(silent=True))
    if found.kind in _SERVED[:3]:
        raise InvalidArgumentError(
            f"function {found.name!r} of kind {found.kind!r} is built when it is deployed",
            fix="use deploy_function()",
        )
    given = {
        "with_mlrun": with_mlrun,
        "skip_deployed": skip_deployed or None,
        "image": image,
        "base_image": base_image,
        "commands": commands,
        "secret": secret_name,
        "requirements": requirements,
        "mlrun_version_specifier": mlrun_version_specifier,
        "builder_env": builder_env,
        "overwrite": overwrite_build_params or None,
        "requirements_file": requirements_file,
        "extra_args": extra_args,
        "force_build": force_build or None,
    }
    options = {key: value for key, value in given.items() if value not in (None, "")}
    if TRACER.get() is not None:
        return found.step(action="build", **options)
    return build_now(found, **options)


def deploy_function(  # noqa: PLR0913 - MLRun's signature
    function: Any,
    models: Sequence[Mapping[str, Any]] | None = None,
    env: Mapping[str, Any] | None = None,
    tag: str | None = None,
    verbose: bool | None = None,
    builder_env: Mapping[str, Any] | None = None,
    project_object: Any = None,
    mock: bool | None = None,
    dashboard: str = "",
) -> Any:
    """Deploy a function that answers requests; in a pipeline's body, add a step that does.

    Args:
        function: Its name in the project, or the object: of kind serving, nuclio, application.
        models: What `add_model` takes, a mapping each.
        env: Variables of the function.
        tag: Its tag.
        verbose: Print more of the build's log.
        builder_env: Credentials for code that is fetched.
        project_object: Another project than the current one.
        mock: True: answer `function.invoke` in this process instead.
        dashboard: The address of a Nuclio to use.

    Returns:
        A DeployStatus; in a pipeline's body the step.

    Raises:
        InvalidArgumentError: if the function is of another kind.
        EngineError: if it cannot be deployed.
    """
    project = project_object or get_current_project(silent=True)
    found = find_function(function, project)
    if found.kind.partition(":")[0] not in _SERVED:
        raise InvalidArgumentError(
            f"function {found.name!r} of kind {found.kind!r} cannot be deployed: it is run",
            where="deploy_function",
            fix=f"kinds that are deployed: {', '.join(_SERVED)}; else run_function or "
            "build_function",
        )
    given = {"models": models, "env": env, "tag": tag, "verbose": verbose, "mock": mock}
    options = {key: value for key, value in given.items() if value not in (None, "")}
    if builder_env:
        options["builder_env"] = builder_env
    if dashboard:
        config.nuclio_dashboard_url = dashboard
    if TRACER.get() is not None:
        return found.step(action="deploy", **options)
    return _deploy(found, options)


def _deploy(function: Any, options: dict[str, Any]) -> DeployStatus:
    for row in options.pop("models", None) or ():
        function.add_model(**row)
    for name, value in (options.pop("env", None) or {}).items():
        function.set_env(name, value)
    mock = options.get("mock")
    wants_mock = resolve("mlrun_like.functions.nuclio_deploying:wants_mock")
    address = function.deploy(**options)
    if wants_mock() if mock is None else mock:
        return DeployStatus("ready", {"endpoint": "Mock", "name": function.name}, function)
    state = str(getattr(function.status, "state", "") or "ready")
    name = str(getattr(function.status, "nuclio_name", "") or function.name)
    return DeployStatus(state, {"endpoint": str(address), "name": name}, function)
