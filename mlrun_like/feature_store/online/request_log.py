"""The log of served vectors: what was asked, when, and what was answered.

JSON lines: `{"at": <microseconds since 1970>, "entities": {...}, "request": {...}, "values": {...}
or null}`; `request` holds further fields of the request. A folder gets one file for each process
and day, so that several processes can log to it.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.feature_store.online.codec import json_line, json_value

__all__ = ["RequestLog", "read_log"]

_DAY = 86_400_000_000


class RequestLog:
    """Appends vectors to a file or folder; lines are whole, also after a kill.

    Args:
        path: A `.jsonl` file, or a folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._file: TextIO | None = None
        self._day = -1

    def add(
        self,
        entities: Sequence[str],
        rows: Sequence[Mapping[str, Any]],
        vectors: Sequence[Any],
        millis: float | None = None,
    ) -> None:
        """Append the vectors of one request.

        Args:
            entities: Names of the entities.
            rows: The request's rows.
            vectors: Their vectors; what is no dictionary is logged as null.
            millis: The moment they are for; None: now.

        Raises:
            StoreUnavailableError: if the log cannot be written.
        """
        at = time.time_ns() // 1000 if millis is None else int(millis * 1000)
        lines = []
        for row, vector in zip(rows, vectors, strict=True):
            line = {
                "at": at,
                "entities": {name: row[name] for name in entities},
                "request": {name: row[name] for name in row if name not in entities},
                "values": vector if type(vector) is dict else None,
            }
            lines.append(json_line(line))
        try:
            with self._lock:
                file = self._opened(at // _DAY)
                file.write("".join(lines))
                file.flush()
        except OSError as exc:
            raise StoreUnavailableError(
                f"the log of vectors cannot be written: {exc}", where=str(self.path)
            ) from exc

    def close(self) -> None:
        """Close the file; the next vector opens it again."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    def _opened(self, day: int) -> TextIO:
        if self._file is None or (day != self._day and self.path.suffix != ".jsonl"):
            if self._file is not None:
                self._file.close()
            path = self.path
            if path.suffix != ".jsonl":
                path = path / f"{day}-{os.getpid()}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = file = path.open("a", encoding="utf-8")
            weakref.finalize(self, file.close)  # services that nobody closes
            self._day = day
        return self._file


def read_log(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The lines of a log, of a folder those of all files; a last line that is not whole is left.

    Args:
        path: What `RequestLog` wrote.
    """
    place = Path(path)
    files = [place] if place.suffix == ".jsonl" else sorted(place.glob("*.jsonl"))
    for file in files:
        with file.open(encoding="utf-8") as stream:
            for line in stream:
                if line.endswith("\n"):
                    yield json_value(line)
