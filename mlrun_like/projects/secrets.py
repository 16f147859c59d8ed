"""Secrets of projects: where they are kept, and how they stay out of what is shown."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config, environment_copy
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.names import check_project
from mlrun_like.registry import load
from mlrun_like.runs.secrets import mask
from mlrun_like.tracking.meant import meant_address

__all__ = ["EnvSecrets", "FileSecrets", "SecretProvider", "Secrets", "masked", "provider_of"]

_PREFIXES = ("MLRUN_LIKE_SECRET__", "MLRUN_K8S_SECRET__")
_ALIASES = {"": "", "kubernetes": "", "k8s": ""}
"""MLRun's names for "wherever this installation keeps them"."""


class Secrets(Mapping[str, str]):
    """Secrets by name; what is printed of them are their names.

    >>> Secrets({"TOKEN": "abcdef"})
    <secrets: TOKEN>
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<secrets: {', '.join(sorted(self._values)) or 'none'}>"


class SecretProvider(ABC):
    """Where secrets of projects are kept. Others register in the group `secret_providers`."""

    @abstractmethod
    def read(self, project: str) -> Mapping[str, str]:
        """All secrets of a project; empty if there are none."""

    @abstractmethod
    def write(self, project: str, values: Mapping[str, str | None]) -> None:
        """Add or replace secrets; None removes one. Others stay."""


class FileSecrets(SecretProvider):
    """A file per project below the home folder that only its owner can read."""

    def read(self, project: str) -> Mapping[str, str]:
        """See SecretProvider.

        Raises:
            ConflictError: if others may read the file.
            InvalidArgumentError: if it is damaged.
        """
        path = self._path(project)
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return Secrets({})
        with os.fdopen(handle, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise ConflictError(
                    "other users may read the file with the project's secrets",
                    where=str(path),
                    fix=f"chmod 600 {path}, and renew what is in it",
                )
            try:
                values = json.load(file)
            except ValueError as exc:
                # the parser's own message would show a part of the file
                raise _damaged(path) from exc
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            raise _damaged(path)
        return Secrets(values)

    def write(self, project: str, values: Mapping[str, str | None]) -> None:
        """See SecretProvider. A reader sees the old file or the new one."""
        path = self._path(project)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock(path):
            changed: dict[str, str | None] = {**self.read(project), **values}
            kept = {name: value for name, value in changed.items() if value is not None}
            if not kept:
                path.unlink(missing_ok=True)
                return
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(kept, file)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise

    @staticmethod
    def _path(project: str) -> Path:
        return config.path("secrets", f"{check_project(project)}.json")

    @staticmethod
    @contextlib.contextmanager
    def _lock(path: Path) -> Iterator[None]:
        """Two writers of one project wait for each other."""
        handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


class EnvSecrets(SecretProvider):
    """Variables `MLRUN_LIKE_SECRET__<NAME>` (also MLRun's `MLRUN_K8S_SECRET__<NAME>`), which all
    projects share; they cannot be changed from here."""

    def read(self, project: str) -> Mapping[str, str]:
        """See SecretProvider."""
        del project
        environ = environment_copy()
        found = {}
        for prefix in reversed(_PREFIXES):
            found.update({k[len(prefix) :]: v for k, v in environ.items() if k.startswith(prefix)})
        return Secrets(found)

    def write(self, project: str, values: Mapping[str, str | None]) -> None:
        """Raises ConflictError."""
        raise ConflictError(
            "secrets that are environment variables cannot be changed from here",
            where=f"project {project!r}, setting secret_provider",
            fix=f"export {_PREFIXES[0]}{next(iter(values), 'TOKEN')}=..., or secret_provider=file",
        )


def provider_of(name: str | None = "") -> SecretProvider:
    """A provider by its name; empty (and MLRun's `kubernetes`): what the setting says.

    Raises:
        UnknownNameError: if there is none of that name.
    """
    name = name or ""
    provider: SecretProvider = load("secret_providers", _ALIASES.get(name, name) or _usual())()
    return provider


def _usual() -> str:
    """What the setting says; if nobody set it, who has a service keeps secrets there."""
    value, origin = config.explain("secret_provider")
    remote = meant_address().lower().startswith(("http://", "https://"))
    return "service" if origin == "default" and remote else str(value)


def masked(value: Any, secrets: Mapping[str, str]) -> Any:
    """Plain data with the values of secrets hidden in every text.

    >>> masked({"url": ["https://abcdef@host"]}, {"TOKEN": "abcdef"})
    {'url': ['https://***@host']}
    """
    if not secrets:
        return value
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, Mapping):
        return {key: masked(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, secrets) for item in value]
    return value


def _damaged(path: Path) -> InvalidArgumentError:
    return InvalidArgumentError(
        "the file with the project's secrets is damaged",
        where=str(path),
        fix="remove it and set the secrets anew",
    )
