"""Manifests and indexes of images (OCI image specification; Docker image manifest version 2.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from mlrun_like.errors import BuildError
from mlrun_like.images.digests import check_digest
from mlrun_like.images.platform import Platform, choose

__all__ = [
    "ACCEPT",
    "DOCKER_CONFIG",
    "DOCKER_LAYER",
    "DOCKER_MANIFEST",
    "MAX_DOCUMENT",
    "OCI_CONFIG",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "Descriptor",
    "Index",
    "Manifest",
    "parse_config",
    "parse_json",
    "parse_manifest",
]

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
ACCEPT = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST))

MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of a manifest or config that are read: registries need not accept more."""
_MAX_LAYERS = 1000


class Descriptor(NamedTuple):
    """A blob that a manifest names."""

    media_type: str
    digest: str
    size: int

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


class Manifest(NamedTuple):
    """One image: its config and layers, lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    docker: bool


class Index(NamedTuple):
    """One image for several platforms."""

    manifests: tuple[tuple[Platform, Descriptor], ...]

    def choose(self, wanted: Platform, where: str) -> Descriptor:
        """The manifest for a platform.

        Raises:
            BuildError: listing the platforms there are.
        """
        # Signatures and attestations stand beside the images, for the platform "unknown".
        offered = [pair for pair in self.manifests if pair[0].os != "unknown"]
        if len(offered) == 1 and not offered[0][0].os:
            return offered[0][1]
        return choose(wanted, [pair for pair in offered if pair[0].os], where)


def parse_json(data: bytes, what: str, where: str) -> dict[str, Any]:
    """A JSON object from elsewhere.

    Raises:
        BuildError: if it is too long, no JSON, or no object.
    """
    if len(data) > MAX_DOCUMENT:
        raise BuildError(
            f"the {what} has {len(data)} bytes; at most {MAX_DOCUMENT} are read", where=where
        )
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise BuildError(
            f"the {what} is no JSON: {data[:60]!r}...",
            where=where,
            fix="check that this is an image, and that no proxy answers instead of the registry",
        ) from exc
    if not isinstance(document, dict):
        raise BuildError(f"the {what} is no JSON object: {data[:60]!r}...", where=where)
    return document


def parse_manifest(data: bytes, media_type: str, where: str) -> Manifest | Index:
    """What a registry or archive gives for an image.

    Args:
        data: The document.
        media_type: As announced; the document's own `mediaType` counts more.
        where: For messages.

    Raises:
        BuildError: if it is no image of a format that is still in use.
        IntegrityError: if a digest in it is none.
    """
    document = parse_json(data, "manifest", where)
    own = document.get("mediaType")
    kind = own if isinstance(own, str) and own else media_type.partition(";")[0].strip()
    if document.get("schemaVersion") == 1:
        raise BuildError(
            "the image has a manifest of Docker's schema 1, which ended in 2017",
            where=where,
            fix="pull it with an engine and push it again, or choose a newer base image",
        )
    try:
        if "manifests" in document:
            return Index(tuple(_offered(item, where) for item in _list(document["manifests"])))
        manifest = Manifest(
            _descriptor(document["config"], where),
            tuple(_descriptor(item, where) for item in _list(document["layers"])),
            docker=kind == DOCKER_MANIFEST,
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise BuildError(
            f"the manifest is malformed: {type(exc).__name__}: {exc}",
            where=where,
            fix="check that this is a container image (it may be a chart, a model or a signature)",
        ) from exc
    if manifest.config.media_type not in (OCI_CONFIG, DOCKER_CONFIG):
        raise BuildError(
            f"this is no container image but has a config of type {manifest.config.media_type!r}",
            where=where,
            fix="choose a container image as base",
        )
    return manifest


def parse_config(data: bytes, manifest: Manifest, where: str) -> dict[str, Any]:
    """An image's config, checked against its manifest.

    Raises:
        BuildError: if it does not fit.
    """
    document = parse_json(data, "image config", where)
    rootfs = document.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(manifest.layers):
        raise BuildError(
            f"the manifest has {len(manifest.layers)} layers and the config "
            f"{len(diff_ids) if isinstance(diff_ids, list) else 'none'}",
            where=where,
            fix="the image is damaged: push it again, or choose another",
        )
    for diff_id in diff_ids:
        check_digest(diff_id, where)
    if not isinstance(document.get("config") or {}, dict):
        raise BuildError("the config's key 'config' is no object", where=where)
    return document


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MAX_LAYERS:
        raise ValueError(f"a list of at most {_MAX_LAYERS} entries was expected")
    return value


def _descriptor(item: Any, where: str) -> Descriptor:
    if not isinstance(item, Mapping):
        raise TypeError("an object with mediaType, digest and size was expected")
    size, media_type = item["size"], item["mediaType"]
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ValueError(f"{size!r:.60} is not a size")
    if not isinstance(media_type, str):
        raise TypeError(f"{media_type!r:.60} is not a media type")
    if item.get("urls"):
        raise BuildError(
            "a layer is to be fetched from another address (a foreign layer), which is not done",
            where=where,
            fix="choose a base image whose layers are in its registry",
        )
    return Descriptor(media_type, check_digest(item["digest"], where), size)


def _offered(item: Any, where: str) -> tuple[Platform, Descriptor]:
    found = _descriptor(item, where)
    platform = item.get("platform")
    if not isinstance(platform, Mapping):
        return Platform("", ""), found
    names = (platform.get(key) or "" for key in ("os", "architecture", "variant"))
    return Platform(*(str(name) for name in names)), found
