"""The image of a function: how it is made, and making it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.options import check_mapping, check_path, check_texts
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from typing_extensions import Self

    from mlrun_like.images.build import BuiltImage
    from mlrun_like.specs.function import FunctionDoc

__all__ = ["Building"]


class Building(ABC):
    """Requirements, commands, base image, source; build and deploy."""

    @abstractmethod
    def _doc(self) -> FunctionDoc:
        """The document that is changed."""

    def with_requirements(
        self,
        requirements: Sequence[str] | None = None,
        overwrite: bool = False,
        prepare_image_for_deploy: bool = True,
        requirements_file: str = "",
    ) -> Self:
        """Add package requirements.

        Args:
            requirements: Specifiers such as `"pandas>=2"`.
            overwrite: Replace what is there.
            prepare_image_for_deploy: Take `spec.image` as the base of the image to build.
            requirements_file: A file with one specifier a line; read before the list.

        Raises:
            PackagingError: naming the first malformed line.
        """
        change = resolve("mlrun_like.functions.documents:with_requirements")
        change(self._doc(), requirements, overwrite, requirements_file)
        if prepare_image_for_deploy:
            self.prepare_image_for_deploy()
        return self

    def with_commands(
        self,
        commands: Sequence[str],
        overwrite: bool = False,
        prepare_image_for_deploy: bool = True,
    ) -> Self:
        """Add shell commands that run when an image is built, before the requirements are added.

        Args:
            commands: Such as `"apt-get install -y git"`; they run as root, and need a container
                tool.
            overwrite: Replace what is there.
            prepare_image_for_deploy: Take `spec.image` as the base of the image to build.
        """
        found = check_texts("commands", commands, '["apt-get install -y git"]')
        build = self._doc().spec.build
        build.commands = list(dict.fromkeys([*([] if overwrite else build.commands), *found]))
        if prepare_image_for_deploy:
            self.prepare_image_for_deploy()
        return self

    def build_config(  # noqa: PLR0913 - MLRun's signature
        self,
        image: str = "",
        base_image: str | None = None,
        commands: Sequence[str] | None = None,
        secret: str | None = None,
        source: str | None = None,
        extra: str | None = None,
        load_source_on_run: bool | None = None,
        with_mlrun: bool | None = None,
        auto_build: bool | None = None,
        requirements: Sequence[str] | None = None,
        overwrite: bool = False,
        prepare_image_for_deploy: bool = True,
        requirements_file: str | None = None,
        builder_env: Mapping[str, Any] | None = None,
        extra_args: str | None = None,
    ) -> Self:
        """Say how the image is made; what is not given stays.

        Args:
            image: The image's name; a leading `.` means the default registry.
            base_image: What it rests on.
            commands: Shell commands, as in `with_commands`.
            secret: Name of the registry's secret in a cluster.
            source: A repository, archive or folder with the code.
            extra: Further lines of a Dockerfile, after the requirements.
            load_source_on_run: Fetch the source when a run starts, not into the image.
            with_mlrun: Add this package; by default it is.
            auto_build: Build at the first run.
            requirements: Package specifiers.
            overwrite: Replace commands and requirements instead of adding to them.
            prepare_image_for_deploy: Take `spec.image` as the base.
            requirements_file: A file with specifiers.
            builder_env: Environment of the build, such as credentials; it is not in the image.
            extra_args: Further words for the container tool.
        """
        build = self._doc().spec.build
        texts = {
            "base_image": base_image,
            "secret": secret,
            "source": source,
            "extra": extra,
            "extra_args": extra_args,
        }
        build.image = _plain_name(image) or build.image
        for name, value in texts.items():
            if value:
                setattr(build, name, _plain_name(value) if name == "base_image" else value)
        flags = {
            "load_source_on_run": load_source_on_run,
            "with_mlrun": with_mlrun,
            "auto_build": auto_build,
        }
        for name, flag in flags.items():
            if flag is not None:
                setattr(build, name, flag)
        if builder_env is not None:
            build.builder_env = check_mapping("builder_env", builder_env, '{"GIT_TOKEN": token}')
        if commands is not None:
            self.with_commands(commands, overwrite, False)
        if requirements is not None or requirements_file:
            self.with_requirements(requirements, overwrite, False, requirements_file or "")
        if prepare_image_for_deploy:
            self.prepare_image_for_deploy()
        return self

    def with_source_archive(
        self,
        source: str,
        workdir: str | None = None,
        handler: str | None = None,
        pull_at_runtime: bool = True,
        target_dir: str | None = None,
    ) -> Self:
        """Take the code from a repository, an archive or a folder.

        Args:
            source: `git://host/owner/name.git#branch`, a path or URL that ends with `.zip` or
                `.tar.gz`, or a folder here, such as `.`.
            workdir: Working folder, relative to the source's top.
            handler: The default handler, such as `package.module.function`.
            pull_at_runtime: Fetch it when a run starts; False: when the image is built.
            target_dir: Where it goes.
        """
        source = check_path("source", source)
        if not source:
            raise InvalidArgumentError(
                "with_source_archive needs a source",
                fix='fn.with_source_archive("git://github.com/owner/name.git#main")',
            )
        spec = self._doc().spec
        spec.build.source, spec.build.load_source_on_run = source, pull_at_runtime
        if handler:
            spec.default_handler = handler
        if workdir:
            spec.workdir = workdir
        if target_dir:
            spec.build.source_code_target_dir = target_dir
        self.prepare_image_for_deploy()
        return self

    def requires_build(self) -> bool:
        """Whether the function needs an image of its own: commands, requirements, a source."""
        return bool(resolve("mlrun_like.functions.deploying:requires_build")(self._doc()))

    def is_deployed(self) -> bool:
        """Whether the function has an image."""
        document = self._doc()
        return bool(document.spec.image) or document.status.get("state") == "ready"

    def prepare_image_for_deploy(self) -> None:
        """Take `spec.image` as the base, if there is something to build on it."""
        resolve("mlrun_like.functions.deploying:prepare")(self._doc())

    def clean_build_params(self) -> Self:
        """Forget how the image is made, except for the code."""
        resolve("mlrun_like.functions.deploying:clean")(self._doc())
        return self

    def build(  # noqa: PLR0913 - one for each choice about an image
        self,
        image: str = "",
        *,
        base_image: str = "",
        builder: str = "",
        push: bool | None = None,
        archive: str = "",
        dockerfile: str = "",
        platform: str = "",
        python: str = "",
        force_build: bool = False,
        watch: bool = True,
    ) -> BuiltImage:
        """Build the function's image: base, locked environment, this package, code.

        Only what changed is made and sent. The code is not imported. `spec.image` is the new image
        afterwards, unless it went into an archive.

        Args:
            image: Its name: `registry:5000/app:1`; a leading `.` means the default registry;
                without a registry it stays on this machine. By default `func-<project>-<name>`.
            base_image: A name, an archive (`base.tar`), or `scratch`.
            builder: `oci`, `podman`, `buildah` or `docker`; by default `oci`, and a tool where
                there are commands.
            push: True or False where the name alone should not decide.
            archive: Write an OCI archive into this file instead.
            dockerfile: A folder in which a Dockerfile and what it adds are kept.
            platform: Such as `linux/arm64`; by default this machine's.
            python: The base's Python, such as `3.11`, where commands install it.
            force_build: Choose the versions of packages anew.
            watch: Show progress and a summary.

        Raises:
            BuildError: if it cannot be built or pushed; the message says why.
            PackagingError: if the function's code cannot be captured.
        """
        made: BuiltImage = resolve("mlrun_like.functions.deploying:build")(
            self._doc(),
            {
                "target": image,
                "builder": builder,
                "push": push,
                "archive": archive,
                "keep": dockerfile,
                "renew": force_build,
            },
            {"base": _plain_name(base_image), "platform": platform, "python": python},
            watch,
        )
        return made

    def dockerfile(self, folder: str = "") -> str:
        """The Dockerfile of the function's image; nothing is built.

        Args:
            folder: Also write it there, with everything it adds; versions of packages are chosen
                for that, else the text lists the requirements as they are.
        """
        return str(resolve("mlrun_like.functions.deploying:dockerfile")(self._doc(), folder))

    def deploy(
        self,
        watch: bool = True,
        with_mlrun: bool | None = None,
        skip_deployed: bool = False,
        is_kfp: bool = False,
        mlrun_version_specifier: str | None = None,
        builder_env: Mapping[str, Any] | None = None,
        show_on_failure: bool = False,
        force_build: bool = False,
    ) -> bool:
        """Build the function's image with what `build_config` says, and save the function.

        Args:
            watch: Show progress and a summary.
            with_mlrun: Add this package; by default it is.
            skip_deployed: Do nothing if the function has an image.
            is_kfp: Of no effect here.
            mlrun_version_specifier: A release of this package to add instead of the one that runs
                here, such as `mlrun-like==0.1.0`.
            builder_env: Environment of the build, such as credentials; it is not in the image.
            show_on_failure: Show progress only if the build fails.
            force_build: Build even if nothing changed, and choose the versions of packages anew.

        Returns:
            True: the function is ready.

        Raises:
            BuildError: if it cannot be built or pushed; the message says why.
        """
        given = {
            "with_mlrun": with_mlrun,
            "skip_deployed": skip_deployed,
            "specifier": mlrun_version_specifier or "",
            "builder_env": dict(builder_env or {}),
            "renew": force_build,
        }
        show = "failure" if show_on_failure else watch
        return bool(resolve("mlrun_like.functions.deploying:deploy")(self._doc(), given, show))


def _plain_name(image: str) -> str:
    """An image's name without the scheme that some tools write before it."""
    for prefix in ("docker://", "https://", "http://"):
        image = image.removeprefix(prefix)
    return image
