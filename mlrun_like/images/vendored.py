"""Requirements that are no released package (a folder, a file, a repository) as wheels.

Made once, when a lock is: the image then needs neither the folder nor the repository.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from mlrun_like.errors import BuildError
from mlrun_like.images.complaints import without_passwords
from mlrun_like.images.resolver import Resolver
from mlrun_like.packaging.fetching import clone

__all__ = ["Local", "fingerprint_of", "local_of", "vendor"]

_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*(?P<url>\S.*)$")
_EDITABLE = re.compile(r"(?:-e|--editable)[\s=]*(?P<rest>\S.*)$")
_EXTRAS = re.compile(r"(?P<path>.+?)(?P<extras>\[[^\]/]*\])$")
_ARCHIVES = (".tar.gz", ".zip", ".tgz", ".tar.bz2")
_SKIPPED = {".git", "__pycache__", ".venv", "build", "dist", ".mypy_cache", ".pytest_cache"}


class Local(NamedTuple):
    """A requirement that leads to something on this machine or in a repository."""

    line: str
    place: str
    extras: str = ""
    marker: str = ""

    @property
    def is_repository(self) -> bool:
        """Whether it must be cloned first."""
        return self.place.startswith("git+")


def local_of(line: str) -> Local | None:
    """What a requirement line leads to, None if it is a package of an index or a URL of a wheel.

    >>> local_of("tools @ git+https://host/tools.git@v1").place
    'git+https://host/tools.git@v1'
    >>> local_of("./tools[plot]").extras
    '[plot]'
    >>> local_of("pandas>=2") is None
    True
    """
    text, _, marker = (part.strip() for part in line.partition(" ;"))
    extras = ""
    editable = _EDITABLE.match(text)
    if editable:
        text = editable["rest"].strip()
    named = _NAMED.match(text)
    if named:
        text, extras = named["url"].strip(), named["extras"] or ""
    elif text.startswith("-"):
        return None
    split = _EXTRAS.match(text)
    if split and not named and "://" not in text:
        text, extras = split["path"], split["extras"]
    if text.startswith("git+"):
        return Local(line, text, extras, marker)
    if text.startswith("file:"):
        return Local(line, unquote(urlsplit(text).path), extras, marker)
    is_path = text.startswith((".", "/", "~")) or text.endswith((".whl", *_ARCHIVES))
    if "://" in text or not (is_path or editable):
        return None
    return Local(line, str(Path(text).expanduser()), extras, marker)


def fingerprint_of(local: Local) -> str:
    """What tells one state of the place from another: its bytes, or a repository's address.

    Raises:
        BuildError: if the place does not exist.
    """
    if local.is_repository:
        return local.place
    path, digest = Path(local.place), hashlib.sha256()
    if not path.exists():
        raise BuildError(
            f"requirement {local.line!r} leads to {local.place!r}, which does not exist",
            where=str(Path.cwd()),
            fix="write a path that exists here",
        )
    files = [path] if path.is_file() else sorted(_files(path))
    for file in files:
        digest.update(str(file.relative_to(path)).encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not _SKIPPED & set(path.relative_to(folder).parts)
        and ".egg-info" not in str(path.relative_to(folder))
    ]


def vendor(lines: Sequence[str], resolver: Resolver, folder: Path) -> list[str]:
    """The lines with every local one replaced by a wheel in `folder`.

    Raises:
        BuildError: naming the line of which no wheel can be made.
    """
    found = []
    for line in lines:
        local = local_of(line)
        if local is None:
            found.append(line)
            continue
        wheel = _wheel(local, resolver, folder)
        name = wheel.name.partition("-")[0]
        end = f" ; {local.marker}" if local.marker else ""
        found.append(f"{name}{local.extras} @ {wheel.as_uri()}{end}")
    return found


def _wheel(local: Local, resolver: Resolver, folder: Path) -> Path:
    if local.place.endswith(".whl"):
        fingerprint_of(local)  # it exists
        return Path(shutil.copy(local.place, folder / Path(local.place).name))
    with tempfile.TemporaryDirectory(prefix="mlrun-like-wheel-") as name:
        source, made = Path(name) / "source", Path(name) / "wheels"
        made.mkdir()
        if local.is_repository:
            source = _checkout(local, source, resolver)
        else:
            fingerprint_of(local)
            source = Path(local.place).absolute()
        try:
            resolver.wheel(source, made)
        except BuildError as exc:
            reason = exc.what.partition(": ")[2] or exc.what
            raise BuildError(
                f"requirement {without_passwords(local.line)!r} cannot be made a wheel: {reason}",
                where=exc.where,
                fix="it must be a Python project with a pyproject.toml or setup.py",
            ) from exc
        wheels = sorted(made.glob("*.whl"))
        if not wheels:
            raise BuildError(f"requirement {local.line!r} gave no wheel", where=resolver.name)
        return Path(shutil.copy(wheels[0], folder / wheels[0].name))


def _checkout(local: Local, target: Path, resolver: Resolver) -> Path:
    address, _, fragment = local.place.removeprefix("git+").partition("#")
    subfolder = parse_qs(fragment).get("subdirectory", [""])[0]
    scheme, mark, rest = address.partition("://")
    head, at, ref = rest.rpartition("@")
    if not at or "/" not in head:  # the only @ belongs to user@host
        head, ref = rest, ""
    try:
        clone(f"{scheme}{mark}{head}", ref, target, resolver.environ)
    except (subprocess.SubprocessError, OSError) as exc:
        raise BuildError(
            f"requirement {without_passwords(local.line)!r} cannot be cloned: {exc}",
            fix="check the address, the name of the branch or tag, and the login",
        ) from exc
    found = (target / subfolder).resolve()
    if not found.is_relative_to(target.resolve()) or not found.is_dir():
        raise BuildError(
            f"{subfolder!r} is no folder of the repository", where=without_passwords(local.line)
        )
    return found
