"""Queue steps: graphs split into functions that run as processes of their own, joined by streams.

wrapping.py      an event as a record of a stream, and back
push.py          QueuePush: the step that an event ends at, in front of a stream
pusher.py        one push for the records of many callers
split.py         split(graph): the part of each function, with its input and outputs
options.py       ConsumeOptions: batch size, attempts, dead letters, …
dead_letters.py  records that failed for good, and putting them back
batch.py         a batch of records through a graph: order by key, attempts, what came out
consuming.py     StreamWorker: read, process, push, acknowledge
workers.py       serve_stream: the worker of one function, until a signal stops it
pressure.py      stop reading while the next function is behind
metrics.py       records, dead letters and depth for Prometheus
in_process.py    all functions of a graph as threads of this process
supervisor.py    all functions of a graph as processes, restarted when they die
"""

from __future__ import annotations
