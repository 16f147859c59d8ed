"""Training data: for each entity row what was known about it at its time.

api.py             get_offline_features: MLRun's call
joining.py         one join from the request to the response; response.py is what comes back
planning.py        from a vector to joins; linking.py: which columns hold the keys of each set
plan.py            joins as data that every engine understands
choosing.py        which engine joins, by name or by size
finishing.py       names, labels, conditions, order
windowed.py        aggregates over windows at the time of each row
training.py        a result as an artifact with its origin
job.py             a join as a run
reading.py         the rows of one set as a frame

The kernel, which knows nothing of definitions:

times.py           times of any unit, zone or notation as microseconds
keys.py            keys of two tables as numbers that are equal where the keys are
asof.py            the newest row at a time, for many rows at once
relational.py      rows with equal keys as pairs
frames.py          columns from pandas into Arrow and back

Rows:

tables.py          the rows of a set
parquet_table.py   rows in files, of which only what is needed is read; parquet_shape.py,
                   parquet_files.py: many of them; handles.py: how many are open
rows.py            where the rows of a set are

Engines, all of which give the same answer:

local_engine.py    in memory, by the kernel; matching.py is the seam between it and DuckDB
duckdb_engine.py   rows are matched by DuckDB, on disk where they must; duckdb_sql.py
pandas_engine.py   pandas' own functions
dask_engine.py     partitions of entity rows on a cluster
spark_engine.py    both sides in one ordered table; spark_columns.py
"""

from __future__ import annotations
