"""Minimums of a metric in every part of a test set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.gates import Gate, GateResult, verdict
from mlrun_like.promotion.scores import USES_SCORES, check_metric, score
from mlrun_like.promotion.slice_metrics import evaluator_of

__all__ = ["SliceGate", "check_column", "check_small", "groups_of"]

_MOST_SLICES = 1000


def check_column(frame: pd.DataFrame, column: str, gate: str) -> None:
    """Refuse a column that is not there.

    Raises:
        InvalidArgumentError: if it is not.
    """
    if column not in frame.columns:
        raise InvalidArgumentError(
            f"the test set has no column {column!r}.{nearest(column, map(str, frame.columns))}",
            where=f"gate {gate!r}",
            fix=f"columns: {', '.join(map(str, list(frame.columns)[:20]))}",
        )


def check_small(small: str) -> None:
    """Refuse a word for what small groups do that is none.

    Raises:
        InvalidArgumentError: if it is none.
    """
    if small not in ("refuse", "skip"):
        raise InvalidArgumentError(
            f"small {small!r:.40} is unknown", fix="small='refuse' (default), or small='skip'"
        )


def groups_of(values: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """The name of each group of equal rows, and which rows are in it; missing is a value. Of one
    categorical column, categories without rows are groups too."""
    keys = list(values.columns)
    grouped = values.reset_index(drop=True).groupby(keys, dropna=False, observed=True)
    for found, rows in grouped.indices.items():
        parts = found if isinstance(found, tuple) else (found,)
        yield ", ".join(f"{k}={v}" for k, v in zip(keys, parts, strict=True)), np.asarray(rows)
    first = values[keys[0]]
    if len(keys) == 1 and isinstance(first.dtype, pd.CategoricalDtype):
        for category in first.cat.categories.difference(list(first.unique())):
            yield f"{keys[0]}={category}", np.array([], dtype=int)


@dataclass(frozen=True)
class SliceGate(Gate):
    """A metric in every slice of the test set.

    Args:
        metric: One of `scores.SCORES`.
        by: The column, or the columns, whose values make the slices.
        least: The least value in every slice.
        most: The largest value in every slice, for metrics of which less is better.
        rows: Slices of fewer rows cannot be judged.
        small: What such slices do, and those without a number (`auc` of one class): `refuse` the
            model, or `skip`: they are only shown.

    Raises:
        InvalidArgumentError: if there is no such metric, or not exactly one limit.

    >>> SliceGate("recall", by="country", least=0.7).name
    'recall by country'
    """

    metric: str
    by: str | tuple[str, ...]
    least: float | None = None
    most: float | None = None
    rows: int = 30
    small: str = "refuse"
    kind = "slices"

    def __post_init__(self) -> None:
        check_small(self.small)
        check_metric(self.metric, "slices")
        if (self.least is None) == (self.most is None):
            raise InvalidArgumentError(
                "a gate of slices needs one limit: least or most",
                fix=f'SliceGate("{self.metric}", by="country", least=0.7)',
            )

    @property
    def columns(self) -> list[str]:
        """The columns."""
        return [self.by] if isinstance(self.by, str) else list(self.by)

    @property
    def name(self) -> str:
        return f"{self.metric} by {', '.join(self.columns)}"

    def judge(self, case: Case) -> GateResult:
        frame = case.rows(f"gate {self.name!r}")
        for column in self.columns:
            check_column(frame, column, self.name)
        said = case.scores if self.metric in USES_SCORES else case.predictions
        limit = float(self.least if self.least is not None else self.most or 0.0)
        found: list[tuple[GateResult, bool, str, int]] = []
        ends: list[tuple[float, float]] = []
        evaluator = evaluator_of(self.metric, case.truth, np.asarray(said), case.positive)
        for name, rows in groups_of(frame[self.columns]):
            if len(found) == _MOST_SLICES:
                raise InvalidArgumentError(
                    f"gate {self.name!r} has more than {_MOST_SLICES} slices",
                    fix="choose columns with few values",
                )
            value = float("nan")
            if len(rows):
                value = score(self.metric, case.truth[rows], np.asarray(said)[rows], case.positive)
            result = verdict(
                self.name, value, limit, most=self.most is not None, of=f"{self.metric} of {name}"
            )
            judged = len(rows) >= self.rows and value == value
            found.append((result, judged, name, len(rows)))
            inside = np.zeros(len(frame), dtype=bool)
            inside[rows] = True
            ends.append(evaluator.interval(evaluator.one(inside), 0, 0.95))
        details = [
            {
                "slice": name, "rows": count, "value": result.value, "gap": result.gap,
                "passed": result.passed if judged else None, "low": low, "high": high,
            }
            for (result, judged, name, count), (low, high) in zip(found, ends, strict=True)
        ]  # fmt: skip
        judged_ones = [result for result, judged, _, _ in found if judged]
        if not judged_ones:
            text = f"no slice has {self.rows} rows or more and both classes"
            return GateResult(self.name, False, text, limit=limit, details=details)
        unjudged = [f"{name} ({count} rows)" for _, judged, name, count in found if not judged]
        if unjudged and self.small == "refuse":
            text = (
                f"{len(unjudged)} of {len(found)} slices cannot be judged: "
                f"{', '.join(unjudged[:5])}; "
                f"a slice needs {self.rows} rows and a number (rows=, or small='skip')"
            )
            return GateResult(self.name, False, text, limit=limit, details=details)
        worst = max(judged_ones, key=lambda one: one.gap if one.gap is not None else 0.0)
        missed = sum(not one.passed for one in judged_ones)
        text = f"{missed} of {len(judged_ones)} slices miss the limit; the worst: {worst.message}"
        text += f"; not judged: {', '.join(unjudged[:5])}" if unjudged else ""
        return GateResult(self.name, not missed, text, worst.value, limit, worst.gap, details)
