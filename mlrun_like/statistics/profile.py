"""`profile`: the statistics of a data set, in one piece or in chunks, and `merged` ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.column_profile import BINS, SHARES, ColumnProfile, DataProfile
from mlrun_like.statistics.columns import DATETIME, NUMBER, kind_of, numbers_of, plain, unique_names
from mlrun_like.statistics.histogram import equal_edges
from mlrun_like.statistics.sketches import FeatureSketches

__all__ = ["ColumnProfile", "DataProfile", "merged", "numbers_at", "profile"]


def profile(data: Any, reference: Any = None, bins: int = BINS) -> DataProfile:
    """The profile of a data set, in one pass and constant memory.

    Args:
        data: A DataFrame, an Arrow table, a mapping of columns, or an iterable of such chunks with
            the same columns. Of data in one piece quantiles and histograms are exact; of chunks
            without a reference they are within 2 % (see `quantiles`).
        reference: A profile or `feature_stats`: its bins and categories are used.
        bins: Bins of the histograms, if there is no reference.

    >>> made = profile(pd.DataFrame({"x": [1.0, 2.0, 3.0, None], "c": ["a", "b", "a", "a"]}))
    >>> made.columns["x"].mean, made.columns["x"].missing, made.columns["c"].values
    (2.0, 1, {'a': 3, 'b': 1})

    Raises:
        InvalidArgumentError: if rows cannot be read from the data.
    """
    if not isinstance(data, (pd.DataFrame, pa.Table, pa.RecordBatch, Mapping)):
        return _of_chunks(data, reference)
    names = unique_names(data.schema.names if hasattr(data, "schema") else data)
    exact: dict[str, Any] = {}
    stats = reference.feature_stats() if hasattr(reference, "feature_stats") else reference
    stats = dict(stats or {})
    for at, name in enumerate(names):
        column = _column(data, at)
        values = plain(column)
        kind = kind_of(values)
        if kind not in (NUMBER, DATETIME):
            continue
        numbers = numbers_of(values, kind)[0]
        numbers = np.sort(numbers[np.isfinite(numbers)])
        if not len(numbers):
            continue
        exact[name] = numbers_at(numbers, SHARES)
        if name not in stats:
            edges = equal_edges(float(numbers[0]), float(numbers[-1]), bins)
            stats[name] = {"kind": kind, "hist": [[0] * (len(edges) - 1), edges.tolist()]}
    sketches = FeatureSketches(names, stats)
    sketches.update(data)
    made: DataProfile = sketches.profile()
    for name, quantiles in exact.items():
        made.columns[name].quantiles = dict(zip(SHARES, quantiles, strict=True))
    return made


def _column(data: Any, at: int) -> Any:
    if isinstance(data, pd.DataFrame):
        return data.iloc[:, at]
    return data[list(data)[at]] if isinstance(data, Mapping) else data.column(at)


def numbers_at(ordered: Any, shares: Iterable[float]) -> list[float]:
    """Quantiles of sorted numbers, linear between two, as NumPy's."""
    places = np.asarray(list(shares)) * (len(ordered) - 1)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, len(ordered) - 1)
    part = places - low
    with np.errstate(over="ignore", invalid="ignore"):
        found: list[float] = (ordered[low] * (1 - part) + ordered[high] * part).tolist()
    return found


def _of_chunks(chunks: Any, reference: Any) -> DataProfile:
    sketches = None
    if isinstance(chunks, (str, bytes)) or not isinstance(chunks, Iterable):
        raise InvalidArgumentError(
            f"rows cannot be read from {type(chunks).__name__}\n"
            "fix: give a DataFrame, an Arrow table, or chunks of such"
        )
    for chunk in chunks:
        if sketches is None:
            names = chunk.schema.names if hasattr(chunk, "schema") else list(chunk)
            sketches = FeatureSketches(names, reference)
        sketches.update(chunk)
    return sketches.profile() if sketches is not None else DataProfile(0, {})


def merged(*profiles: DataProfile) -> DataProfile:
    """The profile of several data sets together.

    Args:
        profiles: Profiles of data with the same columns, also those that `from_dict` read.

    Raises:
        InvalidArgumentError: if one was made of statistics alone, or they are of other columns.

    >>> merged(profile([{"x": [1.0]}]), profile([{"x": [2.0]}])).columns["x"].mean
    1.5
    """
    whole: FeatureSketches | None = None
    for one in profiles:
        if one.sketches is None:
            raise InvalidArgumentError(
                "a profile that was made of statistics alone cannot be merged\n"
                "fix: merge profiles of data, or their FeatureSketches"
            )
        data = one.sketches if isinstance(one.sketches, bytes) else one.sketches.to_bytes()
        part = FeatureSketches.from_bytes(data)
        if whole is None:
            whole = part
        else:
            whole.merge(part)
    return whole.profile() if whole is not None else DataProfile(0, {})
