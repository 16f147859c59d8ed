"""An artifact as a file to hand on: its record, or a zip of the record and the bytes.

The zip is laid out as MLRun's: `_spec.yaml`, `_body` (of a folder `_body/<name>` for each file),
and one member for each file of the extra data.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.stores import open_file_store, redact, scheme_of
from mlrun_like.errors import InvalidArgumentError, MissingFileError

__all__ = ["export_artifact", "unpack_artifact"]

_RECORD, _BODY = "_spec.yaml", "_body"
_MAX_RECORD = 16 * 2**20
_MAX_BYTES = 64 * 2**30
_MAX_MEMBERS = 100_000
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def export_artifact(artifact: Artifact, target: str, with_extra_data: bool = True) -> None:
    """Write an artifact's record, or with its bytes.

    Args:
        artifact: The artifact.
        target: A `.yaml`, `.json` or `.zip` file, at a path or URL.
        with_extra_data: Of a zip: whether files of its extra data go along.

    Raises:
        InvalidArgumentError: if the suffix is another one.
        NotFoundError: if bytes that a zip shall hold are not there.
    """
    suffix = Path(target).suffix.lower()
    document = artifact.to_dict()
    if suffix == ".zip":
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "artifact.zip")
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as made:
                _fill(made, artifact, document, with_extra_data)
            open_url(_absolute(target)).upload(file)
        return
    if suffix in (".yaml", ".yml"):
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    elif suffix == ".json":
        text = json.dumps(document)
    else:
        raise InvalidArgumentError(
            f"an artifact cannot be written as {suffix or target!r}",
            where=redact(target),
            fix="use .yaml or .json for the record, .zip for the record and the bytes",
        )
    open_url(_absolute(target)).put(text)


def unpack_artifact(archive: str, folder: str | Path) -> tuple[dict[str, Any], str, dict[str, str]]:
    """Read a zip that `export_artifact` (or MLRun) wrote.

    Args:
        archive: The zip file, at a path or URL.
        folder: An empty folder for the bytes.

    Returns:
        The record, the path of its bytes (empty: there are none) and those of its extra data.

    Raises:
        MissingFileError: if there is no such file.
        InvalidArgumentError: if it is no such archive, or was made to do harm.
    """
    item, top = open_url(_absolute(archive)), Path(folder)
    if not item.exists():
        raise MissingFileError("there is no such archive of an artifact", where=redact(archive))
    try:
        with zipfile.ZipFile(item.local()) as file:
            return _read(file, top)
    except _BROKEN as exc:
        if isinstance(exc, InvalidArgumentError):
            raise
        raise InvalidArgumentError(
            f"the archive of an artifact cannot be read: {str(exc)[:200] or type(exc).__name__}",
            where=redact(archive),
        ) from exc


def _fill(
    archive: zipfile.ZipFile, artifact: Artifact, document: dict[str, Any], with_extra_data: bool
) -> None:
    if artifact.spec.inline is None and artifact.target_path:
        place, path = open_file_store(artifact.target_path)
        if place.stat(path).is_dir:
            for name, inner in place.walk(path):
                _add(archive, f"{_BODY}/{name}", DataItem("", place, inner).chunks())
        else:
            _add(archive, _BODY, artifact.to_dataitem().chunks())
    kept = {}
    for key, place in artifact.spec.extra_data.items() if with_extra_data else ():
        if isinstance(place, str) and scheme_of(place) != "store" and not key.startswith("_"):
            full = place if _is_absolute(place) else f"{artifact.target_path.rstrip('/')}/{place}"
            found = open_url(full)
            if found.exists() and not found.isdir():
                _add(archive, key, found.chunks())
                kept[key] = key
    spec = dict(document.get("spec") or {})
    if with_extra_data and artifact.spec.extra_data:
        spec["extra_data"] = {**artifact.spec.extra_data, **kept}
    text = yaml.safe_dump({**document, "spec": spec}, sort_keys=False, allow_unicode=True)
    archive.writestr(_RECORD, text)


def _add(archive: zipfile.ZipFile, name: str, chunks: Iterable[bytes]) -> None:
    with archive.open(name, "w", force_zip64=True) as member:
        for chunk in chunks:
            member.write(chunk)


def _read(file: zipfile.ZipFile, top: Path) -> tuple[dict[str, Any], str, dict[str, str]]:
    infos = {info.filename: info for info in file.infolist() if not info.is_dir()}
    record = infos.pop(_RECORD, None)
    if record is None or record.file_size > _MAX_RECORD:
        raise InvalidArgumentError(
            f"the archive is none of an artifact: it has no {_RECORD}",
            fix="artifact.export('x.zip') makes one",
        )
    if len(infos) > _MAX_MEMBERS or sum(info.file_size for info in infos.values()) > _MAX_BYTES:
        raise InvalidArgumentError("the archive of an artifact unpacks to too much")
    try:
        document = yaml.safe_load(file.read(record).decode())
    except (yaml.YAMLError, RecursionError) as exc:
        raise InvalidArgumentError(f"the record in the archive is damaged: {exc}") from exc
    if not isinstance(document, dict):
        raise InvalidArgumentError("the record in the archive is no mapping")
    extra = {}
    for name, info in infos.items():
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name or name != "/".join(parts):
            raise InvalidArgumentError(
                f"archive member {name!r} would be written outside of its folder",
                fix="do not use this archive",
            )
        place = top.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        left = info.file_size
        with file.open(info) as stream, place.open("xb") as copy:
            while chunk := stream.read(1 << 20):
                left -= len(chunk)
                if left < 0:
                    raise InvalidArgumentError(f"archive member {name!r} is larger than it says")
                copy.write(chunk)
        if parts[0] != _BODY:
            extra[name] = str(place)
    body = top / _BODY
    return document, str(body) if body.exists() else "", extra


def _absolute(path: str) -> str:
    return path if scheme_of(path) else os.path.abspath(path)


def _is_absolute(path: str) -> bool:
    return bool(scheme_of(path)) or os.path.isabs(path)
