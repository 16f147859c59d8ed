"""The log of a run whose output comes from a cluster."""

from __future__ import annotations

from mlrun_like.runs.job import Job
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.relayed import Relayed

__all__ = ["LogOutput"]


class LogOutput(OutputPipe):
    """Takes text as it comes, without a pipe's other end.

    Args:
        job: Whose run it is.
        relayed: Takes the records out of the text; None: there are none in it.
    """

    def __init__(self, job: Job, relayed: Relayed | None = None) -> None:
        super().__init__(job)
        self.started()
        self._relayed = relayed

    def write(self, data: bytes) -> None:
        """Add output, as it was printed."""
        self._take(data if self._relayed is None else self._relayed.feed(data))

    def end(self) -> None:
        """There is no more of it."""
        if self._relayed is not None:
            self._take(self._relayed.end())
