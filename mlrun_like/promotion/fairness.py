"""Differences between groups of people, with their confidence intervals.

With ŷ the prediction, y the truth, 1 the positive class and g a group:

demographic_parity     P(ŷ=1 | g); its ratio is also known as disparate_impact
equal_opportunity      P(ŷ=1 | y=1, g), the true positive rate
false_positive_rate    P(ŷ=1 | y=0, g)
equalized_odds         both of these; the worse one counts
predictive_parity      P(y=1 | ŷ=1, g), the precision
accuracy               P(ŷ=y | g)
calibration            the expected calibration error of the scores of g

`..._difference` is the largest less the smallest of all groups, `..._ratio` the smallest over the
largest. Of more than two classes each one is taken as positive in turn, and the worst one counts.

Sources: M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS
2016 (equal opportunity, equalized odds); M. Feldman et al., "Certifying and Removing Disparate
Impact", KDD 2015 (the ratio, whose usual limit is 0.8); A. Chouldechova, Big Data 5 (2017)
(predictive parity); maximum and minimum over groups as in Fairlearn, S. Bird et al., Microsoft
MSR-TR-2020-32. The two groups that differ most are found by looking at all pairs: the level of the
interval of their difference is corrected for that (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.promotion.slices import groups_of
from mlrun_like.statistics.intervals import Interval, katz, newcombe
from mlrun_like.statistics.measures import calibration_error

__all__ = [
    "MEASURES",
    "Disparity",
    "GroupRates",
    "check_measure",
    "disparity",
    "fairness",
    "group_rates",
    "positives_of",
]

MEASURES: Mapping[str, tuple[tuple[str, ...], bool]] = MappingProxyType(
    {
        "demographic_parity_difference": (("selected",), False),
        "demographic_parity_ratio": (("selected",), True),
        "disparate_impact": (("selected",), True),
        "equal_opportunity_difference": (("true_positive",), False),
        "equal_opportunity_ratio": (("true_positive",), True),
        "equalized_odds_difference": (("true_positive", "false_positive"), False),
        "equalized_odds_ratio": (("true_positive", "false_positive"), True),
        "false_positive_rate_difference": (("false_positive",), False),
        "predictive_parity_difference": (("precision",), False),
        "predictive_parity_ratio": (("precision",), True),
        "accuracy_difference": (("accuracy",), False),
        "calibration_difference": (("calibration",), False),
    }
)
"""Measure -> the rates it compares, and whether as a ratio."""

_DRAWS = 300
_BATCH = 2_000_000


class GroupRates(NamedTuple):
    """Rates of one group; NaN where it has no row to tell.

    Args:
        group: Its name.
        rows: How many rows it has.
        selected: Share of ŷ=1.
        true_positive: Share of ŷ=1 among y=1.
        false_positive: Share of ŷ=1 among y=0.
        precision: Share of y=1 among ŷ=1.
        accuracy: Share of ŷ=y.
        calibration: Expected calibration error; NaN without scores.
        counts: Rate -> its cases, and the rows it is a share of.
        samples: Calibration errors of resampled rows, for its interval.
    """

    group: str
    rows: int
    selected: float
    true_positive: float
    false_positive: float
    precision: float
    accuracy: float
    calibration: float
    counts: Mapping[str, tuple[int, int]]
    samples: Any = None

    def plain(self) -> dict[str, Any]:
        """The rates, for reports."""
        return dict(list(self._asdict().items())[:8])


class Disparity(NamedTuple):
    """A measure of groups.

    Args:
        measure: One of `MEASURES`.
        value: The difference or ratio; NaN if fewer than two groups tell it.
        interval: Of the value.
        low: The group with the smallest rate.
        high: The group with the largest rate.
        judged: Names of the groups that are compared.
        small: Names of those that are not: too few rows, or no row that tells.
    """

    measure: str
    value: float
    interval: Interval
    low: str
    high: str
    judged: tuple[str, ...]
    small: tuple[str, ...]

    @property
    def is_ratio(self) -> bool:
        """Whether 1 is fair, rather than 0."""
        return MEASURES[self.measure][1]


def check_measure(measure: Any) -> str:
    """A measure's name.

    Raises:
        InvalidArgumentError: if there is no such measure; names the nearest one.
    """
    if not isinstance(measure, str) or measure not in MEASURES:
        raise InvalidArgumentError(
            f"there is no measure {measure!r:.60} of fairness.{nearest(str(measure), MEASURES)}",
            fix=f"use one of: {', '.join(MEASURES)}",
        )
    return measure


def positives_of(truth: Any, positive: Any = None) -> list[Any]:
    """The classes that are taken as positive: the given one, the larger one of two, or all.

    >>> positives_of([0, 1, 0]), positives_of(["a", "b", "c"])
    ([1], ['a', 'b', 'c'])
    """
    if positive is not None:
        return [positive]
    found = pd.unique(pd.Series(np.asarray(truth)).dropna()).tolist()
    found.sort(key=lambda value: (str(type(value)), value))
    return found if len(found) > 2 else found[-1:]


def group_rates(
    truth: Any, predicted: Any, groups: Any, positive: Any = 1, scores: Any = None
) -> list[GroupRates]:
    """How each group is treated.

    Args:
        truth: What is true.
        predicted: What was predicted.
        groups: The group of each row; a frame of several columns: their intersections.
        positive: The positive class.
        scores: The scores of that class, for calibration.

    >>> [rates.selected for rates in group_rates([1, 0], [1, 0], ["a", "b"])]
    [1.0, 0.0]
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    real, said, right = truth == positive, predicted == positive, truth == predicted
    if isinstance(groups, pd.Series):
        groups = groups.to_frame(groups.name if groups.name is not None else "group")
    frame = groups if isinstance(groups, pd.DataFrame) else pd.DataFrame({"group": groups})
    found = []
    for number, (name, rows) in enumerate(groups_of(frame)):
        mine, chosen, good = real[rows], said[rows], right[rows]
        hits = int((mine & chosen).sum())
        counts = {
            "selected": (int(chosen.sum()), len(rows)),
            "true_positive": (hits, int(mine.sum())),
            "false_positive": (int((chosen & ~mine).sum()), int((~mine).sum())),
            "precision": (hits, int(chosen.sum())),
            "accuracy": (int(good.sum()), len(rows)),
        }
        shares = {key: a / b if b else math.nan for key, (a, b) in counts.items()}
        error, samples = math.nan, None
        if scores is not None and len(rows):
            given = np.asarray(scores, dtype=float)[rows]
            error, samples = calibration_error(mine, given, True), _resampled(mine, given, number)
        found.append(
            GroupRates(name, len(rows), **shares, calibration=error, counts=counts, samples=samples)
        )
    return found


def _resampled(real: Any, scores: Any, seed: int) -> Any:
    """Calibration errors of resampled rows."""
    draw, count = np.random.default_rng(seed), len(real)
    place = np.clip((scores * 10).astype(int), 0, 9)
    off = real.astype(float) - scores
    found = []
    step = max(1, _BATCH // count)
    for start in range(0, _DRAWS, step):
        times = min(step, _DRAWS - start)
        at = draw.integers(0, count, size=(times, count))
        keys = place[at] + 10 * np.arange(times)[:, None]
        sums = np.bincount(keys.ravel(), off[at].ravel(), 10 * times).reshape(times, 10)
        found.append(np.abs(sums).sum(axis=1) / count)
    return np.concatenate(found)


def fairness(
    measure: str, truth: Any, predicted: Any, groups: Any, positive: Any = 1, scores: Any = None
) -> float:
    """A measure of the module's table, of all groups that tell it.

    Raises:
        InvalidArgumentError: if there is no such measure.

    >>> fairness("demographic_parity_difference", [1, 0, 1, 0], [1, 1, 1, 0], ["a", "a", "b", "b"])
    0.5
    """
    check_measure(measure)
    return disparity(measure, group_rates(truth, predicted, groups, positive, scores), 0).value


def disparity(
    measure: str, rates: Sequence[GroupRates], rows: int = 30, confidence: float = 0.95
) -> Disparity:
    """A measure with its interval; groups of fewer rows, or without the rates, are not judged.

    >>> rates = group_rates([1] * 80, [1, 0] * 20 + [1] * 40, ["a"] * 40 + ["b"] * 40)
    >>> found = disparity("demographic_parity_ratio", rates)
    >>> found.value, found.low, found.high
    (0.5, 'group=a', 'group=b')
    """
    names, ratio = MEASURES[check_measure(measure)]
    judged: list[GroupRates] = []
    small: list[GroupRates] = []
    for one in rates:
        known = one.rows >= rows and not all(math.isnan(getattr(one, name)) for name in names)
        if rows:
            known = known and not any(math.isnan(getattr(one, name)) for name in names)
        (judged if known else small).append(one)
    told = tuple(one.group for one in judged), tuple(one.group for one in small)
    found = [
        _apart(measure, name, [one for one in judged if not math.isnan(getattr(one, name))],
               ratio, confidence)
        for name in names
    ]  # fmt: skip
    found = [one for one in found if one is not None]
    if not found or (len(judged) < 2 and rows):
        return Disparity(measure, math.nan, Interval(math.nan, math.nan), "", "", *told)
    worst: Disparity = (min if ratio else max)(found, key=lambda one: one.value)
    return worst._replace(judged=told[0], small=told[1])


def _apart(measure: str, name: str, rates: list[GroupRates], ratio: bool, confidence: float) -> Any:
    if not rates:
        return None
    low, high = (pick(rates, key=lambda one: getattr(one, name)) for pick in (min, max))
    least, most = getattr(low, name), getattr(high, name)
    value = most - least
    if ratio:  # where nobody is selected, all are treated alike
        value = least / most if most else 1.0
    pairs = max(1, len(rates) * (len(rates) - 1) // 2)
    level = 1 - (1 - confidence) / pairs
    if name == "calibration":
        ends = (1 - level) / 2, (1 + level) / 2
        samples = np.sort(high.samples - low.samples)
        interval = Interval(*(float(np.quantile(samples, end)) for end in ends))
    elif ratio:
        interval = katz(*low.counts[name], *high.counts[name], level)
        interval = Interval(interval.low, max(value, min(1.0, interval.high)))
    else:
        interval = newcombe(*high.counts[name], *low.counts[name], level)
    return Disparity(measure, value, interval, low.group, high.group, (), ())
