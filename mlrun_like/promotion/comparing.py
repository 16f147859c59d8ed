"""Better than the model that holds the alias now."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.gates import Gate, GateResult, number
from mlrun_like.promotion.scores import LOWER_IS_BETTER

__all__ = ["BetterGate"]


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

    Raises:
        InvalidArgumentError: if the gain is not a finite number.

    >>> BetterGate("auc", gain=0.01).name
    'better auc by 0.01'
    """

    metric: str
    gain: float = 0.0
    lower: bool | None = None
    rows: int = 30
    kind = "better"

    def __post_init__(self) -> None:
        if not isinstance(self.gain, (int, float)) or not math.isfinite(self.gain):
            raise InvalidArgumentError(f"gain {self.gain!r} must be a number", fix="gain=0.01")

    @property
    def name(self) -> str:
        return f"better {self.metric}" + (f" by {number(self.gain)}" if self.gain else "")

    @property
    def less(self) -> bool:
        """Whether less is better."""
        if self.lower is not None:
            return self.lower
        name = self.metric.lower()
        return name in LOWER_IS_BETTER or bool(LOWER_IS_BETTER & set(re.split(r"[\W_]+", name)))

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
