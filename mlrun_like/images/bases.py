"""The base image as a value: from a registry, an archive, or this machine's container tool."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import (
    BuildError,
    EngineError,
    MissingFileError,
    NotFoundError,
    nearest,
)
from mlrun_like.images.assembling import Say
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.image import Image
from mlrun_like.images.layers import Layer
from mlrun_like.images.registries import Registries
from mlrun_like.images.sending import later
from mlrun_like.images.tool import TOOLS, Tool

__all__ = ["file_of", "is_file", "local_name", "open_base"]

_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".oci")
_ARCHIVES = ("oci-archive:", "docker-archive:", "oci:")


def is_file(base: str) -> bool:
    """Whether a base means an archive or a folder, not a name; it need not exist.

    >>> is_file("./base.tar"), is_file("base.tar"), is_file("python:3.11-slim")
    (True, True, False)
    """
    if base.startswith((*_ARCHIVES, "/", "./", "../", "~")):
        return True
    tagged = ":" in base.rpartition("/")[2]
    return base.endswith(_SUFFIXES) and (not tagged or Path(base).is_file())


def file_of(base: str) -> Path:
    """The archive or folder that a base means.

    Raises:
        MissingFileError: if there is none.

    >>> file_of("oci-archive:missing.tar")
    Traceback (most recent call last):
    mlrun_like.errors.finding.MissingFileError: the base image 'oci-archive:missing.tar' is ...
    """
    text = base
    for prefix in _ARCHIVES:
        text = text.removeprefix(prefix)
    path = Path(text).expanduser()
    if not path.exists():
        near = nearest(path.name, os.listdir(path.parent)) if path.parent.is_dir() else ""
        raise MissingFileError(
            f"the base image {base!r} is a file that does not exist.{near}",
            where=f"folder {str(Path.cwd())!r}",
            fix="correct the path; an image of a registry whose name ends like a file's is named "
            f"with its tag: {path.name}:latest",
        )
    return path


def local_name(base: str) -> bool:
    """Whether a name means an image that only this machine has, such as `localhost/app:1`."""
    return base.partition("/")[0] == "localhost"


def open_base(base: str, platform: str, registries: Registries, say: Say) -> Image:
    """The base image; its layers stay where they are until something needs them.

    A name is looked for in its registry, then, if that has none or cannot be reached, in the
    container tool of this machine. `localhost/...` is only there.

    Args:
        base: Name, archive, folder of an OCI layout, or `scratch`.
        platform: Such as `linux/arm64`; empty: this machine's.
        registries: Open registries.
        say: Called before work that takes longer.

    Raises:
        NotFoundError: if there is no such image or file.
        EngineError: if its registry cannot be reached, and no tool has it.
        BuildError: if it is not made for the platform.
    """
    if is_file(base) or base == "scratch":
        with later(say, f"reading the base image {base}"):
            if base == "scratch":
                return Image.scratch(platform)
            return Image.from_archive(file_of(base), platform=platform)
    failure: NotFoundError | EngineError | BuildError | None = None
    if not local_name(base):
        try:
            return Image.pull(base, platform, registries=registries)
        except (NotFoundError, EngineError, BuildError) as exc:
            failure = exc
    tried = []
    for name in TOOLS:
        tool = Tool(name)
        if not tool.program:
            continue
        tried.append(name)
        found = tool.image_id(base)
        if found:
            return _from_tool(tool, found, base, platform, say)
    if isinstance(failure, EngineError) and base == config.default_image:
        raise EngineError(  # nobody wrote that name: say whose it is
            f"{failure.what}; it was asked for the default base image {base!r}",
            where=failure.where,
            fix="name a base that can be reached: base_image=, --base (a name, or an archive such "
            "as ./base.tar), or the setting default_image",
        ) from failure
    if failure is not None:
        raise failure
    raise NotFoundError(
        f"there is no image {base!r} on this machine",
        where=f"images of {', '.join(tried)}" if tried else "no container tool is installed",
        fix="name one that exists: base_image='python:3.11-slim', or --base python:3.11-slim",
    )


def _from_tool(tool: Tool, image_id: str, base: str, platform: str, say: Say) -> Image:
    cache = BlobCache()
    key = f"local image {image_id} {platform}"
    note = cache.recall(key)
    if note is not None:
        kept = _restored(note, base)
        if all(cache.size(layer.digest) == layer.size for layer in kept.layers):
            return kept
    say(f"taking the base image {base} from {tool.name}")
    with tempfile.TemporaryDirectory(prefix="mlrun-like-base-") as folder:
        path = Path(folder) / "base.tar"
        tool.export(image_id, path)
        image = Image.from_archive(path, platform=platform)
    layers = [[layer.digest, layer.diff_id, layer.size, layer.media_type] for layer in image.layers]
    cache.remember(key, {"config": dict(image.config), "layers": layers, "docker": image.docker})
    return Image(image.config, image.layers, image.docker, base)


def _restored(note: dict[str, Any], base: str) -> Image:
    layers = tuple(Layer(*row) for row in note["layers"])
    return Image(note["config"], layers, bool(note["docker"]), base)
