"""Adaptive micro-batching: callers that come at the same time share one call of a model.

| module | what it holds |
|---|---|
| `batched` | `batched`: a step's function of one body from a function of many |
| `options` | `BatchOptions`; `BatchInfo` about one request |
| `engine` | `Batcher` |
| `lane` | a batcher on one event loop: when a batch starts, and who is refused |
| `times` | what calls cost and how fast rows come: whether waiting pays |
| `queue` | the rows that wait, and the counts for metrics |
| `run` | a batch on the event loop, in a thread or awaited |
| `calls` | results to their callers; which rows made a call fail |
| `stream` | `StreamBatcher`: a generator's ticks to the stream of each caller |
| `feed`, `reader` | the generators behind it, and the readers of their values |

Batching is natural: an idle call starts at the end of the event loop's current iteration with all
rows that came in it, and while a call runs the next batch gathers. Beyond that, rows wait only
while measured call times and arrival rates say that it pays. A caller that is alone is served at
once, in its own task.
"""

from __future__ import annotations

from mlrun_like.serving.batching.batched import (
    BatchedCall,
    BatchedStream,
    batched,
    live_batchers,
)
from mlrun_like.serving.batching.engine import Batcher
from mlrun_like.serving.batching.options import BATCHES, BatchInfo, BatchOptions
from mlrun_like.serving.batching.stream import END, SKIP, StreamBatcher

__all__ = [
    "BATCHES",
    "END",
    "SKIP",
    "BatchInfo",
    "BatchOptions",
    "BatchedCall",
    "BatchedStream",
    "Batcher",
    "StreamBatcher",
    "batched",
    "live_batchers",
]
