"""JSONSource: one JSON object a line, or a list of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import orjson

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.sources.base import Source, SourceChunk, write_position
from mlrun_like.feature_store.sources.files import File, Progress, files_of
from mlrun_like.feature_store.sources.typed_rows import TypedRows

__all__ = ["JSONSource"]

_LIST = 512 << 20
"""A file that is one JSON list is read whole, up to so many bytes."""


class JSONSource(Source):
    """JSON lines (or a JSON list of objects); arguments as of `Source`.

    Lines are read on from where the last reader stopped. A chunk has the columns that were seen
    up to it.
    """

    kind: ClassVar[str] = "json"

    def files(self) -> list[File]:
        """The files, in the order of their names."""
        if not self.path:
            raise InvalidArgumentError("a JSONSource needs a path", fix='path="a.jsonl"')
        return files_of(self.path, ".jsonl", ".ndjson", ".json")

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        progress = Progress(position.get("files", ""), self.describe())
        typed = TypedRows(position.get("types"))
        files = self.files()
        if files and not position and not any(file.size for file in files):
            raise InvalidArgumentError(
                "the file is empty: it has no bytes at all",
                where=files[0].shown,
                fix="write an empty list, [], if there are no rows",
            )
        for file in files:
            if progress.is_done(file.name, file.size):
                continue
            done = skip = progress.rows(file.name)
            rows = itertools.islice(_rows(file), skip, None)
            while some := list(itertools.islice(rows, size)):
                done += len(some)
                frame = typed.frame(some)
                progress.read(file.name, done, file.size)
                place = write_position(self.kind, files=str(progress), types=typed.kinds)
                yield SourceChunk(frame, place, len(some))
            if done == skip and skip:
                progress.check(file, sum(1 for _ in _rows(file)))
            progress.read(file.name, done, file.size, complete=True)


def _rows(file: File) -> Iterator[dict[str, Any]]:
    with file.open() as stream:
        head = stream.read(1)
        while head.isspace():
            head = stream.read(1)
        if head == b"[":
            whole = head + stream.read(_LIST)
            if len(whole) > _LIST:
                raise InvalidArgumentError(
                    f"it is one JSON list of more than {_LIST >> 20} MB",
                    where=file.shown,
                    fix="write one object a line (.jsonl)",
                )
            values: Iterable[tuple[int, Any]] = enumerate(_parsed(whole, 1, file), 1)
            yield from (_row(value, number, file) for number, value in values)
            return
        first = head + stream.readline()
        for number, line in enumerate(itertools.chain([first], stream), 1):
            if line.strip():
                yield _row(_parsed(line, number, file), number, file)


def _parsed(text: bytes, number: int, file: File) -> Any:
    try:
        return orjson.loads(text)
    except ValueError as exc:
        raise InvalidArgumentError(
            f"line {number:,} is not JSON: {exc!s:.100}", where=file.shown, fix="one object a line"
        ) from exc


def _row(value: Any, number: int, file: File) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidArgumentError(
            f"row {number:,} is a {type(value).__name__}, not an object", where=file.shown
        )
    return value
