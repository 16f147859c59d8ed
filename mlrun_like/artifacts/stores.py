"""The seam under every URL: a place that holds bytes.

A scheme is a row of `SCHEMES`; schemes without a row go to fsspec if it knows them. A store is
chosen by `open_file_store`, which imports only the module that the scheme needs.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

from mlrun_like.artifacts.mapped import mapped_url
from mlrun_like.errors import InvalidArgumentError, MissingFileError, UnknownNameError, nearest

__all__ = [
    "CHUNK",
    "SCHEMES",
    "FileStats",
    "FileStore",
    "Secrets",
    "join_url",
    "missing",
    "open_file_store",
    "read_chunks",
    "redact",
    "scheme_of",
]

CHUNK = 1 << 20
"""Bytes read or written at a time."""

Secrets = Callable[[str], str | None] | Mapping[str, str] | None
"""Where to look for credentials first: a function of their name, or a mapping."""

_REMOTE = (
    "s3 s3a gs gcs az abfs abfss wasb wasbs v3io v3ios dbfs hdfs webhdfs oss".split()  # noqa: SIM905
)

SCHEMES: Mapping[str, str] = MappingProxyType(
    {
        "": "mlrun_like.artifacts.local:LocalStore",
        "file": "mlrun_like.artifacts.local:LocalStore",
        "memory": "mlrun_like.artifacts.memory:MemoryStore",
        "http": "mlrun_like.artifacts.web:WebStore",
        "https": "mlrun_like.artifacts.web:WebStore",
        "service": "mlrun_like.artifacts.service_store:ServiceStore",
        **dict.fromkeys(_REMOTE, "mlrun_like.artifacts.remote:RemoteStore"),
    }
)
"""Scheme -> `"module:class"` of its FileStore; `""` is a plain path."""


@dataclass(frozen=True)
class FileStats:
    """What a place knows of one file or folder.

    Args:
        size: Bytes; None: the place does not say.
        modified: When it was last written, in UTC; None: the place does not say.
        content_type: Its media type, as far as known.
        is_dir: Whether it is a folder.
        etag: The place's own mark of this version of the file, if it gives one.
    """

    size: int | None
    modified: datetime | None
    content_type: str | None = None
    is_dir: bool = False
    etag: str = ""


class FileStore(ABC):
    """A place that holds files, addressed by the path its `split` made of a URL."""

    kind: str = ""

    def __init__(self, scheme: str, secrets: Secrets = None) -> None:
        self.scheme = scheme
        self.secrets = secrets

    def split(self, url: str) -> str:
        """The path of a URL in this store; by default the URL itself."""
        return url

    @abstractmethod
    def read(self, path: str, size: int | None = None, offset: int = 0) -> bytes:
        """Bytes from `offset`; size None: to the end. Raises MissingFileError."""

    @abstractmethod
    def write(self, path: str, chunks: Iterable[bytes], *, append: bool = False) -> int:
        """Store the chunks, all or nothing, and return how many bytes they were."""

    @abstractmethod
    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """A file object."""

    @abstractmethod
    def stat(self, path: str) -> FileStats:
        """Size, time and type. Raises MissingFileError."""

    @abstractmethod
    def list(self, path: str) -> list[str]:
        """Names in a folder, sorted; folders' names end with `/`. Raises MissingFileError."""

    @abstractmethod
    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file, or with `recursive` a folder; a missing one is fine."""

    def walk(self, path: str, prefix: str = "") -> Iterator[tuple[str, str]]:
        """`(relative name, path)` of every file below a folder, sorted by name."""
        for name in self.list(path):
            inner = join_url(path, name)
            if name.endswith("/"):
                yield from self.walk(inner, prefix + name)
            else:
                yield prefix + name, inner

    def local_path(self, path: str) -> Path | None:
        """The file's path on this machine, if it has one."""
        del path
        return None


def scheme_of(url: str) -> str:
    """The scheme of a URL in lower case, or `""` for a plain path.

    >>> scheme_of("S3://bucket/key"), scheme_of("data/a.csv")
    ('s3', '')
    """
    head, mark, _ = url.partition("://")
    return head.lower() if mark and "/" not in head else ""


def open_file_store(url: str, secrets: Secrets = None) -> tuple[FileStore, str]:
    """The place a URL belongs to, and the URL's path in it.

    Raises:
        InvalidArgumentError: if the URL is empty or holds a null byte.
        UnknownNameError: if nothing knows its scheme.
        MissingDependencyError: if the package for its scheme is not installed.
    """
    if not isinstance(url, str) or not url.strip() or "\0" in url:
        raise InvalidArgumentError(
            f"{url!r} is not a URL or path", fix="for example data/iris.csv or s3://bucket/iris.csv"
        )
    url = mapped_url(url)
    scheme = scheme_of(url)
    if scheme == "ds":
        profiles = importlib.import_module("mlrun_like.artifacts.profiles")
        return open_file_store(*profiles.resolve_profile(url, secrets))
    row = SCHEMES.get(scheme) or _other(scheme)
    module, _, name = row.partition(":")
    store: FileStore = getattr(importlib.import_module(module), name)(scheme, secrets)
    return store, store.split(url)


def _other(scheme: str) -> str:
    known: Iterable[str] = importlib.import_module("fsspec").available_protocols()
    if scheme in ("store", "hub", "db") or scheme not in known:
        names = sorted([*filter(None, SCHEMES), "store"])
        raise UnknownNameError(
            f"unsupported store scheme {scheme!r}.{nearest(scheme, names)}",
            fix=f"use a path or one of: {', '.join(name + '://' for name in names)}",
        )
    return SCHEMES["s3"]


def join_url(base: str, *parts: str) -> str:
    """Put URL or path parts together with single slashes.

    >>> join_url("s3://bucket/a/", "b", "c.csv")
    's3://bucket/a/b/c.csv'
    """
    url = base
    for part in filter(None, parts):
        url = (
            f"{url.rstrip('/') if url.strip('/') else url[:1]}/{part.lstrip('/')}" if url else part
        )
    return url.replace("//", "/", 1) if url.startswith("//") else url


def redact(url: str) -> str:
    """A URL without user names, passwords, queries and fragments, fit for messages.

    >>> redact("https://me:secret@host/file?signature=abc")
    'https://host/file'
    """
    if not scheme_of(url):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("://")[0] + "://..."
    host = parts.netloc
    if ":" in host.rpartition("@")[0] or parts.scheme in ("http", "https"):
        host = host.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def missing(url: str, noun: str = "file") -> MissingFileError:
    """The error for a file that is not there."""
    return MissingFileError(f"{noun} {redact(url)!r} does not exist", fix="check the path")


def read_chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The rest of an open file, a chunk at a time."""
    while chunk := file.read(CHUNK):
        yield chunk
