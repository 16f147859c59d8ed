"""The gate that finds the worst slices of a test set by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.gates import Gate, GateResult, number
from mlrun_like.promotion.scores import USES_SCORES, check_metric, lower_is_better
from mlrun_like.promotion.slice_metrics import evaluator_of
from mlrun_like.promotion.slices import check_column
from mlrun_like.statistics.conditions import encode
from mlrun_like.statistics.slice_search import Found, SearchOptions, search_slices

__all__ = ["WorstSliceGate", "slice_row"]


def slice_row(found: Found) -> dict[str, object]:
    """A found slice as plain data."""
    return {
        "slice": found.name, "rows": found.rows, "share": found.share, "value": found.value,
        "low": found.interval.low, "high": found.interval.high, "rest": found.rest,
        "gap": found.gap, "effect": found.effect, "p": found.chance, "q": found.adjusted,
    }  # fmt: skip


@dataclass(frozen=True)
class WorstSliceGate(Gate):
    """No slice of the test set, found automatically, is much worse than the rest.

    Args:
        metric: One of `scores.SCORES`.
        gap: By how much a slice may be worse than all other rows; in the metric's unit.
        columns: Which columns make slices; None: all but the label.
        depth: Most conditions of a slice, 1 to 3.
        bins: Of a column of numbers.
        rows: Least rows of a slice; None: half a percent of all, and 30 at least.
        alpha: Share of the found slices that may be there by chance.

    Raises:
        InvalidArgumentError: if there is no such metric, or an option is out of its range.

    >>> WorstSliceGate("recall", gap=0.1).name
    'no slice with recall worse by 0.1'
    """

    metric: str
    gap: float = 0.1
    columns: tuple[str, ...] | None = None
    depth: int = 2
    bins: int = 4
    rows: int | None = None
    alpha: float = 0.05
    kind = "worst_slice"

    def __post_init__(self) -> None:
        check_metric(self.metric, "slices")
        self._options()
        if isinstance(self.columns, str):
            raise InvalidArgumentError(
                f"columns {self.columns!r} is one text", fix=f'columns=["{self.columns}"]'
            )

    def _options(self) -> SearchOptions:
        return SearchOptions(depth=self.depth, rows=self.rows, alpha=self.alpha, least_gap=self.gap)

    @property
    def name(self) -> str:
        return f"no slice with {self.metric} worse by {number(self.gap)}"

    def judge(self, case: Case) -> GateResult:
        frame = case.rows(f"gate {self.name!r}")
        chosen = [name for name in frame.columns if name != case.label]
        for column in self.columns or ():
            check_column(frame, column, self.name)
        coded = encode(frame, self.columns or chosen, bins=self.bins)
        said = case.scores if self.metric in USES_SCORES else case.predictions
        evaluator = evaluator_of(self.metric, case.truth, np.asarray(said), case.positive)
        found = search_slices(coded, evaluator, lower_is_better(self.metric), self._options())
        if not found.tested:
            text = f"no slice of {len(frame)} rows is large enough to be judged"
            return GateResult(self.name, False, text, limit=self.gap)
        details = [slice_row(one) for one in found.slices]
        if not found.slices:
            text = f"none of {found.tested} slices is surely worse by {number(self.gap)}"
            return GateResult(self.name, True, text, limit=self.gap, details=details)
        worst = max(found.slices, key=lambda one: one.gap)
        text = (
            f"{len(found.slices)} of {found.tested} slices are worse; the worst: {self.metric} is "
            f"{number(worst.value)} where {worst.name} ({worst.rows} rows), "
            f"{number(worst.gap)} worse than {number(worst.rest)} elsewhere"
        )
        return GateResult(
            self.name, False, text, worst.gap, self.gap, worst.gap - self.gap, details
        )
