"""The locked environment: requirements chosen once for a target, installed, and kept as a layer.

`home/images/env/<hash>/` holds the request, the lock and the wheels that were made for it; the
layer is a blob of the image cache. The hash stands for the requirements and the target, so a change
of code never comes here.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mlrun_like.configuration import config
from mlrun_like.images.base import Base
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.entries import Entry
from mlrun_like.images.installed import add_bytecode, entries_of_packages, tidy
from mlrun_like.images.layers import Layer, build_layer, recall_layer, remember_layer
from mlrun_like.images.resolver import Resolver, choose_resolver
from mlrun_like.images.vendored import fingerprint_of, local_of, vendor
from mlrun_like.packaging.requirements import distribution_name, normalize_dist

__all__ = ["Environment", "Locked", "Request", "lock_environment", "locked_layer"]

_PLACE = re.compile(r"file://\S*/")  # where a wheel lies here is no part of what is locked
_FORM = 1  # of what is kept; another one means: make it anew


@dataclass(frozen=True)
class Request:
    """What is wanted.

    Args:
        lines: Requirement lines, and options such as `--index-url`.
        base: What the base image has.
        preferred: Versions to take where the lines leave the choice, such as those installed where
            the code was written.
        environ: The builder's environment; it may hold credentials and is never kept.
    """

    lines: tuple[str, ...]
    base: Base
    preferred: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        """The request's hash: equal requests have equal locks."""
        target = self.base.target
        places = [fingerprint_of(local) for line in self.lines if (local := local_of(line))]
        installed = {name: item.version for name, item in self.base.packages.items()}
        parts = (
            _FORM,
            sorted(self.lines),
            (target.python, target.platform, target.libc),
            sorted({**self.preferred, **installed}.items()),
            places,
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Locked:
    """Exact versions.

    Args:
        text: The lock: a requirements file with digests.
        key: The request's hash.
        hash: The lock's own hash; the same for all requests that come to the same versions.
        fresh: Whether it was made now.
    """

    text: str
    key: str
    hash: str
    fresh: bool = False

    @property
    def pins(self) -> dict[str, str]:
        """Distribution -> version; empty text where it is a wheel of our own."""
        found = {}
        for line in _statements(self.text):
            name = distribution_name(line.partition(" --hash")[0])
            version = line.partition("==")[2].split(" ")[0].rstrip(";") if "==" in line else ""
            found[name] = "" if " @ " in line else version
        return {name: version for name, version in found.items() if name}


def _statements(text: str) -> list[str]:
    """The lines of a lock, continued ones joined."""
    joined = text.replace("\\\n", " ")
    lines = (" ".join(line.split()) for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


class Environment(NamedTuple):
    """The installed packages.

    Args:
        layer: The layer; None if the base lacks nothing.
        reused: Whether it had been made before.
        removed: Files of the base that it replaces.
    """

    layer: Layer | None
    reused: bool = True
    removed: tuple[str, ...] = ()


def _silent(line: str) -> None:
    """Nobody wants to hear of progress."""


def lock_environment(
    request: Request, *, renew: bool = False, say: Callable[[str], None] = _silent
) -> Locked:
    """The lock of a request, made once and kept.

    Args:
        request: What is wanted.
        renew: Choose versions anew.
        say: Called before work that takes longer.

    Raises:
        BuildError: naming the requirement that cannot be met, and why.
    """
    key = request.key
    folder = config.path("images", "env", key)
    with _alone(folder):
        path = folder / "requirements.lock"
        if not renew and path.is_file():
            return _locked(path.read_text(encoding="utf-8"), key)
        resolver = choose_resolver(request.environ)
        target = request.base.target
        say(
            f"choosing versions of {len(request.lines)} requirements for Python {target.python} "
            f"on {target.platform} with {resolver.name}"
        )
        text = _make(request, resolver, folder)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
        return _locked(text, key, fresh=True)


def _make(request: Request, resolver: Resolver, folder: Path) -> str:
    installed = {name: item.version for name, item in request.base.packages.items()}
    preferred = {**request.preferred, **installed}
    wheels = folder / "wheels"
    wheels.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mlrun-like-lock-") as work:
        lines = vendor(request.lines, resolver, wheels)
        return resolver.lock(lines, preferred, request.base.target, Path(work))


def _locked(text: str, key: str, fresh: bool = False) -> Locked:
    plain = [_PLACE.sub("", line) for line in _statements(text)]
    digest = hashlib.sha256("\n".join(sorted(plain)).encode()).hexdigest()
    return Locked(text, key, digest, fresh)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two builds of the same environment: the second waits and finds what the first made."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # an address may hold a password
    with (folder / ".busy").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def locked_layer(
    locked: Locked,
    request: Request,
    *,
    whiteouts: bool = True,
    say: Callable[[str], None] = _silent,
) -> Environment:
    """The layer with what the lock names and the base lacks.

    Args:
        locked: The lock.
        request: Where it came from.
        whiteouts: Whether the layer itself removes the files of replaced packages.
        say: Called before work that takes longer.

    Raises:
        BuildError: if a package cannot be had.
    """
    base, target, cache = request.base, request.base.target, BlobCache()
    installed = base.packages
    lines = [line for line in _statements(locked.text) if not _is_in(line, installed)]
    if not lines:
        return Environment(None)
    pins = locked.pins
    removed = tuple(
        sorted(
            path
            for name in pins
            if name in installed and installed[name].version != pins[name]
            for path in installed[name].files
            if path.startswith(target.site + "/")  # what a system's own packages hold stays
        )
    )
    gone = removed if whiteouts else ()
    plain = [_PLACE.sub("", line) for line in lines]
    digest = hashlib.sha256(json.dumps([_FORM, sorted(plain), target, gone]).encode())
    key = f"environment {digest.hexdigest()}"
    with _alone(config.path("images", "env", locked.key)):
        found = recall_layer(key, cache)
        if found is not None:
            return Environment(found, True, removed)
        say(f"installing {len(lines)} packages into a layer")
        layer = _install(lines, gone, request, cache)
        remember_layer(key, layer, cache)
    return Environment(layer, False, removed)


def _is_in(line: str, installed: Mapping[str, object]) -> bool:
    name = distribution_name(line.partition(" --hash")[0])
    version = getattr(installed.get(normalize_dist(name)), "version", None)
    return " @ " not in line and version is not None and f"=={version} " in f"{line} "


def _install(
    lines: Sequence[str], replaced: Sequence[str], request: Request, cache: BlobCache
) -> Layer:
    target = request.base.target
    options = [line for line in request.lines if line.startswith("-") and local_of(line) is None]
    with tempfile.TemporaryDirectory(prefix="mlrun-like-env-") as work:
        tree = Path(work) / "tree"
        tree.mkdir()
        resolver = choose_resolver(request.environ)
        resolver.install("\n".join(lines) + "\n", options, target, tree)
        tidy(tree)
        add_bytecode(tree, target)
        entries = {entry.path: entry for entry in entries_of_packages(tree, target)}
        for path in replaced:
            if path.lstrip("/") not in entries:
                gone = Entry.whiteout(path)
                entries[gone.path] = gone
        try:
            return build_layer(entries.values(), cache=cache)
        finally:
            shutil.rmtree(tree, ignore_errors=True)
