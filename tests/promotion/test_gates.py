"""Each gate: what it measures, what it says, and what it refuses to be asked."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.behaviour import LatencyGate, SmokeGate
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.comparing import BetterGate
from mlrun_like.promotion.fairness import MEASURES, fairness
from mlrun_like.promotion.fairness_gate import FairnessGate
from mlrun_like.promotion.gates import CustomGate, GateResult, MetricGate
from mlrun_like.promotion.registry import find_version
from mlrun_like.promotion.scores import score
from mlrun_like.promotion.slices import SliceGate


@pytest.fixture
def case(log_model: Any, rows: pd.DataFrame) -> Case:
    model = log_model()
    return Case(find_version(model), model, rows, "y")


def test_scores_agree_with_scikit_learn() -> None:
    draw = np.random.default_rng(1)
    truth, chance = draw.integers(0, 2, 500), np.round(draw.random(500), 2)
    said = (chance > 0.6).astype(int)
    for name, other in (
        ("accuracy", reference.accuracy_score),
        ("precision", reference.precision_score),
        ("recall", reference.recall_score),
        ("f1", reference.f1_score),
        ("r2", reference.r2_score),
        ("mse", reference.mean_squared_error),
        ("mae", reference.mean_absolute_error),
    ):
        assert score(name, truth, said) == pytest.approx(other(truth, said)), name
    assert score("auc", truth, chance) == pytest.approx(reference.roc_auc_score(truth, chance))
    clipped = np.clip(chance, 1e-15, 1 - 1e-15)
    assert score("log_loss", truth, chance) == pytest.approx(reference.log_loss(truth, clipped))
    assert score("f1", ["a", "b"], ["a", "b"]) == 1.0
    assert np.isnan(score("auc", [1, 1], [0.1, 0.2]))
    for bad in (("acuracy", [1], [1]), ("accuracy", [], []), ("mse", ["a"], ["b"])):
        with pytest.raises(InvalidArgumentError):
            score(*bad)


def test_metrics_are_measured_or_recorded(case: Case) -> None:
    measured = MetricGate("auc >= 0.5 and accuracy > 0.6").judge(case)
    assert measured.passed and "auc is 0.84" in measured.message
    case.model.spec.metrics["cost"] = 3
    found = MetricGate("cost < 2").judge(case)
    assert (found.passed, found.gap) == (False, 1.0)
    assert "cost is 3, 1 more than 2" in found.message
    assert "no metric 'costs'" in MetricGate("costs < 2").judge(case).message
    case.model.spec.metrics["odd"] = float("nan")
    assert not MetricGate("odd < 2").judge(case).passed


def test_better_by_a_gain_in_either_direction(case: Case, log_model: Any, rows: Any) -> None:
    worse = log_model(good=False)
    case.rival = Case(find_version(worse), worse, rows, "y")
    assert BetterGate("auc").judge(case).passed
    asked = BetterGate("auc", gain=0.9).judge(case)
    assert not asked.passed and asked.gap is not None and asked.gap > 0
    assert BetterGate("log_loss").less and BetterGate("val_rmse").less
    assert not BetterGate("gloss").less and not BetterGate("x", lower=False).less
    assert BetterGate("log_loss").judge(case).passed
    assert BetterGate("auc").judge(Case(case.version, case.model, rows, "y", case)).passed  # a tie
    case.rival.model.spec.metrics = {}
    assert "has no metric" in BetterGate("cost").judge(case).message


def test_slices(case: Case) -> None:
    found = SliceGate("accuracy", by="country", least=0.9).judge(case)
    assert not found.passed and "country=B" in found.message
    by_name = {one["slice"]: one for one in found.details}
    assert by_name["country=A"]["passed"] is True and by_name["country=B"]["passed"] is False
    assert SliceGate("accuracy", by="country", least=0.3).judge(case).passed
    both = SliceGate("log_loss", by=("country", "gender"), most=9.0).judge(case)
    assert both.passed and len(both.details) == 4
    few = SliceGate("accuracy", by="country", least=0.9, rows=150, small="skip").judge(case)
    assert few.passed and few.details[1]["passed"] is None
    assert not SliceGate("accuracy", by="country", least=0.1, rows=9999).judge(case).passed
    with pytest.raises(InvalidArgumentError, match="country"):
        SliceGate("accuracy", by="county", least=0.9).judge(case)
    with pytest.raises(InvalidArgumentError, match="test set"):
        SliceGate("accuracy", by="country", least=0.9).judge(Case(case.version, case.model))


def test_missing_values_are_a_slice_of_their_own(case: Case, rows: pd.DataFrame) -> None:
    case.test_set = rows.assign(country=rows.country.where(rows.country == "A", None))
    found = SliceGate("accuracy", by="country", least=0.1).judge(case)
    assert len(found.details) == 2


def test_fairness_by_hand() -> None:
    truth = [1, 1, 0, 0, 1, 1, 0, 0]
    said = [1, 1, 1, 0, 1, 0, 0, 0]
    group = ["a"] * 4 + ["b"] * 4
    wanted = {
        "demographic_parity_difference": 0.75 - 0.25,
        "demographic_parity_ratio": 0.25 / 0.75,
        "equal_opportunity_difference": 1.0 - 0.5,
        "equalized_odds_difference": 0.5,
        "equalized_odds_ratio": 0.0,
        "disparate_impact": 0.25 / 0.75,
        "equal_opportunity_ratio": 0.5,
        "false_positive_rate_difference": 0.5,
        "predictive_parity_difference": 1 - 2 / 3,
        "predictive_parity_ratio": 2 / 3,
        "accuracy_difference": 0.0,
    }
    assert {*wanted, "calibration_difference"} == set(MEASURES)
    for measure, value in wanted.items():
        assert fairness(measure, truth, said, group) == pytest.approx(value), measure
    assert fairness("demographic_parity_ratio", truth, [0] * 8, group) == 1.0


def test_a_gate_of_fairness(case: Case, rows: pd.DataFrame) -> None:
    found = FairnessGate("gender", limit=0.01).judge(case)
    assert not found.passed and found.gap is not None and found.gap > 0.05
    assert {one["group"] for one in found.details} == {"gender=f", "gender=m"}
    assert FairnessGate("gender", limit=0.9).judge(case).passed
    ratio = FairnessGate("gender", "demographic_parity_ratio", 0.99).judge(case)
    assert not ratio.passed and "less than 0.99" in ratio.message
    case.test_set = rows.assign(gender="f")
    assert "nothing can be compared" in FairnessGate("gender").judge(case).message


class Slow:
    """Takes a millisecond and more."""

    def predict(self, frame: Any) -> Any:
        time.sleep(0.001)
        return np.zeros(len(frame))


def test_latency(case: Case, log_model: Any, rows: pd.DataFrame) -> None:
    assert LatencyGate(p50=500, p99=1000, calls=20).judge(case).passed
    slow = Case(case.version, case.model, rows, "y", loaded=Slow())
    found = LatencyGate(p50=0.5, calls=20).judge(slow)
    assert not found.passed and found.gap is not None and found.gap >= 0.5
    assert "ms more than 0.5 ms" in found.message and "20 calls of 1 rows" in found.message
    bare = Case(case.version, case.model, loaded=Slow())
    assert LatencyGate(p99=900, calls=3, sample=[{"x": 1.0, "z": 2.0}]).judge(bare).passed
    with pytest.raises(InvalidArgumentError, match="test set"):
        LatencyGate(p99=900).judge(bare)


class Odd:
    """Answers as it was told."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, frame: Any) -> Any:
        return self.answer(len(frame))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda count: np.zeros(count), ""),
        (lambda count: np.zeros((count, 1)), ""),
        (lambda count: np.zeros((count, 3)), "3 outputs, 1 are recorded"),
        (lambda count: np.full(count, np.nan), "missing"),
        (lambda count: np.zeros(count + 1), "6 predictions for 5 rows"),
        (lambda count: 1 / 0, "ZeroDivisionError"),
        (lambda count: 5, "1 predictions for 5 rows"),
    ],
)
def test_smoke(case: Case, rows: pd.DataFrame, answer: Any, hint: str) -> None:
    found = SmokeGate().judge(Case(case.version, case.model, rows, "y", loaded=Odd(answer)))
    assert found.passed == (not hint) and hint in found.message


def test_smoke_needs_the_recorded_columns(case: Case, rows: pd.DataFrame) -> None:
    found = SmokeGate(sample=[{"x": 1.0}]).judge(case)
    assert not found.passed and "no column 'z'" in found.message


@pytest.mark.parametrize(
    ("answer", "passed", "hint"),
    [
        (True, True, ""),
        (np.True_, True, ""),
        (False, False, "False"),
        ("", True, ""),
        ("too odd", False, "too odd"),
        ((False, "why"), False, "why"),
        (GateResult("x", True, "own"), True, "own"),
        (None, False, "neither"),
        (0.3, False, "neither"),
    ],
)
def test_functions_as_gates(case: Case, answer: Any, passed: bool, hint: str) -> None:
    found = CustomGate(lambda _: answer).judge(case)
    assert found.passed is passed and hint in found.message


def test_a_function_that_fails_refuses(case: Case) -> None:
    def broken(case: Case) -> bool:
        raise ValueError("no data today")

    found = CustomGate(broken).judge(case)
    assert not found.passed and found.gate == "broken" and "no data today" in found.message


def test_the_label_is_the_recorded_output(log_model: Any, rows: pd.DataFrame) -> None:
    model = log_model()
    assert Case(find_version(model), model, rows).label == "y"
    with pytest.raises(InvalidArgumentError, match="'Y' is no column"):
        _ = Case(find_version(model), model, rows, "Y").label
