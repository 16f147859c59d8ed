"""The steps of a feature set, compiled: for chunks of rows, for single events, for Spark.

compile.py      compile_transform: check, create, choose how rows go through
base.py         Transform: what an ingestion calls
flow.py         FlowTransform: engine "storey", in chunks or events
nodes.py        what each step does to a chunk: at once, or row after row
order.py        whether chunks can follow the order of single events
chunks.py       Chunk: rows as a frame, as bodies or as events
origin.py       the key and time that rows had in the source
aggregating.py  SetAggregates: windows by entity, in events and in frames
sinks.py        what takes the events that come out
states.py       what steps remember, as bytes
whole.py        WholeTransform: engines "pandas" and "spark"
spark_windows.py  aggregates over windows on Spark
"""

from __future__ import annotations
