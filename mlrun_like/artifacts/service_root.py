"""The files behind `service://<project>/<path>`, on the machine of the service itself.

They lie at `<root>/<project>/<path>`; the root is the setting `service_artifact_root`. No path
leads out of its project: neither dots nor links nor escapes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from mlrun_like.artifacts.local import TEMPORARY, LocalStore, inside
from mlrun_like.artifacts.stores import (
    FileStats,
    FileStore,
    Secrets,
    join_url,
    missing,
    open_file_store,
)
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError
from mlrun_like.names import check_project

__all__ = ["UPLOADS", "RootStore", "check_path", "root_url", "split_service_url"]

UPLOADS = f"{TEMPORARY}uploads"
"""The folder of a project where uploads that are not complete wait."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 1024


def root_url() -> str:
    """Where all projects' files lie, as a folder or URL."""
    return config.service_artifact_root or str(config.path("artifacts"))


def check_path(path: str, *, empty: bool = False) -> str:
    """A path inside of a project, without slashes around it.

    Args:
        path: Names divided by `/`.
        empty: Whether it may be empty, which means the project's own folder.

    Raises:
        InvalidArgumentError: if it could mean anything outside, or a file of ours.

    >>> check_path("models/net.onnx")
    'models/net.onnx'
    """
    if path.startswith("/"):
        raise _refused(path, "it is absolute")
    clean = path.removesuffix("/")
    if not clean:
        if empty:
            return ""
        raise _refused(path, "it is empty")
    try:
        size = len(clean.encode())
    except UnicodeEncodeError as exc:
        raise _refused(path, "it is no text") from exc
    if size > _LONGEST:
        raise _refused(path, f"it is longer than {_LONGEST} bytes")
    # an escaped name is looked at as well: somebody on the way may take its escapes away
    for form in (clean, unquote(clean), unquote(unquote(clean))):
        if "\\" in form or _CONTROL.search(form) or form.startswith("/"):
            raise _refused(path, "it holds a character that file names may not have")
        for name in form.split("/"):
            if name in ("", ".", ".."):
                raise _refused(path, f"it holds the name {name!r}")
            if name.startswith(TEMPORARY) or len(name.encode("utf-8", "replace")) > 255:
                raise _refused(path, "one of its names is reserved or too long")
    return clean


def _refused(path: str, why: str) -> InvalidArgumentError:
    shown = repr(path if len(path) <= 80 else f"{path[:77]}...")
    return InvalidArgumentError(
        f"the path {shown} cannot be used: {why}", fix="for example models/net.onnx"
    )


def split_service_url(url: str) -> tuple[str, str]:
    """The project and the path of `service://<project>/<path>`.

    >>> split_service_url("service://demo/a/b.csv")
    ('demo', 'a/b.csv')
    """
    project, _, path = url.partition("://")[2].partition("/")
    return check_project(project), check_path(path, empty=True)


class RootStore(FileStore):
    """The files themselves; paths are `<project>/<path>`."""

    kind = "service"

    def __init__(self, scheme: str = "service", secrets: Secrets = None) -> None:
        super().__init__(scheme, secrets)
        self._root = root_url()
        self._inner, self._base = open_file_store(self._root, secrets)

    def split(self, url: str) -> str:
        """`<project>/<path>`, both checked."""
        return join_url(*split_service_url(url))

    def _at(self, path: str) -> str:
        """The path in the store below; links that lead out of the project are refused."""
        project, _, rest = path.partition("/")
        folder = join_url(self._base, check_project(project))
        if not rest:
            return folder
        if isinstance(self._inner, LocalStore):
            inside(folder, rest)
        return join_url(folder, rest)

    @contextlib.contextmanager
    def _told(self, path: str) -> Iterator[str]:
        """Errors speak of service:// URLs: what lies below them is nobody's business."""
        try:
            yield self._at(path)
        except MissingFileError as exc:
            raise missing(f"service://{path}") from exc
        except MLRunLikeError as exc:
            base = self._base.rstrip("/") + "/"
            what = exc.what.replace(base, "service://").replace(self._root.rstrip("/"), "service:/")
            if what == exc.what:
                raise
            raise type(exc)(what, fix=exc.fix) from exc

    def read(self, path: str, size: int | None = None, offset: int = 0) -> bytes:
        """Bytes of a file."""
        with self._told(path) as at:
            return self._inner.read(at, size, offset)

    def write(self, path: str, chunks: Iterable[bytes], *, append: bool = False) -> int:
        """Write all or nothing."""
        with self._told(path) as at:
            return self._inner.write(at, chunks, append=append)

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """A file object."""
        with self._told(path) as at:
            return self._inner.open(at, mode, encoding)

    def stat(self, path: str) -> FileStats:
        """Size, time, type."""
        with self._told(path) as at:
            return self._inner.stat(at)

    def list(self, path: str) -> list[str]:
        """Names in a folder; of files that are not complete there are none."""
        with self._told(path) as at:
            found = self._inner.list(at)
        return [name for name in found if not name.startswith(TEMPORARY)]

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file or folder."""
        with self._told(path) as at:
            self._inner.delete(at, recursive=recursive)

    def local_path(self, path: str) -> Path | None:
        """The path on this machine, if the root is a folder of it."""
        with self._told(path) as at:
            return self._inner.local_path(at)
