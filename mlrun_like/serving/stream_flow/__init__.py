"""Storey's form of flows: steps chained in Python, fed by a controller, run by the graph engine.

build.py          build_flow: steps in a list
emit_sources.py   SyncEmitSource, AsyncEmitSource
controller.py     what a running flow is steered by: emit, terminate, await_termination
results.py        what a caller waits for: await_result
context.py        Context: secrets, parameters, tables
frame_sources.py  DataframeSource, CSVSource, ParquetSource; needs pandas
sql_source.py     SQLSource; needs pandas and sqlalchemy

Inside:

translate.py      a flow as a graph, compiled by the engine that compiles every graph
iterable_source.py  base of the sources that end by themselves
parquet_filters.py  rows between two times, partitions without them left out
reach.py          which steps events can get to, and by what
cycles.py         ways back, and how often an event may take them
nodes.py          nodes that are not steps: entry, guard, ways
sending.py        the node of a step that sends its events itself
calling.py        a step as one call from event to events
recovery.py       the node of a Recover step
streaming.py      nodes for streams
flow_state.py     a compiled flow, its error, its result
emitted.py        events made of what a program emits
feeders.py        how events get in: directly, or through a loop
offsets.py        commits of a stream's offsets
"""

from __future__ import annotations

from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.context import Context
from mlrun_like.serving.stream_flow.emit_sources import AsyncEmitSource, SyncEmitSource

__all__ = ["AsyncEmitSource", "Context", "SyncEmitSource", "build_flow"]
