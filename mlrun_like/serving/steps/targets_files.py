"""Where targets write files: any URL; a file appears under its name when it is complete."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec

from mlrun_like.artifacts.stores import join_url, open_file_store
from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError

__all__ = ["Place"]


class Place:
    """A file or folder at a URL.

    Args:
        url: A path, or a URL such as `s3://bucket/folder`.
        storage_options: Arguments of fsspec's file system, instead of the credentials that the
            environment gives.

    Raises:
        InvalidArgumentError: if the URL cannot be used.

    >>> place = Place("memory://doc-place").at("a.csv")
    >>> place.write(b"x")
    >>> place.url, place.read()
    ('memory://doc-place/a.csv', b'x')
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None) -> None:
        if not isinstance(url, str) or not url:
            raise InvalidArgumentError(f"path={url!r:.80} is no path or URL")
        self.url = url
        self._options = dict(storage_options or {})
        self._fs: Any = None
        if not self._options:
            self._store, self._path = open_file_store(url)
            return
        try:
            self._fs, self._path = fsspec.core.url_to_fs(url, **self._options)
        except (ValueError, TypeError, ImportError) as exc:
            raise InvalidArgumentError(f"{url!r:.120} cannot be used: {exc}") from exc

    def at(self, *parts: str) -> Place:
        """A place below this one."""
        return Place(join_url(self.url, *parts), self._options)

    def local(self) -> Path | None:
        """The path on this machine, if there is one."""
        return None if self._fs is not None else self._store.local_path(self._path)

    def write(self, data: bytes) -> None:
        """Write the whole file: readers see the old one or this one.

        Raises:
            StoreUnavailableError: if the place cannot be reached.
        """
        if self._fs is None:
            self._store.write(self._path, [data])
            return
        try:
            self._fs.makedirs(self._fs._parent(self._path), exist_ok=True)
            self._fs.pipe_file(self._path, data)
        except OSError as exc:
            raise StoreUnavailableError(f"{self.url!r:.120} cannot be written: {exc}") from exc

    def read(self) -> bytes:
        """The content of the file; empty if it does not exist.

        Raises:
            StoreUnavailableError: if the place cannot be reached.
        """
        try:
            if self._fs is None:
                return self._store.read(self._path)
            data: bytes = self._fs.cat_file(self._path)
        except FileNotFoundError:
            return b""
        except OSError as exc:
            raise StoreUnavailableError(f"{self.url!r:.120} cannot be read: {exc}") from exc
        return data
