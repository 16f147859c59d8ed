"""What stands for the content of a step's input: equal data, equal text."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.errors import MLRunLikeError, PipelineError
from mlrun_like.tracking.base import Store

__all__ = ["content_of"]

_RACY = 2.0
"""Seconds within which a file may change without its time showing it."""
_KEPT = 10_000
_files: dict[tuple[str, int, int], str] = {}


def content_of(url: str, store: Store, project: str) -> str:
    """A digest of what is at a URL.

    Artifacts are taken by the digest in their record, files and folders of this machine by their
    bytes, other places by the time and size that they tell.

    Args:
        url: A path, URL or `store://` URI.
        store: Where artifacts are recorded.
        project: Of URIs that name none.

    Raises:
        PipelineError: if it cannot be told whether it changes.
    """
    try:
        if url.startswith("store://"):
            return _of_artifact(get_artifact(url, store=store, project=project))
        return _of_item(get_dataitem(url, store=store, project=project), url)
    except (MLRunLikeError, OSError) as exc:
        if isinstance(exc, PipelineError):
            raise
        raise PipelineError(f"its content cannot be told: {exc}") from exc


def _of_artifact(artifact: Artifact) -> str:
    spec = artifact.spec
    found = spec.digest or _of_item(artifact.to_dataitem(), artifact.target_path)
    form = json.dumps(spec.unpackaging_instructions, sort_keys=True, default=str)
    parts = [found, artifact.kind, spec.format, form]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _of_item(item: DataItem, url: str) -> str:
    local = item.store.local_path(item.store.split(item.url))
    suffix = item.suffix
    if local is not None:
        return suffix + _of_path(Path(local))
    if item.kind == "memory":
        digest = hashlib.sha256()
        for chunk in item.chunks():
            digest.update(chunk)
        return suffix + digest.hexdigest()[:32]
    stat: Any = item.stat()
    if stat.is_dir or stat.modified is None:
        what = "a remote folder" if stat.is_dir else "a place that tells no time of change"
        raise PipelineError(f"it is in {what}")
    return f"{url} {stat.modified.isoformat()} {stat.size}"


def _of_path(path: Path) -> str:
    if not path.is_dir():
        return _of_file(str(path))
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            full = os.path.join(folder, name)
            relative = os.path.relpath(full, path)
            digest.update(f"{relative}\0{_of_file(full)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _of_file(path: str) -> str:
    began = time.time()
    stat = os.stat(path)
    key = (os.path.abspath(path), stat.st_mtime_ns, stat.st_size)
    found = _files.get(key)
    if found is None:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        found = digest.hexdigest()[:32]
        if stat.st_mtime < began - _RACY and len(_files) < _KEPT:
            _files[key] = found
    return found
