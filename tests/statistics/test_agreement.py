"""Distances and tests are SciPy's, Evidently's and NannyML's numbers, to 1e-9."""

from __future__ import annotations

import json
import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics import distances as d
from mlrun_like.statistics.histogram import count_bins
from mlrun_like.statistics.hypotheses import (
    binomial_tail,
    chi_square,
    chi_square_fit,
    chi_square_sf,
    ks_2samp,
    ks_statistic,
)
from mlrun_like.statistics.kolmogorov import kolmogorov_sf

stats = pytest.importorskip("scipy.stats")
jensenshannon = pytest.importorskip("scipy.spatial.distance").jensenshannon

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "bench" / "monitoring" / "record_peers.py"
RECORD: dict[str, Any] = json.loads((Path(__file__).parent / "peers.json").read_text())


@pytest.mark.parametrize("n", [1, 2, 10, 100, 140, 141, 500, 5_000, 100_000])
def test_the_distribution_of_kolmogorov(n: int) -> None:
    for z in (0.2, 0.5, 0.9, 1.2, 1.45, 1.7, 2.5, 5):
        at = z / math.sqrt(n)
        if at < 1:
            assert kolmogorov_sf(at, n) == pytest.approx(stats.kstwo.sf(at, n), rel=1e-8, abs=1e-11)


@pytest.mark.parametrize(
    ("n", "m"), [(1, 1), (3, 3), (5, 7), (30, 100), (99, 100), (300, 700), (20, 10_001)]
)
@pytest.mark.parametrize("decimals", [8, 1])
def test_two_samples_as_scipy_has_them(n: int, m: int, decimals: int) -> None:
    random = np.random.default_rng([n, m])
    for shift in (0, 0.2, 1):
        one = np.round(random.normal(size=n), decimals)
        other = np.round(random.normal(shift, 1, size=m), decimals)
        wanted, found = stats.ks_2samp(one, other), ks_2samp(one, other)
        assert found.statistic == pytest.approx(wanted.statistic, abs=1e-12)
        assert found.p == pytest.approx(wanted.pvalue, rel=1e-8, abs=1e-12)
        if max(n, m) > 10:  # of two single values SciPy's size rounds to nothing
            quick = ks_2samp(one, other, exact_rows=0)
            wanted = stats.ks_2samp(one, other, method="asymp")
            assert quick.p == pytest.approx(wanted.pvalue, rel=1e-8, abs=1e-11)


def test_the_distance_is_exact_with_ties_and_gaps() -> None:
    random = np.random.default_rng(0)
    for rows in (300, 1_000, 5_000):
        one, other = (
            np.sort(random.integers(*limits, rows)).astype(np.float64)
            for limits in ((0, 40), (5, 60))
        )
        wanted = stats.ks_2samp(one, other, method="asymp").statistic
        assert ks_statistic(one, other) == pytest.approx(wanted, abs=1e-12)


def test_chi_square_as_scipy_has_it() -> None:
    for freedom in (1, 2, 10, 1_000, 1_000_000):
        for part in (0.001, 0.9, 1, 1.1, 3):
            wanted = stats.chi2.sf(freedom * part, freedom)
            assert chi_square_sf(freedom * part, freedom) == pytest.approx(wanted, abs=1e-11)
    table = np.array([[10, 20, 0, 5], [12, 9, 3, 0]])
    wanted = stats.chi2_contingency(table, correction=False)
    found = chi_square(*table)
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-12)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-10) and found.freedom == wanted.dof
    fit = stats.chisquare([20, 30, 50], [25, 25, 50])
    assert chi_square_fit([1, 1, 2], [20, 30, 50]).p == pytest.approx(fit.pvalue, rel=1e-10)
    for count, trials, share in ((1, 1, 0.5), (5, 100, 0.01), (50, 100, 0.5), (400, 1_000, 0.5)):
        tail = stats.binom.sf(count - 1, trials, share)
        assert binomial_tail(count, trials, share) == pytest.approx(tail, rel=1e-9)


def test_distances_as_scipy_has_them() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        p, q = random.integers(0, 50, 12), random.integers(0, 50, 12)
        assert d.js_distance(p, q) == pytest.approx(jensenshannon(p, q, base=2), abs=1e-9)
        p, q = p + 1, q + 1
        assert d.kl(p, q, 0) == pytest.approx(stats.entropy(q / q.sum(), p / p.sum()), abs=1e-9)
        assert d.tvd(p, q) == pytest.approx(abs(p / p.sum() - q / q.sum()).sum() / 2)
    found = d.distances([5, 0, 5], [0, 5, 5])
    assert found["tvd"] == d.tvd([5, 0, 5], [0, 5, 5]) and found["psi"] > 1
    assert d.kl_both_ways([1, 0], [0, 1]) == pytest.approx(10)
    assert d.hellinger([1, 1], [1, 1]) == 0


def test_bins_that_do_not_fit_are_refused() -> None:
    for p, q in (([1, 2], [1, 2, 3]), ([1, -1], [1, 1]), ([1, math.nan], [1, 1])):
        with pytest.raises(InvalidArgumentError):
            d.distances(p, q)
    with pytest.raises(InvalidArgumentError):
        chi_square_fit([0, 1], [1, 1])
    assert math.isnan(chi_square([0, 0], [1, 1]).p) and math.isnan(ks_2samp([], [1]).p)
    assert chi_square([3], [4]).p == 1


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    """The data that the peers' numbers were recorded for."""
    return runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize("case", ["shifted", "same", "uneven"])
def test_evidently_and_nannyml_say_the_same(case: str, data: dict[str, Any]) -> None:
    known = RECORD[case]
    before, now, step, shift = data["CASES"][case]
    old, new = data["numbers"](before, step, 0), data["numbers"](now, step + 2, shift)
    close: dict[str, Any] = {"rel": 1e-9, "abs": 1e-9}

    edges = np.histogram_bin_edges(np.concatenate([old, new]), bins="sturges")
    bins = [np.histogram(side, edges)[0] for side in (old, new)]
    found = d.distances(*bins)
    # Evidently's is of natural logarithms, and fills empty bins for this distance, too
    if all(side.all() for side in bins):
        assert found["js_distance"] * math.sqrt(math.log(2)) == pytest.approx(
            known["evidently.x.jensenshannon"], **close
        )
        assert found["psi"] == pytest.approx(known["evidently.x.psi"], **close)
    assert ks_2samp(old, new).p == pytest.approx(known["evidently.x.ks"], **close)
    assert ks_2samp(old, new).statistic == pytest.approx(
        known["nannyml.x.kolmogorov_smirnov"], **close
    )
    doane = np.histogram_bin_edges(old.astype(float), bins="doane")
    outer = [count_bins(side, doane) for side in (old, new)]
    merged = [np.append(side[1:-1], side[0] + side[-1]) for side in outer]
    found = d.distances(*merged)
    assert found["js_distance"] == pytest.approx(known["nannyml.x.jensen_shannon"], **close)
    assert found["hellinger"] == pytest.approx(known["nannyml.x.hellinger"], **close)

    texts = data["texts"](before, step, 0), data["texts"](now, step, 3 if shift else 0)
    counts = [[side.count(name) for name in ("red", "green", "blue")] for side in texts]
    found = d.distances(*counts)
    assert found["hellinger"] == pytest.approx(known["nannyml.c.hellinger"], **close)
    assert found["hellinger"] == pytest.approx(known["evidently.c.hellinger"], abs=1e-7)
    assert found["psi"] == pytest.approx(known["evidently.c.psi"], **close)
    assert found["js_distance"] == pytest.approx(known["nannyml.c.jensen_shannon"], **close)
    assert chi_square(*counts).statistic == pytest.approx(known["nannyml.c.chi2"], **close)
    assert chi_square_fit(*counts).p == pytest.approx(known["evidently.c.chisquare"], **close)
