"""Gates that say how sure they are: better with confidence, the worst slice, fairness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.comparing import BetterGate, better_than_champion
from mlrun_like.promotion.comparison import CompareOptions, compare_predictions
from mlrun_like.promotion.parsing import gate_of, gates_of
from mlrun_like.promotion.promote import judge
from mlrun_like.promotion.registry import find_version
from mlrun_like.promotion.worst_slice import WorstSliceGate

stats = pytest.importorskip("scipy.stats")


@pytest.fixture
def ask(log_model: Any, rows: pd.DataFrame) -> Any:
    """What a gate says about the good model, and about the bad one."""

    def ask(gate: Any, good: bool = True, rival: bool = False) -> Any:
        other = find_version(log_model(good=not good)) if rival else None
        version = find_version(log_model(good=good))
        return judge(version, gates_of(gate), other, test_set=rows, label="y")[0]

    return ask


def test_surely_better(ask: Any) -> None:
    for metric in ("accuracy", "auc", "f1", "brier"):
        found = ask(better_than_champion(metric), rival=True)
        assert found.passed and "better: " in found.message, found.message
        assert found.gap < 0 and found.details[0]["verdict"] == "better"
        assert not ask({"gate": "better", "metric": metric, "confidence": 0.95}, False, True).passed
    found = ask(BetterGate("accuracy", gain=0.9, confidence=0.95), rival=True)
    assert not found.passed and found.gap > 0
    assert ask(better_than_champion("auc")).message == "there is no model to beat yet"


def test_surely_better_needs_a_test_set(log_model: Any) -> None:
    one, two = find_version(log_model()), find_version(log_model(good=False))
    (found,) = judge(one, gates_of(better_than_champion("auc")), two)
    assert not found.passed and "test set" in found.message
    for options in ({"confidence": 1.5}, {"confidence": 0.95, "metric": "latency"}):
        with pytest.raises(InvalidArgumentError):
            BetterGate(**{"metric": "auc", **options})  # type: ignore[arg-type]


def test_the_worst_slice_is_found(ask: Any) -> None:
    found = ask({"gate": "worst_slice", "metric": "accuracy", "gap": 0.2, "columns": ["country"]})
    assert not found.passed and "country = B" in found.message, found.message
    assert found.details[0]["slice"] == "country = B" and found.gap > 0
    assert ask(WorstSliceGate("accuracy", gap=0.9)).passed
    few = ask(WorstSliceGate("accuracy", rows=1000))
    assert not few.passed and "large enough" in few.message
    for options in ({"metric": "acc"}, {"depth": 9}, {"columns": "country"}):
        with pytest.raises(InvalidArgumentError):
            WorstSliceGate(**{"metric": "accuracy", **options})  # type: ignore[arg-type]


def test_slices_show_their_intervals(ask: Any) -> None:
    gate = {"gate": "slices", "metric": "accuracy", "by": ["country", "gender"], "least": 0.1}
    for one in ask(gate).details:
        assert one["low"] <= one["value"] <= one["high"]


def test_fairness_of_intersections_and_calibration(ask: Any) -> None:
    plain = {"gate": "fairness", "column": ["country", "gender"], "limit": 1.0}
    found = ask(plain)
    assert found.passed and len(found.details) == 4 and "interval" in found.message
    assert gate_of(plain).name == "demographic_parity_difference of country, gender"
    assert ask({**plain, "measure": "calibration_difference"}).passed


# two models of the same rows, without any store

TRUTH = np.arange(400) % 2


@pytest.mark.parametrize("metric", ["accuracy", "f1", "precision", "recall", "balanced_accuracy"])
def test_verdicts_of_classes(metric: str) -> None:
    draw = np.random.default_rng(0)
    good, bad = (np.where(draw.random(400) < wrong, 1 - TRUTH, TRUTH) for wrong in (0.02, 0.4))
    options = CompareOptions(times=300)
    assert compare_predictions(metric, TRUTH, good, bad, options=options).verdict == "better"
    assert compare_predictions(metric, TRUTH, bad, good, options=options).verdict == "worse"
    same = compare_predictions(metric, TRUTH, good, good, options=options)
    assert same.verdict == "no difference shown" and "no number of rows" in str(same)
    assert same.needed is None and same.better_by == 0


def test_errors_are_better_when_they_are_less() -> None:
    draw = np.random.default_rng(1)
    truth = draw.normal(size=300)
    good, bad = truth + draw.normal(size=300) * 0.1, truth + draw.normal(size=300)
    for metric in ("mae", "mse", "rmse", "r2"):
        found = compare_predictions(metric, truth, good, bad, options=CompareOptions(times=300))
        assert found.verdict == "better" and found.better_by > 0, metric
    wanted = stats.ttest_rel(np.abs(truth - good), np.abs(truth - bad))
    found = compare_predictions("mae", truth, good, bad)
    assert found.chance == pytest.approx(wanted.pvalue, rel=1e-9)
    ends = wanted.confidence_interval(0.95)
    assert list(found.interval) == [pytest.approx(-ends.high), pytest.approx(-ends.low)]
    again = compare_predictions("rmse", truth, good, bad)
    assert again == compare_predictions("rmse", truth, good, bad)


def test_a_difference_that_is_not_shown_says_how_many_rows_would() -> None:
    draw = np.random.default_rng(2)
    one, two = (np.where(draw.random(400) < wrong, 1 - TRUTH, TRUTH) for wrong in (0.20, 0.21))
    found = compare_predictions("accuracy", TRUTH, one, two)
    assert found.verdict == "no difference shown" and found.needed and found.needed > 400
    assert f"about {found.needed} rows" in str(found) and found.mcnemar is not None
    assert found.to_dict()["mcnemar"]["exact"] == found.mcnemar.exact


@pytest.mark.parametrize(
    ("metric", "truth", "options", "said"),
    [
        ("acc", [0, 1], {}, "no metric 'acc'"),
        ("auc", [1, 1, 1], {}, "each class"),
        ("accuracy", [1], {}, "1 rows"),
        ("accuracy", [], {}, "0 predictions"),
        ("mae", ["a", "b"], {}, "cannot be computed"),
        ("f1", [0, 1] * 20, {"method": "paired t"}, "no mean over rows"),
        ("f1", [0, 1], {"method": "bayes"}, "method 'bayes'"),
        ("f1", [0, 1], {"times": 1}, "times 1"),
        ("f1", [0, 1], {"gain": float("nan")}, "gain nan"),
        ("ece", [0, 1], {"confidence": 0.2}, "confidence 0.2"),
    ],
)
def test_comparisons_that_cannot_be_made(metric: str, truth: Any, options: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        compare_predictions(metric, truth, truth, truth, options=CompareOptions(**options))
