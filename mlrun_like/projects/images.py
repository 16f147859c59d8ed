"""The image that the functions of a project run in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.projects.source import ProjectSource
from mlrun_like.registry import resolve

__all__ = ["ProjectImages"]


class ProjectImages(ProjectSource):
    """The part of a project that builds images."""

    def build_config(  # noqa: PLR0913 - MLRun's signature
        self,
        image: str | None = None,
        set_as_default: bool = False,
        with_mlrun: bool | None = None,
        base_image: str | None = None,
        commands: Sequence[str] | None = None,
        secret_name: str | None = None,
        requirements: Sequence[str] | str | None = None,
        overwrite_build_params: bool = False,
        requirements_file: str | None = None,
        builder_env: Mapping[str, Any] | None = None,
        extra_args: str | None = None,
    ) -> None:
        """Say how `build_image` makes the project's image; what is not given stays.

        Args:
            image: Its name.
            set_as_default: Make it the project's default image.
            with_mlrun: Add this package.
            base_image: What it rests on.
            commands: Shell commands.
            secret_name: Secret for the registry.
            requirements: Package specifiers.
            overwrite_build_params: Replace commands and requirements instead of adding to them.
            requirements_file: A file with one specifier a line; read before the list.
            builder_env: Variables of the build; they are not in the image.
            extra_args: Further words for the builder.
        """
        shell = resolve("mlrun_like.functions.creators:new_function")("project", kind="job")
        shell.spec.build = self.spec.build
        shell.build_config(
            image=image or "",
            base_image=base_image or "",
            secret=secret_name or "",
            commands=commands,
            requirements=requirements,
            requirements_file=requirements_file,
            overwrite=overwrite_build_params,
            prepare_image_for_deploy=False,
            with_mlrun=with_mlrun,
            builder_env=builder_env,
            extra_args=extra_args or "",
        )
        self.spec.build = shell.spec.build
        if set_as_default and image:
            self.set_default_image(image)

    def build_image(
        self,
        image: str | None = None,
        set_as_default: bool = True,
        with_mlrun: bool | None = None,
        base_image: str | None = None,
        commands: Sequence[str] | None = None,
        requirements: Sequence[str] | None = None,
        **options: Any,
    ) -> Any:
        """Build an image for the project's functions.

        Args:
            image: Its name; by default what `build_config` said, else
                `.mlrun-project-image-<project>`.
            set_as_default: Make it the project's default image.
            with_mlrun: Add this package.
            base_image: What it rests on.
            commands: Shell commands.
            requirements: Package specifiers; by default those of `build_config`, else the
                project's.
            options: See `functions.build_calls.build_image`.

        Raises:
            BuildError: if it cannot be built.
        """
        said = self.spec.build
        build = resolve("mlrun_like.functions.build_calls:build_image")
        package = said.with_mlrun if with_mlrun is None else with_mlrun
        made = build(
            image or said.image,
            project=self.name,
            base_image=base_image or said.base_image,
            requirements=requirements or said.requirements or self.spec.default_requirements,
            commands=commands or said.commands,
            with_mlrun=package is not False,
            **options,
        )
        if set_as_default:
            self.set_default_image(made.outputs["image"])
        return made
