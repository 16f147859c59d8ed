"""Entries of a layer: files, folders, links and whiteouts, without traces of the machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlrun_like.errors import BuildError, InvalidArgumentError

__all__ = ["Entry", "entries_of"]

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_KINDS = ("file", "directory", "symlink")


@dataclass(frozen=True)
class Entry:
    """One name in a layer. Make it with `file`, `data`, `directory`, `symlink` or `whiteout`.

    Args:
        path: Absolute path in the image.
        kind: `"file"`, `"directory"` or `"symlink"`.
        source: A file's content: a path on this machine, or the bytes.
        target: What a link points at.
        mode: Permissions; by default 0755 for folders and files that are executable on this
            machine, else 0644, whatever the umask was.
        uid: Owner.
        gid: Group.

    >>> Entry.data("/app/main.py", b"print(1)").path
    'app/main.py'
    """

    path: str
    kind: str = "file"
    source: Path | bytes = b""
    target: str = ""
    mode: int = -1
    uid: int = 0
    gid: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", _checked(self.path, self.whites_out))
        if self.kind not in _KINDS:
            raise InvalidArgumentError(f"an entry cannot be a {self.kind!r}", where=self.path)
        if self.kind == "symlink" and not _is_text(self.target):
            raise InvalidArgumentError(
                f"a link cannot point at {self.target!r}", where=f"entry {self.path!r}"
            )
        if self.mode > 0o7777 or min(self.uid, self.gid) < 0:
            raise InvalidArgumentError(
                f"mode {self.mode:o}, uid {self.uid} or gid {self.gid} is out of range",
                where=f"entry {self.path!r}",
            )

    @classmethod
    def file(cls, path: str, source: str | Path, *, mode: int = -1, owner: int = 0) -> Entry:
        """A file with the content of a file on this machine; `owner` is uid and gid."""
        return cls(path, "file", Path(source), mode=mode, uid=owner, gid=owner)

    @classmethod
    def data(cls, path: str, content: bytes, *, mode: int = -1, owner: int = 0) -> Entry:
        """A file with this content."""
        return cls(path, "file", content, mode=mode, uid=owner, gid=owner)

    @classmethod
    def directory(cls, path: str, *, mode: int = 0o755, owner: int = 0) -> Entry:
        """A folder; one that a file needs and nobody lists is made by the engine, owned by root."""
        return cls(path, "directory", mode=mode, uid=owner, gid=owner)

    @classmethod
    def symlink(cls, path: str, target: str, *, owner: int = 0) -> Entry:
        """A link to `target`, which need not exist."""
        return cls(path, "symlink", target=target, mode=0o777, uid=owner, gid=owner)

    @classmethod
    def whiteout(cls, path: str) -> Entry:
        """Remove what the layers below have at `path`."""
        folder, _, name = path.rstrip("/").rpartition("/")
        return cls(f"{folder}/{_WHITEOUT}{_checked(name)}")

    @classmethod
    def opaque(cls, path: str) -> Entry:
        """Hide everything that the layers below have in folder `path`."""
        return cls(f"{path.rstrip('/')}/{_OPAQUE}")

    @property
    def whites_out(self) -> bool:
        """Whether this removes something instead of adding it (OCI image layer specification)."""
        name = self.path.rpartition("/")[2]
        return name.startswith(_WHITEOUT) and self.source == b"" and self.kind == "file"


def _is_text(text: str) -> bool:
    try:
        return bool(text.encode()) and "\0" not in text
    except UnicodeEncodeError:
        return False


def _checked(path: str, whiteout: bool = False) -> str:
    """The path without its leading `/`, if it stays inside the image."""
    parts = [part for part in path.split("/") if part not in ("", ".")] if path else []
    if not parts or ".." in parts or not _is_text(path):
        raise InvalidArgumentError(
            f"{path!r:.200} cannot be a path in an image",
            fix="use an absolute path without '..', as UTF-8",
        )
    if parts[-1].startswith(_WHITEOUT) and not whiteout:
        raise InvalidArgumentError(
            f"{path!r} would remove a file: names that begin with {_WHITEOUT!r} mean that",
            fix="rename the file, or use Entry.whiteout",
        )
    return "/".join(parts)


def entries_of(
    folder: str | Path,
    into: str = "/",
    *,
    skip: Callable[[str], bool] | None = None,
    owner: int = 0,
) -> Iterator[Entry]:
    """Everything below a folder of this machine, as entries below `into`.

    Links are kept as links. A folder's own entry is among them, except for `/`.

    Args:
        folder: On this machine.
        into: Absolute path in the image.
        skip: Called with each path relative to `folder`; true leaves it (and all below) out.
        owner: uid and gid of everything.

    Raises:
        BuildError: if a file cannot be read, or is a socket, pipe or device.
    """
    base = into.strip("/")
    if base:
        yield Entry.directory(base, owner=owner)
    pending = [("", os.fspath(folder))]
    while pending:
        prefix, here = pending.pop()
        try:
            found = sorted(os.scandir(here), key=lambda item: item.name)
        except OSError as exc:
            raise BuildError(f"folder cannot be read: {exc}", where=here) from exc
        for item in found:
            relative = f"{prefix}{item.name}"
            if skip is not None and skip(relative):
                continue
            path = f"{base}/{relative}"
            if item.is_symlink():
                yield Entry.symlink(path, os.readlink(item.path), owner=owner)
            elif item.is_dir():
                yield Entry.directory(path, owner=owner)
                pending.append((f"{relative}/", item.path))
            elif stat.S_ISREG(item.stat().st_mode):
                yield Entry.file(path, item.path, owner=owner)
            else:
                raise BuildError(
                    "a socket, pipe or device cannot be part of an image",
                    where=item.path,
                    fix="leave it out, for example with an ignore file",
                )
