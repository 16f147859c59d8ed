"""Images from files: OCI layouts, what `docker save` and `podman save` write, plain root tars."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlrun_like.errors import BuildError, IntegrityError, NotFoundError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.changing import empty_config, with_history
from mlrun_like.images.digests import check_digest, digest_of, new_hash, verify
from mlrun_like.images.documents import (
    DOCKER_CONFIG,
    Descriptor,
    Index,
    Manifest,
    parse_config,
    parse_json,
    parse_manifest,
)
from mlrun_like.images.layers import Layer, recall_layer, remember_layer
from mlrun_like.images.members import BROKEN, Members, broken, members_of, read_small
from mlrun_like.images.platform import Platform
from mlrun_like.images.reference import ImageName
from mlrun_like.images.repacking import repack
from mlrun_like.images.tarring import EPOCH

__all__ = ["Archive", "open_archive"]

_PIECE = 1 << 20
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_ROOTFS = ("bin", "usr", "etc", "lib", "app", "opt", "var", "root", "home", "srv")


@contextmanager
def open_archive(path: Path, cache: BlobCache) -> Iterator[Archive]:
    """The images in a file or folder.

    Raises:
        BuildError: if it is none, or damaged.
    """
    key = _key(path)
    layer = recall_layer(key, cache) if key else None
    if layer is not None:  # a root tar that was read before
        yield Archive(path, Members(frozenset(), lambda _: _never()), layer)
        return
    try:
        with members_of(path) as members:
            rootfs = None
            if not members.names & {"index.json", "manifest.json"}:
                rootfs = _root_layer(path, members, cache, key)
            yield Archive(path, members, rootfs)
    except BROKEN as exc:
        raise broken(path, exc) from exc


def _never() -> Any:
    raise KeyError("a root tar has no documents")


def _key(path: Path) -> str:
    state = path.stat()
    same = f"{path.resolve()} {state.st_size} {state.st_mtime_ns} {state.st_ino}"
    return "" if path.is_dir() else f"root tar {same}"


def _root_layer(path: Path, members: Members, cache: BlobCache, key: str) -> Layer:
    if path.is_dir() or not any(name.partition("/")[0] in _ROOTFS for name in members.names):
        raise BuildError(
            "this is no image: it has neither index.json (OCI) nor manifest.json (docker), "
            "nor the folders of a root file system",
            where=str(path),
            fix="use a file made by 'podman save', or a tar of a root file system",
        )
    with path.open("rb") as file:
        layer = repack(file, cache, str(path))
    remember_layer(key, layer, cache)
    return layer


class Archive:
    """An opened archive.

    Args:
        path: Of the file or folder.
        members: What is in it.
        rootfs: Its only layer, if it is a plain root tar.
    """

    def __init__(self, path: Path, members: Members, rootfs: Layer | None) -> None:
        self.where = str(path)
        self._members = members
        self._rootfs = rootfs
        if rootfs is not None:
            self.kind = "rootfs"
        else:
            self.kind = "oci" if "index.json" in members.names else "docker"

    @property
    def rootfs(self) -> Layer:
        """The layer of a plain root tar."""
        if self._rootfs is None:
            raise BuildError("this is no root file system", where=self.where)
        return self._rootfs

    def rootfs_config(self, platform: Platform) -> dict[str, Any]:
        """The config of an image made of a root tar."""
        config = empty_config(platform, EPOCH)
        return with_history(
            config, [self.rootfs.diff_id], f"import of {Path(self.where).name}", EPOCH
        )

    def named(self, name: str, wanted: Platform) -> Descriptor:
        """The manifest (or index) of an OCI layout's image.

        Raises:
            NotFoundError: if there is none of that name.
            BuildError: if there are several and no name was given.
        """
        data = read_small(self._members, "index.json", self.where)
        index = parse_manifest(data, "", self.where)
        if not isinstance(index, Index) or not index.manifests:
            raise BuildError("its index.json names no image", where=self.where)
        raw = parse_json(data, "index", self.where)["manifests"]
        names = [_annotated(item) for item in raw]
        if name:
            texts = {name, _full(name)}
            for known, (_, descriptor) in zip(names, index.manifests, strict=True):
                if texts & known:
                    return descriptor
            raise _not_there(name, set().union(*names), self.where)
        known = set().union(*names)
        if len(index.manifests) > 1 and len(known) > 1:
            raise _not_there(name, known, self.where)
        return index.choose(wanted, self.where)

    def blob(self, descriptor: Descriptor) -> bytes:
        """A document of an OCI layout, checked."""
        data = read_small(self._members, _path(descriptor.digest), self.where)
        verify(data, descriptor.digest, self.where)
        return data

    def take_blob(self, blob: Descriptor, cache: BlobCache) -> None:
        """Bring a layer of an OCI layout into the cache, checked."""
        if cache.size(blob.digest) == blob.size:
            cache.used(blob.digest)
            return
        found, size = new_hash(blob.digest), 0
        with self._members.open(_path(blob.digest)) as file, cache.writer() as writer:
            while file is not None and (data := file.read(_PIECE)):
                writer.write(data)
                found.update(data)
                size += len(data)
            if size != blob.size or found.hexdigest() != blob.digest.partition(":")[2]:
                raise IntegrityError(
                    f"layer {blob.digest} of {blob.size} bytes has {size} bytes in the archive, "
                    f"with digest {found.name}:{found.hexdigest()}",
                    where=self.where,
                    fix="the archive is damaged: make it anew",
                )
            writer.commit(blob.digest)

    def docker_image(self, name: str, cache: BlobCache) -> tuple[dict[str, Any], tuple[Layer, ...]]:
        """The config and layers of an image that `docker save` or `podman save` wrote."""
        item = self._docker_item(name)
        config_name, files = item.get("Config"), item.get("Layers")
        if not isinstance(config_name, str) or not isinstance(files, list):
            raise BuildError("its manifest.json is malformed", where=self.where)
        data = read_small(self._members, config_name, self.where)
        nothing = Descriptor(DOCKER_CONFIG, digest_of(data), len(data))
        layers = (Descriptor("", nothing.digest, 0),) * len(files)
        config = parse_config(data, Manifest(nothing, layers, True), self.where)
        pairs = zip(files, config["rootfs"]["diff_ids"], strict=True)
        return config, tuple(self._docker_layer(file, diff_id, cache) for file, diff_id in pairs)

    def _docker_item(self, name: str) -> dict[str, Any]:
        try:
            items = json.loads(read_small(self._members, "manifest.json", self.where))
        except (ValueError, RecursionError) as exc:
            raise BuildError("its manifest.json is no JSON", where=self.where) from exc
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise BuildError("its manifest.json is no list of images", where=self.where)
        tags = [{str(tag) for tag in item.get("RepoTags") or []} for item in items]
        if name:
            texts = {name, _full(name)}
            fitting = [
                item
                for item, known in zip(items, tags, strict=True)
                if texts & {*known, *map(_full, known)}
            ]
        else:
            fitting = items
        if len(fitting) != 1:
            raise _not_there(name, set().union(*tags), self.where)
        return dict(fitting[0])

    def _docker_layer(self, name: object, diff_id: str, cache: BlobCache) -> Layer:
        key = f"layer of docker archive {check_digest(diff_id, self.where)}"
        layer = recall_layer(key, cache)
        if layer is None:
            with self._members.open(str(name)) as file:
                if file is None:
                    raise BuildError(f"the archive has no {str(name)!r}", where=self.where)
                layer = repack(file, cache, self.where, diff_id)
            remember_layer(key, layer, cache)
        return layer


def _path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _full(name: str) -> str:
    try:
        return str(ImageName.parse(name))
    except ValueError:
        return name


def _annotated(item: Any) -> set[str]:
    found = item.get("annotations") if isinstance(item, dict) else None
    return {str(found[key]) for key in _NAMES if key in found} if isinstance(found, dict) else set()


def _not_there(name: str, known: set[str], where: str) -> BuildError | NotFoundError:
    listed = ", ".join(sorted(known)) or "no names"
    if name:
        return NotFoundError(
            f"the archive has no image {name!r}; it has: {listed}",
            where=where,
            fix="give one of these names",
        )
    return BuildError(
        f"the archive has several images: {listed}", where=where, fix="name one of them"
    )
