"""Blobs of images on this machine: `home/images/blobs/sha256/<hex>`, complete or not there."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError
from mlrun_like.images.digests import check_digest, digest_of, new_hash

__all__ = ["BlobCache", "BlobWriter"]

_ABANDONED = 24 * 3600.0  # seconds after which an unfinished file belongs to nobody
_DAY = 24 * 3600.0


class BlobWriter:
    """A blob that is being written; `commit` puts it in place, leaving the block without drops it.

    >>> import tempfile
    >>> cache = BlobCache(tempfile.mkdtemp())
    >>> with cache.writer() as writer:
    ...     _ = writer.write(b"abc")
    ...     cache.size(digest_of(b"abc")) is None
    ...     writer.commit(digest_of(b"abc"))
    True
    >>> cache.size(digest_of(b"abc"))
    3
    """

    def __init__(self, cache: BlobCache) -> None:
        self._cache = cache
        folder = cache.folder / "partial"
        self._path = folder / f"{os.getpid()}-{os.urandom(6).hex()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: io.FileIO = io.FileIO(self._path, "xb")
        except OSError as exc:
            raise _unwritable(cache.folder, exc) from exc

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as exc:
            raise _unwritable(self._cache.folder, exc) from exc
        return len(data)

    def commit(self, digest: str) -> None:
        """Give the blob its name; whoever writes knows the digest, so it is not read again."""
        target = self._cache.path(digest)
        try:
            # A file that a power cut emptied must not have the name of a complete one.
            os.fsync(self._file.fileno())
            self._file.close()
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._path, target)
        except OSError as exc:
            raise _unwritable(self._cache.folder, exc) from exc

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


class BlobCache:
    """Blobs by digest, and small notes about how they were made.

    Args:
        folder: Where they are; by default `images` in the home folder.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = config.path("images") if folder is None else Path(folder)

    def path(self, digest: str) -> Path:
        """The file of a blob, which may not be there."""
        algorithm, _, name = check_digest(digest, "blob cache").partition(":")
        return self.folder / "blobs" / algorithm / name

    def size(self, digest: str) -> int | None:
        """Bytes of a blob; None if it is not here."""
        try:
            return self.path(digest).stat().st_size
        except OSError:
            return None

    def writer(self) -> BlobWriter:
        """A new blob, whose digest is not known yet."""
        return BlobWriter(self)

    def open(self, digest: str) -> BinaryIO:
        """A blob's bytes.

        Raises:
            BuildError: if it is not here (any more).
        """
        try:
            return self.path(digest).open("rb")
        except OSError as exc:
            raise BuildError(
                f"layer {digest} is not in the cache any more",
                where=str(self.folder),
                fix="build again: what is missing is made anew",
            ) from exc

    def put(self, data: bytes) -> str:
        """Keep a small blob; its digest."""
        digest = digest_of(data)
        if self.size(digest) != len(data):
            with self.writer() as writer:
                writer.write(data)
                writer.commit(digest)
        return digest

    def get(self, digest: str) -> bytes | None:
        """A small blob, checked; None if it is not here or damaged."""
        try:
            data = self.path(digest).read_bytes()
        except OSError:
            return None
        found = new_hash(digest)
        found.update(data)
        return data if digest.endswith(found.hexdigest()) else None

    def remember(self, key: str, note: Mapping[str, Any]) -> None:
        """Keep a note under any text, such as the hash of a lock file."""
        path = self._note(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
            fresh.write_text(json.dumps({"key": key, **note}), encoding="utf-8")
            os.replace(fresh, path)
        except OSError as exc:
            raise _unwritable(self.folder, exc) from exc

    def recall(self, key: str) -> dict[str, Any] | None:
        """The note of a key; None if there is none or it cannot be read."""
        try:
            note = json.loads(self._note(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return note if isinstance(note, dict) and note.get("key") == key else None

    def used(self, digest: str) -> None:
        """Note that a blob was used now, so that `prune` keeps it."""
        with contextlib.suppress(OSError):
            os.utime(self.path(digest))

    def prune(self, days: float = 30.0) -> int:
        """Remove what was not used for some days, and leftovers of killed writers; freed bytes."""
        now = time.time()
        ages = {"partial": _ABANDONED, "notes": days * _DAY, "blobs": days * _DAY}
        freed = 0
        for name, age in ages.items():
            for path in (self.folder / name).rglob("*"):
                with contextlib.suppress(OSError):
                    state = path.lstat()
                    if not path.is_dir() and now - state.st_mtime > age:
                        path.unlink()
                        freed += state.st_size
        return freed

    def _note(self, key: str) -> Path:
        return self.folder / "notes" / (digest_of(key.encode()).partition(":")[2] + ".json")


def _unwritable(folder: Path, exc: OSError) -> BuildError:
    return BuildError(
        f"the image cache cannot be written: {exc}",
        where=str(folder),
        fix="free space there, or choose another folder with MLRUN_LIKE_HOME",
    )
