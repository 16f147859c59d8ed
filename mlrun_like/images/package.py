"""This package itself as a layer, packed from where it runs: installed or editable."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mlrun_like.errors
from mlrun_like.errors import BuildError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.entries import Entry
from mlrun_like.images.installed import add_bytecode, script_of
from mlrun_like.images.layers import Layer, kept_layer
from mlrun_like.images.target import Target

if sys.version_info >= (3, 11):
    import tomllib

__all__ = ["DISTRIBUTION", "check_python", "own_requirements", "package_layer", "package_version"]

DISTRIBUTION = "mlrun-like"
_MODULE = "mlrun_like"
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w.-]+)['"]""")
_OLDEST = re.compile(r">=\s*3\.(\d+)")
_KEPT = ("METADATA", "entry_points.txt")


class _Facts(NamedTuple):
    """What is known of this package: its METADATA and entry points, and the same as values."""

    version: str
    python: str
    requires: tuple[str, ...]
    notes: dict[str, bytes]


@functools.cache
def _facts() -> _Facts:
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    project = _root().parent / "pyproject.toml"
    if sys.version_info >= (3, 11) and project.is_file():
        # What an editable install noted may be older than the folder it leads to.
        document = tomllib.loads(project.read_text(encoding="utf-8"))
        if document.get("project", {}).get("name") == DISTRIBUTION:
            return _of_project(document["project"])
    if distribution is None:
        raise BuildError(
            f"{DISTRIBUTION} runs from a folder and is not installed, so what it needs is unknown",
            where=str(_root()),
            fix="pip install -e .   or build with with_mlrun=False",
        )
    notes = {name: distribution.read_text(name) or "" for name in _KEPT}
    return _Facts(
        distribution.version,
        str(distribution.metadata["Requires-Python"] or ""),
        tuple(distribution.requires or ()),
        {name: text.replace("\r\n", "\n").encode() for name, text in notes.items() if text},
    )


def _of_project(project: Mapping[str, Any]) -> _Facts:
    """The facts in a `pyproject.toml`, as METADATA (packaging.python.org, "Core metadata")."""
    requires = list(project.get("dependencies", ()))
    for extra, lines in project.get("optional-dependencies", {}).items():
        for line in lines:
            text, _, marker = (part.strip() for part in line.partition(";"))
            also = f"({marker}) and " if marker else ""
            requires.append(f"{text} ; {also}extra == '{extra}'")
    version, python = str(project["version"]), str(project.get("requires-python", ""))
    lines = ["Metadata-Version: 2.1", f"Name: {DISTRIBUTION}", f"Version: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    lines += [f"Provides-Extra: {extra}" for extra in project.get("optional-dependencies", {})]
    lines += [f"Requires-Dist: {line}" for line in requires]
    groups = {"console_scripts": project.get("scripts", {}), **project.get("entry-points", {})}
    rows = []
    for group, points in groups.items():
        rows += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""]
    notes = {"METADATA": "\n".join([*lines, ""]), "entry_points.txt": "\n".join(rows)}
    return _Facts(
        version, python, tuple(requires), {name: text.encode() for name, text in notes.items()}
    )


def _root() -> Path:
    return Path(mlrun_like.errors.__file__).parents[1]


def package_version() -> str:
    """The version that runs here."""
    return _facts().version


def own_requirements(extras: Sequence[str] = ()) -> list[str]:
    """The requirement lines of this package, with those of some of its extras.

    >>> any(line.startswith("pydantic") for line in own_requirements())
    True
    """
    found: dict[str, None] = {}
    for line in _facts().requires:
        text, _, marker = (part.strip() for part in line.partition(";"))
        extra = _EXTRA.search(marker)
        if extra is None:
            found[line.strip()] = None
        elif extra[1] in extras:
            rest = re.sub(r"^\s*and\s+|\s+and\s*$", "", _EXTRA.sub("", marker)).strip(" ()")
            found[f"{text} ; {rest}" if rest else text] = None
    return sorted(found)


def check_python(target: Target) -> None:
    """Raise if this package does not run on the image's Python.

    Raises:
        BuildError: naming both versions.
    """
    needed = _facts().python
    oldest = _OLDEST.search(needed)
    minor = int(target.python.partition(".")[2])
    if oldest and minor < int(oldest[1]):
        raise BuildError(
            f"the base image has Python {target.python}; {DISTRIBUTION} needs {needed}",
            where=target.executable,
            fix="use a newer base image, or with_mlrun=False",
        )


def _sources() -> Iterator[tuple[str, Path]]:
    root = _root()
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        if path.is_file() and not hidden and path.suffix not in (".pyc", ".pyo"):
            yield f"{_MODULE}/{relative.as_posix()}", path


def package_layer(target: Target) -> tuple[Layer, bool]:
    """The layer with this package, its command `mlrun-like` and its metadata.

    The second value says whether it had been made before.

    Args:
        target: Where it goes.

    Raises:
        BuildError: if it is not installed here.
    """
    digest = hashlib.sha256(repr((1, target)).encode())
    sources = list(_sources())
    # the files that tell package tools what is installed
    notes = {**_facts().notes, "INSTALLER": b"mlrun-like\n"}
    for name, data in [*((n, p.read_bytes()) for n, p in sources), *notes.items()]:
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    folder = Path(tempfile.mkdtemp(prefix="mlrun-like-package-"))

    def entries() -> Iterator[Entry]:
        for name, path in sources:
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        add_bytecode(folder, target)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield Entry.file(f"{target.site}/{path.relative_to(folder).as_posix()}", path)
        info = f"{target.site}/{_MODULE}-{package_version()}.dist-info"
        for name, data in notes.items():
            yield Entry.data(f"{info}/{name}", data)
        script = script_of(f"{_MODULE}.cli.main:main", target)
        yield Entry.data(f"{target.prefix}/bin/{DISTRIBUTION}", script.encode(), mode=0o755)

    try:
        layer = kept_layer(f"package {digest.hexdigest()}", entries, cache=BlobCache())
        return layer, not any(folder.iterdir())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
