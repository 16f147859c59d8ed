"""Two models on the same data, with confidence intervals and a verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.analysis.pages import comparison_page
from mlrun_like.monitoring.analysis.report import Report, plain
from mlrun_like.monitoring.analysis.rows import Rows, same_rows
from mlrun_like.promotion.comparison import (
    BETTER,
    WORSE,
    Compared,
    CompareOptions,
    compare_predictions,
)

__all__ = ["ComparisonReport", "compare_models"]

MUSTS = ("", "better", "not worse")


@dataclass(frozen=True)
class ComparisonReport(Report):
    """The first model against the second, by several metrics."""

    results: list[Compared]
    rows: int
    dropped: int
    first: str
    second: str
    must: str = ""
    title = "comparison"

    def result(self, metric: str = "") -> Compared:
        """The comparison by a metric; without a name the first one."""
        return next(one for one in self.results if metric in ("", one.metric))

    @property
    def verdict(self) -> str:
        """What the first metric says: `better`, `worse` or `no difference shown`."""
        return self.results[0].verdict

    @property
    def problems(self) -> list[str]:
        if self.must == "better":
            return [str(one) for one in self.results[:1] if one.verdict != BETTER]
        if self.must == "not worse":
            return [str(one) for one in self.results if one.verdict == WORSE]
        return []

    def summary(self) -> dict[str, Any]:
        one = self.results[0]
        return {
            "verdict": one.verdict,
            "better_by": one.better_by,
            "better_by_low": one.interval.low,
            "better_by_high": one.interval.high,
            "rows_needed": one.needed or 0,
        }

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = plain(
            {
                "first": self.first,
                "second": self.second,
                "rows": self.rows,
                "rows_without_prediction": self.dropped,
                "verdict": self.verdict,
                "must": self.must,
                "results": [{**one.to_dict(), "text": str(one)} for one in self.results],
                "problems": self.problems,
            }
        )
        return found

    def to_html(self) -> str:
        return comparison_page(self.to_dict())


def compare_models(
    first: Rows,
    second: Rows,
    metrics: str | Sequence[str] = (),
    *,
    options: CompareOptions | None = None,
    must: str = "",
) -> ComparisonReport:
    """Compare two models' predictions for the same rows.

    Args:
        first: The new model, by `rows_of`.
        second: The old model, on the same data set; rows that one of them lacks are left out.
        metrics: Of `promotion.scores.SCORES`; the first one makes the verdict. Empty: `accuracy`
            of classes (and `auc`, if both have scores), `mae` of numbers.
        options: Level, gain, method.
        must: `better`: anything else is a problem; `not worse`: worse by any metric is one.

    Raises:
        InvalidArgumentError: if the rows are not the same, or a metric does not fit them.

    >>> from mlrun_like.monitoring.analysis.rows import rows_of
    >>> import pandas as pd
    >>> data = pd.DataFrame({"y": [0, 1] * 50, "new": [0, 1] * 50, "old": [0, 0, 0, 1] * 25})
    >>> compare_models(rows_of(data, "y", "new"), rows_of(data, "y", "old")).verdict
    'better'
    """
    if must not in MUSTS:
        raise InvalidArgumentError(f"must {must!r:.40} is unknown", fix="'better' or 'not worse'")
    one, two = same_rows(first, second)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    names = [name for name in names if name]
    if not names:
        names = [one.default_metric]
        ones = int((one.truth == one.positive).sum())
        scored = one.scores is not None and two.scores is not None
        if names == ["accuracy"] and scored and 2 <= ones <= len(one.truth) - 2:
            names.append("auc")
    results = [
        compare_predictions(name, one.truth, one.said(name), two.said(name), one.positive, options)
        for name in names
    ]
    return ComparisonReport(
        results, len(one.truth), one.dropped, first.model or "first", second.model or "second", must
    )
