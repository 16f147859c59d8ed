"""What is deployed, in files: a function each, or another thing with a key; whole or not at all."""

from __future__ import annotations

import json
import logging
import os
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.gateway.deployment import Deployment
from mlrun_like.gateway.places import write_private

__all__ = ["DeploymentFiles", "Kept", "StateFiles", "check_key"]

_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_LARGEST = 256 << 20
_log = logging.getLogger("mlrun_like.gateway")


def check_key(key: str) -> tuple[str, str]:
    """Project and name of a key, which becomes a path of a file and of a URL.

    >>> check_key("shop/scorer")
    ('shop', 'scorer')

    Raises:
        InvalidArgumentError: if it is none.
    """
    project, mark, name = key.partition("/")
    if not mark or not _PART.fullmatch(project) or not _PART.fullmatch(name):
        raise InvalidArgumentError(
            f"{key!r:.80} names no deployed function", fix="<project>/<name>, such as shop/scorer"
        )
    return project, name


class Kept(Protocol):
    """What has a file."""

    @property
    def key(self) -> str:
        """`<project>/<name>`."""

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""


K = TypeVar("K", bound=Kept)


class StateFiles(ABC, Generic[K]):
    """Files `<folder>/<project>/<name>.json`.

    Args:
        home: The gateway's folder.
        folder: The folder's name in it.
    """

    def __init__(self, home: Path, folder: str) -> None:
        self._folder = home / folder
        self.set_aside: list[str] = []
        """Files that could not be read, and why, since this object was made."""

    @abstractmethod
    def read(self, data: dict[str, Any]) -> K:
        """What a file says; any of the usual errors if that makes no sense."""

    def path(self, key: str) -> Path:
        """The file of a key.

        Raises:
            InvalidArgumentError: if the key is none.
        """
        project, name = check_key(key)
        return self._folder / project / f"{name}.json"

    def load(self) -> dict[str, K]:
        """All of them, by key.

        A file that cannot be understood is renamed to `<name>.json.broken` and told in
        `set_aside`; the others are not touched by it.
        """
        found: dict[str, K] = {}
        if not self._folder.is_dir():
            return found
        for left in self._folder.glob("*/.*.tmp"):  # a writer was killed half-way
            left.unlink(missing_ok=True)
        for path in sorted(self._folder.glob("*/*.json")):
            try:
                kept = self._read(path)
            except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as x:
                self._put_aside(path, x)
                continue
            found[kept.key] = kept
        return found

    def save(self, kept: K) -> None:
        """Write a file.

        Raises:
            InvalidArgumentError: if its name cannot be one of a file.
            StoreUnavailableError: if it cannot be written.
        """
        write_private(self.path(kept.key), json.dumps(kept.to_dict(), default=str))

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        path = self.path(key)
        try:
            path.unlink(missing_ok=True)
            os.rmdir(path.parent)
        except FileNotFoundError:
            pass
        except OSError as exc:
            if path.exists():
                raise StoreUnavailableError(
                    f"what is deployed cannot be forgotten: {exc}", where=str(path)
                ) from exc

    def _put_aside(self, path: Path, exc: Exception) -> None:
        broken = path.with_name(f"{path.name}.broken")
        told = f"{path} cannot be read ({type(exc).__name__}: {exc!s:.200})"
        try:
            os.replace(path, broken)
        except OSError:
            told += " and not be renamed"
        else:
            told += f" and is now {broken.name}; deploy it again"
        self.set_aside.append(told)
        _log.error("%s", told)

    def _read(self, path: Path) -> K:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST >> 20} MiB")
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError("it holds no mapping")
        kept = self.read(data)
        if kept.key != f"{path.parent.name}/{path.stem}":
            raise ValueError(f"it says that it is of {kept.key!r}")
        return kept


class DeploymentFiles(StateFiles[Deployment]):
    """The files of deployed functions, below `<home>/functions`.

    Args:
        home: The gateway's folder.
    """

    def __init__(self, home: Path) -> None:
        super().__init__(home, "functions")

    def read(self, data: dict[str, Any]) -> Deployment:
        """A deployment, if its versions and shares fit together."""
        deployment = Deployment.from_dict(data)
        if not deployment.versions or not all(isinstance(n, int) for n in deployment.versions):
            raise ValueError("it holds no version")
        missing = [s.version for s in deployment.traffic if s.version not in deployment.versions]
        if missing:
            raise ValueError(f"traffic goes to version {missing[0]}, which is not there")
        return deployment
