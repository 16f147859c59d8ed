"""What a base image can be: one of a registry, an archive, a folder, a plain tar."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.errors import BuildError, NotFoundError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.documents import Descriptor, Index, Manifest, parse_config, parse_manifest
from mlrun_like.images.layers import Layer
from mlrun_like.images.platform import Platform, choose
from mlrun_like.images.reference import ImageName
from mlrun_like.images.registries import Registries
from mlrun_like.images.unarchive import Archive, open_archive

__all__ = ["Found", "from_archive", "from_registry"]


class Found(NamedTuple):
    """An image that was found: its config, layers, and whether it is in Docker's format."""

    config: dict[str, Any]
    layers: tuple[Layer, ...]
    docker: bool


def from_registry(
    name: ImageName, wanted: Platform, registries: Registries, *, exact: bool
) -> Found:
    """The image of a name; only its manifest and config are fetched.

    Args:
        name: The image.
        wanted: Chosen if there are several.
        registries: Open registries.
        exact: Whether another platform is an error if there is one only.
    """
    registry, cache, where = registries.of(name.registry), BlobCache(), str(name)

    def document(reference: str) -> tuple[bytes, str]:
        # What is called by its digest never changes.
        kept = cache.get(reference) if ":" in reference else None
        if kept is not None:
            return kept, ""
        data, media_type, _ = registry.manifest(name.repository, reference)
        cache.put(data)
        return data, media_type

    manifest = parse_manifest(*document(name.reference), where)
    if isinstance(manifest, Index):
        manifest = parse_manifest(*document(manifest.choose(wanted, where).digest), where)
    manifest = _one(manifest, where)
    data = cache.get(manifest.config.digest)
    if data is None:
        data = registry.blob(name.repository, manifest.config.digest)
        cache.put(data)
    return _found(manifest, data, name, where, wanted if exact else None)


def from_archive(path: Path, name: str, wanted: Platform, *, exact: bool) -> Found:
    """The image in a file or folder; its layers are brought into the cache."""
    if not path.exists():
        raise NotFoundError(
            f"image file {str(path)!r} does not exist",
            fix="give the path of an archive (podman save), or the name of an image",
        )
    cache, where = BlobCache(), str(path)
    with open_archive(path, cache) as archive:
        if archive.kind == "rootfs":
            return Found(archive.rootfs_config(wanted), (archive.rootfs,), False)
        if archive.kind == "docker":
            config, layers = archive.docker_image(name, cache)
            return Found(config, layers, False)
        manifest = _in_layout(archive, name, wanted, where)
        data = archive.blob(manifest.config)
        found = _found(manifest, data, None, where, wanted if exact else None)
        for layer in manifest.layers:
            archive.take_blob(layer, cache)
        return found


def _in_layout(archive: Archive, name: str, wanted: Platform, where: str) -> Manifest:
    descriptor = archive.named(name, wanted)
    manifest = parse_manifest(archive.blob(descriptor), descriptor.media_type, where)
    if isinstance(manifest, Index):
        descriptor = manifest.choose(wanted, where)
        manifest = parse_manifest(archive.blob(descriptor), descriptor.media_type, where)
    return _one(manifest, where)


def _one(manifest: Manifest | Index, where: str) -> Manifest:
    if isinstance(manifest, Index):
        raise BuildError(
            "the image is an index of indexes", where=where, fix="name one of its images"
        )
    return manifest


def _found(
    manifest: Manifest, data: bytes, name: ImageName | None, where: str, exact: Platform | None
) -> Found:
    config = parse_config(data, manifest, where)
    if exact is not None:
        keys = ("os", "architecture", "variant")
        own = Platform(*(str(config.get(key) or "") for key in keys))
        choose(exact, [(own, None)], where)
    diff_ids = config["rootfs"]["diff_ids"]
    layers = tuple(
        _layer(descriptor, diff_id, name)
        for descriptor, diff_id in zip(manifest.layers, diff_ids, strict=True)
    )
    return Found(config, layers, manifest.docker)


def _layer(descriptor: Descriptor, diff_id: str, name: ImageName | None) -> Layer:
    return Layer(descriptor.digest, diff_id, descriptor.size, descriptor.media_type, name)
