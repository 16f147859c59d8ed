"""Object stores and other file systems through fsspec; each comes with an extra."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from types import MappingProxyType
from typing import IO, Any

import fsspec

from mlrun_like import registry
from mlrun_like.artifacts.credentials import storage_options
from mlrun_like.artifacts.stores import FileStats, FileStore, Secrets, missing, redact
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    MLRunLikeError,
    StoreUnavailableError,
)

__all__ = ["RemoteStore"]

_PACKAGES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("s3", "s3a"), ("s3fs", "s3", "s3")),
        **dict.fromkeys(("gs", "gcs"), ("gcsfs", "gcs", "gs")),
        **dict.fromkeys(("az", "abfs", "abfss", "wasb", "wasbs"), ("adlfs", "azure", "abfs")),
        **dict.fromkeys(("v3io", "v3ios"), ("v3iofs", "", "v3io")),
        "oss": ("ossfs", "", "oss"),
        "dbfs": ("requests", "", "dbfs"),
        "webhdfs": ("requests", "", "webhdfs"),
    }
)
"""Scheme -> package, extra, fsspec's name of the protocol."""


class RemoteStore(FileStore):
    """A file system that fsspec knows."""

    kind = "remote"

    def __init__(self, scheme: str, secrets: Secrets = None) -> None:
        super().__init__(scheme, secrets)
        package, extra, protocol = _PACKAGES.get(scheme, ("", "", scheme))
        self.kind = protocol
        if package:
            registry.require(package, extra=extra, feature=f"reading and writing {scheme}:// URLs")
        try:
            self._class = fsspec.get_filesystem_class(protocol)
        except ImportError as exc:
            raise MissingDependencyError(
                f"{scheme}:// URLs need a package that is not installed", fix=str(exc)
            ) from exc
        self._options = storage_options(scheme, secrets)
        self._fs: Any = None

    @property
    def filesystem(self) -> Any:
        """fsspec's file system, opened on first use."""
        if self._fs is None:
            with _translated(f"{self.scheme}://"):
                self._fs = self._class(**self._options)
        return self._fs

    def split(self, url: str) -> str:
        """The URL as fsspec wants it; options inside the URL (host, user) are taken out."""
        self._options = {**self._class._get_kwargs_from_urls(url), **self._options}
        return str(self._class._strip_protocol(url))

    def _url(self, path: str) -> str:
        return f"{self.scheme}://{path}"

    def read(self, path: str, size: int | None = None, offset: int = 0) -> bytes:
        """Bytes of a file."""
        with _translated(self._url(path)):
            end = None if size is None else offset + size
            data: bytes = self.filesystem.cat_file(path, start=offset or None, end=end)
            return data

    def write(self, path: str, chunks: Iterable[bytes], *, append: bool = False) -> int:
        """Upload in parts; the file appears when the last one has arrived."""
        total = 0
        with _translated(self._url(path)):
            self._make_parent(path)
            if append:
                self._check_append(path)
            file = self.filesystem.open(path, "ab" if append else "wb")
            try:
                for chunk in chunks:
                    total += file.write(chunk)
                file.close()
            except BaseException:
                # closing would upload the part written so far as if it were the whole
                with contextlib.suppress(OSError, NotImplementedError):
                    getattr(file, "discard", lambda: None)()
                file.closed = True
                raise
        return total

    def _make_parent(self, path: str) -> None:
        parent = self.filesystem._parent(path)
        if parent.strip("/") and "/" in parent.strip("/"):
            self.filesystem.makedirs(parent, exist_ok=True)

    def _check_append(self, path: str) -> None:
        if self.kind in ("gs", "abfs", "s3", "oss", "dbfs"):
            raise InvalidArgumentError(
                f"{self.scheme}:// cannot append to {redact(self._url(path))!r}",
                fix="read it, add to it and put the whole, or write a further file",
            )

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """fsspec's file object."""
        with _translated(self._url(path)):
            if "a" in mode:
                self._check_append(path)
            if "r" not in mode:
                self._make_parent(path)
            options = {} if "b" in mode else {"encoding": encoding or "utf-8"}
            file: IO[Any] = self.filesystem.open(path, mode, **options)
            return file

    def stat(self, path: str) -> FileStats:
        """What the store says."""
        with _translated(self._url(path)):
            info = self.filesystem.info(path)
        modified = next(
            (
                info[name]
                for name in ("LastModified", "mtime", "last_modified", "updated", "created")
                if info.get(name) is not None
            ),
            None,
        )
        if isinstance(modified, (int, float)):
            modified = datetime.fromtimestamp(modified, timezone.utc)
        elif isinstance(modified, str):
            modified = _parse_time(modified)
        content = info.get("ContentType") or info.get("contentType")
        return FileStats(info.get("size"), modified, content, info.get("type") == "directory")

    def list(self, path: str) -> list[str]:
        """Names in a folder."""
        with _translated(self._url(path)):
            entries = self.filesystem.ls(path, detail=True)
        own = path.rstrip("/")
        names = []
        for entry in entries:
            name = str(entry["name"]).rstrip("/")
            if name.strip("/") != own.strip("/"):
                names.append(name.rpartition("/")[2] + "/" * (entry.get("type") == "directory"))
        return sorted(names)

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file, or with `recursive` a folder."""
        with _translated(self._url(path)), contextlib.suppress(FileNotFoundError):
            if recursive:
                self.filesystem.rm(path, recursive=True)
            else:
                self.filesystem.rm_file(path)


def _parse_time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


@contextlib.contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except MLRunLikeError:
        raise
    except FileNotFoundError as exc:
        raise missing(url) from exc
    except (NotImplementedError, ValueError, TypeError) as exc:
        raise InvalidArgumentError(f"{redact(url)!r} cannot be used: {exc}") from exc
    except Exception as exc:
        # the boundary to a foreign client: each has an error tree of its own
        raise StoreUnavailableError(
            f"{redact(url)!r} cannot be accessed: {type(exc).__name__}",
            fix="check the credentials' variables and the network",
        ) from exc
