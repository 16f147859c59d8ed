"""Windows of feature sets: one state and one meaning for chunks, events, online reads and joins.

aggregations.py  what FeatureSet.add_aggregation declares -> aggregators, layouts, columns, types
frames.py        WindowFrames: chunks of rows in order of arrival, state carried per key
feature.py       one feature in columns: keys in order
late.py          keys with late rows
plain.py         features with user-defined aggregates, row by row
arena.py         the buckets of many keys in columns
keys.py          a number for each key
values.py        the values of an aggregation as a column of numbers
stats.py         statistics in columns: joined, over ranges of rows, as aggregates
states.py        the windows of one key as bytes; reading them at a moment
blobs.py         what these bytes are
asof.py          aggregates as of given moments, from a log of values

Time is cut into buckets of `period`. A row's features are those of the rows of its key that came
before it, and itself, in buckets from `bucket - n + 1` to its own. The events' form of the same is
`mlrun_like.serving.steps.aggregate_state.WindowState`; `UserAggregate` makes further operations.
"""

from __future__ import annotations

from mlrun_like.serving.steps.aggregate_user import UserAggregate, register_aggregate

__all__ = ["UserAggregate", "register_aggregate"]
