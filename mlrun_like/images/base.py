"""What a base image has: which Python, where its packages lie, and which are installed.

Found by reading its layers once; nothing in it is executed. Kept per image in the cache.
"""

from __future__ import annotations

import csv
import io
import posixpath
import re
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mlrun_like.errors import BuildError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.image import Image
from mlrun_like.images.registries import Registries
from mlrun_like.images.target import Target
from mlrun_like.images.transfer import Progress, fetch_layers
from mlrun_like.packaging.requirements import normalize_dist

__all__ = ["Base", "Installed", "inspect_base"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PYTHON = re.compile(r"python3?(?:\.(\d+))?t?\Z")
_DIST = re.compile(r"([^/]+?)-([^/-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info\Z")
_WANTED = re.compile(
    r"(?:.*/)?(?:bin/python[\d.t]*|pyvenv\.cfg|lib/ld-musl-[^/]*|(?:site|dist)-packages(?:/.*)?)\Z"
)
_RECORD_LIMIT = 16 * 2**20
_FALLBACK = "/opt/mlrun-like/site"
_HOPS = 40


@dataclass(frozen=True)
class Installed:
    """A distribution in the base: its version and the absolute paths of its files."""

    version: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Base:
    """What was found.

    Args:
        target: The Python and platform.
        packages: Distribution -> what is installed where `target` finds it.
        user: The user it runs as; empty for root.
    """

    target: Target
    packages: Mapping[str, Installed] = field(default_factory=dict)
    user: str = ""


class _Tree:
    """The interesting names of an image's file system, layer upon layer."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}  # path -> target of a link, or empty
        self.folders: set[str] = set()
        self.records: dict[str, str] = {}

    def apply(self, archive: tarfile.TarFile) -> None:
        removed: list[str] = []
        added: list[tuple[tarfile.TarInfo, str]] = []
        for member in archive:
            path = posixpath.normpath(member.name.lstrip("/")).removeprefix("./")
            folder, _, name = path.rpartition("/")
            if name == ".wh..wh..opq":
                removed.append(folder)
            elif name.startswith(".wh."):
                removed.append(f"{folder}/{name[4:]}".lstrip("/"))
            elif member.isdir():
                self.folders.add(path)
            elif member.issym() or ((member.isfile() or member.islnk()) and _WANTED.match(path)):
                added.append((member, path))
                if path.endswith(".dist-info/RECORD") and member.size <= _RECORD_LIMIT:
                    stream = archive.extractfile(member)
                    data = stream.read() if stream is not None else b""
                    self.records[path] = data.decode("utf-8", "replace")
        for gone in removed:
            self._remove(gone, {path for _, path in added})
        for member, path in added:
            self.files[path] = member.linkname if member.issym() else ""
            folder = posixpath.dirname(path)
            while folder and folder not in self.folders:
                self.folders.add(folder)
                folder = posixpath.dirname(folder)

    def _remove(self, path: str, kept: set[str]) -> None:
        for name in [n for n in self.files if n == path or n.startswith(path + "/")]:
            if name not in kept:
                del self.files[name]
                self.records.pop(name, None)

    def real(self, path: str) -> str:
        """The path without links, absolute ones taken from the image's root."""
        parts, done = path.strip("/").split("/"), ""
        for _ in range(_HOPS * 10):
            if not parts:
                break
            step = posixpath.normpath(posixpath.join(done, parts.pop(0)))
            link = self.files.get(step, "")
            if not link:
                done = "" if step == "." else step
                continue
            whole = link if link.startswith("/") else posixpath.join(posixpath.dirname(step), link)
            parts = [*posixpath.normpath("/" + whole.lstrip("/")).strip("/").split("/"), *parts]
            done = ""
        return done


def inspect_base(
    image: Image,
    python: str = "",
    *,
    registries: Registries | None = None,
    progress: Progress | None = None,
) -> Base:
    """Find out what a base image has.

    Args:
        image: The base.
        python: Its Python version, if it is known better: `3.11`.
        registries: Connections to use again.
        progress: Called while layers are downloaded.

    Raises:
        BuildError: if it has no Python (and none is given).
    """
    cache = BlobCache()
    key = f"base 1 {image.digest}"
    note = cache.recall(key)
    if note is None:
        with Registries.using(registries) as used:
            fetch_layers(image.layers, cache, used, progress)
        tree = _Tree()
        for layer in image.layers:
            try:
                with (
                    cache.open(layer.digest) as file,
                    tarfile.open(fileobj=file, mode="r|*") as tar,
                ):
                    tree.apply(tar)
            except (tarfile.TarError, EOFError, OSError, ValueError) as exc:
                raise BuildError(
                    f"a layer of the base image cannot be read: {exc}",
                    where=f"{image.name} layer {layer.digest}",
                ) from exc
        note = {"base": asdict(_found(tree, image))}
        cache.remember(key, note)
    return _restored(note["base"], python, image)


def _found(tree: _Tree, image: Image) -> Base:
    version, prefix, executable = _interpreter(tree, image.environment.get("PATH") or _PATH)
    musl = any("/ld-musl-" in f"/{path}" for path in tree.files)
    target = Target(version, str(image.platform), "musl" if musl else "gnu")
    user = str((image.config.get("config") or {}).get("User") or "")
    if not version:
        return Base(target, {}, user)
    own = f"{prefix}/lib/python{version}/site-packages".lstrip("/")
    places = [own]
    if prefix == "usr" and "usr/lib/python3/dist-packages" in tree.folders:
        # Debian keeps /usr to itself: what others install belongs into /usr/local
        prefix, own = "usr/local", f"usr/local/lib/python{version}/dist-packages"
        places = [own, "usr/lib/python3/dist-packages"]
    on_path = own in tree.folders or places[1:] != []
    target = target._replace(
        site=f"/{own}" if on_path else _FALLBACK,
        prefix=f"/{prefix}" if on_path else _FALLBACK,
        executable=f"/{executable}",
        on_path=on_path,
    )
    packages: dict[str, Installed] = {}
    for place in reversed(places):
        packages.update(_packages(tree, place))
    return Base(target, packages, user)


def _interpreter(tree: _Tree, path: str) -> tuple[str, str, str]:
    """Version, prefix and path of the first Python on `PATH`; empty if there is none."""
    for folder in path.split(":"):
        for name in ("python3", "python"):
            found = posixpath.join(folder, name).lstrip("/")
            real = tree.real(found)
            match = _PYTHON.match(posixpath.basename(real))
            if found not in tree.files and real not in tree.files:
                continue
            if match is None or match[1] is None:
                continue
            above = posixpath.dirname(posixpath.dirname(found))
            if f"{above}/pyvenv.cfg" not in tree.files:
                above = posixpath.dirname(posixpath.dirname(real))
            return f"3.{match[1]}", above, found
    return "", "", ""


def _packages(tree: _Tree, place: str) -> dict[str, Installed]:
    found: dict[str, Installed] = {}
    for path in tree.files:
        if not path.startswith(place + "/"):
            continue
        first = path[len(place) + 1 :].partition("/")[0]
        match = _DIST.match(first)
        if match is None:
            continue
        name = normalize_dist(match[1])
        if name in found and found[name].files:
            continue
        record = tree.records.get(f"{place}/{first}/RECORD", "")
        found[name] = Installed(match[2], tuple(_files(record, place)))
    return found


def _files(record: str, place: str) -> list[str]:
    paths = []
    try:
        for row in csv.reader(io.StringIO(record)):
            if row:
                paths.append(posixpath.normpath(posixpath.join("/" + place, row[0])))
    except csv.Error:
        return []
    return paths


def _restored(note: Any, python: str, image: Image) -> Base:
    target = Target(*note["target"])
    if python and python != target.python:
        site = f"{_FALLBACK}" if not target.python else target.site
        site = site.replace(f"/python{target.python}/", f"/python{python}/")
        target = target._replace(python=python, site=site, on_path=bool(target.python))
        if not target.on_path:
            target = target._replace(prefix=_FALLBACK)
    if not target.python:
        raise BuildError(
            f"base image {image.name or 'given'!r} has no Python 3 on its PATH",
            fix="use a base with Python (python:3.11-slim), or name the version its commands "
            "install: build(python='3.11'), or --python 3.11",
        )
    packages = {
        name: Installed(item["version"], tuple(item["files"]))
        for name, item in note["packages"].items()
    }
    return Base(target, packages, note["user"])
