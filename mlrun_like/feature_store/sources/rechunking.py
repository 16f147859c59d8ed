"""Batches of any size as tables of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

__all__ = ["tables_of"]


def tables_of(batches: Iterable[pa.RecordBatch], size: int, skip: int = 0) -> Iterator[pa.Table]:
    """The rows behind the first `skip`, `size` at a time; the last table may be smaller.

    >>> batches = [pa.record_batch({"a": [1, 2, 3]}), pa.record_batch({"a": [4, 5]})]
    >>> [table["a"].to_pylist() for table in tables_of(batches, 2, skip=1)]
    [[2, 3], [4, 5]]
    """
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        if skip >= batch.num_rows:
            skip -= batch.num_rows
            continue
        batch, skip = batch.slice(skip), 0
        while count + batch.num_rows >= size:
            cut = size - count
            yield pa.Table.from_batches([*held, batch.slice(0, cut)])
            held, count, batch = [], 0, batch.slice(cut)
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
    if held:
        yield pa.Table.from_batches(held)
