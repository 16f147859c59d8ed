"""Better than the model that holds the alias now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.comparison import BETTER, CompareOptions, compare_predictions
from mlrun_like.promotion.gates import Gate, GateResult, number
from mlrun_like.promotion.scores import SCORES, USES_SCORES, check_metric, lower_is_better
from mlrun_like.statistics.intervals import check_confidence

__all__ = ["BetterGate", "better_than_champion"]


@dataclass(frozen=True)
class BetterGate(Gate):
    """Better than the model that holds the alias, by a metric.

    With a test set both are measured on its rows; else the recorded metrics are compared. If
    nobody holds the alias yet, the model passes.

    Args:
        metric: The metric.
        gain: By how much it must be better, at least; 0: not worse. In the metric's unit.
        lower: Whether less is better; None: told by the name (`loss`, `rmse`, ...).
        rows: A metric that is computed needs a test set of so many rows.
        confidence: How sure it must be, such as 0.95: the interval of the difference on the test
            set must be above `gain` as a whole. None: the numbers alone count.

    Raises:
        InvalidArgumentError: if the gain is not a finite number, or with `confidence` the metric
            is none of predictions.

    >>> BetterGate("auc", gain=0.01).name
    'better auc by 0.01'
    >>> better_than_champion("auc", confidence=0.95).name
    'better auc, 0.95 sure'
    """

    metric: str
    gain: float = 0.0
    lower: bool | None = None
    rows: int = 30
    confidence: float | None = None
    kind = "better"

    def __post_init__(self) -> None:
        if not isinstance(self.gain, (int, float)) or not math.isfinite(self.gain):
            raise InvalidArgumentError(f"gain {self.gain!r} must be a number", fix="gain=0.01")
        if self.confidence is not None:
            check_confidence(self.confidence)
            check_metric(self.metric)

    @property
    def name(self) -> str:
        sure = f", {number(self.confidence)} sure" if self.confidence is not None else ""
        return f"better {self.metric}" + (f" by {number(self.gain)}" if self.gain else "") + sure

    @property
    def less(self) -> bool:
        """Whether less is better."""
        if self.lower is not None:
            return self.lower
        return lower_is_better(self.metric)

    def judge(self, case: Case) -> GateResult:
        mine, source = case.value(self.metric, self.rows)
        if mine is None:
            return GateResult(self.name, False, f"{case.name} has no metric {self.metric!r}")
        if not math.isfinite(mine):
            text = f"{self.metric} of {case.name} is {mine}, not a number to compare with"
            return GateResult(self.name, False, text, mine)
        if case.rival is None:
            return GateResult(self.name, True, "there is no model to beat yet", mine)
        theirs, other = case.rival.value(self.metric, self.rows)
        if theirs is None:
            return GateResult(
                self.name, False, f"{case.rival.name} has no metric {self.metric!r}", mine
            )
        if not math.isfinite(theirs):
            text = f"{self.metric} of {case.rival.name} is {theirs}: nothing to compare with"
            return GateResult(self.name, False, text, mine)
        if source != other:
            return GateResult(
                self.name, False, f"one value is from the {source}, the other from the {other}"
            )
        if self.confidence is not None:
            return self._surely(case, case.rival)
        better = theirs - mine if self.less else mine - theirs
        gap = self.gain - better
        limit = theirs - self.gain if self.less else theirs + self.gain
        how = f"{number(abs(better))} {'better' if better >= 0 else 'worse'} than"
        text = (
            f"{self.metric} is {number(mine)}, {how} {number(theirs)} of {case.rival.name} "
            f"({source}); asked for: {number(self.gain)} better"
        )
        # a tie by rounding is a tie
        passed = gap <= 1e-12 * max(1.0, abs(mine))
        return GateResult(self.name, passed, text, mine, limit, gap)

    def _surely(self, case: Case, rival: Case) -> GateResult:
        """The answer with the interval of the difference."""
        if case.test_set is None or self.metric not in SCORES:
            text = "how sure it is can only be told on a test set, and there is none"
            return GateResult(self.name, False, text)
        mine, theirs = (
            one.scores if self.metric in USES_SCORES else one.predictions for one in (case, rival)
        )
        options = CompareOptions(self.confidence or 0.95, self.gain, self.less)
        found = compare_predictions(self.metric, case.truth, mine, theirs, case.positive, options)
        text = f"against {rival.name}: {found}"
        limit = found.second - self.gain if self.less else found.second + self.gain
        return GateResult(
            self.name, found.verdict == BETTER, text, found.first, limit,
            self.gain - found.interval.low, [found.to_dict()],
        )  # fmt: skip


def better_than_champion(
    metric: str, confidence: float = 0.95, gain: float = 0.0, **options: Any
) -> BetterGate:
    """The gate that wants a model surely better than the one that serves.

    Args:
        metric: One of `scores.SCORES`.
        confidence: How sure.
        gain: By how much better, at least.
        options: As for `BetterGate`.
    """
    return BetterGate(metric, gain, confidence=confidence, **options)
