"""A graph over many rows: the same plan, the same answers, in chunks.

run.py         run_batch: from a source to a target
job.py         execute_graph: the same as the handler of a job
rows.py        Rows: what a row is to the graph
sources.py     frames, files and iterables as chunks of rows
csv_types.py   the types of a CSV file's columns, from all its rows
chunks.py      a chunk through the plan: part by part, or row by row
frames.py      a chunk through steps that take frames
merging.py     rows of a chunk in one call of a model
halving.py     calls of many rows in which a failing row fails alone
targets.py     answers into one file, complete or not at all
progress.py    how far it is
"""

from __future__ import annotations
