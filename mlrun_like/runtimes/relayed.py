"""The submitting side of the relay: records found in a program's output go to the real store."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.relay import FrameReader

__all__ = ["Relayed", "RelayedPipe"]


class Relayed:
    """Reads the output of a job whose records travel with it (`tracking.relay`).

    Only records of the job's own run and its children are taken: a program's output cannot change
    other runs.

    Args:
        job: Whose output it is.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._reader = FrameReader(self._apply)
        self.finished: RunDoc | None = None
        self.seen = False
        """Whether any record has come: the other side has started."""

    def feed(self, data: bytes) -> bytes:
        """Take in output; gives the plain text in it. Output that is read twice is harmless."""
        return self._reader.feed(data)

    def end(self) -> bytes:
        """The rest of the plain text at the end of the output."""
        return self._reader.end()

    def _apply(self, record: Any) -> None:
        self.seen = True
        try:
            kind, *values = record
            take = getattr(self, f"_take_{kind}", None)
            if take is not None:
                take(*values)
        except (MLRunLikeError, TypeError, ValueError, KeyError, AttributeError):
            return  # output may hold anything; a record that makes no sense is none

    def _own(self, project: str, uid: str) -> bool:
        meta = self._job.run.metadata
        return (project, uid) == (meta.project, meta.uid)

    def _is_own_run(self, run: Any) -> bool:
        meta = run["metadata"]
        return self._own(meta.get("project", ""), meta["uid"])

    def _take_run(self, run: dict[str, Any]) -> None:
        if self._is_own_run(run):
            self._job.store.store_run(parse(RunDoc, run).to_dict(), wait=False)

    def _take_end(self, run: dict[str, Any]) -> None:
        if self._is_own_run(run):
            self.finished = parse(RunDoc, run)
            self._job.store.store_run(self.finished.to_dict())

    def _take_metrics(self, project: str, uid: str, iteration: int, points: list[Any]) -> None:
        if self._own(project, uid):
            rows = [MetricPoint(str(k), float(v), int(s), float(t)) for k, v, s, t in points]
            self._job.store.log_metrics(project, uid, iteration, rows)

    def _take_artifact(self, artifact: dict[str, Any], tag: str) -> None:
        if artifact["metadata"].get("project") == self._job.run.metadata.project:
            self._job.store.store_artifact(artifact, tag=tag, wait=False)

    def _take_tag(self, project: str, key: str, uid: str, tag: str) -> None:
        if project == self._job.run.metadata.project:
            self._job.store.tag_artifact(project, key, uid, tag)

    def _take_function(self, function: dict[str, Any], tag: str) -> None:
        if function["metadata"].get("project") == self._job.run.metadata.project:
            self._job.store.store_function(function, tag=tag)

    def _take_use(self, project: str, uid: str, artifact_uri: str, direction: str) -> None:
        if self._own(project, uid):
            self._job.store.record_use(project, uid, artifact_uri, direction)


class RelayedPipe(OutputPipe):
    """The output of a program on this machine, with records in it.

    Args:
        job: Whose run it is.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.relayed = Relayed(job)

    def _take(self, data: bytes) -> None:
        super()._take(self.relayed.feed(data))

    def close(self) -> None:
        """See OutputPipe.close."""
        super()._take(self.relayed.end())
        super().close()
