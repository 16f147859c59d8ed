"""Secrets and config maps on one machine: a folder for each, a file for each of its keys.

What a cluster keeps as the secret `S` with the key `K` is the file `secrets/S/K` in the home
folder here; config maps are in `configmaps`. A secret's key may also be given with the run, or be
the variable `K` or `MLRUN_K8S_SECRET__K`, as for `context.get_secret`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config, environment
from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.runs.secrets import find_secret
from mlrun_like.runtimes.container.user import read_key

__all__ = ["FOLDERS", "object_files", "object_folder", "referred_value", "write_files"]

FOLDERS = {"secret": "secrets", "configMap": "configmaps"}
_REFERENCES = {"secretKeyRef": "secret", "configMapKeyRef": "configMap"}


def object_folder(kind: str, name: str) -> Path:
    """Where the files of a secret (`"secret"`) or config map (`"configMap"`) are.

    Raises:
        InvalidArgumentError: if the name would lead elsewhere.
    """
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise InvalidArgumentError(f"{name!r} is not the name of a {kind}")
    return config.path(FOLDERS[kind], name)


def object_files(
    kind: str, source: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, bytes]:
    """The files of a volume that is a secret or config map: path -> content.

    Args:
        kind: `"secret"` or `"configMap"`.
        source: The volume's source in Kubernetes' form: name, `items`, `optional`.
        given: Secrets given with the run.

    Raises:
        MissingFileError: if it or one of its keys is not there, and not optional.
    """
    name = str(read_key(source, "secretName") or source.get("name") or "")
    folder = object_folder(kind, name)
    optional = bool(source.get("optional"))
    wanted = {
        str(item.get("key")): str(item.get("path") or item.get("key"))
        for item in source.get("items") or ()
    }
    if not folder.is_dir() and not wanted:
        if optional:
            return {}
        raise _missing(kind, name, "")
    if not wanted:
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    files = {}
    for key, path in wanted.items():
        value = _value(kind, name, key, given)
        if value is not None:
            files[path] = value
        elif not optional:
            raise _missing(kind, name, key)
    return files


def referred_value(
    reference: Mapping[str, Any], given: Mapping[str, str], fields: Mapping[str, str]
) -> str | None:
    """The value that a variable's `valueFrom` refers to; None if it is optional and not there.

    Args:
        reference: In Kubernetes' form: `secretKeyRef`, `configMapKeyRef` or `fieldRef`.
        given: Secrets given with the run.
        fields: What `fieldRef` may name: `metadata.name`, ...

    Raises:
        MissingFileError: if it is not there.
        InvalidArgumentError: if there is no such thing on one machine.
    """
    for form, kind in _REFERENCES.items():
        target = read_key(reference, form)
        if target:
            name, key = str(target.get("name") or ""), str(target.get("key") or "")
            value = _value(kind, name, key, given)
            if value is None and not target.get("optional"):
                raise _missing(kind, name, key)
            return None if value is None else value.decode("utf-8", "surrogateescape")
    field = read_key(reference, "fieldRef") or {}
    path = str(read_key(field, "fieldPath") or "")
    if path in fields:
        return fields[path]
    raise InvalidArgumentError(
        f"a variable refers to {path or dict(reference)!r}, which there is only in a cluster",
        fix=f"use secretKeyRef, configMapKeyRef, or fieldRef with one of {', '.join(fields)}",
    )


def write_files(folder: Path, files: Mapping[str, bytes], mode: int = 0o600) -> None:
    """Write private files below a new folder.

    Raises:
        InvalidArgumentError: if a path leads out of the folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in files.items():
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts:
            raise InvalidArgumentError(f"{name!r} is not a path below a volume")
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=mode)
        path.write_bytes(content)


def _value(kind: str, name: str, key: str, given: Mapping[str, str]) -> bytes | None:
    if not key or "/" in key or key in (".", ".."):
        raise InvalidArgumentError(f"{key!r} is not a key of the {kind} {name!r}")
    if name:
        file = object_folder(kind, name) / key
        if file.is_file():
            return file.read_bytes()
    value = find_secret(key, given) if kind == "secret" else environment(key)
    return None if value is None else value.encode("utf-8", "surrogateescape")


def _missing(kind: str, name: str, key: str) -> MissingFileError:
    folder = object_folder(kind, name) if name else config.path(FOLDERS[kind])
    path = folder / (key or "KEY")
    what = f"key {key!r} of {kind} {name!r}" if key else f"{kind} {name!r}"
    return MissingFileError(
        f"the {what} is not on this machine",
        where=str(folder),
        fix="mkdir -p {0} && printf %s VALUE > {1} && chmod 600 {1}".format(
            *map(shlex.quote, (str(folder), str(path)))
        ),
    )
