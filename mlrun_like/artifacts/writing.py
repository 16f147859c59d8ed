"""Puts an artifact's bytes where they belong and notes size and digests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import yaml

from mlrun_like.artifacts.base import Artifact, assign
from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.digests import Digest, combine
from mlrun_like.artifacts.model import MODEL_SPEC, ModelArtifact
from mlrun_like.artifacts.stores import join_url, scheme_of
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "add_files",
    "copy_folder",
    "measure",
    "note",
    "write",
    "write_extra_data",
    "write_model_spec",
]


def write(artifact: Artifact, target: str) -> None:
    """Write body or source to the target and fill in size, hash and digest.

    Raises:
        InvalidArgumentError: if the source is not there.
    """
    if isinstance(artifact, ModelArtifact):
        _write_model(artifact, target)
        return
    writer = artifact.__dict__.get("_writer")
    if writer is not None:  # it makes a folder by itself, perhaps from other machines
        _set_folder(artifact, writer.write(target))
        return
    content = artifact.content()
    source = artifact.spec.src_path
    if content is None and os.path.isdir(source):
        _set_folder(artifact, copy_folder(source, target))
        return
    item = open_url(target)
    digest = Digest()
    if isinstance(content, tuple):  # one piece, which is there already
        data = b"".join(content)
        digest.of(data)
        item.put(data)
    elif content is not None:
        item.write(digest.passing(content))
    else:
        item.write(digest.passing(_file(source).chunks()))
    note(artifact, digest)


def measure(artifact: Artifact) -> None:
    """Note size and digests of a source that stays where it is."""
    source = artifact.spec.src_path
    if isinstance(artifact, ModelArtifact):
        names = [artifact.spec.model_file] if artifact.spec.model_file else []
        found = {name: os.path.join(source, name) for name in names}
        files = {
            n: _digest(DataItem.chunks(_file(p))) for n, p in found.items() if os.path.isfile(p)
        }
        _set_folder(artifact, files)
    elif os.path.isdir(source):
        _set_folder(artifact, _folder_digests(source))
    elif os.path.isfile(source):
        note(artifact, _digest(_file(source).chunks()))


def _digest(chunks: Any) -> Digest:
    digest = Digest()
    for _ in digest.passing(chunks):
        pass
    return digest


def _folder_digests(source: str) -> dict[str, Digest]:
    folder = _file(source)
    return {
        name: _digest(DataItem("", folder.store, path).chunks())
        for name, path in folder.store.walk(source)
    }


def _file(path: str) -> DataItem:
    return open_url(os.path.abspath(path))


def copy_folder(source: str, target: str) -> dict[str, Digest]:
    """Copy a folder of this machine; returns the digest of each file."""
    folder, digests = _file(source), {}
    for name, path in folder.store.walk(os.path.abspath(source)):
        digest = digests[name] = Digest()
        chunks = DataItem("", folder.store, path).chunks()
        open_url(join_url(target, name)).write(digest.passing(chunks))
    return digests


def note(artifact: Artifact, digest: Digest) -> None:
    """Record size, hash and digest of the bytes that passed."""
    assign(artifact.spec, size=digest.size, digest=digest.sha256)
    assign(artifact.metadata, hash=digest.sha1)


def _set_folder(artifact: Artifact, files: Mapping[str, Digest]) -> None:
    artifact.spec.size = sum(one.size for one in files.values())
    artifact.spec.digest = combine({name: one.sha256 for name, one in files.items()})
    artifact.metadata.hash = combine({name: one.sha1 for name, one in files.items()})
    if isinstance(artifact, ModelArtifact):
        artifact.status["files"] = {name: one.sha256 for name, one in sorted(files.items())}


def add_files(artifact: ModelArtifact, files: Mapping[str, Digest]) -> None:
    """Note further files of a model that is already recorded."""
    known = artifact.status.get("files")
    if not isinstance(known, dict) or not files:
        return
    known.update({name: one.sha256 for name, one in files.items()})
    artifact.spec.size = (artifact.spec.size or 0) + sum(one.size for one in files.values())
    artifact.spec.digest = combine(known)


def _write_model(artifact: ModelArtifact, target: str) -> None:
    spec, files = artifact.spec, {}
    content = artifact.content()
    source = os.path.join(spec.src_path, spec.model_file) if spec.model_file else spec.src_path
    if content is not None:
        digest = files[spec.model_file] = Digest()
        open_url(join_url(target, spec.model_file)).write(digest.passing(content))
    elif os.path.isdir(source):
        inner = copy_folder(source, join_url(target, spec.model_file))
        prefix = f"{spec.model_file}/" if spec.model_file else ""
        files.update({prefix + name: digest for name, digest in inner.items()})
    else:
        name = os.path.basename(spec.model_file)
        digest = files[name] = Digest()
        open_url(join_url(target, name)).write(digest.passing(_file(source).chunks()))
        spec.model_file = name
    files.update(write_extra_data(artifact, artifact.__dict__.get("extra", {}), target))
    _set_folder(artifact, files)


def write_extra_data(
    artifact: Artifact, extra: Mapping[str, Any], target: str, prefix: str = ""
) -> dict[str, Digest]:
    """Write a model's further files next to it; URLs and artifacts are only noted.

    Raises:
        InvalidArgumentError: if a name or value cannot be used.
    """
    files: dict[str, Digest] = {}
    for key, value in extra.items():
        name = f"{prefix}{key}"
        if isinstance(value, Artifact):
            artifact.spec.extra_data[name] = value.uri
            continue
        if isinstance(value, str):
            path = os.path.join(artifact.spec.src_path, value) if not scheme_of(value) else ""
            if not path or not os.path.isfile(path):
                artifact.spec.extra_data[name] = value
                continue
            relative, chunks = os.path.basename(value), _file(path).chunks()
        elif isinstance(value, (bytes, bytearray, memoryview)):
            relative, chunks = name, iter((bytes(value),))
        elif value is None or isinstance(value, (int, float, bool)):
            artifact.spec.extra_data[name] = value
            continue
        else:
            raise InvalidArgumentError(
                f"extra_data {name!r} cannot be a {type(value).__name__}",
                fix="give bytes, a path, a URL or an artifact",
            )
        if not relative or relative in (".", "..", MODEL_SPEC) or "/" in relative:
            raise InvalidArgumentError(f"extra_data {name!r} is not usable as a file name")
        digest = files[relative] = Digest()
        open_url(join_url(target, relative)).write(digest.passing(chunks))
        artifact.spec.extra_data[name] = relative
    return files


def write_model_spec(artifact: Artifact, target: str) -> None:
    """Write `model_spec.yaml`, the record without its tag, so the folder explains itself."""
    document = artifact.to_dict()
    document.get("metadata", {}).pop("tag", None)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    open_url(join_url(target, MODEL_SPEC)).put(text)
