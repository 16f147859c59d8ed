"""TSDBTarget: samples by time in V3IO."""

from __future__ import annotations

from mlrun_like.feature_store.targets.base import BaseStoreTarget
from mlrun_like.feature_store.targets.v3io import TimeSeriesWriter
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob

__all__ = ["TSDBTarget"]


class TSDBTarget(BaseStoreTarget):
    """Samples in a table of times of V3IO: the index is the event time and the entities.

    Args:
        options: Arguments of all targets; the path is `v3io:///<container>/<table>`.
    """

    kind = "tsdb"

    def writer(self, job: WriteJob) -> TargetWriter:
        return TimeSeriesWriter(self.get_target_path(job.run_id), job, self.columns)

    def purge(self) -> None:
        TimeSeriesWriter(self.get_target_path(), WriteJob("purge"), []).purge()
