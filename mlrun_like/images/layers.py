"""Layers of an image: entries -> a tar.gz that is the same whoever makes it, and when."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlrun_like.errors import BuildError, InvalidArgumentError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.compressing import LEVEL, LayerWriter
from mlrun_like.images.entries import Entry, entries_of
from mlrun_like.images.reference import ImageName
from mlrun_like.images.tarring import END, EPOCH, Head, padding

__all__ = [
    "EPOCH",
    "OCI_LAYER",
    "Entry",
    "Layer",
    "build_layer",
    "entries_of",
    "kept_layer",
    "recall_layer",
    "remember_layer",
]

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_PIECE = 1 << 20
_LATEST = 8**11  # seconds that a tar has no room for


@dataclass(frozen=True)
class Layer:
    """A layer: its bytes are in the cache, or at `origin` in a registry.

    Args:
        digest: Of the compressed bytes.
        diff_id: Of the plain tar.
        size: Compressed bytes.
        media_type: Its format.
        origin: The image it was found in; None: it is in the cache.
    """

    digest: str
    diff_id: str
    size: int
    media_type: str = OCI_LAYER
    origin: ImageName | None = None


def build_layer(
    entries: Iterable[Entry],
    created: int = EPOCH,
    *,
    cache: BlobCache | None = None,
    level: int = LEVEL,
) -> Layer:
    """Write entries as one layer into the cache.

    The bytes depend on paths, contents, modes, owners and `created` only: not on the order of the
    entries, the times of files, the umask, the language or the clock. Files are streamed.
    (The compressed form also depends on the zlib that Python was built with.)

    Args:
        entries: What the layer holds.
        created: Time of every entry, in seconds since 1970.
        cache: Where it is kept; by default the cache in the home folder.
        level: Of compression, 1 to 9.

    Raises:
        InvalidArgumentError: if two entries contradict each other, or a time is none.
        BuildError: if a file cannot be read or changes meanwhile.

    >>> import tempfile
    >>> cache = BlobCache(tempfile.mkdtemp())
    >>> one = build_layer([Entry.data("/a", b"1"), Entry.data("/b", b"2")], cache=cache)
    >>> two = build_layer([Entry.data("/b", b"2"), Entry.data("/a", b"1")], cache=cache)
    >>> one.digest == two.digest
    True
    """
    if not 0 <= created < _LATEST:
        raise InvalidArgumentError(
            f"created is {created}, which is no time of a file", fix="give seconds since 1970"
        )
    cache = BlobCache() if cache is None else cache
    ordered = _ordered(entries)
    with cache.writer() as out:
        writer = LayerWriter(out, level)
        try:
            for entry in ordered:
                for piece in _packed(entry, created):
                    writer.write(piece)
            writer.write(END)
            made = writer.finish()
        finally:
            writer.close()
        out.commit(made.digest)
    return Layer(made.digest, made.diff_id, made.size)


def kept_layer(
    key: str,
    entries: Callable[[], Iterable[Entry]],
    *,
    cache: BlobCache | None = None,
) -> Layer:
    """The layer made under `key` before if the cache still has it, else a new one.

    Args:
        key: Says what is in the layer, such as the hash of a lock file and a platform.
        entries: Called when the layer must be made.
        cache: Where it is kept; by default the cache in the home folder.
    """
    cache = BlobCache() if cache is None else cache
    found = recall_layer(key, cache)
    if found is None:
        found = build_layer(entries(), cache=cache)
        remember_layer(key, found, cache)
    return found


def remember_layer(key: str, layer: Layer, cache: BlobCache) -> None:
    """Note that `key` means this layer of the cache."""
    cache.remember(
        key,
        {
            "digest": layer.digest,
            "diff_id": layer.diff_id,
            "size": layer.size,
            "media_type": layer.media_type,
        },
    )


def recall_layer(key: str, cache: BlobCache) -> Layer | None:
    """The layer that `key` means, if the cache has all of it."""
    note = cache.recall(key)
    if note is None:
        return None
    note.pop("key")
    try:
        layer = Layer(**note)
        if cache.size(layer.digest) != layer.size:
            return None
    except (TypeError, BuildError):
        return None
    cache.used(layer.digest)
    return layer


def _ordered(entries: Iterable[Entry]) -> list[Entry]:
    """The entries sorted, folders before what is in them, without repetitions."""
    by_path: dict[str, Entry] = {}
    for entry in entries:
        other = by_path.setdefault(entry.path, entry)
        if other != entry:
            raise InvalidArgumentError(
                f"two entries of the layer are called {entry.path!r}",
                fix="give one of them another path",
            )
    ordered = sorted(by_path.values(), key=lambda entry: entry.path)
    for entry in ordered:
        folder = entry.path.rpartition("/")[0]
        while folder:
            above = by_path.get(folder)
            # A file below a link would be written wherever the link points.
            if above is not None and above.kind != "directory":
                raise InvalidArgumentError(
                    f"{entry.path!r} is below {folder!r}, which is a {above.kind}",
                    fix="give one of them another path",
                )
            if above is not None:
                break
            folder = folder.rpartition("/")[0]
    return ordered


def _packed(entry: Entry, created: int) -> Iterator[bytes]:
    """An entry's header and content."""
    mode = entry.mode if entry.mode >= 0 else 0o755 if entry.kind == "directory" else 0o644
    head = Head(entry.path, 0, mode, entry.uid, entry.gid)
    if entry.kind == "directory":
        yield head._replace(name=entry.path + "/", kind="5").encode(created)
    elif entry.kind == "symlink":
        yield head._replace(link=entry.target, kind="2").encode(created)
    elif isinstance(entry.source, bytes):
        size = len(entry.source)
        yield head._replace(size=size).encode(created) + entry.source + padding(size)
    else:
        yield from _file(head, entry.source, entry.mode, created)


def _file(head: Head, source: Path, mode: int, created: int) -> Iterator[bytes]:
    try:
        with open(source, "rb", buffering=0) as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise BuildError("only plain files can be packed", where=str(source))
            size = left = state.st_size
            runs = mode < 0 and state.st_mode & 0o100
            begin = head._replace(size=size, mode=0o755 if runs else head.mode).encode(created)
            while left:
                piece = file.read(min(left, _PIECE))
                if not piece:
                    break
                left -= len(piece)
                yield begin + piece if begin else piece
                begin = b""
            if left or file.read(1):
                raise BuildError(
                    "the file changed while it was packed",
                    where=str(source),
                    fix="stop what writes to it, or leave it out of the image",
                )
    except OSError as exc:
        raise BuildError(
            f"a file of the image cannot be read: {exc.strerror or exc}", where=str(source)
        ) from exc
    yield begin + padding(size)
