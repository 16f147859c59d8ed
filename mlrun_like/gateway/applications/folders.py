"""The folder that a version of an application runs in: its code, unpacked once."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.errors import EngineError
from mlrun_like.gateway.applications.users import User, others_reach
from mlrun_like.gateway.deployment import Version
from mlrun_like.packaging.fetching import fetch_source, is_address

__all__ = ["check_size", "code_folder", "own_folder", "remove_folders", "run_base"]

_DONE = ".complete"
_FILE = re.compile(r"[\w.-]+\.\w+\Z")
_MOST_FILES, _MOST_BYTES = 20_000, 1 << 30


def run_base(home: Path, user: User) -> Path:
    """Where run folders are: in the gateway's folder if the application's user can get there.

    The gateway's folder is closed for others. So as root it is a folder of its own in /var/tmp,
    where each function's folder is open to its group only.
    """
    if not user.uid:
        return home / "applications"
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    base = Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(tempfile.gettempdir())
    folder = base / f"mlrun-like-{os.getuid()}-{mark}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o711)
    found = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or found.st_uid != os.getuid():
        raise EngineError(
            f"the folder for applications belongs to somebody else: {folder}",
            fix=f"rm -r {folder}, or set gateway_user",
        )
    folder.chmod(0o711)
    return folder


def code_folder(home: Path, key: str, version: Version, user: User) -> Path:
    """The folder to run in; code is brought there at the first call for a version.

    Args:
        home: The gateway's folder.
        key: `<project>/<name>`.
        version: Whose code: `with_source_archive`, code of a file, or nothing.
        user: Who shall read and write it.

    Raises:
        EngineError: if the code cannot be brought there, or the working folder does not exist.
    """
    spec = version.document.get("spec") or {}
    build = spec.get("build") or {}
    source = str(build.get("source") or "")
    workdir = version.options.workdir
    code = str(build.get("functionSourceCode") or "")
    if not source and os.path.isabs(workdir):
        return _given(Path(workdir), key, user)
    folder = _version_folder(home, key, version, user)
    inside = folder / "code"
    if not (folder / _DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _open_way(run_base(home, user), folder, user)
        if source:
            inside = _fetch(source, inside, key)
        else:
            inside.mkdir()
        if code:
            _write_code(inside, build, key)
        _give(folder, user)
        (folder / _DONE).write_text(os.path.relpath(inside, folder))
    else:
        inside = folder / (folder / _DONE).read_text()
        if user.uid and folder.stat().st_gid != user.gid:  # the setting was another one
            _give(folder, user)
    found = (inside / workdir).resolve() if workdir else inside
    if not found.is_relative_to(inside.resolve()) or not found.is_dir():
        raise EngineError(
            f"working folder {workdir!r} is not in the application's code",
            where=f"function {key}",
            fix="workdir= of with_source_archive is relative to the source's top folder",
        )
    return found


def own_folder(home: Path, key: str, name: str, user: User) -> Path:
    """A replica's own home folder; emptied."""
    folder = run_base(home, user) / key / f"home-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _open_way(run_base(home, user), folder, user)
    if user.uid:
        os.chown(folder, user.uid, user.gid)
    folder.chmod(0o700)
    return folder


def remove_folders(home: Path, key: str) -> None:
    """Delete all run folders of a function."""
    for user in (User(), User(1)) if os.getuid() == 0 else (User(),):
        with contextlib.suppress(EngineError, OSError):  # what is not empty stays
            base = run_base(home, user)
            shutil.rmtree(base / key, ignore_errors=True)
            for folder in ((base / key).parent, base):
                if folder.is_dir():
                    folder.rmdir()


def _version_folder(home: Path, key: str, version: Version, user: User) -> Path:
    text = f"{version.digest}{version.created}{version.number}"
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return run_base(home, user) / key / f"{version.number}-{mark}"


def _open_way(base: Path, folder: Path, user: User) -> None:
    """Let the group pass the folders between."""
    base.mkdir(parents=True, exist_ok=True)
    for part in (folder, *folder.parents):
        if part == base:
            break
        if user.uid:
            os.chown(part, 0, user.gid) if part == folder else None
        part.chmod(0o711 if user.uid and part != folder else 0o700 if not user.uid else 0o750)


def _given(folder: Path, key: str, user: User) -> Path:
    if not folder.is_dir():
        raise EngineError(
            f"there is no folder {str(folder)!r}",
            where=f"working folder of application {key}",
            fix="fn.with_source_archive(folder) copies the code at deployment",
        )
    if user.uid and not others_reach(folder):
        raise EngineError(
            f"the application's user cannot enter {str(folder)!r}",
            where=f"working folder of application {key}",
            fix="fn.with_source_archive(folder) copies the code; or setting gateway_user=root",
        )
    return folder


def _fetch(source: str, target: Path, key: str) -> Path:
    path = Path(source.removeprefix("file://"))
    if not is_address(source) and path.is_dir():
        check_size(path, key)
    try:
        return fetch_source(source, target)
    except Exception as exc:
        what = getattr(exc, "what", "") or str(exc)
        raise EngineError(
            f"the application's code cannot be brought here: {what}",
            where=f"source of application {key}",
            fix=getattr(exc, "fix", "") or "check fn.with_source_archive(...)",
        ) from exc


def check_size(folder: Path, key: str) -> None:
    """Refuse to copy a folder that is more than an application's code.

    Raises:
        EngineError: if it has more than 20,000 files or 1 GiB.
    """
    files = size = 0
    for top, names, members in os.walk(folder):
        names[:] = [name for name in names if name not in (".git", "venv", ".venv", "node_modules")]
        for name in members:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(top, name)).st_size
        files += len(members)
        if files > _MOST_FILES or size > _MOST_BYTES:
            raise EngineError(
                f"folder {str(folder)!r} has more than {_MOST_FILES} files or 1 GiB",
                where=f"source of application {key}",
                fix="give the folder with the application's code only",
            )


def _write_code(folder: Path, build: Mapping[str, Any], key: str) -> None:
    """The code that travels in the document: its file, and modules beside it."""
    wanted = Path(str(build.get("origin_filename") or "")).name
    name = wanted if _FILE.match(wanted) and wanted != _DONE else "app.py"
    files = {name: str(build["functionSourceCode"]), **(build.get("modules") or {})}
    for relative, text in files.items():
        path = (folder / relative).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise EngineError(f"module {relative!r} lies outside of the code", where=key)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError) as exc:
            raise EngineError(f"the code of {relative!r} cannot be read: {exc}", where=key) from exc


def _give(folder: Path, user: User) -> None:
    """Let the function's group read and write the code, and nobody else."""
    if not user.uid:
        return
    for top, names, members in os.walk(folder):
        os.chown(top, os.getuid(), user.gid)
        os.chmod(top, 0o2770 if top != str(folder) else 0o750)
        for name in members:
            path = os.path.join(top, name)
            os.chown(path, 0, user.gid, follow_symlinks=False)
            if not os.path.islink(path):
                os.chmod(path, 0o770 if os.stat(path).st_mode & 0o100 else 0o660)
        for name in names:
            if os.path.islink(os.path.join(top, name)):
                os.chown(os.path.join(top, name), 0, user.gid, follow_symlinks=False)
