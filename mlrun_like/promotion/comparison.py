"""Two models on the same rows: how much better one is, how sure that is, and what to say of it.

| metric | interval and test |
|---|---|
| means over rows (`accuracy`, `log_loss`, `mae`, ...) | paired t; of classes also McNemar |
| `auc` | DeLong |
| all others (`f1`, `precision`, `rmse`, ...) | paired bootstrap, percentiles, seeded |
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.scores import (
    SCORES,
    check_metric,
    lower_is_better,
    positive_class,
    score,
)
from mlrun_like.statistics.intervals import Interval, check_confidence
from mlrun_like.statistics.measures import ROWS, Rows
from mlrun_like.statistics.paired import (
    Difference,
    McNemar,
    bootstrap_ratios,
    bootstrap_values,
    delong,
    mcnemar,
    paired_t,
    rows_needed,
)

__all__ = ["BETTER", "NONE", "WORSE", "CompareOptions", "Compared", "compare_predictions"]

BETTER, WORSE, NONE = "better", "worse", "no difference shown"
METHODS = ("auto", "paired t", "bootstrap")


@dataclass(frozen=True)
class CompareOptions:
    """How two models are compared.

    Args:
        confidence: Level of the interval.
        gain: By how much the first one must be better, to be called so; in the metric's unit.
        lower: Whether less of the metric is better; None: told by its name.
        method: `auto` (the module's table), or `bootstrap`, or `paired t`.
        times: Samples of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        InvalidArgumentError: if one is out of its range.
    """

    confidence: float = 0.95
    gain: float = 0.0
    lower: bool | None = None
    method: str = "auto"
    times: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        if self.method not in METHODS:
            raise InvalidArgumentError(
                f"method {self.method!r:.40} is unknown", fix=f"one of: {', '.join(METHODS)}"
            )
        if not isinstance(self.gain, (int, float)) or not math.isfinite(self.gain):
            raise InvalidArgumentError(f"gain {self.gain!r} must be a number", fix="gain=0.01")
        if not isinstance(self.times, int) or not 100 <= self.times <= 1_000_000:
            raise InvalidArgumentError(f"times {self.times!r} must be from 100 to 1000000")


@dataclass(frozen=True)
class Compared:
    """The first model against the second.

    Args:
        metric: What was measured.
        rows: On how many rows.
        first: The metric of the first model.
        second: The metric of the second.
        better_by: How much better the first one is; negative: worse.
        interval: Of that.
        chance: p value of "they are equal", two-sided; NaN: the method has none.
        verdict: `better`, `worse` or `no difference shown`.
        method: How the interval was made.
        needed: Rows that would show a difference of this size (power 0.8); None: none would.
        mcnemar: McNemar's test, for metrics of right and wrong.
        confidence: Level of the interval.
        gain: By how much the first one must be better.
    """

    metric: str
    rows: int
    first: float
    second: float
    better_by: float
    interval: Interval
    chance: float
    verdict: str
    method: str
    needed: int | None
    mcnemar: McNemar | None
    confidence: float
    gain: float

    def __str__(self) -> str:
        how = "better" if self.better_by >= 0 else "worse"
        text = (
            f"{self.verdict}: {self.metric} is {self.first:.6g} against {self.second:.6g}, "
            f"{abs(self.better_by):.6g} {how} on {self.rows} rows; {self.confidence:.6g} interval "
            f"{self.interval.low:.6g} to {self.interval.high:.6g} ({self.method})"
        )
        if self.verdict == NONE:
            text += (
                f"; about {self.needed} rows would show a difference of this size"
                if self.needed
                else "; no number of rows would show a difference"
            )
        return text

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        found = asdict(self)
        found["interval"] = list(self.interval)
        found["mcnemar"] = None if self.mcnemar is None else self.mcnemar._asdict()
        return found


def compare_predictions(
    metric: str,
    truth: Any,
    first: Any,
    second: Any,
    positive: Any = None,
    options: CompareOptions | None = None,
) -> Compared:
    """Compare two models' predictions for the same rows.

    Args:
        metric: One of `scores.SCORES`.
        truth: What is true.
        first: What the first model said; scores for metrics of scores.
        second: The same of the second.
        positive: The positive class; None: the larger one.
        options: Level, gain, method.

    Raises:
        InvalidArgumentError: if there is no such metric, or the rows do not fit it.

    >>> said = compare_predictions("accuracy", [0, 1] * 50, [0, 1] * 50, [0, 0, 0, 1] * 25)
    >>> said.verdict, said.better_by
    ('better', 0.25)
    """
    check_metric(metric)
    chosen = options or CompareOptions()
    truth, first, second = np.asarray(truth), np.asarray(first), np.asarray(second)
    positive = positive_class(truth) if positive is None else positive
    one, two = (score(metric, truth, said, positive) for said in (first, second))
    if len(truth) < 2:
        raise InvalidArgumentError(f"{len(truth)} rows: models are compared on 2 rows or more")
    lower = lower_is_better(metric) if chosen.lower is None else chosen.lower
    found, method = _difference(metric, truth, first, second, positive, chosen)
    sign = -1 if lower else 1
    ends = sorted((sign * found.interval.low, sign * found.interval.high))
    interval = Interval(*ends)
    gap = sign * (one - two)
    test = None
    if metric in ("accuracy", "error"):
        test = mcnemar(first == truth, second == truth)
    # the difference of rounding is none
    dust = 1e-12 * max(1.0, abs(one), abs(two))
    if interval.low > chosen.gain + dust or (chosen.gain and interval.low >= chosen.gain):
        verdict = BETTER
    else:
        verdict = WORSE if interval.high < -dust else NONE
    needed = rows_needed(gap - chosen.gain, found.error, len(truth), chosen.confidence)
    return Compared(
        metric, len(truth), one, two, gap, interval, found.chance, verdict, method,
        needed, test, chosen.confidence, chosen.gain,
    )  # fmt: skip


def _difference(
    metric: str, truth: Any, first: Any, second: Any, positive: Any, options: CompareOptions
) -> tuple[Difference, str]:
    """The first metric less the second."""
    if metric in ("auc", "roc_auc") and options.method == "auto":
        return delong(truth, first, second, positive, options.confidence), "DeLong"
    rows = _rows(metric, truth, first, positive), _rows(metric, truth, second, positive)
    mean = rows[0] is not None and rows[0].whole is None and not rows[0].root
    if mean and options.method != "bootstrap":
        return paired_t(rows[0].part, rows[1].part, options.confidence), "paired t"  # type: ignore[union-attr]
    if options.method == "paired t":
        raise InvalidArgumentError(
            f"{metric} is no mean over rows: the paired t test does not fit it",
            fix='method="auto" or "bootstrap"',
        )
    if rows[0] is not None and rows[1] is not None:
        drawn = bootstrap_ratios(rows[0], rows[1], times=options.times, seed=options.seed)
    else:

        def both(at: Any) -> tuple[float, float]:
            one, two = (SCORES[metric](truth[at], said[at], positive) for said in (first, second))
            return one, two

        times = max(100, min(options.times, 50_000_000 // len(truth)))
        drawn = bootstrap_values(both, len(truth), times=times, seed=options.seed)
    gaps = drawn[0] - drawn[1]
    gaps = gaps[np.isfinite(gaps)]
    if len(gaps) < 50:
        raise InvalidArgumentError(
            f"{metric} is no number in most samples of these {len(truth)} rows",
            fix="more rows of each class",
        )
    ends = (1 - options.confidence) / 2, (1 + options.confidence) / 2
    interval = Interval(*(float(np.quantile(gaps, end)) for end in ends))
    value = float(gaps.mean())
    below = float(((gaps < 0).mean() + (gaps <= 0).mean()) / 2)
    chance = min(1.0, 2 * min(below, 1 - below))
    return Difference(value, interval, float(gaps.std(ddof=1)), chance), "paired bootstrap"


def _rows(metric: str, truth: Any, said: Any, positive: Any) -> Rows | None:
    made = ROWS.get(metric)
    return None if made is None else made(truth, said, positive)
