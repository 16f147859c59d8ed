"""The sketches of a table as bytes, and as a profile."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics import packing
from mlrun_like.statistics.column_profile import BINS, SHARES, ColumnProfile, DataProfile
from mlrun_like.statistics.columns import BOOL, CATEGORY, DATETIME, NUMBER, TEXT
from mlrun_like.statistics.distinct import REGISTERS, estimate
from mlrun_like.statistics.frequent import FrequentSketch
from mlrun_like.statistics.histogram import HistogramSketch, equal_edges
from mlrun_like.statistics.moments import MOST_COLUMNS, CoMoments
from mlrun_like.statistics.quantiles import BUCKETS, bucket_values, quantiles_of

__all__ = ["dump", "load", "profile_of"]

_FLOATS = ("means", "squares", "lows", "highs")
_VALUES = 1_000


def dump(sketches: Any) -> bytes:
    """All sketches of a `FeatureSketches`."""
    head: dict[str, Any] = {"names": sketches.names, "kinds": sketches.kinds}
    head["rows"] = sketches.rows
    head["frequent"] = [one and one.head() for one in sketches.frequent]
    bins = [one for one in sketches.histograms if one is not None]
    head["bins"] = [one and len(one.bins) for one in sketches.histograms]
    parts: packing.Parts = {name: getattr(sketches, name) for name in _FLOATS}
    parts |= {f"count.{name}": counts for name, counts in sketches.counts.items()}
    parts |= packing.sparse("buckets", sketches.buckets)
    parts["registers"] = sketches.registers
    if bins:
        parts |= packing.sparse("bins", np.concatenate([one.bins for one in bins]))
        parts["edges"] = np.concatenate([one.edges for one in bins])
    together = sketches.together
    if together is not None and together.counts.any():
        upper = np.triu_indices(len(sketches.names))
        # without missing values the rows of these are equal, and compress to nothing
        parts["pairs.counts"] = packing.smallest(together.counts[upper].astype(np.int64))
        parts["pairs.means"] = together.means
        parts["pairs.products"] = together.products[upper]
    return packing.pack({"sketch": "features", **head}, parts)


def load(made: Any, data: bytes) -> None:
    """Fill an empty `FeatureSketches`."""
    head, parts = packing.unpack(data, "features")
    try:
        _fill(made, head, parts)
    except (KeyError, TypeError, ValueError, IndexError) as exc:
        raise InvalidArgumentError(
            f"these bytes are no sketches of a table: {exc}\n"
            "fix: give the bytes that FeatureSketches.to_bytes() returned"
        ) from exc


def _fill(made: Any, head: dict[str, Any], parts: packing.Parts) -> None:
    size = len(head["names"])
    made.names, made.kinds, made.rows = head["names"], head["kinds"], head["rows"]
    for name in _FLOATS:
        setattr(made, name, parts[name])
    made.counts = {name: parts[f"count.{name}"] for name in made.counts}
    made.buckets = packing.dense("buckets", parts, size * BUCKETS).reshape(size, BUCKETS)
    made.registers = parts["registers"].reshape(size, REGISTERS)
    made.frequent = [one and FrequentSketch.from_head(one) for one in head["frequent"]]
    made.histograms = [None] * size
    if any(head["bins"]):
        bins = packing.dense("bins", parts, sum(filter(None, head["bins"])))
        edges, from_bin, from_edge = parts["edges"], 0, 0
        for at, length in enumerate(head["bins"]):
            if length:
                one = HistogramSketch(edges[from_edge : from_edge + length - 1])
                one.bins = bins[from_bin : from_bin + length].copy()
                made.histograms[at] = one
                from_bin, from_edge = from_bin + length, from_edge + length - 1
    made.together = CoMoments.empty(size) if size <= MOST_COLUMNS else None
    if made.together is not None and "pairs.counts" in parts:
        upper = np.triu_indices(size)
        for name in ("counts", "products"):
            whole = np.zeros((size, size))
            whole[upper] = parts[f"pairs.{name}"]
            setattr(made.together, name, whole + np.triu(whole, 1).T)
        made.together.means = parts["pairs.means"]


def profile_of(sketches: Any) -> DataProfile:
    """Everything that is known of each column."""
    columns = {name: _column(sketches, at) for at, name in enumerate(sketches.names)}
    together = sketches.together
    matrix = None
    if together is not None and together.counts.any():
        matrix = together.correlations()
    counts = together.counts if together is not None else None
    return DataProfile(sketches.rows, columns, matrix, counts, sketches)


def _column(sketches: Any, at: int) -> ColumnProfile:
    counts = {name: int(found[at]) for name, found in sketches.counts.items()}
    finite = counts["finite"]
    low, high = float(sketches.lows[at]), float(sketches.highs[at])
    nan = float("nan")
    buckets = sketches.buckets[at]
    quantiles = quantiles_of(buckets, SHARES, low, high) if finite else [nan] * len(SHARES)
    std = float(np.sqrt(sketches.squares[at] / (finite - 1))) if finite > 1 else nan
    if sketches.kinds[at] == DATETIME:  # 2 % of the time since 1970 is no answer
        quantiles = [nan] * len(SHARES)
    made = ColumnProfile(
        name=sketches.names[at],
        kind=sketches.kinds[at],
        count=finite + counts["infinite"],
        missing=counts["missing"],
        infinite=counts["infinite"],
        mistyped=counts["mistyped"],
        mean=float(sketches.means[at]) if finite else nan,
        std=std,
        low=low if finite else nan,
        high=high if finite else nan,
        quantiles=dict(zip(SHARES, quantiles, strict=True)),
        distinct=estimate(sketches.registers[at]),
    )
    frequent = sketches.frequent[at]
    if frequent is not None and sketches.kinds[at] in (BOOL, CATEGORY, TEXT):
        made.count = frequent.rows
        made.values = dict(frequent.top(_VALUES))
        made.others = frequent.rows - sum(made.values.values())
        made.exact = frequent.exact and len(frequent.counts) <= _VALUES
        if frequent.exact:
            made.distinct = float(sum(1 for number in frequent.counts.values() if number))
        return made
    histogram = sketches.histograms[at]
    if histogram is not None:
        made.edges, made.counts = histogram.edges.tolist(), histogram.counts.tolist()
        made.below, made.above = histogram.below, histogram.above
    elif finite and made.kind == NUMBER:
        edges = equal_edges(low, high, BINS)
        made.edges, made.counts = edges.tolist(), _bins_of_buckets(buckets, edges, low, high)
        made.exact = False
    return made


def _bins_of_buckets(buckets: Any, edges: Any, low: float, high: float) -> list[int]:
    held = np.flatnonzero(buckets)
    values = np.clip(bucket_values()[held], low, high)
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(places, weights=buckets[held], minlength=len(edges) - 1)
    return [int(number) for number in counts.tolist()]
