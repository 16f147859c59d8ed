"""The builders that run a container tool on a Dockerfile: commands need one."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
from pathlib import Path
from typing import Any, ClassVar

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.images.auth import find_credentials
from mlrun_like.images.bases import is_file, local_name
from mlrun_like.images.builders import Builder, Built, Work
from mlrun_like.images.dockerfile import (
    SECRET,
    environment_file,
    lower_of,
    upper_of,
    write_context,
)
from mlrun_like.images.layout import write_layout
from mlrun_like.images.reference import ImageName
from mlrun_like.images.sending import Meter
from mlrun_like.images.tool import Tool

__all__ = ["BuildahBuilder", "DockerBuilder", "PodmanBuilder"]


class PodmanBuilder(Builder):
    """Builds with podman."""

    name: ClassVar[str] = "podman"
    runs_commands: ClassVar[bool] = True

    def unavailable(self) -> str:
        return Tool(self.name).unavailable()

    def build(self, work: Work) -> Built:
        tool, where = Tool(self.name), work.destination
        self._make(tool, work)
        if where.archive:
            path = Path(where.archive).expanduser()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            tool.export(where.name, path)
            return Built(tool.digest(where.name))
        if not where.push:
            return Built(tool.digest(where.name))
        work.say(f"pushing {where.name}")
        name = ImageName.parse(where.name)
        digest = tool.push(
            where.name,
            insecure=bool(self._insecure(where.name)),
            authfile=self._authfile(name, work.folder),
            work=work.folder,
        )
        return Built(digest, None)

    def _make(self, tool: Tool, work: Work) -> None:
        """Build in two steps: the tool reads all that a step adds, even if it has it already."""
        plan, assembly, context = work.plan, work.assembly, work.folder / "context"
        base = self._base(tool, work)
        write_context(context, plan, assembly, base)
        secrets = {}
        if plan.environ:
            path = work.folder / SECRET
            # made private before anything is in it
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(environment_file(plan))
            secrets[SECRET] = path
        words = self._words(plan.extra_args)
        extra = [*words, *self._insecure(plan.base)]
        below = lower_of(plan, assembly, base)
        layers = [part.layer.digest for part in assembly.parts if part.name == "environment"]
        text = json.dumps([below, layers, assembly.removed, words, work.base.digest])
        lower = f"localhost/mlrun-like-layers:{hashlib.sha256(text.encode()).hexdigest()[:32]}"
        (context / "Dockerfile.lower").write_text("\n".join([*below, ""]), encoding="utf-8")
        above = [f"FROM {lower}", "USER 0", *upper_of(plan, assembly), ""]
        (context / "Dockerfile.upper").write_text("\n".join(above), encoding="utf-8")
        work.say(f"building with {self.name}")
        options: dict[str, Any] = {"secrets": secrets, "say": work.say}
        if work.renew or not tool.image_id(lower):
            tool.build(context, lower, dockerfile="Dockerfile.lower", extra=extra, **options)
        tool.build(
            context, work.destination.name, dockerfile="Dockerfile.upper", extra=words, **options
        )

    def _base(self, tool: Tool, work: Work) -> str:
        """A name that the tool knows the base by."""
        base = work.plan.base
        if base == "scratch" or (local_name(base) and tool.image_id(base)):
            return base
        if not is_file(base):
            parsed = ImageName.parse(base)
            if not local_name(base) and parsed.registry != "localhost":
                return str(parsed)
        name = f"localhost/mlrun-like-base:{work.base.digest.partition(':')[2][:16]}"
        if not tool.image_id(name):
            layout = work.folder / "base"
            with Meter(work.say) as meter:
                write_layout(work.base, layout, work.registries, meter)
            tool.load(layout, name)
        return name

    def _words(self, text: str) -> list[str]:
        try:
            return shlex.split(text)
        except ValueError as exc:
            raise InvalidArgumentError(
                f"extra_args {text!r} cannot be split into words: {exc}",
                fix='extra_args="--volume /cache:/cache"',
            ) from exc

    def _insecure(self, name: str) -> list[str]:
        """The option for a registry without TLS; docker's daemon has a list of its own."""
        if self.name == "docker" or is_file(name) or name == "scratch" or local_name(name):
            return []
        registry = ImageName.parse(name).registry
        host = registry.rpartition(":")[0] or registry
        named = registry in config.insecure_registries.replace(",", " ").split()
        return (
            ["--tls-verify=false"] if named or host in ("localhost", "127.0.0.1", "[::1]") else []
        )

    def _authfile(self, name: ImageName, folder: Path) -> str:
        """A file with the login of the setting `registry_auth`; the tool knows its own."""
        if not config.registry_auth:
            return ""
        login = find_credentials(name.registry, name.repository)
        if login is None or not login.user:
            return ""
        path = folder / "auth.json"
        word = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
        document = {"auths": {name.registry: {"auth": word}}}
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(document, file)
        return str(path)


class BuildahBuilder(PodmanBuilder):
    """Builds with buildah."""

    name: ClassVar[str] = "buildah"


class DockerBuilder(PodmanBuilder):
    """Builds with docker."""

    name: ClassVar[str] = "docker"
