"""The manifest of a project's archive: what is in it, checked before anything is taken from it."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from mlrun_like.artifacts.stores import read_chunks
from mlrun_like.errors import IntegrityError, InvalidArgumentError
from mlrun_like.projects.bundle import FORMAT, VERSION, Tell

__all__ = ["read_manifest", "unpack"]

_MAX_MEMBERS = 1_000_000
_MAX_MANIFEST = 256 * 2**20
_TABLES = ("functions.jsonl", "artifacts.jsonl", "runs.jsonl", "metrics.jsonl", "steps.jsonl")


def read_manifest(file: zipfile.ZipFile, path: Path, max_bytes: int) -> dict[str, Any]:
    """The list of members, checked against what is in the archive.

    Raises:
        InvalidArgumentError: if it is no archive of a project, is too large, or would do harm.
        IntegrityError: if a member is missing or unknown.
    """
    infos = file.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise InvalidArgumentError(f"the archive has {len(infos)} members", where=str(path))
    found = {info.filename: info for info in infos}
    if len(found) < len(infos):
        raise InvalidArgumentError("the archive names a member twice", where=str(path))
    info = found.pop("manifest.json", None)
    if info is None or info.file_size > _MAX_MANIFEST:
        raise InvalidArgumentError(
            "the archive is none of a project: it has no manifest.json",
            where=str(path),
            fix="`mlrun-like projects export` makes one; a zip of a folder is for load_project",
        )
    try:
        with file.open(info) as stream:
            manifest = json.loads(stream.read(_MAX_MANIFEST))
        members = manifest["members"]
        rows = [(str(k), int(v["size"]), str(v["sha256"])) for k, v in members.items()]
        form, version = manifest["format"], int(manifest["version"])
        str(manifest["project"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise InvalidArgumentError(
            f"the archive's manifest is damaged: {type(exc).__name__}", where=str(path)
        ) from exc
    if form != FORMAT or version > VERSION:
        raise InvalidArgumentError(
            f"the archive is a {form!r} of version {version}; this reads {FORMAT!r} up to version "
            f"{VERSION}",
            where=str(path),
            fix="upgrade mlrun-like" if form == FORMAT else "",
        )
    unknown, lost = sorted(set(found) - set(members)), sorted(set(members) - set(found))
    if unknown or lost:
        text = f"{unknown[0]!r} is not in its manifest" if unknown else f"{lost[0]!r} is missing"
        raise IntegrityError(f"the archive is damaged: member {text}", where=str(path))
    if any(size < 0 for _, size, _ in rows) or sum(size for _, size, _ in rows) > max_bytes:
        raise InvalidArgumentError(
            f"the archive unpacks to more than {max_bytes} bytes", where=str(path)
        )
    for member, _, _ in rows:
        _check_member(member, found[member], path)
    return dict(manifest)


def _check_member(name: str, info: zipfile.ZipInfo, path: Path) -> None:
    parts = PurePosixPath(name).parts
    known = name in ("project.yaml", *_TABLES) or (
        len(parts) > 1 and parts[0] in ("context", "data", "logs")
    )
    file_type = (info.external_attr >> 16) & 0o170000
    harmful = (
        name.startswith("/")
        or ".." in parts
        or "\\" in name
        or "\0" in name
        or (os.name == "nt" and ":" in name)
        or name != "/".join(parts)
        or file_type not in (0, 0o100000)
    )
    if harmful or not known:
        raise InvalidArgumentError(
            f"archive member {name!r} is not one that a project's archive may hold",
            where=str(path),
            fix="do not use this archive: it was not made by `mlrun-like projects export`",
        )


def unpack(
    file: zipfile.ZipFile, members: dict[str, Any], folder: Path, path: Path, tell: Tell
) -> None:
    """Write every member below a new folder, and compare sizes and digests on the way.

    Args:
        file: The archive.
        members: Those of its manifest.
        folder: The new folder.
        path: Where the archive is, for errors.
        tell: Hears how far it is; may raise to stop it.

    Raises:
        IntegrityError: if a member differs from its digest.
    """
    for number, (name, row) in enumerate(members.items()):
        place = folder.joinpath(*PurePosixPath(name).parts)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            size, digest = 0, hashlib.sha256()
            with file.open(name) as stream, place.open("xb") as copy:
                for chunk in read_chunks(stream):
                    size += len(chunk)
                    tell(number, len(members), f"unpacking {name}")
                    if size > int(row["size"]):
                        break
                    digest.update(chunk)
                    copy.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as exc:
            raise InvalidArgumentError(
                f"archive members stand in each other's way at {name!r}", where=str(path)
            ) from exc
        if size != int(row["size"]) or digest.hexdigest() != row["sha256"]:
            raise IntegrityError(
                f"the archive is damaged: member {name!r} differs from its digest", where=str(path)
            )
