"""Files below one URL, as targets need them: streamed, moved, locked."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.fs as pafs

from mlrun_like.artifacts.memory import MemoryStore
from mlrun_like.artifacts.remote import RemoteStore
from mlrun_like.artifacts.stores import FileStore, join_url, open_file_store, redact, scheme_of
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MissingFileError,
)
from mlrun_like.feature_store.targets.file_errors import translated
from mlrun_like.serving.steps.targets_lock import locked

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Files", "is_hidden", "parent_and_name"]

_MEMORY: dict[str, threading.Lock] = {}
_MEMORY_LOCK = threading.Lock()
_SYNCS = 16


class _Given(RemoteStore):
    """A remote place with credentials that the target names."""

    def __init__(self, scheme: str, options: Mapping[str, Any]) -> None:
        super().__init__(scheme)
        self._options = dict(options)


def is_hidden(name: str) -> bool:
    """Whether readers of folders leave the file out: a part of its path starts with _ or .

    >>> is_hidden("a/_state/b"), is_hidden("year=2024/a.parquet")
    (True, False)
    """
    return any(part.startswith(("_", ".")) for part in name.split("/") if "=" not in part)


def parent_and_name(path: str) -> tuple[str, str]:
    """A path of a store, cut before its last part.

    >>> parent_and_name("bucket/a/b.csv"), parent_and_name("b.csv"), parent_and_name("/b.csv")
    (('bucket/a', 'b.csv'), ('', 'b.csv'), ('/', 'b.csv'))
    """
    head, slash, name = path.rpartition("/")
    return head or slash, name


class Files:
    """The files below a folder, by their path in it with `/` between parts.

    Args:
        url: A path or URL.
        storage_options: Arguments of fsspec's file system, for remote places.
        file: Whether the URL is that of a file: the folder is then the one it is in.

    Raises:
        InvalidArgumentError: if the URL cannot be used.

    >>> files = Files("memory://doc-files")
    >>> files.write("a/b.txt", b"x")
    >>> list(files.names()), files.read("a/b.txt"), files.read("c")
    (['a/b.txt'], b'x', None)
    """

    def __init__(
        self, url: str, storage_options: Mapping[str, Any] | None = None, *, file: bool = False
    ) -> None:
        self.url = url
        self.store: FileStore
        scheme = scheme_of(url)
        if storage_options and scheme not in ("", "file", "memory"):
            self.store = _Given(scheme, storage_options)
            path = self.store.split(url)
        else:
            self.store, path = open_file_store(url)
        self.is_local = self.store.local_path(path) is not None
        self.is_memory = isinstance(self.store, MemoryStore)
        if not (self.is_local or self.is_memory or isinstance(self.store, RemoteStore)):
            raise InvalidArgumentError(
                f"{redact(url)!r:.200} cannot be written to", fix="use a path or s3://..."
            )
        if self.is_local:
            path = os.path.abspath(path)
        self.root, self.name = parent_and_name(path.rstrip("/")) if file else (path, "")

    def path(self, name: str) -> str:
        """The store's path of a file."""
        return join_url(self.root, name) if self.root else name

    def local(self, name: str = "") -> Path | None:
        """Its path on this machine, if it has one."""
        return Path(self.root, name) if self.is_local else None

    def read(self, name: str) -> bytes | None:
        """The content; None: there is no such file."""
        try:
            return self.store.read(self.path(name))
        except MissingFileError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write the whole file: readers see the old one or this one."""
        self.store.write(self.path(name), [data])

    def sink(self, name: str) -> IO[bytes]:
        """A file to write to, piece by piece."""
        if not self.is_local:
            return self.store.open(self.path(name), "wb")
        path = self.path(name)
        with translated(path):
            try:
                return open(path, "wb")
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                return open(path, "wb")

    def sync(self, names: list[str]) -> None:
        """See that these files survive a power cut."""
        if not self.is_local or not names:
            return
        if len(names) == 1:
            _sync(self.path(names[0]))
            return
        with ThreadPoolExecutor(_SYNCS) as pool:  # the file system does many in one go
            list(pool.map(_sync, map(self.path, names)))

    def move(self, source: str, target: str) -> bool:
        """Rename; False: there is no source (any more)."""
        start, end = self.path(source), self.path(target)
        if self.is_local:
            with translated(end):
                try:
                    os.replace(start, end)
                except FileNotFoundError:
                    if not os.path.exists(start):
                        return False
                    os.makedirs(os.path.dirname(end), exist_ok=True)
                    os.replace(start, end)
            return True
        data = self.read(source) if self.is_memory else None
        if isinstance(self.store, RemoteStore):
            if not self.exists(source):
                return False
            if "/" in parent_and_name(end)[0].strip("/"):  # a bucket is not made here
                self.store.filesystem.makedirs(parent_and_name(end)[0], exist_ok=True)
            self.store.filesystem.cp_file(start, end)
        elif data is None:
            return False
        else:
            self.write(target, data)
        self.delete(source)
        return True

    def delete(self, name: str, *, recursive: bool = False) -> None:
        """Delete a file, or a folder with all in it; a missing one is fine."""
        with contextlib.suppress(MissingFileError):
            self.store.delete(self.path(name), recursive=recursive)

    def prune(self, name: str) -> None:
        """Remove the folders of a deleted file that are empty now, below this one."""
        folder = name.rpartition("/")[0]
        while self.is_local and folder:
            try:
                os.rmdir(self.path(folder))
            except OSError:
                return
            folder = folder.rpartition("/")[0]

    def exists(self, name: str) -> bool:
        """Whether a file or folder is there."""
        return self._stats(name) is not None

    def size(self, name: str) -> int:
        """Bytes of a file; 0: it is not there."""
        found = self._stats(name)
        return 0 if found is None else found.size or 0

    def is_folder(self, name: str = "") -> bool:
        """Whether it is a folder."""
        found = self._stats(name)
        return found is not None and found.is_dir

    def _stats(self, name: str) -> Any:
        try:
            return self.store.stat(self.path(name) if name else self.root)
        except MissingFileError:
            return None

    def names(self, below: str = "") -> Iterator[str]:
        """The files below a folder, sorted; unfinished ones too."""
        if self.is_local:
            top = os.path.join(self.root, below)
            for folder, folders, files in os.walk(top):
                folders.sort()
                inner = os.path.relpath(folder, self.root).replace(os.sep, "/")
                yield from (name if inner == "." else f"{inner}/{name}" for name in sorted(files))
            return
        try:
            for name, _ in self.store.walk(self.path(below) if below else self.root):
                yield f"{below}/{name}" if below else name
        except (MissingFileError, InvalidArgumentError):
            return  # a name that is a file in memory is no folder

    def source(self, name: str) -> tuple[Any, Any]:
        """What Arrow reads it by: a path or buffer, and the file system of the path."""
        if self.is_memory:
            return pa.BufferReader(self.store.read(self.path(name))), None
        if isinstance(self.store, RemoteStore):
            handler = pafs.FSSpecHandler(self.store.filesystem)
            return self.path(name), pafs.PyFileSystem(handler)
        return self.path(name), pafs.LocalFileSystem()

    # Locks ------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold a lock of this name; others wait. Remote places have none."""
        if self.is_local:
            with self.sink_lock(name) as file, locked(file):
                yield
        elif self.is_memory:
            with _memory_lock(self.path(name)):
                yield
        else:
            yield

    def sink_lock(self, name: str) -> IO[bytes]:
        """The open file of a lock."""
        path = self.path(name)
        with translated(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return open(path, "ab")

    def hold(self, name: str, what: str) -> contextlib.ExitStack:
        """Take a lock for long; close what is returned to give it back.

        Raises:
            ConflictError: if somebody has it.
        """
        stack = contextlib.ExitStack()
        taken = not self.is_local or fcntl is None or self._take(name, stack)
        if self.is_memory:
            lock = _memory_lock(self.path(name))
            taken = lock.acquire(blocking=False)
            if taken:
                stack.callback(lock.release)
        if not taken:
            stack.close()
            raise ConflictError(
                f"{what} is being written already", where=redact(self.url),
                fix="wait until the other writer has ended",
            )  # fmt: skip
        return stack

    def _take(self, name: str, stack: contextlib.ExitStack) -> bool:
        while True:
            file = self.sink_lock(name)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # an earlier holder may have removed the file between the two calls
                if os.path.samestat(os.fstat(file.fileno()), os.stat(self.path(name))):
                    stack.enter_context(file)
                    return True
            except FileNotFoundError:
                pass
            except OSError:
                file.close()
                return False
            file.close()


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _memory_lock(name: str) -> threading.Lock:
    with _MEMORY_LOCK:
        return _MEMORY.setdefault(name, threading.Lock())
