"""Fairness agrees with Fairlearn 0.15.0 to 1e-9, and knows how sure it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.fairness import (
    MEASURES,
    disparity,
    fairness,
    group_rates,
    positives_of,
)
from mlrun_like.statistics.intervals import newcombe
from mlrun_like.statistics.measures import calibration_error

BY_G = {
    "demographic_parity_difference": 0.06790123456790126,
    "demographic_parity_ratio": 0.8641975308641975,
    "equalized_odds_difference": 0.2481958762886598,
    "equalized_odds_ratio": 0.5075187969924811,
    "equal_opportunity_difference": 0.2481958762886598,
    "equal_opportunity_ratio": 0.679,
    "predictive_parity_difference": 0.18947368421052635,
    "predictive_parity_ratio": 0.76,
    "accuracy_difference": 0.20645046960836433,
    "false_positive_rate_difference": 0.17328042328042328,
}
BY_GH = {
    "demographic_parity_difference": 0.11724137931034484,
    "demographic_parity_ratio": 0.7733333333333333,
    "equalized_odds_difference": 0.3281573498964804,
    "equalized_odds_ratio": 0.3879310344827586,
    "equal_opportunity_difference": 0.3281573498964804,
    "equal_opportunity_ratio": 0.592020592020592,
    "predictive_parity_difference": 0.22956326987681963,
    "predictive_parity_ratio": 0.7160664819944599,
    "accuracy_difference": 0.2250000000000001,
    "false_positive_rate_difference": 0.24482758620689657,
}
"""Printed by fairlearn.metrics (and its MetricFrame with scikit-learn's metrics) of `data`."""


def data() -> tuple[Any, Any, pd.DataFrame]:
    draw = np.random.default_rng(5)
    g = draw.choice(["a", "b", "c"], 400, p=[0.5, 0.3, 0.2])
    h, y = draw.choice(["x", "y"], 400), draw.integers(0, 2, 400)
    said = np.where(draw.random(400) < np.where(g == "a", 0.8, 0.65), y, 1 - y)
    return y, said, pd.DataFrame({"g": g, "h": h})


@pytest.mark.parametrize("measure", list(BY_G))
def test_fairlearns_numbers(measure: str) -> None:
    truth, said, groups = data()
    one = fairness(measure, truth, said, groups["g"])
    both = fairness(measure, truth, said, groups)
    assert one == pytest.approx(BY_G[measure], abs=1e-9)
    assert both == pytest.approx(BY_GH[measure], abs=1e-9)
    texts = np.where(truth == 1, "yes", "no"), np.where(said == 1, "yes", "no")
    assert fairness(measure, *texts, groups["g"], "yes") == one


def test_the_interval_is_newcombes_for_all_pairs() -> None:
    truth, said, groups = data()
    rates = group_rates(truth, said, groups["g"])
    found = disparity("accuracy_difference", rates)
    best = max(rates, key=lambda one: one.accuracy)
    least = min(rates, key=lambda one: one.accuracy)
    wanted = newcombe(*best.counts["accuracy"], *least.counts["accuracy"], 1 - 0.05 / 3)
    assert found.interval == wanted and found.interval.has(found.value)
    ratio = disparity("disparate_impact", rates)
    assert ratio.interval.has(ratio.value) and ratio.interval.high <= 1 and ratio.is_ratio


def test_calibration_of_groups() -> None:
    truth, _, groups = data()
    scores = np.clip(truth * 0.5 + np.where(groups["g"] == "b", 0.4, 0.2), 0, 1)
    rates = group_rates(truth, truth, groups["g"], 1, scores)
    for one in rates:
        at = groups["g"] == one.group[-1]
        assert one.calibration == pytest.approx(calibration_error(truth[at], scores[at]))
    found = disparity("calibration_difference", rates)
    known = [one.calibration for one in rates]
    assert found.value == pytest.approx(max(known) - min(known)) and found.interval.has(found.value)
    assert math.isnan(fairness("calibration_difference", truth, truth, groups["g"]))


def test_small_groups_are_named_and_not_judged() -> None:
    truth, said, groups = data()
    groups.loc[:3, "g"] = "tiny"
    found = disparity("accuracy_difference", group_rates(truth, said, groups["g"]), 30)
    assert found.small == ("g=tiny",) and len(found.judged) == 3
    alone = disparity("accuracy_difference", group_rates([1], [1], ["a"]))
    assert math.isnan(alone.value) and alone.small == ("group=a",)
    missing = group_rates([1, 0], [1, 0], [None, "a"])
    assert [one.group for one in missing] == ["group=a", "group=nan"]
    never = group_rates([0, 0], [0, 0], ["a", "b"])
    assert math.isnan(disparity("equal_opportunity_difference", never, 1).value)


def test_positives() -> None:
    assert positives_of([0, 1]) == [1] and positives_of([2, 0, 1]) == [0, 1, 2]
    assert positives_of(["a"]) == ["a"] and positives_of([0, 1], 0) == [0]
    assert positives_of([]) == []
    with pytest.raises(InvalidArgumentError, match="Did you mean"):
        fairness("demografic_parity_ratio", [1], [1], ["a"])
    assert all(name.rpartition("_")[0] for name in MEASURES)
