"""Kubernetes' volumes and mounts as mounts of a container on this machine."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.runtimes.container.objects import FOLDERS, object_files, write_files
from mlrun_like.runtimes.container.user import read_key
from mlrun_like.specs.values import parse_memory

__all__ = ["Mount", "mount_options", "volume_mounts"]

_SOURCES = ("hostPath", "emptyDir", "persistentVolumeClaim", *FOLDERS)
_MADE = ("DirectoryOrCreate", "FileOrCreate")


class Mount(NamedTuple):
    """One place inside the container.

    Args:
        target: Absolute path inside.
        source: Path here, or a volume's name; empty: memory.
        read_only: Whether it cannot be written.
        kind: `bind`, `volume` or `tmpfs`.
        size: Bytes of memory; 0: the tool's default.
    """

    target: str
    source: str = ""
    read_only: bool = False
    kind: str = "bind"
    size: int = 0

    def option(self) -> str:
        """The value of `--mount`: fields as in a line of a CSV file, so any path can be written.

        >>> Mount("/data", "/tmp/a,b", read_only=True).option()
        'type=bind,"source=/tmp/a,b",target=/data,readonly'
        """
        fields = [f"type={self.kind}"]
        if self.source:
            fields.append(f"source={self.source}")
        fields.append(f"target={self.target}")
        if self.size:
            fields.append(f"tmpfs-size={self.size}")
        if self.read_only:
            fields.append("readonly")
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(fields)
        return line.getvalue()


def mount_options(mounts: Iterable[Mount]) -> list[str]:
    """The options for mounts: outer ones first; of two at one place the later wins."""
    by_target = {mount.target: mount for mount in mounts}
    ordered = sorted(by_target.values(), key=lambda m: len(PurePosixPath(m.target).parts))
    return [part for mount in ordered for part in ("--mount", mount.option())]


def volume_mounts(
    volumes: Iterable[Mapping[str, Any]],
    mounts: Iterable[Mapping[str, Any]],
    folder: Path | None = None,
    secrets: Mapping[str, str] | None = None,
) -> list[Mount]:
    """A function's volumes, where they are mounted.

    Args:
        volumes: `spec.volumes` in Kubernetes' form: hostPath, emptyDir, persistentVolumeClaim (a
            named volume of the tool), secret, configMap (files in the home folder).
        mounts: `spec.volume_mounts`.
        folder: Private folder for files that are made; None: only check.
        secrets: Secrets given with the run.

    Raises:
        InvalidArgumentError: if one is malformed or there is no such thing on one machine.
        MissingFileError: if a path, secret or config map is not there.
    """
    by_name = {str(volume.get("name")): volume for volume in volumes}
    made = []
    for number, mount in enumerate(mounts):
        name = str(mount.get("name") or "")
        target = str(read_key(mount, "mountPath") or "")
        if not target.startswith("/"):
            raise InvalidArgumentError(
                f"volume {name!r} is mounted at {target!r}, which is not an absolute path",
                where=f"spec.volume_mounts[{number}]",
                fix='{"name": ..., "mountPath": "/data"}',
            )
        if name not in by_name:
            raise InvalidArgumentError(
                f"volume mount {target!r} names the volume {name!r}, which there is not",
                where=f"spec.volume_mounts[{number}]",
                fix=f"volumes are: {', '.join(sorted(by_name)) or 'none'}",
            )
        reader = _Volume(name, by_name[name], folder, secrets or {})
        made.append(reader.mount(target, mount))
    return made


class _Volume:
    def __init__(
        self, name: str, volume: Mapping[str, Any], folder: Path | None, secrets: Mapping[str, str]
    ) -> None:
        if name in (".", "..") or "/" in name:
            raise InvalidArgumentError(f"{name!r} is not a volume's name", where="spec.volumes")
        self._name = name
        self._folder = folder
        self._secrets = secrets
        for kind in _SOURCES:
            source = read_key(volume, kind)
            if source is not None:
                self._kind, self._source = kind, dict(source)
                return
        other = sorted(key for key in volume if key != "name" and volume[key] is not None)
        raise InvalidArgumentError(
            f"volume {name!r} is of kind {', '.join(other) or 'none'}, "
            "which a container on one machine cannot have",
            where="spec.volumes",
            fix=f"use one of: {', '.join(_SOURCES)}",
        )

    def mount(self, target: str, mount: Mapping[str, Any]) -> Mount:
        """The volume at one place."""
        read_only = bool(read_key(mount, "readOnly") or read_key(self._source, "readOnly"))
        below = str(read_key(mount, "subPath") or "")
        if ".." in PurePosixPath(below).parts or below.startswith("/"):
            raise InvalidArgumentError(
                f"subPath {below!r} leads out of volume {self._name!r}", where="spec.volume_mounts"
            )
        if self._kind == "hostPath":
            return Mount(target, self._host_path(below), read_only)
        if self._kind == "persistentVolumeClaim":
            return self._claim(target, below, read_only)
        if self._kind == "emptyDir":
            return self._empty(target, below, read_only)
        files = object_files(self._kind, self._source, self._secrets)
        if below and below not in files:
            raise MissingFileError(
                f"volume {self._name!r} has no file {below!r}",
                where="spec.volume_mounts",
                fix=f"its files are: {', '.join(sorted(files)) or 'none'}",
            )
        made = self._made()
        if self._folder is not None:
            write_files(made, files)
        return Mount(target, str(made / below), True)

    def _host_path(self, below: str) -> str:
        path = Path(str(self._source.get("path") or "")).expanduser() / below
        if not path.is_absolute():
            raise InvalidArgumentError(
                f"hostPath {str(path)!r} of volume {self._name!r} is not absolute",
                where="spec.volumes",
            )
        if not path.exists():
            if self._source.get("type") not in _MADE:
                raise MissingFileError(
                    f"hostPath {str(path)!r} of volume {self._name!r} does not exist",
                    where="spec.volumes",
                    fix=f"mkdir -p {path}, or give the volume the type DirectoryOrCreate",
                )
            if self._folder is not None:
                path.mkdir(parents=True, exist_ok=True)
        return str(path)

    def _claim(self, target: str, below: str, read_only: bool) -> Mount:
        if below:
            raise InvalidArgumentError(
                f"subPath {below!r} of the claim {self._name!r} cannot be mounted by podman or "
                "docker",
                where="spec.volume_mounts",
                fix="mount the whole claim, or use hostPath",
            )
        name = str(read_key(self._source, "claimName") or self._name)
        return Mount(target, name, read_only, "volume")

    def _empty(self, target: str, below: str, read_only: bool) -> Mount:
        limit = read_key(self._source, "sizeLimit")
        if self._source.get("medium") == "Memory":
            size = parse_memory(limit) if limit is not None else 0
            return Mount(target, "", read_only, "tmpfs", size)
        made = self._made() / below
        if self._folder is not None:
            made.mkdir(parents=True, exist_ok=True)
        return Mount(target, str(made), read_only)

    def _made(self) -> Path:
        return (self._folder or Path("/nowhere")) / "volumes" / self._name
