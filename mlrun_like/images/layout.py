"""An image as a folder (OCI image layout specification) whose blobs are links into the cache."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mlrun_like.images.cache import BlobCache
from mlrun_like.images.digests import canonical_json, digest_of
from mlrun_like.images.documents import OCI_INDEX, OCI_MANIFEST, Descriptor
from mlrun_like.images.image import Image
from mlrun_like.images.registries import Registries
from mlrun_like.images.transfer import Progress, fetch_layers

__all__ = ["write_layout"]


def write_layout(
    image: Image, folder: Path, registries: Registries, progress: Progress | None = None
) -> str:
    """Write the layout into an empty folder; the manifest's digest.

    Args:
        image: What is written.
        folder: Made if it is missing.
        registries: Where layers that are not in the cache come from.
        progress: Called while they do.
    """
    cache = BlobCache()
    fetch_layers(image.layers, cache, registries, progress)
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    manifest = image.manifest(docker=False)
    for data in (manifest, image.config_bytes):
        (blobs / digest_of(data).partition(":")[2]).write_bytes(data)
    for digest in {layer.digest for layer in image.layers}:
        target = blobs / digest.partition(":")[2]
        try:
            os.link(cache.path(digest), target)
        except OSError:  # another file system
            shutil.copyfile(cache.path(digest), target)
    found = Descriptor(OCI_MANIFEST, digest_of(manifest), len(manifest))
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [found.to_dict()]}
    (folder / "index.json").write_bytes(canonical_json(index))
    (folder / "oci-layout").write_bytes(canonical_json({"imageLayoutVersion": "1.0.0"}))
    return found.digest
