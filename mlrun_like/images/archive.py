"""Images as files: OCI layouts in a tar (OCI image layout specification)."""

from __future__ import annotations

from pathlib import Path

from mlrun_like.artifacts.local import AtomicFile
from mlrun_like.errors import BuildError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.digests import canonical_json, digest_of
from mlrun_like.images.documents import OCI_INDEX, OCI_MANIFEST, Descriptor
from mlrun_like.images.tarring import END, Head, padding

__all__ = ["write_archive"]

_PIECE = 1 << 20


def write_archive(
    path: Path,
    name: str,
    documents: tuple[bytes, bytes],
    layers: list[tuple[str, int]],
    cache: BlobCache,
) -> str:
    """Write an image whose layers are all in the cache; the manifest's digest.

    Besides the OCI layout it has the `manifest.json` that older `docker load` looks for.

    Args:
        path: The file; it appears when it is complete.
        name: Recorded in it; may be empty.
        documents: Manifest and config.
        layers: Digests and sizes, lowest first.
        cache: Where the layers are.

    Raises:
        BuildError: if the file cannot be written, or a layer is not there.
    """
    manifest, config = documents
    found = Descriptor(OCI_MANIFEST, digest_of(manifest), len(manifest)).to_dict()
    if name:
        found["annotations"] = {
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": name,
        }
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [found]}
    docker = {
        "Config": _blob(digest_of(config)),
        "Layers": [_blob(digest) for digest, _ in layers],
        "RepoTags": [name] if name else [],
    }
    small = {
        "oci-layout": canonical_json({"imageLayoutVersion": "1.0.0"}),
        "index.json": canonical_json(index),
        "manifest.json": canonical_json([docker]),
        _blob(digest_of(manifest)): manifest,
        _blob(digest_of(config)): config,
    }
    try:
        with AtomicFile(path) as file:
            for member, data in sorted(small.items(), key=lambda item: (len(item[0]), item[0])):
                file.write(Head(member, len(data)).encode() + data + padding(len(data)))
            for digest, size in sorted(set(layers)):
                file.write(Head(_blob(digest), size).encode())
                _copy(cache, digest, size, file)
                file.write(padding(size))
            file.write(END)
    except OSError as exc:
        raise BuildError(
            f"the archive cannot be written: {exc}",
            where=str(path),
            fix="check the folder's permissions and free space",
        ) from exc
    return digest_of(manifest)


def _copy(cache: BlobCache, digest: str, size: int, file: AtomicFile) -> None:
    left = size
    with cache.open(digest) as blob:
        while left and (data := blob.read(min(left, _PIECE))):
            file.write(data)
            left -= len(data)
    if left:
        raise BuildError(
            f"layer {digest} is {left} bytes too short in the cache",
            where=str(cache.folder),
            fix="remove that folder and build again",
        )


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")
