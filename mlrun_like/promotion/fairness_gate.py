"""Limits of differences between groups of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.fairness import (
    MEASURES,
    Disparity,
    check_measure,
    disparity,
    group_rates,
    positives_of,
)
from mlrun_like.promotion.gates import Gate, GateResult, number, verdict
from mlrun_like.promotion.slices import check_column, check_small

__all__ = ["FairnessGate"]


@dataclass(frozen=True)
class FairnessGate(Gate):
    """A limit of the difference between groups of a protected column.

    Args:
        column: The protected column of the test set; it need not be a feature. Several columns:
            the groups are their intersections.
        measure: One of `fairness.MEASURES`.
        limit: The largest difference, or the least ratio.
        positive: The prediction that selects somebody; None: the larger class of two, or each of
            more classes, of which the worst one counts.
        rows: Groups of fewer rows cannot be judged.
        small: What such groups do, and those that lack a rate (no row with y=1): `refuse` the
            model, or `skip`: they are only shown.

    Raises:
        InvalidArgumentError: if there is no such measure, or the limit is not from 0 to 1.

    >>> FairnessGate("gender", "equalized_odds_difference", 0.1).name
    'equalized_odds_difference of gender'
    """

    column: str | tuple[str, ...]
    measure: str = "demographic_parity_difference"
    limit: float = 0.1
    positive: Any = None
    rows: int = 30
    small: str = "refuse"
    kind = "fairness"

    def __post_init__(self) -> None:
        check_small(self.small)
        check_measure(self.measure)
        if not self.columns:
            raise InvalidArgumentError("a gate of fairness needs a column", fix='column="gender"')
        if not isinstance(self.limit, (int, float)) or not 0 <= self.limit <= 1:
            raise InvalidArgumentError(
                f"limit {self.limit!r} of {self.measure} must be from 0 to 1",
                fix="differences: 0.1, ratios: 0.8",
            )

    @property
    def columns(self) -> list[str]:
        """The columns."""
        return [self.column] if isinstance(self.column, str) else list(self.column)

    @property
    def name(self) -> str:
        return f"{self.measure} of {', '.join(map(str, self.columns))}"

    def judge(self, case: Case) -> GateResult:
        frame = case.rows(f"gate {self.name!r}")
        for column in self.columns:
            check_column(frame, column, self.name)
        if not np.isin(case.predictions, np.unique(case.truth)).any():
            text = f"no prediction is a value of the label: {case.predictions[0]!r:.40}, ..."
            return GateResult(self.name, False, text, limit=self.limit)
        scores = case.scores if self.measure.startswith("calibration") else None
        positives = positives_of(case.truth, self.positive)
        if scores is not None:
            positives = [case.positive if self.positive is None else self.positive]
        found, details, sizes = [], [], {}
        for positive in positives:
            rates = group_rates(case.truth, case.predictions, frame[self.columns], positive, scores)
            sizes.update({one.group: one.rows for one in rates})
            about = {"class": positive} if len(positives) > 1 else {}
            details += [{**about, **one.plain()} for one in rates]
            found.append((disparity(self.measure, rates, self.rows), positive))
        return self._answer(found, details, sizes)

    def _answer(
        self,
        found: Sequence[tuple[Disparity, Any]],
        details: list[dict[str, Any]],
        sizes: dict[str, int],
    ) -> GateResult:
        needed = MEASURES[self.measure][0]
        for one, _ in found:
            if len(one.judged) < 2:
                text = (
                    f"{len(one.judged)} groups have {self.rows} rows and the rates: nothing can "
                    "be compared"
                )
                return GateResult(self.name, False, text, limit=self.limit, details=details)
        unjudged = dict.fromkeys(name for one, _ in found for name in one.small)
        small = [f"{name} ({sizes[name]} rows)" for name in unjudged]
        if small and self.small == "refuse":
            text = (
                f"{len(small)} of {len(sizes)} groups cannot be judged: {', '.join(small[:5])}; a "
                f"group needs {self.rows} rows and {' and '.join(needed)} (rows=, or small='skip')"
            )
            return GateResult(self.name, False, text, limit=self.limit, details=details)
        ratio = MEASURES[self.measure][1]
        worst, positive = (min if ratio else max)(found, key=lambda one: one[0].value)
        result = verdict(self.name, worst.value, self.limit, most=not ratio, of=self.name)
        text = result.message
        if len(found) > 1:
            text += f" (class {positive!r})"
        text += f"; 95 % interval {number(worst.interval.low)} to {number(worst.interval.high)}"
        text += f", {worst.low} lowest, {worst.high} highest"
        text += f"; not judged: {', '.join(small[:5])}" if small else ""
        return GateResult(
            self.name, result.passed, text, worst.value, self.limit, result.gap, details
        )
