"""What is deployed, in files: a function each, whole or not at all."""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.gateway.deployment import Deployment
from mlrun_like.gateway.places import write_private

__all__ = ["DeploymentFiles", "check_key"]

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


class DeploymentFiles:
    """The state files below `<home>/functions`.

    Args:
        home: The gateway's folder.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "functions"
        self.set_aside: list[str] = []
        """Files that could not be read, and why, since this object was made."""

    def path(self, key: str) -> Path:
        """The file of a deployed function.

        Raises:
            InvalidArgumentError: if the key is none.
        """
        project, name = check_key(key)
        return self._folder / project / f"{name}.json"

    def load(self) -> dict[str, Deployment]:
        """All that is deployed, by key.

        A file that cannot be understood is renamed to `<name>.json.broken` and told in
        `set_aside`; the other functions are not touched by it.
        """
        found: dict[str, Deployment] = {}
        if not self._folder.is_dir():
            return found
        for left in self._folder.glob("*/.*.tmp"):  # a writer was killed half-way
            left.unlink(missing_ok=True)
        for path in sorted(self._folder.glob("*/*.json")):
            try:
                deployment = _read(path)
            except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as x:
                self._put_aside(path, x)
                continue
            found[deployment.key] = deployment
        return found

    def save(self, deployment: Deployment) -> None:
        """Write a function's file.

        Raises:
            InvalidArgumentError: if its name cannot be one of a file.
            StoreUnavailableError: if it cannot be written.
        """
        write_private(self.path(deployment.key), json.dumps(deployment.to_dict(), default=str))

    def delete(self, key: str) -> None:
        """Remove a function's file, if it is there."""
        path = self.path(key)
        try:
            path.unlink(missing_ok=True)
            os.rmdir(path.parent)
        except FileNotFoundError:
            pass
        except OSError as exc:
            if path.exists():
                raise StoreUnavailableError(
                    f"a deployed function cannot be forgotten: {exc}", where=str(path)
                ) from exc

    def _put_aside(self, path: Path, exc: Exception) -> None:
        broken = path.with_name(f"{path.name}.broken")
        told = f"{path} cannot be read ({type(exc).__name__}: {exc!s:.200})"
        try:
            os.replace(path, broken)
        except OSError:
            told += " and not be renamed"
        else:
            told += f" and is now {broken.name}; deploy the function again"
        self.set_aside.append(told)
        _log.error("%s", told)


def _read(path: Path) -> Deployment:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST >> 20} MiB")
    data = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ValueError("it holds no mapping")
    deployment = Deployment.from_dict(data)
    if deployment.key != f"{path.parent.name}/{path.stem}":
        raise ValueError(f"it says that it is of {deployment.key!r}")
    if not deployment.versions or not all(isinstance(n, int) for n in deployment.versions):
        raise ValueError("it holds no version")
    missing = [s.version for s in deployment.traffic if s.version not in deployment.versions]
    if missing:
        raise ValueError(f"traffic goes to version {missing[0]}, which is not there")
    return deployment
