"""Limits of differences between groups of people.

With ŷ the prediction, y the truth, 1 the positive class and g a group:

demographic_parity_difference  max_g P(ŷ=1|g) - min_g P(ŷ=1|g)
demographic_parity_ratio       min_g P(ŷ=1|g) / max_g P(ŷ=1|g)
equal_opportunity_difference   max_g P(ŷ=1|y=1,g) - min_g P(ŷ=1|y=1,g)
equalized_odds_difference      the larger one of that and of the same for y=0
equalized_odds_ratio           the smaller one of the ratios min/max for y=1 and for y=0

Sources: M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS
2016 (equal opportunity, equalized odds); M. Feldman et al., "Certifying and Removing Disparate
Impact", KDD 2015 (the ratio, whose usual limit is 0.8); maximum and minimum over groups as in
Fairlearn, S. Bird et al., Microsoft MSR-TR-2020-32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.gates import Gate, GateResult, verdict
from mlrun_like.promotion.slices import check_column, check_small, groups_of

__all__ = ["MEASURES", "FairnessGate", "fairness", "group_rates"]

MEASURES: Mapping[str, tuple[tuple[str, ...], bool]] = MappingProxyType(
    {
        "demographic_parity_difference": (("selected",), False),
        "demographic_parity_ratio": (("selected",), True),
        "equal_opportunity_difference": (("true_positive",), False),
        "equalized_odds_difference": (("true_positive", "false_positive"), False),
        "equalized_odds_ratio": (("true_positive", "false_positive"), True),
    }
)
"""Measure -> the rates it compares, and whether as a ratio."""


class _Rates(NamedTuple):
    """Rates of one group; NaN where it has no row to tell."""

    group: str
    rows: int
    selected: float
    true_positive: float
    false_positive: float


def group_rates(truth: Any, predicted: Any, groups: Any, positive: Any = 1) -> list[_Rates]:
    """How often each group is selected, rightly and wrongly.

    >>> [rates.selected for rates in group_rates([1, 0], [1, 0], ["a", "b"])]
    [1.0, 0.0]
    """
    real, said = np.asarray(truth) == positive, np.asarray(predicted) == positive
    found = []
    frame = groups.to_frame() if isinstance(groups, pd.Series) else pd.DataFrame({"group": groups})
    for name, rows in groups_of(frame):
        mine, chosen = real[rows], said[rows]
        found.append(
            _Rates(name, len(rows), _share(chosen), _share(chosen[mine]), _share(chosen[~mine]))
        )
    return found


def _share(chosen: Any) -> float:
    return float(chosen.mean()) if len(chosen) else float("nan")


def fairness(measure: str, truth: Any, predicted: Any, groups: Any, positive: Any = 1) -> float:
    """A measure of the module's table.

    Raises:
        InvalidArgumentError: if there is no such measure.

    >>> fairness("demographic_parity_difference", [1, 0, 1, 0], [1, 1, 1, 0], ["a", "a", "b", "b"])
    0.5
    """
    if measure not in MEASURES:
        raise InvalidArgumentError(
            f"there is no measure {measure!r} of fairness.{nearest(measure, MEASURES)}",
            fix=f"use one of: {', '.join(MEASURES)}",
        )
    return _compare(measure, group_rates(truth, predicted, groups, positive))


def _compare(measure: str, rates: list[_Rates]) -> float:
    names, ratio = MEASURES[measure]
    found = []
    for name in names:
        values = [getattr(one, name) for one in rates]
        known = [value for value in values if value == value]
        low, high = (min(known), max(known)) if known else (float("nan"), float("nan"))
        if ratio:
            found.append(low / high if high else 1.0)  # nobody is selected: all are treated alike
        else:
            found.append(high - low)
    return min(found) if ratio else max(found)


@dataclass(frozen=True)
class FairnessGate(Gate):
    """A limit of the difference between groups of a protected column.

    Args:
        column: The protected column of the test set; it need not be a feature.
        measure: One of `MEASURES`.
        limit: The largest difference, or the least ratio.
        positive: The prediction that selects somebody; None: the larger class.
        rows: Groups of fewer rows cannot be judged.
        small: What such groups do, and those that lack a rate (no row with y=1): `refuse` the
            model, or `skip`: they are only shown.

    Raises:
        InvalidArgumentError: if there is no such measure, or the limit is not from 0 to 1.

    >>> FairnessGate("gender", "equalized_odds_difference", 0.1).name
    'equalized_odds_difference of gender'
    """

    column: str
    measure: str = "demographic_parity_difference"
    limit: float = 0.1
    positive: Any = None
    rows: int = 30
    small: str = "refuse"
    kind = "fairness"

    def __post_init__(self) -> None:
        check_small(self.small)
        if self.measure not in MEASURES:
            raise InvalidArgumentError(
                f"there is no measure {self.measure!r} of fairness."
                f"{nearest(self.measure, MEASURES)}",
                fix=f"use one of: {', '.join(MEASURES)}",
            )
        if not isinstance(self.limit, (int, float)) or not 0 <= self.limit <= 1:
            raise InvalidArgumentError(
                f"limit {self.limit!r} of {self.measure} must be from 0 to 1",
                fix="differences: 0.1, ratios: 0.8",
            )

    @property
    def name(self) -> str:
        return f"{self.measure} of {self.column}"

    def judge(self, case: Case) -> GateResult:
        frame = case.rows(f"gate {self.name!r}")
        check_column(frame, self.column, self.name)
        if not np.isin(case.predictions, np.unique(case.truth)).any():
            text = f"no prediction is a value of the label: {case.predictions[0]!r:.40}, ..."
            return GateResult(self.name, False, text, limit=self.limit)
        positive = case.positive if self.positive is None else self.positive
        rates = group_rates(case.truth, case.predictions, frame[self.column], positive)
        details = [one._asdict() for one in rates]
        needed = MEASURES[self.measure][0]
        judged = [
            one
            for one in rates
            if one.rows >= self.rows and not any(math.isnan(getattr(one, name)) for name in needed)
        ]
        small = [f"{one.group} ({one.rows} rows)" for one in rates if one not in judged]
        if len(judged) < 2:
            text = (
                f"{len(judged)} groups have {self.rows} rows and the rates: nothing can be compared"
            )
            return GateResult(self.name, False, text, limit=self.limit, details=details)
        if small and self.small == "refuse":
            text = (
                f"{len(small)} of {len(rates)} groups cannot be judged: {', '.join(small[:5])}; a "
                f"group needs {self.rows} rows and {' and '.join(needed)} (rows=, or small='skip')"
            )
            return GateResult(self.name, False, text, limit=self.limit, details=details)
        value = _compare(self.measure, judged)
        result = verdict(
            self.name, value, self.limit, most=not MEASURES[self.measure][1], of=self.name
        )
        text = result.message + (f"; not judged: {', '.join(small[:5])}" if small else "")
        return GateResult(self.name, result.passed, text, value, self.limit, result.gap, details)
