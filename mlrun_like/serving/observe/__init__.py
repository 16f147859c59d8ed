"""What watches a graph while it answers; off costs nothing, on costs little.

numbers.py     rows of counters in memory, or in a file per worker process that outlives it
metrics.py     Metrics: requests, latencies, steps, batches as Prometheus text
families.py    rows of counters as Prometheus metric families
sources.py     numbers that other parts of the process count, such as monitoring's recorder
timings.py     Timings: the newest requests with the time of each step
tracing.py     Tracing: OpenTelemetry spans, through its API only
propagation.py trace headers for requests that a step sends
recording.py   Recorder: requests, answers and steps in files, with sampling and rotation
journal.py     the files: append, rotate, limit; read them back
values.py      any body as JSON and back, exactly
replay.py      a recorded event again, through one step or the whole graph
compare.py     where two answers differ
"""

from __future__ import annotations
