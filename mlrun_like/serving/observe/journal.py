"""Files of JSON lines that a killed process leaves readable: append, rotate, limit, read back.

Each line is one write to a file opened for appending, so a process that is killed loses at most
the line it was writing, and a reader skips a line that is not whole. A process has files of its
own and holds a lock on the open one. Closed files may become Parquet.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MissingFileError, SpecError
from mlrun_like.registry import resolve
from mlrun_like.serving.observe.locks import create_held, is_held
from mlrun_like.serving.observe.values import load

__all__ = ["Journal", "read_journal"]

_PREFIX = "events-"
_PARQUET = "mlrun_like.serving.observe.tables"
_logger = logging.getLogger("mlrun_like.serving")
_numbers = itertools.count()


class Journal:
    """Lines in the files of a folder.

    Args:
        folder: Where the files are; several processes may share it.
        max_bytes: Size at which a file is closed and a new one begun.
        max_total: Bytes of all files in the folder; the oldest closed ones are removed.
        parquet: Whether closed files are turned into Parquet.

    Raises:
        InvalidArgumentError: if the folder cannot be used, or a size is not positive.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        max_bytes: int = 64 << 20,
        max_total: int = 1 << 30,
        parquet: bool = False,
    ) -> None:
        for name, value in (("max_bytes", max_bytes), ("max_total", max_total)):
            if value < 1:
                raise InvalidArgumentError(f"{name} cannot be {value!r}", fix="give bytes above 0")
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise InvalidArgumentError(
                f"the folder for recordings cannot be used: {exc}", where=str(folder)
            ) from exc
        self.lost = 0
        """Lines that could not be written (a full disk, say)."""
        self._max_bytes = max_bytes
        self._max_total = max_total
        self._parquet = parquet
        self._lock = threading.Lock()
        self._tidying = threading.Lock()
        self._file = -1
        self._path = Path()
        self._size = 0
        self._torn = False
        self._process = os.getpid()

    def append(self, line: bytes) -> bool:
        """Write one line, which must not hold a line break; False if that failed (it is logged)."""
        with self._lock:
            if self._process != os.getpid():  # the open file is the parent's
                self._let_go()
                self._process = os.getpid()
            try:
                if self._file < 0 or self._size + len(line) > self._max_bytes:
                    self._next()
                self._write((b"\n" if self._torn else b"") + line + b"\n")
            except OSError as exc:
                self.lost += 1
                if self.lost == 1:
                    _logger.error("recording to %s failed: %s", self.folder, exc)
                return False
        return True

    def _write(self, data: bytes) -> None:
        self._torn = True
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self._torn = False
        self._size += len(data)

    def _next(self) -> None:
        had = self._file >= 0
        self._let_go()
        if had:
            threading.Thread(target=self.tidy, name="graph-recording", daemon=True).start()
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
        name = f"{_PREFIX}{now}-{os.getpid()}-{next(_numbers)}.jsonl"
        self._path = self.folder / name
        self._file = create_held(self._path, os.O_WRONLY | os.O_APPEND)
        self._size = 0

    def _let_go(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._torn = -1, False

    def tidy(self) -> None:
        """Turn closed files into Parquet, if wanted, and remove the oldest over the limit."""
        with self._tidying, contextlib.suppress(FileNotFoundError):  # another worker was faster
            if self._parquet:
                for path in sorted(self.folder.glob(f"{_PREFIX}*.jsonl")):
                    if not is_held(path):
                        resolve(f"{_PARQUET}:to_parquet")(path, _read_lines(path))
            total = 0
            for path in sorted(self.folder.glob(f"{_PREFIX}*"), reverse=True):
                total += path.stat().st_size
                if total > self._max_total and not is_held(path):
                    path.unlink()

    def close(self) -> None:
        """Close the file; a later line begins a new one."""
        with self._lock:
            had = self._file >= 0
            if self._process == os.getpid():
                self._let_go()
            if had:
                self.tidy()


def read_journal(source: str | Path) -> Iterator[dict[str, Any]]:
    """The records in a file, or in the files of a folder from the oldest to the newest.

    Lines that are not whole are skipped, with one warning in the log for each file.

    Raises:
        MissingFileError: if there is no such file or folder.
        SpecError: if the file is of another kind.
    """
    path = Path(source)
    if path.is_dir():
        listed = sorted(path.glob(f"{_PREFIX}*"), key=lambda item: item.name)
        stems = {item.stem for item in listed if item.suffix == ".parquet"}
        for item in listed:
            # both are there for a moment, when one is made of the other
            if item.suffix == ".parquet" or (item.suffix == ".jsonl" and item.stem not in stems):
                yield from read_journal(item)
    elif not path.exists():
        raise MissingFileError(f"there is no recording {str(path)!r}", fix="give a file or folder")
    elif path.suffix == ".parquet":
        yield from resolve(f"{_PARQUET}:read_parquet")(path)
    else:
        yield from _read_lines(path)


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    broken = good = 0
    with open(path, "rb") as stream:
        for line in stream:
            if not line.strip():
                continue
            try:
                found = load(line)
            except ValueError:
                found = None
            if isinstance(found, dict):
                good += 1
                yield found
            else:
                broken += 1
    if broken and not good and broken > 1:
        raise SpecError(
            f"{str(path)!r} is not a recording: none of its {broken} lines is a JSON object",
            fix="give the folder of a Recorder, or a file in it",
        )
    if broken:
        _logger.warning("%s: %d lines are not whole and were skipped", path, broken)
