"""CSVTarget: writes events as lines of a CSV file."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.targets import BatchTarget
from mlrun_like.serving.steps.targets_columns import Columns, parse_columns
from mlrun_like.serving.steps.targets_files import Place
from mlrun_like.serving.steps.targets_lock import locked

__all__ = ["CSVTarget"]

_logger = logging.getLogger("mlrun_like.serving")
_CHUNK = 1 << 20


class CSVTarget(BatchTarget):
    """Appends each event to a CSV file and passes it on.

    On this machine, lines are appended in whole batches, and the file is synced when the flow ends;
    several processes may append to one file. If a process was killed while it wrote, the part of a
    line that it left is moved to `PATH.torn` before the next batch is written. Places that cannot
    append, such as object stores, get the whole file with each batch.

    Args:
        path: A path or URL.
        columns: In storey's notation (see `targets_columns`); by default the fields of the first
            event, sorted.
        header: Whether a new file starts with the names of the columns.
        infer_columns_from_data: Whether the fields of the first event are added to `columns`.
        max_events: The most events that are held.
        flush_after_seconds: How long the first of them waits at most.
        storage_options: Arguments of fsspec's file system.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
        InvalidArgumentError: if an argument is wrong.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.csv"
    >>> target = CSVTarget(str(path), columns=["n", "user=$key"], header=True)
    >>> _ = target.process(Event({"n": 1}, key="ann"))
    >>> target.close()
    >>> path.read_text()
    'n,user\\n1,ann\\n'
    """

    def __init__(
        self,
        path: str,
        columns: Sequence[str] | None = None,
        header: bool = False,
        infer_columns_from_data: bool | None = None,
        max_events: int | None = 128,
        flush_after_seconds: float | None = 3,
        storage_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(max_events, flush_after_seconds, **options)
        step = type(self).__name__
        self.path = path
        self.place = Place(path, storage_options)
        self.header = header
        infer = bool(infer_columns_from_data or not columns)
        self.columns = Columns(
            parse_columns(columns, "columns", step), infer, default="", step=step
        )
        self._checked = False

    def begin(self) -> None:
        self.columns.begin()

    def entry_of(self, event: Event) -> list[Any]:
        return self.columns.row(event)

    def write(self, part: Any, batch: list[list[Any]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows(batch)
        lines = text.getvalue().encode("utf-8", "surrogatepass")
        local = self.place.local()
        if local is None:
            before = self.place.read()
            self.place.write((before or self._head()) + lines)
        else:
            self._append(local, lines)

    def _head(self) -> bytes:
        if not self.header:
            return b""
        names = self.columns.names()
        if not names:
            raise InvalidArgumentError(
                "columns must be defined when header is True and events type is not dictionary",
                where=f"step {self.name!r}",
            )
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerow(names)
        return text.getvalue().encode("utf-8", "surrogatepass")

    def _append(self, path: Path, lines: bytes) -> None:
        with _opened(path) as file, locked(file):
            size = file.seek(0, os.SEEK_END)
            if size and not self._checked:
                size = _mend(file, path, size)
            self._checked = True
            if size == 0:
                lines = self._head() + lines
            # one call: other processes append before or after it
            file.write(lines)

    def finish(self) -> None:
        local = self.place.local()
        if local is not None and self._checked:
            with _opened(local) as file:
                os.fsync(file.fileno())


@contextmanager
def _opened(path: Path) -> Any:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab+", buffering=0) as file:
            yield file
    except OSError as exc:
        raise StoreUnavailableError(
            f"{str(path)!r} cannot be written: {exc.strerror or exc}",
            fix="check the permissions and the free space of the file system",
        ) from exc


def _mend(file: IO[bytes], path: Path, size: int) -> int:
    """Move a line that was not completed out of the way; returns the size of the rest."""
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return size
    end = _last_line_end(file)
    file.seek(end)
    torn = file.read(size - end)
    aside = path.with_name(path.name + ".torn")
    with open(aside, "ab") as kept:
        kept.write(torn + b"\n")
        kept.flush()
        os.fsync(kept.fileno())
    file.truncate(end)
    _logger.warning(
        "%s ended in the middle of a line; its %d bytes are in %s now", path, len(torn), aside.name
    )
    return end


def _last_line_end(file: IO[bytes]) -> int:
    # a line end inside quotes is part of a value
    file.seek(0)
    end = place = 0
    quoted = False
    while chunk := file.read(_CHUNK):
        for piece in chunk.splitlines(keepends=True):
            quoted ^= piece.count(b'"') % 2 == 1
            place += len(piece)
            if piece.endswith(b"\n") and not quoted:
                end = place
    return end
