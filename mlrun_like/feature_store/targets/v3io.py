"""Rows into V3IO through its frames client: key-value tables and tables of times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StoreUnavailableError
from mlrun_like.feature_store.targets.frames import plain, selected, table_of, to_pandas
from mlrun_like.feature_store.targets.merging import kept_rows
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob
from mlrun_like.registry import require

__all__ = ["FramesWriter", "KeyValueWriter", "TimeSeriesWriter"]

_POSITIONS = "mlrun_like_positions"


class FramesWriter(TargetWriter):
    """Writes a feed with `v3io_frames`; what a commit writes, a repeated one writes again.

    A key-value row and a sample of a time are replaced by the same one, so nothing is doubled when
    a process dies between the rows and the position.

    Args:
        path: `v3io://<cluster or nothing>/<container>/<table>`.
        job: What is written.
        columns: The columns to write; none: all.

    Raises:
        MissingDependencyError: if the client is not installed.
        InvalidArgumentError: if the path names no table, or the job cannot be done there.
    """

    backend = ""

    def __init__(self, path: str, job: WriteJob, columns: Sequence[str]) -> None:
        parts = [part for part in urlsplit(path).path.split("/") if part]
        if len(parts) < 2 or ".." in parts:
            raise InvalidArgumentError(
                f"{path!r:.200} names no table of V3IO", fix="v3io:///<container>/<table>"
            )
        self._path, self._job, self._columns = path, job, list(columns)
        self._table = "/".join(parts[1:])
        self._rows = 0
        self._held: list[Any] = []
        client = require("v3io_frames", feature="writing to v3io:// paths")
        self._client: Any = self._call(
            client.Client,
            environment("V3IO_FRAMESD") or "framesd:8080",
            container=parts[0],
            token=environment("V3IO_ACCESS_KEY") or "",
        )

    def _call(self, call: Any, *args: Any, **options: Any) -> Any:
        try:
            return call(*args, **options)
        except MLRunLikeError:
            raise
        except Exception as exc:
            raise StoreUnavailableError(
                f"V3IO refused: {type(exc).__name__}: {exc!s:.200}", where=self._path,
                fix="check V3IO_FRAMESD and V3IO_ACCESS_KEY",
            ) from exc  # fmt: skip

    def position(self) -> str:
        try:
            found = self._client.read("kv", f"{self._table}/{_POSITIONS}")
        except Exception:  # noqa: BLE001 - the client has no error of its own for a missing table
            return ""
        if "feed" not in found.columns:
            found = found.reset_index().rename(columns={"index": "feed"})
        mine = found[found["feed"] == self._job.feed]
        return str(mine["position"].iloc[-1]) if len(mine) else ""

    def write(self, frame: Any) -> None:
        job = self._job
        table = plain(selected(table_of(frame, job), self._columns, job))
        if table.num_rows:
            self._held.append(table)

    def commit(self, position: str) -> None:
        for table in self._held:
            self._rows += table.num_rows
            self._call(self.send, table)
        self._held = []
        row = pd.DataFrame({"feed": [self._job.feed], "position": [position]}).set_index("feed")
        self._call(self._client.write, "kv", f"{self._table}/{_POSITIONS}", row)

    def send(self, table: Any) -> None:
        """Write rows."""
        raise NotImplementedError

    def finish(self) -> dict[str, Any]:
        return {
            "size": None, "path": self._path, "last_written": None, "rows": self._rows,
            "run_id": self._job.run_id or None,
        }  # fmt: skip

    def abort(self) -> None:
        self._held = []

    def purge(self) -> None:
        """Delete the table."""
        self._call(self._client.delete, self.backend, self._table)


class KeyValueWriter(FramesWriter):
    """Rows by key."""

    backend = "kv"

    def send(self, table: Any) -> None:
        job = self._job
        if not job.entities:
            raise InvalidArgumentError("a table by key needs entities", where=self._path)
        mask = kept_rows(table, job.entities, job.timestamp_key)
        frame = to_pandas(table)[mask]
        if len(job.entities) == 1:
            frame = frame.set_index(job.entities[0])
        else:
            frame.index = pd.Index(
                frame[list(job.entities)].astype(str).agg(".".join, axis=1), name="key"
            )
        self._client.write(self.backend, self._table, frame)


class TimeSeriesWriter(FramesWriter):
    """Samples by time and labels."""

    backend = "tsdb"

    def send(self, table: Any) -> None:
        job = self._job
        if not job.timestamp_key:
            raise InvalidArgumentError(
                "feature set timestamp_key must be specified for TSDBTarget writer",
                where=self._path,
            )
        frame = to_pandas(table).set_index([job.timestamp_key, *job.entities])
        self._client.write(self.backend, self._table, frame)
