"""DataItem: one file or folder at a URL, whatever holds it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from mlrun_like.artifacts.formats import FrameRequest, recorded_format
from mlrun_like.artifacts.lazy import frames, show
from mlrun_like.artifacts.local import inside
from mlrun_like.artifacts.stores import (
    FileStats,
    FileStore,
    Secrets,
    join_url,
    open_file_store,
    read_chunks,
    redact,
)
from mlrun_like.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    MissingFileError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from mlrun_like.artifacts.artifact import Artifact

__all__ = ["DataItem", "open_url"]


class DataItem:
    """A file or folder at a URL.

    Args:
        key: The name of the run's input it stands for; empty: the URL.
        store: The place that holds it.
        subpath: The URL's path in that place.
        url: Where it is; empty: the path.
        meta: The artifact it belongs to, if it came from a `store://` URI.
        artifact_url: That URI.

    >>> from mlrun_like.artifacts.memory import set_in_memory_item
    >>> item = open_url(set_in_memory_item("note.txt", b"hello"))
    >>> item.get(encoding="utf-8"), item.suffix
    ('hello', '.txt')
    """

    def __init__(
        self,
        key: str,
        store: FileStore,
        subpath: str,
        url: str = "",
        meta: Artifact | None = None,
        artifact_url: str | None = None,
    ) -> None:
        self._url = url or subpath
        self._store = store
        self._path = subpath
        self._key = key
        self._meta = meta
        self._artifact_url = artifact_url or ""
        self._local: Path | None = None

    @property
    def url(self) -> str:
        """Where the bytes are."""
        return self._url

    @property
    def key(self) -> str:
        """The input's name, or the URL."""
        return self._key or self._url

    @property
    def kind(self) -> str:
        """The kind of place: file, memory, http, s3, gs, ..."""
        return self._store.kind

    @property
    def suffix(self) -> str:
        """The file's suffix with its dot."""
        return PurePosixPath(
            self._url.partition("?")[0] if self.kind == "http" else self._path
        ).suffix

    @property
    def store(self) -> FileStore:
        """The place."""
        return self._store

    @property
    def meta(self) -> Artifact | None:
        """The artifact, if the item came from a `store://` URI."""
        return self._meta

    @property
    def artifact_url(self) -> str:
        """The `store://` URI, or else the URL."""
        return self._artifact_url or self._url

    def get_artifact_type(self) -> str:
        """The artifact's kind, empty for a plain URL."""
        return self._meta.kind if self._meta is not None else ""

    def get(self, size: int | None = None, offset: int = 0, encoding: str | None = None) -> Any:
        """The bytes, or text with `encoding`.

        Args: size: at most this many bytes from `offset`, None: all; encoding: such as `"utf-8"`.

        Raises MissingFileError, or InvalidArgumentError if it is a folder or does not decode.
        """
        if offset < 0 or (size is not None and size < 0):
            raise InvalidArgumentError(f"size {size!r} and offset {offset!r} must be 0 or more")
        data = self._store.read(self._path, size, offset)
        if not encoding:
            return data
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError) as exc:
            raise InvalidArgumentError(
                f"{self} is not {encoding} text: {exc}", fix="get() without encoding gives bytes"
            ) from exc

    def put(self, data: str | bytes | bytearray | memoryview, append: bool = False) -> None:
        """Write bytes or text (as UTF-8), making folders as needed; never leaves a part.

        Raises InvalidArgumentError if the place is read only or cannot append.
        """
        if isinstance(data, str):
            data = data.encode()
        if not isinstance(data, (bytes, bytearray, memoryview)):
            kind = type(data).__name__
            raise InvalidTypeError(f"put() cannot write a {kind}", fix="give str or bytes")
        self._store.write(self._path, (bytes(data),), append=append)

    def write(self, chunks: Iterable[bytes]) -> int:
        """Write a stream of bytes, all or nothing; returns how many."""
        return self._store.write(self._path, chunks)

    def chunks(self) -> Iterator[bytes]:
        """All bytes, a piece at a time."""
        with self._store.open(self._path, "rb") as file:
            try:
                yield from read_chunks(file)
            except OSError as exc:
                raise StoreUnavailableError(f"{self} broke off: {exc}") from exc

    def download(self, target_path: str | Path) -> str:
        """Copy the file, or the folder with everything in it, to this machine.

        Args: target_path: a file name, or for a folder a folder name; nothing is written outside.

        Returns the path of the copy.
        """
        target = Path(target_path)
        if not self.isdir():
            if target.is_dir():
                target = target / self._basename()
            open_url(str(target.absolute())).write(self.chunks())
            return str(target)
        target.mkdir(parents=True, exist_ok=True)
        for name, path in self._store.walk(self._path):
            inner = DataItem("", self._store, path, join_url(self._url, name))
            open_url(str(inside(target, name))).write(inner.chunks())
        return str(target)

    def upload(self, src_path: str | Path) -> None:
        """Copy a file, or a folder with everything in it, from this machine to here."""
        source = open_url(str(Path(src_path).absolute()))
        if not source.isdir():
            self.write(source.chunks())
            return
        for name, path in source.store.walk(str(Path(src_path).absolute())):
            self.child(name).write(DataItem("", source.store, path).chunks())

    def child(self, name: str) -> DataItem:
        """A file or folder below this one."""
        return DataItem("", self._store, join_url(self._path, name), join_url(self._url, name))

    def as_df(
        self,
        columns: Sequence[str] | None = None,
        df_module: Any = None,
        format: str = "",
        time_column: str | None = None,
        start_time: Any = None,
        end_time: Any = None,
        additional_filters: Sequence[tuple[str, str, Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """The table in this file, or in all files of this folder.

        Args:
            columns: Only these columns, in this order.
            df_module: Another data frame package, such as `dask.dataframe` or `polars`.
            format: csv, tsv, parquet, json, jsonl, feather, orc, xlsx, html; else as recorded.
            time_column: Only rows whose time here is after `start_time` and up to `end_time`.
            additional_filters: `(column, operator, value)` triples; all must hold.
            kwargs: Passed to the reader, such as `nrows=10`.

        Raises:
            InvalidArgumentError: if the file is broken, or the format or a column is unknown.
            MissingFileError: if it does not exist.
        """
        if not format and self._meta is not None:
            format = recorded_format(self._meta.spec.format)
        request = FrameRequest(
            columns=(columns,) if isinstance(columns, str) else tuple(columns or ()),
            format=format,
            df_module=df_module,
            time_column=time_column or "",
            start_time=start_time,
            end_time=end_time,
            filters=tuple(additional_filters or ()),
            options=kwargs,
        )
        return frames().read(self._store, self._path, self._url, request)

    def local(self) -> str:
        """A path on this machine: the file itself, or a temporary copy of a remote one."""
        if self._local is None:
            own = self._store.local_path(self._path)
            if own is not None:
                return str(own)
            folder = Path(tempfile.mkdtemp(prefix="mlrun-like-"))
            try:
                self._local = Path(self.download(folder / self._basename()))
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return str(self._local)

    def remove_local(self) -> None:
        """Delete the temporary copy that `local` made, if any."""
        if self._local is not None:
            shutil.rmtree(self._local.parent, ignore_errors=True)
        self._local = None

    def open(self, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """A file object; what is written appears under its name when it is closed."""
        return self._store.open(self._path, mode, encoding)

    def ls(self) -> list[str]:
        """Names in this folder, sorted; those of folders end with `/`."""
        return self._store.list(self._path)

    def listdir(self) -> list[str]:
        """Names in this folder, sorted."""
        return [name.rstrip("/") for name in self.ls()]

    def stat(self) -> FileStats:
        """Size, time of the last change, media type."""
        return self._store.stat(self._path)

    def isdir(self) -> bool:
        """Whether it is a folder."""
        return self.kind != "http" and self.stat().is_dir

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        try:
            self.stat()
        except MissingFileError:
            return False
        return True

    def delete(self, recursive: bool = False) -> None:
        """Delete the file, or with `recursive` the folder; a missing one is fine."""
        self._store.delete(self._path, recursive=recursive)

    def show(self, format: str = "") -> Any:
        """Show the content in a notebook or in the terminal."""
        return show().show_item(self, format)

    def _basename(self) -> str:
        name = os.path.basename(redact(self._url).rstrip("/"))
        return name if name not in ("", ".", "..") else "data"

    def __str__(self) -> str:
        return redact(self._url) if "@" in self._url or self.kind == "http" else self._url

    def __repr__(self) -> str:
        return f"DataItem({str(self)!r})"

    def __fspath__(self) -> str:
        return self.local()


def open_url(url: str | Path, secrets: Secrets = None, *, key: str = "") -> DataItem:
    """The item at a plain URL or path; `store://` URIs are for `get_dataitem`."""
    text = os.fspath(url) if isinstance(url, os.PathLike) else url
    store, path = open_file_store(text, secrets)
    return DataItem(key, store, path, text)
