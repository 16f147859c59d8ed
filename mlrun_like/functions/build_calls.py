"""Building by a call, in MLRun's words: of a function, or of an image without one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.functions.deploying import progress
from mlrun_like.functions.function import Function
from mlrun_like.images.build import BuiltImage
from mlrun_like.images.build import build_image as build_without_function
from mlrun_like.images.plan import destination_of

__all__ = ["BuildStatus", "build_function", "build_image"]

_DEPLOY = (
    *("watch", "with_mlrun", "skip_deployed", "mlrun_version_specifier", "builder_env"),
    *("show_on_failure", "force_build"),
)


@dataclass(frozen=True)
class BuildStatus:
    """How a build ended, in MLRun's words.

    Args:
        ready: Whether there is an image.
        outputs: `image`: its name.
        function: The function, if there is one.
        built: The image with its digest and layers; None if nothing had to be built.
    """

    ready: bool
    outputs: dict[str, str] = field(default_factory=dict)
    function: Function[..., Any] | None = None
    built: BuiltImage | None = None


def build_function(function: Function[..., Any], **options: Any) -> BuildStatus:
    """Deploy a function.

    Args:
        function: The function.
        options: What `fn.deploy` takes, and what `fn.build_config` takes.

    Raises:
        BuildError: if it cannot be built.
    """
    settings = {key: value for key, value in options.items() if key not in _DEPLOY}
    if settings:
        function.build_config(**settings)
    ready = function.deploy(**{key: options[key] for key in _DEPLOY if key in options})
    return BuildStatus(ready, {"image": function.spec.image}, function)


def build_image(  # noqa: PLR0913 - what a project says about its image
    image: str = "",
    *,
    project: str = "",
    base_image: str = "",
    requirements: Sequence[str] = (),
    commands: Sequence[str] = (),
    with_mlrun: bool = True,
    builder: str = "",
    push: bool | None = None,
    watch: bool = True,
) -> BuildStatus:
    """Build an image that has packages but no function, such as a project's.

    Args:
        image: Its name; by default `.mlrun-project-image-<project>`.
        project: The project; by default the setting `default_project`.
        base_image: What it rests on; by default the setting `default_image`.
        requirements: Package specifiers.
        commands: Shell commands.
        with_mlrun: Add this package.
        builder: See `Function.build`.
        push: See `Function.build`.
        watch: Show progress and a summary.

    Raises:
        BuildError: if it cannot be built.
    """
    name = image or f".mlrun-project-image-{project or config.default_project}"
    where = destination_of(name, push=push)
    with progress(watch) as say:
        made = build_without_function(
            name,
            base_image=base_image,
            requirements=requirements,
            commands=commands,
            with_mlrun=with_mlrun,
            destination=where,
            builder=builder,
            say=say,
        )
    if watch:
        sys.stdout.write(made.summary() + "\n")
    return BuildStatus(True, {"image": made.name}, None, made)
