"""Ingestion: from a source through the steps of a feature set into all its targets.

api.py               ingest, preview, infer_metadata, deploy_ingestion_service
infer_options.py     InferOptions; options.py: how it goes (chunks, commits, resume, progress)
running.py           an ingestion in this process; tracked.py: the run that it is
preparing.py         the first rows: inference.py (entities, features), columns.py (names),
                     clock.py (times), doubts.py (what is probably a mistake)
batch.py             the loop: chunks, commits; sinks.py: targets side by side
spark_rows.py        engine spark: results of the steps, in chunks
feeds.py             how far it is, on disk; failing.py: given up or kept
planning.py          targets, what may be appended to, window logs
checking.py          schema and validators; fitting.py: one column; inspection.py: validators
statistics.py        describe and histograms over chunks; column_statistics.py, sampling.py
results.py           the frame that is returned, the status of targets; progress.py
incremental.py       only what is new, by time or position; job.py: on runtimes, by schedule
live.py              events as they come, in small batches (live_rows.py); intake.py: accepted
                     events on disk
live_opening.py      a live ingestion of a feature set, readers of streams
live_step.py         the step of the service; service.py deploys it
"""

from __future__ import annotations

from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.options import IngestOptions, options

__all__ = ["InferOptions", "IngestOptions", "options"]
