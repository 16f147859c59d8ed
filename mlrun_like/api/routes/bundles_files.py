"""Files of exports and imports: where they lie, and what is taken into them and out of them."""

from __future__ import annotations

import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlrun_like.api.content.places import open_target
from mlrun_like.api.content.transfer import Incoming
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.service_root import RootStore
from mlrun_like.artifacts.stores import FileStore, read_chunks
from mlrun_like.configuration import config
from mlrun_like.errors import (
    AccessDeniedError,
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
)
from mlrun_like.names import check_project
from mlrun_like.projects.bundle import Opening
from mlrun_like.projects.manifest import read_manifest
from mlrun_like.types import Document

__all__ = [
    "FILE",
    "MOST",
    "bundle",
    "context_of",
    "file_name",
    "keep_body",
    "largest",
    "look_at",
    "opening_of",
    "own_folder",
    "pieces",
    "unplaced",
]

FILE = re.compile(r"[a-z0-9][-a-z0-9]*\.zip")
"""What exports are called."""
MOST = 64 << 30
"""Most bytes of a file, and of what is in it."""
_FOLDER = "bundles"
_OLD = 2 * 86_400.0
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def look_at(path: Path) -> None:
    """Refuse what is no archive of a project before anything is made for it."""
    with unplaced():
        try:
            with zipfile.ZipFile(path) as file:
                read_manifest(file, path, largest(path))
        except MLRunLikeError:
            raise
        except _BROKEN as exc:
            raise InvalidArgumentError(f"the file cannot be read: {exc}") from exc


def largest(path: Path) -> int:
    """What it may unpack to: a text shrinks to a hundredth at best, a bomb to far less."""
    return min(MOST, max(1 << 30, 200 * path.stat().st_size))


@contextmanager
def unplaced() -> Iterator[None]:
    """Errors without the place that the file has here, which is nobody's business."""
    try:
        yield
    except (ConflictError, IntegrityError, InvalidArgumentError) as exc:
        raise type(exc)(exc.what, where="the file of an export", fix=exc.fix) from exc


def keep_body(incoming: Incoming, path: Path) -> None:
    """Write a body into a file."""
    with path.open("wb") as file:
        for piece in incoming.chunks():
            file.write(piece)


def opening_of(project: str) -> Opening:
    """Finds bytes where members of the project may read them, and nowhere else: a record can name
    any file of this machine."""

    def find(url: str) -> tuple[FileStore, str]:
        try:
            item = open_target(url, project)
        except AccessDeniedError as exc:
            raise NotFoundError(exc.what) from exc
        return item.store, item._path

    return find


def context_of(project: str, document: Document) -> Path:
    """The folder of a project that this service made; no other one, whatever a document says."""
    folder = config.path("projects", project)
    told = Path(str(document.get("context") or ""))
    mine = told.parent == folder.parent and told.name.partition(".")[0] == project
    return told if mine else folder


def own_folder() -> Path:
    """Where files of work that goes on lie; what a process left that was killed is removed."""
    folder = config.path("service", "bundles")
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():  # by a process that was killed
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _OLD:
                shutil.rmtree(left)
    return folder


def pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file."""
    with path.open("rb") as file:
        yield from read_chunks(file)


def file_name(project: str, file: str) -> str:
    """The name of an export. Raises NotFoundError if it can be none."""
    if not FILE.fullmatch(file):
        raise NotFoundError(f"there is no export {file[:80]!r}", where=f"project {project!r}")
    return file


def bundle(project: str, file: str = "") -> DataItem:
    """An export of a project; without a name their folder."""
    path = f"{check_project(project)}/{_FOLDER}" + (f"/{file}" if file else "")
    return DataItem("", RootStore(), path, f"service://{path}")
