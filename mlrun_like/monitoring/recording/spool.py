"""Batches on disk while the store is away.

One file per batch in `<home>/spool/monitoring-<store>/`, written beside its place and renamed, so
that each is whole. Any process may deliver any file: a batch that comes twice counts once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

__all__ = ["BatchSpool"]

_log = logging.getLogger("mlrun_like.monitoring")
_SUFFIX = ".batch"
_DEAD = 3600.0
"""Seconds after which a file that was never finished is nobody's."""


class BatchSpool:
    """The waiting batches of one store.

    Args:
        store: The store's address without its password.
        limit: Bytes that files may take together.
        folder: Where the spools of all stores lie; default: `spool` in the home folder.
    """

    def __init__(self, store: str, limit: int, folder: Path | None = None) -> None:
        name = hashlib.sha1(store.encode(), usedforsecurity=False).hexdigest()[:16]
        self.folder = (folder or config.path("spool")) / f"monitoring-{name}"
        self.limit = limit

    def put(self, batch: SeriesBatch) -> bool:
        """Write a batch; False: there is no room left for it.

        Raises:
            OSError: if it cannot be written.
        """
        head = {key: value for key, value in vars(batch).items() if key != "body"}
        data = json.dumps(head).encode() + b"\n" + batch.body
        if self.size() + len(data) > self.limit:
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{batch.batch_id}{_SUFFIX}"
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            with open(unfinished, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        return True

    def size(self) -> int:
        """Bytes of all waiting batches, of any process."""
        try:
            with os.scandir(self.folder) as entries:
                return sum(e.stat().st_size for e in entries if e.name.endswith(_SUFFIX))
        except OSError:
            return 0

    def waiting(self) -> list[Path]:
        """The files, oldest first."""
        try:
            with os.scandir(self.folder) as entries:
                found = [(e.stat().st_mtime, e.path) for e in entries if e.name.endswith(_SUFFIX)]
        except OSError:
            return []
        return [Path(path) for _, path in sorted(found)]

    def read(self) -> Iterator[tuple[Path, SeriesBatch]]:
        """The waiting batches; a file that is none is put aside as `.bad`."""
        self._sweep()
        for path in self.waiting():
            try:
                head, _, body = path.read_bytes().partition(b"\n")
            except FileNotFoundError:
                continue  # another worker has delivered it
            except OSError as exc:  # one bad sector or folder must not hold back the others
                self._put_aside(path, exc)
                continue
            try:
                batch = SeriesBatch(**{**json.loads(head), "body": body})
                whole = _is_whole(batch)
            except (ValueError, TypeError) as exc:
                self._put_aside(path, exc)
                continue
            if whole:
                yield path, batch
            else:
                self._put_aside(path, "its first line is not that of a batch")

    def _put_aside(self, path: Path, reason: object) -> None:
        _log.error("recorded requests in %s cannot be read: %s", path, reason)
        with contextlib.suppress(OSError):  # another worker has put it aside
            path.rename(path.with_suffix(".bad"))

    def _sweep(self) -> None:
        """Remove what writers left that were killed half-way."""
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(".tmp") and time.time() - entry.stat().st_mtime > _DEAD:
                    os.unlink(entry.path)


def _is_whole(batch: SeriesBatch) -> bool:
    texts = (batch.project, batch.endpoint, batch.kind, batch.batch_id)
    numbers = (batch.first, batch.last, batch.rows)
    return (
        all(isinstance(text, str) and text for text in texts)
        and all(isinstance(number, (int, float)) for number in numbers)
        and isinstance(batch.summary, dict)
    )
