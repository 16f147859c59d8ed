"""Objects of this process under `memory://` URLs: bytes, or tables as they are."""

from __future__ import annotations

import io
import mimetypes
import threading
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import IO, Any

from mlrun_like.artifacts.formats import is_frame
from mlrun_like.artifacts.lazy import frames
from mlrun_like.artifacts.stores import FileStats, FileStore, missing
from mlrun_like.errors import InvalidArgumentError

__all__ = ["MemoryStore", "in_memory_items", "set_in_memory_item"]

_ITEMS: dict[str, tuple[Any, datetime]] = {}
_LOCK = threading.Lock()


def set_in_memory_item(key: str, value: Any) -> str:
    """Keep bytes, text or a DataFrame in this process; returns its URL `memory://<key>`.

    Args:
        key: The name, without `memory://`.
        value: bytes, str or a DataFrame; a DataFrame is kept as it is, not copied.

    Raises:
        InvalidArgumentError: if the value is something else.

    >>> set_in_memory_item("greeting", b"hello")
    'memory://greeting'
    """
    key = _key(key.removeprefix("memory://"))
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, (bytearray, memoryview)):
        value = bytes(value)
    if not isinstance(value, bytes) and not is_frame(value):
        raise InvalidArgumentError(
            f"memory item {key!r} cannot be a {type(value).__name__}",
            fix="give bytes, str or a DataFrame",
        )
    with _LOCK:
        _ITEMS[key] = (value, datetime.now(timezone.utc))
    return f"memory://{key}"


def in_memory_items() -> dict[str, Any]:
    """The values by key."""
    with _LOCK:
        return {key: value for key, (value, _) in _ITEMS.items()}


def _key(key: str) -> str:
    if not key.strip("/"):
        raise InvalidArgumentError("a memory item needs a name", fix="memory://<name>")
    return key


class _Writer(io.BytesIO):
    def __init__(self, key: str, start: bytes) -> None:
        super().__init__()
        self.write(start)
        self._name = key

    def close(self) -> None:
        if not self.closed:
            set_in_memory_item(self._name, self.getvalue())
        super().close()


class MemoryStore(FileStore):
    """`memory://` URLs."""

    kind = "memory"

    def split(self, url: str) -> str:
        """The key: all after `memory://`."""
        return _key(url.partition("://")[2])

    def item(self, path: str) -> Any:
        """The value as it was set: bytes or a table. Raises MissingFileError."""
        return self._entry(path)[0]

    def _entry(self, path: str) -> tuple[Any, datetime]:
        found = _ITEMS.get(path)
        if found is None:
            error = missing(f"memory://{path}", "item")
            error.what = f"item {path} not found in memory store"
            error.fix = "set_in_memory_item(key, value) puts it there, in the same process"
            raise error
        return found

    def read(self, path: str, size: int | None = None, offset: int = 0) -> bytes:
        """Bytes; a table as csv, or in the format its key's suffix names."""
        value = self.item(path)
        data: bytes = frames().to_bytes(value, path) if is_frame(value) else value
        return data[offset : None if size is None else offset + size]

    def write(self, path: str, chunks: Iterable[bytes], *, append: bool = False) -> int:
        """Set or extend an item."""
        data = b"".join(chunks)
        before = self.read(path) if append and path in _ITEMS else b""
        set_in_memory_item(path, before + data)
        return len(data)

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """A file object over the item."""
        file: io.BytesIO
        if "r" in mode:
            file = io.BytesIO(self.read(path))
        else:
            file = _Writer(path, self.read(path) if "a" in mode and path in _ITEMS else b"")
        return file if "b" in mode else io.TextIOWrapper(file, encoding=encoding or "utf-8")

    def stat(self, path: str) -> FileStats:
        """Size and time; keys that start with `<path>/` make a folder of it."""
        if path not in _ITEMS and self._names(path):
            return FileStats(None, None, None, is_dir=True)
        value, modified = self._entry(path)
        size = int(value.memory_usage().sum()) if hasattr(value, "memory_usage") else None
        if isinstance(value, bytes):
            size = len(value)
        return FileStats(size, modified, mimetypes.guess_type(path)[0])

    def _names(self, path: str) -> list[str]:
        prefix = path.rstrip("/") + "/"
        found = (key[len(prefix) :] for key in list(_ITEMS) if key.startswith(prefix))
        return sorted({rest.partition("/")[0] + ("/" if "/" in rest else "") for rest in found})

    def list(self, path: str) -> list[str]:
        """The next parts of keys that start with `<path>/`."""
        names = self._names(path)
        if not names:
            self._entry(path)
            raise InvalidArgumentError(f"memory item {path!r} is not a folder")
        return names

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Forget an item; with `recursive`, also those below it."""
        with _LOCK:
            _ITEMS.pop(path, None)
            if recursive:
                for key in [key for key in _ITEMS if key.startswith(path.rstrip("/") + "/")]:
                    del _ITEMS[key]
