"""`service://<project>/<path>`: files that a service keeps, so that clients need no credentials.

The service is the one that `MLRUN_LIKE_DBPATH` names; where that is a database, this process is on
the service's own machine and uses the files directly.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from mlrun_like.artifacts.local import AtomicText
from mlrun_like.artifacts.service_http import ServiceHttp
from mlrun_like.artifacts.service_reading import ServiceReader
from mlrun_like.artifacts.service_root import RootStore, split_service_url
from mlrun_like.artifacts.service_writing import ServiceWriter
from mlrun_like.artifacts.stores import FileStats, FileStore, Secrets, join_url
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking.remote.credentials import service_address

__all__ = ["ServiceStore", "WebFiles"]

_BUFFER = 1 << 20


class ServiceStore(FileStore):
    """Files of a service, over HTTP or, on its own machine, directly."""

    kind = "service"

    def __init__(self, scheme: str = "service", secrets: Secrets = None) -> None:
        super().__init__(scheme, secrets)
        place, authorization = service_address()
        self._place: FileStore = (
            WebFiles(place, authorization) if place else RootStore(scheme, secrets)
        )

    def split(self, url: str) -> str:
        """`<project>/<path>`, both checked."""
        return join_url(*split_service_url(url))

    def read(self, path: str, size: int | None = None, offset: int = 0) -> bytes:
        """Bytes of a file."""
        return self._place.read(path, size, offset)

    def write(self, path: str, chunks: Iterable[bytes], *, append: bool = False) -> int:
        """Write all or nothing."""
        return self._place.write(path, chunks, append=append)

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """A file object; one opened for writing appears under its name when it is closed."""
        return self._place.open(path, mode, encoding)

    def stat(self, path: str) -> FileStats:
        """Size, time, type."""
        return self._place.stat(path)

    def list(self, path: str) -> list[str]:
        """Names in a folder."""
        return self._place.list(path)

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file or folder."""
        self._place.delete(path, recursive=recursive)

    def local_path(self, path: str) -> Path | None:
        """The path on this machine, if this is the service's and the root is a folder."""
        return self._place.local_path(path)


class WebFiles(FileStore):
    """Files of a service over HTTP; paths are `<project>/<path>`.

    Args:
        address: The service's.
        authorization: The header's value; empty: none is sent.
    """

    kind = "service"

    def __init__(self, address: str, authorization: str = "") -> None:
        super().__init__("service")
        self._address = address
        self._authorization = authorization

    def _way(self) -> ServiceHttp:
        return ServiceHttp(self._address, self._authorization, patience=config.remote_deadline)

    def _json(self, method: str, path: str, area: str, query: str = "") -> Any:
        way = self._way()
        try:
            return way.json(method, _address_of(path, area) + query, shown=f"service://{path}")
        finally:
            way.close()

    def read(self, path: str, size: int | None = None, offset: int = 0) -> bytes:
        """Bytes of a file, asked for as a range."""
        if size == 0:
            return b""
        with ServiceReader(self._way(), path) as file:
            file.seek(offset)
            return file.read_fully(size)

    def write(self, path: str, chunks: Iterable[bytes], *, append: bool = False) -> int:
        """Send the chunks; their SHA-256 is compared at the other end before the file appears."""
        if append:
            raise _no_append(path)
        with ServiceWriter(self._way(), path) as target:
            for chunk in chunks:
                target.write(chunk)
        return target.size

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """A file object; reading can seek, and goes on after a broken connection."""
        form = mode.replace("t", "").replace("b", "")
        if form == "w":
            target = ServiceWriter(self._way(), path)
            return target if "b" in mode else AtomicText(target, encoding)  # type: ignore[return-value]
        if form != "r":
            raise _no_append(path)
        reader = ServiceReader(self._way(), path)
        try:
            reader.check()
        except BaseException:
            reader.close()
            raise
        opened = io.BufferedReader(reader, _BUFFER)
        return opened if "b" in mode else io.TextIOWrapper(opened, encoding=encoding or "utf-8")

    def stat(self, path: str) -> FileStats:
        """What the service says."""
        found = self._json("GET", path, "file-stat")
        when = found.get("modified")
        return FileStats(
            found.get("size"),
            datetime.fromisoformat(when) if when else None,
            found.get("content_type"),
            bool(found.get("is_dir")),
            str(found.get("etag", "")),
        )

    def list(self, path: str) -> list[str]:
        """Names in a folder, page by page."""
        names: list[str] = []
        token: str | None = ""
        while token is not None:
            query = f"?page-size=1000&page-token={quote(token, safe='')}"
            found = self._json("GET", path, "file-list", query)
            names += [str(one["name"]) for one in found["files"]]
            token = found["pagination"]["page-token"]
        return names

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file or folder."""
        self._json("DELETE", path, "files", "?recursive=true" if recursive else "")


def _address_of(path: str, area: str) -> str:
    """The address of a file below `/api/v1`."""
    project, _, rest = path.partition("/")
    return f"/projects/{quote(project, safe='')}/{area}/{quote(rest)}"


def _no_append(path: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"service://{path} cannot be appended to or changed in place",
        fix="read it, add to it and put the whole, or write a further file",
    )
