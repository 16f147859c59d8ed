"""Intervals, paired tests and trends agree with SciPy to 1e-9, or with their definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.intervals import (
    benjamini_hochberg,
    check_confidence,
    katz,
    newcombe,
    wilson,
)
from mlrun_like.statistics.measures import Rows, auc, calibration_error, ratio_rows
from mlrun_like.statistics.paired import (
    bootstrap_ratios,
    bootstrap_values,
    delong,
    mcnemar,
    paired_t,
    rows_needed,
)
from mlrun_like.statistics.student import (
    binomial_below,
    normal_tail,
    regularised_beta,
    t_quantile,
    t_tail,
)
from mlrun_like.statistics.trend import theil_sen

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")
DRAW = np.random.default_rng(5)


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 3.5, 10, 100, 1234.5, 100_000])
def test_students_t(freedom: float) -> None:
    for value in (-6.0, -1.0, 0.0, 0.3, 2.0, 9.0):
        assert t_tail(value, freedom) == near(stats.t.sf(value, freedom))
    for chance in (0.01, 0.4, 0.5, 0.9, 0.975, 0.9999):
        assert t_quantile(chance, freedom) == near(stats.t.ppf(chance, freedom))


def test_ends_of_distributions() -> None:
    assert math.isnan(t_tail(math.nan, 3)) and t_tail(math.inf, 3) == 0.0
    assert t_tail(1.96, math.inf) == near(stats.norm.sf(1.96))
    assert normal_tail(-math.inf) == 1.0
    assert regularised_beta(2.0, 3.0, [0.0, 1.0]).tolist() == [0.0, 1.0]
    a, b, x = DRAW.uniform(0.1, 500, 200), DRAW.uniform(0.1, 500, 200), DRAW.random(200)
    assert regularised_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), abs=1e-12, rel=1e-8)
    for count, tries in ((-1, 5), (0, 5), (3, 10), (49, 100), (5, 5), (4_990, 10_000)):
        assert binomial_below(count, tries) == near(stats.binom.cdf(count, tries, 0.5))


@pytest.mark.parametrize(("cases", "rows"), [(0, 10), (8, 10), (10, 10), (1, 1), (300, 9_000)])
def test_wilson(cases: int, rows: int) -> None:
    wanted = stats.binomtest(cases, rows).proportion_ci(method="wilson")
    assert list(wilson(cases, rows)) == [near(wanted.low), near(wanted.high)]


def test_intervals_of_two_shares() -> None:
    # R. Newcombe 1998, table II: 56/70 - 48/80 by method 10 is 0.0524 to 0.3339, 9/10 - 3/10 is
    # 0.1705 to 0.8090
    assert [round(end, 4) for end in newcombe(56, 70, 48, 80)] == [0.0524, 0.3339]
    assert [round(end, 4) for end in newcombe(9, 10, 3, 10)] == [0.1705, 0.8090]
    assert list(newcombe(1, 0, 1, 2)) == [-1.0, 1.0] and list(wilson(0, 0)) == [0.0, 1.0]
    spread = math.sqrt(1 / 30 - 1 / 100 + 1 / 50 - 1 / 100)
    z = stats.norm.ppf(0.975)
    assert katz(30, 100, 50, 100).low == near(0.6 * math.exp(-z * spread))
    assert katz(0, 10, 5, 10).low > 0 and katz(1, 0, 1, 1).high == math.inf


def test_many_tests_at_once() -> None:
    chances = DRAW.random(50) ** 3
    assert benjamini_hochberg(chances) == pytest.approx(stats.false_discovery_control(chances))
    assert benjamini_hochberg([0.01], tests=10).tolist() == [pytest.approx(0.1)]
    assert not len(benjamini_hochberg([]))


@pytest.mark.parametrize("level", [0.4, 1.0, "a", None, True, math.nan])
def test_levels_that_are_none(level: object) -> None:
    with pytest.raises(InvalidArgumentError, match="confidence"):
        check_confidence(level)


def test_paired_t() -> None:
    first = DRAW.normal(size=40)
    second = first + DRAW.normal(size=40) * 0.4 + 0.2
    found, wanted = paired_t(first, second), stats.ttest_rel(first, second)
    assert found.chance == near(wanted.pvalue)
    ends = wanted.confidence_interval(0.95)
    assert list(found.interval) == [near(ends.low), near(ends.high)]
    assert paired_t([1.0, 1.0], [1.0, 1.0]).chance == 1.0
    assert paired_t([2.0, 2.0], [1.0, 1.0]).chance == 0.0
    with pytest.raises(InvalidArgumentError, match="2 rows"):
        paired_t([1.0], [2.0])


@pytest.mark.parametrize("rows", [10, 100, 3000])
def test_mcnemar(rows: int) -> None:
    first, second = DRAW.random(rows) < 0.8, DRAW.random(rows) < 0.7
    found = mcnemar(first, second)
    count = found.first + found.second
    assert found.exact == near(stats.binomtest(min(found[:2]), count).pvalue)
    middle = 2 * stats.binom.cdf(min(found[:2]), count, 0.5) - stats.binom.pmf(
        min(found[:2]), count, 0.5
    )
    assert found.mid == near(min(1.0, middle))
    assert mcnemar([True], [True]) == (0, 0, 1.0, 1.0)


def test_delong_is_its_definition() -> None:
    truth = DRAW.integers(0, 2, 120)
    first = (DRAW.normal(size=120) + truth).round(1)
    second = (DRAW.normal(size=120) + truth * 0.5).round(1)
    real = truth == 1

    def kernel(scores: object) -> object:
        above, below = np.asarray(scores)[real][:, None], np.asarray(scores)[~real][None, :]
        return (above > below) + 0.5 * (above == below)

    gaps = kernel(first) - kernel(second)  # type: ignore[operator]
    error = math.sqrt(
        gaps.mean(axis=1).var(ddof=1) / real.sum() + gaps.mean(axis=0).var(ddof=1) / (~real).sum()
    )
    found = delong(truth, first, second)
    assert found.value == near(gaps.mean()) and found.error == near(error)
    assert found.chance == near(2 * stats.norm.sf(abs(gaps.mean()) / error))
    won = stats.mannwhitneyu(first[real], first[~real]).statistic
    assert auc(truth, first) == near(won / real.sum() / (~real).sum())
    for few in ([0, 0, 0], [0, 0, 1]):
        with pytest.raises(InvalidArgumentError, match="each class"):
            delong(few, [1, 2, 3], [1, 2, 3])


def test_bootstrap_of_few_and_many_kinds_of_rows() -> None:
    truth, said = DRAW.integers(0, 2, 4000), DRAW.integers(0, 2, 4000)
    right = ratio_rows("accuracy", truth, said)
    other = ratio_rows("accuracy", truth, truth * 0 + 1)
    assert right is not None and other is not None
    drawn = bootstrap_ratios(right, other, times=4000, seed=1)
    wanted = paired_t(right.part, other.part)
    assert (drawn[0] - drawn[1]).std() == pytest.approx(wanted.error, rel=0.06)
    again = bootstrap_ratios(right, other, times=4000, seed=1)
    assert (drawn[0] == again[0]).all()
    many = Rows(DRAW.normal(size=4000)), Rows(DRAW.normal(size=4000))
    drawn = bootstrap_ratios(*many, times=400)
    assert (drawn[0] - drawn[1]).std() == pytest.approx(
        paired_t(many[0].part, many[1].part).error, rel=0.15
    )
    one, two = bootstrap_values(lambda at: (float(at.mean()), math.nan), 10, times=5)
    assert len(one) == len(two) == 0


def test_rows_that_would_show_it() -> None:
    needed = rows_needed(0.02, 0.02, 500)
    assert needed is not None
    # with so many rows the error is small enough for a power of 0.8
    error = 0.02 * math.sqrt(500 / needed)
    power = stats.norm.sf(stats.norm.ppf(0.975) - 0.02 / error)
    assert power == pytest.approx(0.8, abs=0.01)
    for value, error in ((0.0, 1.0), (1.0, 0.0), (math.nan, 1.0), (1.0, math.inf)):
        assert rows_needed(value, error, 10) is None


@pytest.mark.parametrize("count", [3, 5, 30, 120])
def test_theil_sen(count: int) -> None:
    times = np.sort(DRAW.integers(0, count, count)).astype(float)
    times[:3] = [-3, -2, -1]
    values = DRAW.normal(size=count).round(1)
    found = theil_sen(times, values)
    wanted = stats.theilslopes(values, times, 0.95)
    assert found.slope == near(wanted.slope) and found.intercept == near(wanted.intercept)
    assert list(found.interval) == [near(wanted.low_slope), near(wanted.high_slope)]


def test_the_trends_test_and_odd_points() -> None:
    times, values = np.arange(40.0), DRAW.normal(size=40).round(1)
    wanted = stats.kendalltau(times, values, method="asymptotic").pvalue
    assert theil_sen(times, values).chance == near(wanted)
    assert theil_sen([0, 1, 2, 3], [1, 1, 1, 1]).chance == 1.0
    assert theil_sen([0, 1, 2, math.nan], [1, 2, 3, 9]).points == 3
    assert theil_sen(range(5000), range(5000)).points == 2000
    for points in ([], [1.0], [1.0, 2.0]):
        with pytest.raises(InvalidArgumentError, match="3 points"):
            theil_sen(range(len(points)), points)


def test_calibration_by_hand() -> None:
    # bins [0.2, 0.3): mean score 0.25, share 0.5; [0.9, 1]: mean 0.95, share 1
    error = calibration_error([0, 1, 1, 1], [0.2, 0.3 - 1e-9, 0.9, 1.0])
    assert error == pytest.approx((2 * 0.25 + 2 * 0.05) / 4)
    assert math.isnan(calibration_error([], []))
