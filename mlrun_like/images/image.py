"""Container images as values: pull a base, add layers, change the config, push or archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mlrun_like.images.archive import write_archive
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.changing import changed, empty_config, environment_of, with_history
from mlrun_like.images.digests import canonical_json, digest_of
from mlrun_like.images.documents import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_MANIFEST,
    Descriptor,
)
from mlrun_like.images.layers import EPOCH, OCI_LAYER, Layer
from mlrun_like.images.opening import Found, from_archive, from_registry
from mlrun_like.images.platform import Platform
from mlrun_like.images.reference import ImageName
from mlrun_like.images.registries import Registries
from mlrun_like.images.transfer import Progress, Pushed, fetch_layers, push_image

__all__ = ["Image"]


@dataclass(frozen=True)
class Image:
    """An image: a config document and layers. Changing it gives another image.

    Args:
        config: The config document (OCI image configuration).
        layers: Lowest first; those of a base stay in its registry until they are needed.
        docker: Write it in Docker's format (schema 2), as its base is, instead of OCI's.
        name: What it was pulled as; empty if it is new.

    >>> image = Image.scratch("linux/amd64").with_config(env={"A": "1"}, cmd=["/app"])
    >>> image.environment, image.config["config"]["Cmd"]
    ({'A': '1'}, ['/app'])
    >>> image.digest == Image.scratch("amd64").with_config(cmd=["/app"], env={"A": "1"}).digest
    True
    """

    config: Mapping[str, Any]
    layers: tuple[Layer, ...] = ()
    docker: bool = False
    name: str = ""

    @classmethod
    def scratch(cls, platform: str = "") -> Image:
        """An image without anything, for a platform (by default this machine's)."""
        return cls(empty_config(Platform.parse(platform), EPOCH))

    @classmethod
    def pull(
        cls, name: str | ImageName, platform: str = "", *, registries: Registries | None = None
    ) -> Image:
        """The image of a registry: its manifest and config, a few kilobytes; layers stay there.

        Args:
            name: Such as `"python:3.11-slim"` or `"registry:5000/team/app@sha256:..."`.
            platform: Such as `"linux/arm64"`; by default this machine's.
            registries: Connections to use again; by default new ones.

        Raises:
            NotFoundError: if there is no such image.
            BuildError: if it is not made for the platform, is no image, or may not be read.
            EngineError: if the registry cannot be reached.
        """
        parsed = name if isinstance(name, ImageName) else ImageName.parse(name)
        with Registries.using(registries) as used:
            found = from_registry(parsed, Platform.parse(platform), used, exact=bool(platform))
        return cls._of(found, str(parsed))

    @classmethod
    def from_archive(cls, path: str | Path, name: str = "", platform: str = "") -> Image:
        """The image in a file: an OCI or docker archive (`podman save`), or a plain rootfs tar.

        Args:
            path: The file, plain or compressed with gzip, or the folder of an OCI layout.
            name: Which image, if the archive holds several.
            platform: Such as `"linux/arm64"`; by default this machine's.

        Raises:
            NotFoundError: if there is no such file or image in it.
            BuildError: if it is no such archive or is damaged.
        """
        found = from_archive(Path(path), name, Platform.parse(platform), exact=bool(platform))
        return cls._of(found, name or str(path))

    @classmethod
    def open(
        cls, base: str | Path, platform: str = "", *, registries: Registries | None = None
    ) -> Image:
        """The image that a base means: `scratch`, a file (also `oci-archive:FILE`), or a name."""
        text = str(base)
        for prefix in ("oci-archive:", "docker-archive:", "oci:"):
            if text.startswith(prefix):
                return cls.from_archive(text.removeprefix(prefix), platform=platform)
        if text == "scratch":
            return cls.scratch(platform)
        if isinstance(base, Path) or text.startswith(("/", "./", "../", "~")) or _is_file(text):
            return cls.from_archive(Path(text).expanduser(), platform=platform)
        return cls.pull(text, platform, registries=registries)

    @classmethod
    def _of(cls, found: Found, name: str) -> Image:
        return cls(found.config, found.layers, found.docker, name)

    def with_layers(self, *layers: Layer, comment: str = "mlrun-like") -> Image:
        """The image with layers on top; `comment` stands in its history."""
        config = with_history(self.config, [layer.diff_id for layer in layers], comment, EPOCH)
        return replace(self, config=config, layers=(*self.layers, *layers), name="")

    def with_config(  # one argument for each field of an image's config
        self,
        *,
        env: Mapping[str, str | None] | None = None,
        user: str | None = None,
        workdir: str | None = None,
        entrypoint: Sequence[str] | None = None,
        cmd: Sequence[str] | None = None,
        labels: Mapping[str, str | None] | None = None,
        ports: Sequence[int | str] | None = None,
    ) -> Image:
        """The image with another config; what is not given stays.

        Args:
            env: Variables, added to those there are; None as value removes one.
            user: Name or number, with `:group` if wanted.
            workdir: Absolute path.
            entrypoint: Words; a new one empties `cmd`, as in a Dockerfile.
            cmd: Words.
            labels: Added to those there are; None as value removes one.
            ports: Such as `8080` or `"53/udp"`, added to those there are.

        Raises:
            InvalidArgumentError: if a value cannot stand in an image.
        """
        changes = {
            "env": env,
            "user": user,
            "workdir": workdir,
            "entrypoint": entrypoint,
            "cmd": cmd,
            "labels": labels,
            "ports": ports,
        }
        return replace(self, config=changed(self.config, changes), name="")

    @property
    def platform(self) -> Platform:
        """What it runs on."""
        keys = ("os", "architecture", "variant")
        return Platform(*(str(self.config.get(key) or "") for key in keys))

    @property
    def environment(self) -> dict[str, str]:
        """Its environment variables."""
        return environment_of(self.config)

    @cached_property
    def config_bytes(self) -> bytes:
        """The config as it is stored."""
        return canonical_json(self.config)

    @cached_property
    def manifest_bytes(self) -> bytes:
        """The manifest as it is stored."""
        return self.manifest(docker=self.docker)

    @property
    def media_type(self) -> str:
        """The manifest's format."""
        return DOCKER_MANIFEST if self.docker else OCI_MANIFEST

    @property
    def digest(self) -> str:
        """What the image is called by its content."""
        return digest_of(self.manifest_bytes)

    def manifest(self, *, docker: bool) -> bytes:
        """The manifest in Docker's or OCI's format; both name the same blobs."""
        kind = DOCKER_CONFIG if docker else OCI_CONFIG
        config = Descriptor(kind, digest_of(self.config_bytes), len(self.config_bytes))
        layers = [
            Descriptor(_layer_type(layer.media_type, docker), layer.digest, layer.size).to_dict()
            for layer in self.layers
        ]
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
            "config": config.to_dict(),
            "layers": layers,
        }
        return canonical_json(document)

    def push(
        self,
        name: str | ImageName,
        *,
        registries: Registries | None = None,
        progress: Progress | None = None,
    ) -> Pushed:
        """Put the image into a registry; only what it lacks is sent.

        Args:
            name: Where to.
            registries: Connections to use again; by default new ones.
            progress: Called with a `Transfer` while blobs move, from several threads.

        Raises:
            BuildError: if the registry refuses it; the message has its reason and what to do.
            EngineError: if the registry cannot be reached.
        """
        parsed = name if isinstance(name, ImageName) else ImageName.parse(name)
        with Registries.using(registries) as used:
            return push_image(self, parsed, used, progress)

    def write_archive(
        self,
        path: str | Path,
        name: str = "",
        *,
        registries: Registries | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Write an OCI archive, which `podman load` and `docker load` read; its digest.

        Layers that are in a registry only are downloaded to the cache first. The same image gives
        the same bytes.

        Args:
            path: The file; replaced when it is complete.
            name: Recorded in it, such as `"localhost/app:1"`.
            registries: Connections to use again; by default new ones.
            progress: Called with a `Transfer` while layers are downloaded.
        """
        with Registries.using(registries) as used:
            cache = BlobCache()
            fetch_layers(self.layers, cache, used, progress)
            return write_archive(
                Path(path),
                str(ImageName.parse(name)) if name else "",
                (self.manifest(docker=False), self.config_bytes),
                [(layer.digest, layer.size) for layer in self.layers],
                cache,
            )


def _is_file(text: str) -> bool:
    """Whether a base that could also be a name is an archive in this folder."""
    return (
        text.endswith((".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")) and Path(text).is_file()
    )


def _layer_type(media_type: str, docker: bool) -> str:
    forms = {
        OCI_LAYER: DOCKER_LAYER,
        OCI_LAYER.removesuffix("+gzip"): DOCKER_LAYER.removesuffix(".gzip"),
    }
    pairs = forms if docker else {theirs: ours for ours, theirs in forms.items()}
    return pairs.get(media_type, media_type)
