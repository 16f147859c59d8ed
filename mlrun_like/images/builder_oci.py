"""The builder that needs no tool and no daemon: layers are put on the base's manifest."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from mlrun_like.errors import BuildError
from mlrun_like.images.assembling import Assembly
from mlrun_like.images.builders import Builder, Built, Work
from mlrun_like.images.image import Image
from mlrun_like.images.layout import write_layout
from mlrun_like.images.sending import Meter
from mlrun_like.images.tool import find_tool

__all__ = ["OciBuilder", "image_of"]


class OciBuilder(Builder):
    """Adds layers to a base image; only what a registry lacks is sent."""

    name: ClassVar[str] = "oci"

    def unavailable(self) -> str:
        return ""

    def build(self, work: Work) -> Built:
        image, where = image_of(work.base, work.assembly), work.destination
        with Meter(work.say) as meter:
            if where.archive:
                Path(where.archive).expanduser().parent.mkdir(parents=True, exist_ok=True)
                path = Path(where.archive).expanduser()
                digest = image.write_archive(
                    path, where.name, registries=work.registries, progress=meter
                )
                return Built(digest)
            if where.push:
                pushed = image.push(where.name, registries=work.registries, progress=meter)
                return Built(pushed.digest, pushed.sent_bytes)
            return self._keep(image, work, meter)

    def _keep(self, image: Image, work: Work, meter: Meter) -> Built:
        tool = find_tool()
        if tool is None:
            raise BuildError(
                f"image {work.destination.name!r} has nowhere to go: it names no registry, and no "
                "container tool is installed here",
                where="setting docker_registry",
                fix="MLRUN_LIKE_DOCKER_REGISTRY=host:port, a full name such as "
                "host:5000/app:1, or archive='app.tar'",
            )
        layout = work.folder / "layout"
        digest = write_layout(image, layout, work.registries, meter)
        tool.load(layout, work.destination.name)
        return Built(digest)


def image_of(base: Image, assembly: Assembly) -> Image:
    """The base with the layers of an assembly and its config."""
    image = base
    for part in assembly.parts:
        image = image.with_layers(part.layer, comment=f"mlrun-like: {part.name}")
    return image.with_config(
        env=assembly.env,
        user=assembly.user,
        workdir=assembly.workdir,
        cmd=assembly.cmd,
        labels=assembly.labels,
    )
