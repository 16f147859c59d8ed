"""Documents in ConfigMaps and Secrets: plain text while it fits, else packed and in parts.

Kubernetes takes at most 1 MiB of data in one ConfigMap or Secret (API reference, core/v1). A
document that is larger is compressed and cut; a projected volume puts the parts into one folder.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MissingFileError

__all__ = [
    "FUNCTION",
    "LARGEST_PART",
    "MOST_PARTS",
    "PAYLOAD",
    "config_maps",
    "projected_volume",
    "read_document",
    "secrets",
    "split_document",
]

FUNCTION, PAYLOAD = "function.yaml", "payload.json"
LARGEST_PART = 900_000
"""Bytes: below 1 MiB with room for the names."""
MOST_PARTS = 12
_PACKED = ".gz."


def split_document(name: str, text: str) -> dict[str, bytes]:
    """The files that hold a document: itself, or the parts of its compressed form.

    Args:
        name: Its file name.
        text: Its content.

    Raises:
        InvalidArgumentError: if it is too large even so.

    >>> split_document("a.txt", "hello")
    {'a.txt': b'hello'}
    """
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= LARGEST_PART:
        return {name: data}
    packed = gzip.compress(data, 6, mtime=0)
    parts = [packed[at : at + LARGEST_PART] for at in range(0, len(packed), LARGEST_PART)]
    if len(parts) > MOST_PARTS:
        raise InvalidArgumentError(
            f"{name} is {len(packed) / 1e6:.1f} MB after compression, more than "
            f"{MOST_PARTS * LARGEST_PART / 1e6:.1f} MB that are sent to a cluster this way",
            fix="put data and large parameters into artifacts, and code into a package that the "
            "image holds",
        )
    return {f"{name}{_PACKED}{number:02}": part for number, part in enumerate(parts)}


def read_document(folder: Path, name: str) -> str:
    """Put a document together from its files.

    Raises:
        MissingFileError: if it, or a part of it, is not there.
        InvalidArgumentError: if it is damaged.
    """
    whole = folder / name
    if whole.is_file():
        return whole.read_bytes().decode("utf-8", "surrogatepass")
    parts = sorted(folder.glob(f"{name}{_PACKED}*"))
    if not parts or [part.name[-2:] for part in parts] != [f"{n:02}" for n in range(len(parts))]:
        raise MissingFileError(
            f"{name} is not in the pod, or only in part",
            where=str(folder),
            fix="submit the run again; its ConfigMap or Secret was changed from outside",
        )
    try:
        packed = b"".join(part.read_bytes() for part in parts)
        return gzip.decompress(packed).decode("utf-8", "surrogatepass")
    except (OSError, EOFError, ValueError) as exc:
        raise InvalidArgumentError(f"{name} is damaged: {exc}", where=str(folder)) from exc


def config_maps(files: Mapping[str, bytes], metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """ConfigMaps that hold files.

    Args:
        files: Name -> content.
        metadata: Of the first; the others have a number behind its name.
    """
    found = []
    for meta, part in _numbered(files, metadata):
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
        texts = {name: data.decode() for name, data in part.items() if _PACKED not in name}
        if texts:
            body["data"] = texts
        packed = {name: _base64(data) for name, data in part.items() if _PACKED in name}
        if packed:
            body["binaryData"] = packed
        found.append({**body, "immutable": True})
    return found


def secrets(files: Mapping[str, bytes], metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Secrets that hold files; see `config_maps`."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": meta,
            "type": "Opaque",
            "data": {name: _base64(data) for name, data in part.items()},
            "immutable": True,
        }
        for meta, part in _numbered(files, metadata)
    ]


def projected_volume(
    name: str, holders: Sequence[Mapping[str, Any]], only: Sequence[str] = ()
) -> dict[str, Any]:
    """A volume with the files of several ConfigMaps and Secrets in one folder.

    Args:
        name: The volume's name.
        holders: The objects.
        only: Prefixes of the files that are wanted; empty: all.
    """
    sources = []
    for holder in holders:
        row: dict[str, Any] = {"name": holder["metadata"]["name"]}
        if only:
            keys = [*holder.get("data", {}), *holder.get("binaryData", {})]
            row["items"] = [
                {"key": key, "path": key} for key in keys if key.startswith(tuple(only))
            ]
            if not row["items"]:
                continue
        sources.append({"secret" if holder["kind"] == "Secret" else "configMap": row})
    return {"name": name, "projected": {"sources": sources}}


def _numbered(
    files: Mapping[str, bytes], metadata: Mapping[str, Any]
) -> list[tuple[dict[str, Any], dict[str, bytes]]]:
    """Files in groups below the limit, each group with its metadata."""
    groups: list[dict[str, bytes]] = [{}]
    for name, data in files.items():
        held = sum(len(item) for item in groups[-1].values())
        if groups[-1] and held + len(data) > LARGEST_PART:
            groups.append({})
        groups[-1][name] = data
    found = []
    for number, group in enumerate(groups):
        name = metadata["name"] + (f"-{number + 1}" if number else "")
        found.append(({**metadata, "name": name}, group))
    return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
