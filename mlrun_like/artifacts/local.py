"""Files of this machine. A write is a temporary file in the same folder, synced, then renamed, so
a reader, or the next start after a power cut, sees the old bytes or the new ones and never a part.
"""

from __future__ import annotations

import contextlib
import errno
import io
import mimetypes
import os
import shutil
import stat as stats
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import unquote

from mlrun_like.artifacts.stores import FileStats, FileStore, missing
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StoreUnavailableError

__all__ = ["TEMPORARY", "AtomicFile", "AtomicText", "LocalStore", "inside"]

TEMPORARY = ".mlrun-like-"
"""How the names of unfinished files start; listings leave them out."""

_USER = frozenset(
    {errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.ENOTEMPTY, errno.EEXIST}
)


class AtomicFile(io.BufferedWriter):
    """A file open for writing that appears under its name, complete, when it is closed.

    Leaving a `with` block by an exception, or calling `discard`, leaves the target untouched.

    Args:
        path: The target; its folders are made.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "new" / "a.txt"
    >>> with AtomicFile(path) as file:
    ...     _ = file.write(b"hello")
    ...     path.exists()
    False
    >>> path.read_bytes()
    b'hello'
    """

    def __init__(self, path: str | Path) -> None:
        self.target = os.fspath(path)
        folder, name = os.path.split(self.target)
        if not name:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", self.target)
        self.temporary = os.path.join(folder, f"{TEMPORARY}{os.getpid()}-{os.urandom(6).hex()}")
        try:
            raw = io.FileIO(self.temporary, "xb")
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            raw = io.FileIO(self.temporary, "xb")
        super().__init__(raw)

    def close(self) -> None:
        """Flush, sync and rename; on failure the temporary file is removed."""
        if self.closed:
            return
        try:
            self.flush()
            os.fsync(self.fileno())
            super().close()
            os.replace(self.temporary, self.target)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Give up: remove what was written so far."""
        # a full disk makes the flush inside close fail as well; the file is thrown away anyway
        with contextlib.suppress(OSError, ValueError):
            self.raw.close()
        with contextlib.suppress(OSError):
            os.unlink(self.temporary)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


class AtomicText(io.TextIOWrapper):
    """Text onto a file that appears when it is closed, and not after an exception in its block.

    Args:
        file: Such a file of bytes, with `discard`.
        encoding: By default UTF-8.
    """

    def __init__(self, file: Any, encoding: str | None) -> None:
        super().__init__(file, encoding=encoding or "utf-8")
        self._file = file

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.discard()


@contextlib.contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except MLRunLikeError:
        # some are OSErrors as well; they come from the place that is copied from
        raise
    except FileNotFoundError as exc:
        raise missing(path) from exc
    except OSError as exc:
        reason = exc.strerror or str(exc)
        if exc.errno in _USER:
            raise InvalidArgumentError(f"{path!r} cannot be used: {reason}") from exc
        raise StoreUnavailableError(
            f"{path!r} cannot be accessed: {reason}",
            fix="check the permissions and the free space of the file system",
        ) from exc


class LocalStore(FileStore):
    """Plain paths and `file://` URLs."""

    kind = "file"

    def split(self, url: str) -> str:
        """The path: `~` expanded, `file://` and its percent escapes removed."""
        if self.scheme:
            rest = url.partition("://")[2]
            if not rest.startswith(("/", "~", ".")):
                host, slash, rest = rest.partition("/")
                rest = f"{host}{slash}{rest}" if host != "localhost" else f"/{rest}"
            url = unquote(rest)
        return os.path.expanduser(url)

    def read(self, path: str, size: int | None = None, offset: int = 0) -> bytes:
        """Bytes of a file."""
        with _translated(path), open(path, "rb") as file:
            if offset:
                file.seek(offset)
            return file.read(-1 if size is None else size)

    def write(self, path: str, chunks: Iterable[bytes], *, append: bool = False) -> int:
        """Write all or nothing; appending, and writing to a device, is done in place."""
        with _translated(path):
            if append or _special(path):
                os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
                with open(path, "ab") as file:
                    return sum(file.write(chunk) for chunk in chunks)
            with AtomicFile(path) as target:
                return sum(target.write(chunk) for chunk in chunks)

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """A file object; one opened for writing appears under its name when it is closed."""
        text = None if "b" in mode else encoding or "utf-8"
        with _translated(path):
            if mode.replace("t", "") in ("w", "wb") and not _special(path):
                file = AtomicFile(path)
                return file if "b" in mode else AtomicText(file, text)
            if "r" not in mode:
                os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            return open(path, mode, encoding=text)

    def stat(self, path: str) -> FileStats:
        """Size, time, guessed media type."""
        with _translated(path):
            found = os.stat(path)
        modified = datetime.fromtimestamp(found.st_mtime, timezone.utc)
        is_dir = stats.S_ISDIR(found.st_mode)
        content = None if is_dir else mimetypes.guess_type(path)[0]
        return FileStats(found.st_size, modified, content, is_dir)

    def list(self, path: str) -> list[str]:
        """Names in a folder; unfinished files are not listed."""
        with _translated(path), os.scandir(path) as entries:
            return sorted(
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if not entry.name.startswith(TEMPORARY)
            )

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file, or a folder with everything in it."""
        with _translated(path), contextlib.suppress(FileNotFoundError):
            if os.path.isdir(path) and not os.path.islink(path):
                if not recursive:
                    raise InvalidArgumentError(
                        f"{path!r} is a folder", fix="delete(recursive=True) deletes all of it"
                    )
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def local_path(self, path: str) -> Path:
        """The path itself."""
        return Path(path)


def _special(path: str) -> bool:
    """Whether something that cannot be renamed over is there: a device, a pipe."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stats.S_ISREG(mode) or stats.S_ISDIR(mode))


def inside(folder: str | Path, name: str) -> Path:
    """The path of `name` below `folder`.

    Raises:
        InvalidArgumentError: if the name would lead out of the folder.
    """
    root = Path(folder).resolve()
    target = (root / name).resolve()
    if name.startswith(("/", "\\")) or "\\" in name or root not in target.parents:
        raise InvalidArgumentError(f"{name!r} would be written outside of {str(folder)!r}")
    return target
