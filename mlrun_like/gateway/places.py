"""Where the gateway keeps its files, and how its sockets are found.

functions/<project>/<name>.json   what is deployed
logs/<project>/<name>.log         what functions print
control.sock                      deploying, and requests of triggers
gateway.json                      what runs: process ids, address, version
gateway.log, access.log           what the gateway says; a line for each request
audit.log                         who deployed what
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, StoreUnavailableError

__all__ = ["control_socket", "gateway_home", "log_file", "private_folder", "write_private"]

_LONGEST = 100  # bytes of a Unix socket's path; Linux takes 107


def gateway_home() -> Path:
    """The gateway's folder (not created)."""
    return config.path("gateway")


def log_file(home: Path, key: str) -> Path:
    """The file with what a function printed.

    >>> log_file(Path("/g"), "shop/scorer").as_posix()
    '/g/logs/shop/scorer.log'
    """
    return home / "logs" / f"{key}.log"


def control_socket(home: Path) -> Path:
    """The control API's socket; in a folder for temporary files if the path is too long for one.

    Raises:
        ConflictError: if that folder belongs to somebody else.
    """
    path = home / "control.sock"
    if len(os.fsencode(path)) <= _LONGEST:
        return path
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"mlrun-like-{os.getuid()}"
    if folder.exists() or folder.is_symlink():
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o77:
            raise ConflictError(
                f"the folder of the control socket is not private: {folder}",
                fix=f"rm -r {folder}, or a shorter MLRUN_LIKE_HOME",
            )
    return folder / f"{mark}.sock"


def private_folder(path: Path) -> Path:
    """Make a folder that only this user can look into.

    Raises:
        StoreUnavailableError: if it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise _unwritable(path, exc) from exc
    if not os.access(path, os.W_OK | os.X_OK):
        raise _unwritable(path, PermissionError("it cannot be written to"))
    return path


def write_private(path: Path, text: str) -> None:
    """Write a whole file that only this user can read, or leave the old one as it was.

    Raises:
        StoreUnavailableError: if it cannot be written.
    """
    private_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path, exc) from exc


def _unwritable(path: Path, exc: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the gateway cannot write to its folder: {exc.strerror or exc}",
        where=str(path),
        fix="give this user the folder, or name another one: MLRUN_LIKE_HOME=/path",
    )
