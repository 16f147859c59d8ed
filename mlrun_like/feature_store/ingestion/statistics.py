"""Statistics of columns as MLRun keeps them: describe and histograms, over any number of chunks.

Count, mean, std, min and max are of all rows; mean and std of two parts are merged by the formula
of Chan, Golub and LeVeque (1983). Percentiles and histograms are exact up to `SAMPLE` rows; of more
rows they come from a random sample of `SAMPLE` rows, the bins of the histogram scaled to the number
of values. `unique`, `top` and `freq` are exact up to `VALUES` different values, then estimated.
Memory does not grow with the rows.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.feature_store.ingestion.column_statistics import (
    ColumnStatistics,
    histogram,
    kind_of,
    numbers_of,
)
from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.sampling import RowSample

__all__ = ["BINS", "PREVIEW_ROWS", "SAMPLE", "Statistics", "get_df_preview", "get_df_stats"]

BINS = 20
PREVIEW_ROWS = 20
SAMPLE = 20_000


class Statistics:
    """Statistics of the chunks that were added; the same however the rows are cut into chunks.

    Args:
        options: `InferOptions`: Stats, Histogram, Preview.
        bins: Bins of the histograms.
        sample: Rows that percentiles and histograms are made of.

    >>> stats = Statistics()
    >>> stats.add(pd.DataFrame({"x": [1.0, 2.0]})); stats.add(pd.DataFrame({"x": [6.0]}))
    >>> found = stats.result()["x"]
    >>> found["count"], found["mean"], found["50%"], sum(found["hist"][0])
    (3.0, 3.0, 2.0, 3)
    """

    def __init__(
        self, options: int = InferOptions.all_stats(), bins: int = BINS, sample: int = SAMPLE
    ) -> None:
        self.options = options
        self.bins = bins
        self.rows = 0
        self._columns: dict[str, ColumnStatistics] = {}
        self._sample = RowSample(sample)
        self._ended: dict[str, Any] = {}

    def add(self, frame: pd.DataFrame) -> None:
        """The next rows."""
        if not self.options & InferOptions.all_stats() or not len(frame):
            return
        self.rows += len(frame)
        self._sample.add(frame)
        if not self.options & (InferOptions.Stats | InferOptions.Histogram):
            return
        for at, name in enumerate(frame.columns):
            values = frame.iloc[:, at]
            known = self._columns.get(str(name))
            if known is None:
                known = self._columns[str(name)] = ColumnStatistics(kind_of(values))
            known.add(values)

    def result(self) -> dict[str, dict[str, Any]]:
        """Column -> {count, mean, std, min, 25%, 50%, 75%, max, hist} or {count, unique, ...}."""
        if self._ended:
            return dict(self._ended["result"])
        if not self.options & InferOptions.Stats or not self.rows:
            return {}
        sample = self._sample.frame()
        found = {}
        with np.errstate(all="ignore"):  # the largest floats, whose differences are infinite
            for name, column in self._columns.items():
                some = sample[name] if name in sample else pd.Series([], dtype=object)
                found[name] = self._column(column, some)
        return found

    def _column(self, column: ColumnStatistics, sample: pd.Series[Any]) -> dict[str, Any]:
        if column.kind == "other":
            return column.counted(sample)
        values = numbers_of(sample, column.kind)
        values = values[np.isfinite(values)]
        whole = len(values) == column.count
        made = column.described(values)
        if self.options & InferOptions.Histogram and column.kind != "datetime":
            made.update(histogram(values, column, self.bins, whole))
        return made

    def preview(self, rows: int = PREVIEW_ROWS) -> list[list[Any]]:
        """A header and some rows, as plain values."""
        if self._ended:
            return list(self._ended["preview"])
        if not self.options & InferOptions.Preview or not self.rows:
            return []
        return _rows(self._sample.first(rows))

    def dump(self, ended: bool = False) -> bytes:
        """Everything, as bytes for `load`.

        Args:
            ended: Nothing is added any more: results are enough.
        """
        if ended:
            self._ended = {"result": self.result(), "preview": self.preview()}
            return json.dumps({"rows": self.rows, "ended": self._ended}).encode()
        columns = {name: column.dump() for name, column in self._columns.items()}
        sample = base64.b64encode(self._sample.dump()).decode()
        return json.dumps({"rows": self.rows, "columns": columns, "sample": sample}).encode()

    def load(self, data: bytes) -> None:
        """Go on where another one was when it was dumped."""
        found = json.loads(data)
        self.rows = found["rows"]
        self._ended = found.get("ended") or {}
        if not self._ended:
            columns = found["columns"].items()
            self._columns = {name: ColumnStatistics.load(doc) for name, doc in columns}
            self._sample.load(base64.b64decode(found["sample"]))


def get_df_stats(
    df: pd.DataFrame,
    options: int = InferOptions.all_stats(),
    num_bins: int | None = None,
    sample_size: int | None = None,
) -> dict[str, dict[str, Any]]:
    """Statistics of one frame.

    Args:
        df: The frame; its index counts as columns if the options say `Index`.
        options: See `InferOptions`.
        num_bins: Bins of histograms; 20 by default.
        sample_size: At most so many rows are looked at, chosen at random.
    """
    if options & InferOptions.Index and df.index.names[0] is not None:
        df = df.reset_index()
    if sample_size and len(df) > sample_size:
        picked = RowSample(sample_size)
        picked.add(df)
        df = picked.frame()
    found = Statistics(options, num_bins or BINS)
    found.add(df)
    return found.result()


def get_df_preview(df: pd.DataFrame, preview_lines: int = PREVIEW_ROWS) -> list[list[Any]]:
    """A header and at most `preview_lines` rows of a frame, with its index."""
    sample = RowSample(preview_lines)
    sample.add(df.reset_index() if df.index.names[0] is not None else df)
    return _rows(sample.frame())


def _rows(frame: pd.DataFrame) -> list[list[Any]]:
    header: list[Any] = [str(name) for name in frame.columns]
    columns = [[_plain(value) for value in frame.iloc[:, i]] for i in range(frame.shape[1])]
    return [header, *map(list, zip(*columns, strict=True))]


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float):
        return value if np.isfinite(value) else None if np.isnan(value) else str(value)
    if isinstance(value, (bool, int, str)):
        return value
    return str(value)
