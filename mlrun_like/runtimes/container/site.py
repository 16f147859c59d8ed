"""This package and what it requires, ready to be mounted into images that have not got it.

A folder of links names exactly those packages of the running Python; where the links lead is
mounted beside it. An image with the same Python can then run functions without being built.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mlrun_like
from mlrun_like.configuration import config
from mlrun_like.packaging.requirements import distribution_name, normalize_dist
from mlrun_like.runtimes.container.mounts import Mount
from mlrun_like.runtimes.container.start import SITE

__all__ = ["python_tag", "site_mounts"]

_PLACES = "/mlrun-like/sites"
_EXTRA = re.compile(r";.*\bextra\b")


def python_tag() -> str:
    """What the running Python's compiled packages are built for, as `start` names it."""
    machine = os.uname().machine if hasattr(os, "uname") else ""
    return f"{sys.implementation.cache_tag}-{machine}"


def site_mounts() -> list[Mount]:
    """The mounts of the links and of where they lead; none if they cannot be made."""
    links = _links()
    if not links:
        return []
    folder = _folder(links)
    places = sorted({str(path.parent) for path in links.values()})
    return [
        Mount(SITE, str(folder), read_only=True),
        *(Mount(f"{_PLACES}/{n}", path, read_only=True) for n, path in enumerate(places)),
    ]


@functools.cache
def _links() -> dict[str, Path]:
    """Top-level names of the packages, and where they are."""
    found: dict[str, Path] = {}
    for distribution in _required():
        for file in distribution.files or ():
            top = file.parts[0]
            if top in ("..", "__pycache__") or top in found or top.endswith(".pth"):
                continue
            path = Path(str(distribution.locate_file(top)))
            if path.exists():
                found[top] = path
    own = Path(mlrun_like.__file__).resolve().parent
    found[own.name] = own
    return dict(sorted(found.items()))


def _required() -> Iterator[importlib.metadata.Distribution]:
    waiting, seen = ["mlrun-like"], set[str]()
    while waiting:
        name = normalize_dist(waiting.pop())
        if not name or name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform, or not installed: the import in the image will tell
        yield distribution
        waiting += [
            distribution_name(line.partition(";")[0])
            for line in distribution.requires or ()
            if not _EXTRA.search(line)
        ]


def _folder(links: dict[str, Path]) -> Path:
    """The folder of links, named by its content; whole or not at all."""
    places = sorted({str(path.parent) for path in links.values()})
    inside = {
        name: f"{_PLACES}/{places.index(str(path.parent))}/{path.name}"
        for name, path in links.items()
    }
    digest = hashlib.sha256(repr([*places, *inside.items()]).encode()).hexdigest()[:16]
    folder = config.path("cache", f"site-{digest}")
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        for name, target in inside.items():
            (temporary / name).symlink_to(target)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was first
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder
