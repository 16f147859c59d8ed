"""What models were asked and what they answered, from the serving worker to data frames.

In the worker:

recorder.py      one thread per process: takes, builds and writes what the channels hold
channel.py       the hot path of one endpoint: a bounded queue of references
packed.py        one row of numbers as bytes; packed_columns.py: a second of them as columns
columns.py       requests as columns of an Arrow table; shapes.py: rows of any shape
cells.py         single values: texts, nested values, what is too large
chunks.py        columns that wait, and the batches that they become
minutes.py       sketches of each minute, if not all rows are kept
latency.py       times in buckets that merge exactly
delivering.py    batches into the store; spool.py keeps them on disk while it is away
model.py         what a model server asks: its endpoint, channel and switch
feedback.py      labels in the body of a request
stream.py        records of a tracking stream instead

After it:

tables.py        batches as tables
reading.py       events as data frames; counts and statistics without the rows
ground_truth.py  labels that come later, by the event's id
quality.py       accuracy, error and calibration of windows whose labels are known
retention.py     the end of old batches
times.py         times that users give
"""

from __future__ import annotations
