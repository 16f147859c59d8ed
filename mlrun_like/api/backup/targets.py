"""Folders and URLs where copies are, and the manifest that makes a copy whole."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import orjson

from mlrun_like.errors import IntegrityError, InvalidArgumentError, StoreUnavailableError

__all__ = ["FORMAT", "MANIFEST", "Place", "file_digest", "list_backups"]

FORMAT = 1
MANIFEST = "manifest.json"
_PIECE = 1 << 20
_FILE = {"sha256": str, "bytes": int}
_TABLE = {**_FILE, "file": str, "rows": int}


@dataclass(frozen=True)
class Place:
    """A folder on any file system.

    Args:
        url: Its address, as people write it.
    """

    url: str

    def __post_init__(self) -> None:
        if not self.url.strip():
            raise InvalidArgumentError("a copy needs a place", fix="name a folder or a URL")

    @property
    def local(self) -> Path | None:
        """The folder on this machine; None: it is elsewhere."""
        if "://" not in self.url:
            return Path(self.url).expanduser().absolute()
        if self.url.startswith("file://"):
            return Path(self.url.removeprefix("file://"))
        return None

    def child(self, name: str) -> Place:
        """A file or folder in it."""
        return Place(f"{self.url.rstrip('/')}/{name}")

    def open(self, mode: str = "rb") -> BinaryIO:
        """Open it as a file; folders above are made.

        Raises:
            StoreUnavailableError: if that cannot be.
        """
        try:
            system, path = fsspec.core.url_to_fs(self.url)
            if "w" in mode:
                system.makedirs(path.rpartition("/")[0], exist_ok=True)
            found: BinaryIO = system.open(path, mode)
        except (OSError, ImportError, ValueError) as exc:
            raise StoreUnavailableError(f"{self.url} cannot be opened: {exc}") from exc
        return found

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        system, path = fsspec.core.url_to_fs(self.url)
        return bool(system.exists(path))

    def names(self) -> list[str]:
        """What is in the folder."""
        system, path = fsspec.core.url_to_fs(self.url)
        try:
            found = system.ls(path, detail=False)
        except FileNotFoundError:
            return []
        return sorted(str(one).rstrip("/").rpartition("/")[2] for one in found)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        system, path = fsspec.core.url_to_fs(self.url)
        system.rm(path, recursive=True)

    def manifest(self) -> dict[str, Any]:
        """The manifest of a copy.

        Raises:
            InvalidArgumentError: if there is no whole copy.
            IntegrityError: if the manifest is damaged, or of another format.
        """
        place = self.child(MANIFEST)
        if not place.exists():
            raise InvalidArgumentError(
                f"there is no whole copy in {self.url}", fix="name the folder with manifest.json"
            )
        with place.open() as file:
            raw = file.read()
        try:
            found = orjson.loads(raw)
            told = found.pop("digest")
            actual = sha256(orjson.dumps(found, option=orjson.OPT_SORT_KEYS)).hexdigest()
        except (ValueError, KeyError, AttributeError):
            told, actual, found = "", "?", {}
        if told != actual or found.get("format") != FORMAT or not _is_whole(found):
            raise IntegrityError("the manifest of the copy is damaged", where=place.url)
        result: dict[str, Any] = found
        return result

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Make the copy whole."""
        digest = sha256(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)).hexdigest()
        text = orjson.dumps({**manifest, "digest": digest}, option=orjson.OPT_INDENT_2)
        with self.child(MANIFEST).open("wb") as file:
            file.write(text)


def _is_whole(found: dict[str, Any]) -> bool:
    """Whether a manifest has all its parts, each of its kind."""
    tables, files, numbers = found.get("tables"), found.get("files"), found.get("sequences")
    if not (isinstance(tables, dict) and isinstance(files, dict) and isinstance(numbers, dict)):
        return False
    rows = [(one, _TABLE) for one in tables.values()] + [(one, _FILE) for one in files.values()]
    return (
        isinstance(found.get("schema"), str)
        and all(type(last) is int for last in numbers.values())
        and all(
            isinstance(one, dict)
            and all(type(one.get(name)) is kind for name, kind in kinds.items())
            for one, kinds in rows
        )
    )


def list_backups(target: str) -> list[str]:
    """Names of the whole copies in a folder, oldest first."""
    place = Place(target)
    return [name for name in place.names() if place.child(name).child(MANIFEST).exists()]


def file_digest(file: BinaryIO) -> tuple[str, int]:
    """SHA-256 and size of an open file."""
    digest, size = sha256(), 0
    while piece := file.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size
