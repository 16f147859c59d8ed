"""Reports before a release: slices, fairness, comparison, decay; and what they refuse."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError, StateError
from mlrun_like.monitoring.analysis.comparison import compare_models
from mlrun_like.monitoring.analysis.decay import (
    DAY,
    analyse_decay,
    decay_of_results,
    window_quality,
)
from mlrun_like.monitoring.analysis.fairness import analyse_fairness
from mlrun_like.monitoring.analysis.report import Report
from mlrun_like.monitoring.analysis.rows import read_table, rows_of, same_rows
from mlrun_like.monitoring.analysis.slices import SliceLimits, analyse_slices
from mlrun_like.promotion.fairness import fairness
from mlrun_like.promotion.scores import score
from mlrun_like.statistics.conditions import Condition
from mlrun_like.statistics.slice_search import SearchOptions


def frame(rows: int = 1200) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    data = pd.DataFrame(
        {
            "age": draw.integers(18, 80, rows),
            "country": draw.choice(["at", "de", "fr"], rows),
            "gender": draw.choice(["f", "m"], rows),
            "when": pd.date_range("2025-01-01", periods=rows, freq="h"),
            "y": draw.integers(0, 2, rows),
        }
    )
    wrong = np.where((data["country"] == "at") & (data["age"] > 60), 0.6, 0.1)
    data["said"] = np.where(draw.random(rows) < wrong, 1 - data["y"], data["y"])
    data["score"] = np.clip(data["said"] * 0.6 + draw.random(rows) * 0.4, 0, 1)
    data["old"] = np.where(draw.random(rows) < 0.3, 1 - data["y"], data["y"])
    return data


DATA = frame()


def well_formed(report: Report) -> str:
    """Its page, which is XML and small; its numbers, which are JSON."""
    page = report.to_html()
    assert len(page) < 300_000 and page.startswith("<!DOCTYPE html>")
    ElementTree.fromstring(page.partition(">")[2].replace("&nbsp;", " "))
    json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert str(report).startswith(report.title)
    return page


def test_slices() -> None:
    rows = rows_of(DATA, "y", "said", scores="score")
    report = analyse_slices(
        rows, by=["country", ("country", "gender"), Condition("age", "between", low=60)],
        limits=SliceLimits(least=0.8, gap=0.2),
    )  # fmt: skip
    assert report.overall == score("accuracy", rows.truth, rows.predicted)
    assert len(report.given) == 3 + 6 + 1 and report.worst[0].name.startswith("age >= 6")
    inside = (DATA["country"] == "at").to_numpy()
    one = next(row for row in report.given if row.slice == "country = at")
    assert one.value == pytest.approx((DATA["y"] == DATA["said"])[inside].mean())
    assert one.low < one.value < one.high and one.passed is False and one.rows == inside.sum()
    assert len(report.problems) > 2
    with pytest.raises(StateError, match="country = at"):
        report.check()
    assert "country = at" in well_formed(report)
    assert report.frame()["slice"].iloc[0] == report.worst[0].name


@pytest.mark.parametrize("metric", ["recall", "f1", "auc", "log_loss", "ece", "balanced_accuracy"])
def test_any_metric(metric: str) -> None:
    rows = rows_of(DATA, "y", "said", scores="score")
    options = SearchOptions(depth=1)
    report = analyse_slices(rows, metric, by=["country"], columns=["country"], search=options)
    for row in report.given:
        at = (DATA["country"] == row.slice[-2:]).to_numpy()
        said = rows.said(metric)[at]
        assert row.value == pytest.approx(score(metric, rows.truth[at], said), abs=1e-12)


def test_a_metric_of_ones_own_and_slices_by_mask() -> None:
    rows = rows_of(DATA, "y", "said")

    def cost(truth: Any, said: Any) -> float:
        return float(np.mean(5 * (truth > said) + (truth < said)))

    masks = {"old": lambda data: data["age"] > 60, "none": np.zeros(len(DATA), dtype=bool)}
    report = analyse_slices(rows, cost, by=masks, columns=["country", "age"], lower=True)
    assert report.metric == "cost" and report.given[1].passed is None
    assert math.isnan(report.given[1].value) and report.worst
    with pytest.raises(InvalidArgumentError, match="no mask of 1200 rows"):
        analyse_slices(rows, by={"x": [1, 2]})


def test_numbers() -> None:
    draw = np.random.default_rng(1)
    data = pd.DataFrame({"x": draw.normal(size=900), "y": draw.normal(size=900)})
    data["said"] = data["y"] + draw.normal(size=900) * np.where(data["x"] > 0.7, 4, 0.5)
    report = analyse_slices(rows_of(data, "y", "said"))
    assert report.metric == "mae" and report.worst[0].conditions[0].low > 0.5
    assert report.worst[0].value > report.worst[0].rest


def test_fairness() -> None:
    rows = rows_of(DATA, "y", "said", scores="score")
    limits = {"disparate_impact": 0.999, "calibration_difference": 1.0}
    report = analyse_fairness(rows, ["gender", "country"], limits=limits)
    assert [part.by for part in report.parts] == ["gender", "country", "gender, country"]
    for name, found in report.parts[0].measures.items():
        wanted = fairness(name, rows.truth, rows.predicted, DATA["gender"], 1, rows.scores)
        assert found.value == pytest.approx(wanted, abs=1e-12), name
    assert not report.passed and all("disparate_impact" in one for one in report.problems)
    assert "disparate_impact" in well_formed(report)
    group = report.to_dict()["parts"][0]["groups"][0]
    assert group["selected_low"] < group["selected"] < group["selected_high"]


def test_fairness_of_more_classes_and_small_groups() -> None:
    data = DATA.assign(y=DATA["age"] % 3, said=DATA["age"] * 7 % 3)
    data.loc[:3, "gender"] = "x"
    report = analyse_fairness(
        rows_of(data, "y", "said"), "gender", limits={"accuracy_difference": 0.5}
    )
    assert [part.positive for part in report.parts] == [0, 1, 2]
    assert report.parts[0].measures["accuracy_difference"].small == ("gender=x",)
    few = analyse_fairness(rows_of(data.head(20), "y", "said"), "gender",
                           limits={"accuracy_difference": 0.5})  # fmt: skip
    assert "cannot be judged" in few.problems[0] and few.summary() == {}
    well_formed(few)


def test_comparison() -> None:
    new, old = rows_of(DATA, "y", "said"), rows_of(DATA, "y", "old")
    report = compare_models(new, old, ["accuracy", "f1"], must="better")
    assert report.verdict == "better" and report.passed and report.result("f1").metric == "f1"
    worse = compare_models(old, new, must="not worse")
    assert worse.verdict == "worse" and "worse: accuracy" in worse.problems[0]
    assert "McNemar" in well_formed(report)
    holes = DATA.assign(old=DATA["old"].where(DATA.index % 2 == 0))
    report = compare_models(new, rows_of(holes, "y", "old"))
    assert report.rows == 600 and report.dropped == 600
    with pytest.raises(InvalidArgumentError, match="1200 and 5 rows"):
        same_rows(new, rows_of(DATA.head(5), "y", "old"))
    with pytest.raises(InvalidArgumentError, match="not the same rows"):
        same_rows(new, rows_of(DATA.assign(y=0), "y", "old"))


def test_decay() -> None:
    values = [0.9 - 0.005 * day + 0.001 * (day % 2) for day in range(40)]
    values[7] = 0.1
    times = [DAY * day for day in range(40)]
    report = analyse_decay(times, values, "auc", limit=0.6, within=30)
    assert report.verdict == "decays" and report.trend.slope == pytest.approx(-0.005, abs=2e-4)
    left, soon, late = report.days_left()
    assert left is not None and soon is not None and late is not None and soon <= left <= late
    assert left == pytest.approx((0.705 - 0.6) / 0.005, rel=0.05) and report.half_life is not None
    assert "is crossed in" in report.problems[0] and "half-life" in well_formed(report)
    up = analyse_decay(times, [0.1 + 0.01 * day for day in range(40)], "rmse", limit=0.3)
    assert up.verdict == "decays" and up.days_left()[0] == 0.0 and "has been" in up.problems[0]
    down = analyse_decay(times, [0.9 - 0.01 * day for day in range(40)], "rmse", limit=1.0)
    assert down.verdict == "improves" and down.days_left()[0] is None and down.half_life is None
    flat = analyse_decay(times, [0.5] * 40, limit=0.4)
    assert flat.verdict == "no trend shown" and flat.passed
    texts = pd.Series(pd.date_range("2025-01-01", periods=5, tz="Asia/Tokyo")).map(str)
    assert analyse_decay(texts, [5, 4, 3, 2, 1]).trend.slope == pytest.approx(-1)


def test_quality_of_windows() -> None:
    rows = rows_of(DATA, "y", "said")
    ends, values = window_quality(rows, "when", window="7D", least=50)
    assert len(ends) == len(values) >= 7 and all(0 < value < 1 for value in values)
    report = analyse_decay(ends, values, "accuracy")
    assert report.verdict in ("no trend shown", "decays", "improves")
    for window in ("seven", "0s"):
        with pytest.raises(InvalidArgumentError, match="window"):
            window_quality(rows, "when", window=window)
    with pytest.raises(NotFoundError, match="no result 'accuracy'"):
        decay_of_results("demo", "nobody", "accuracy")


# hostile input


NESTED: Any = [[1], {"a": 2}] * 600
MIXED: Any = [1, "a", None] * 400
BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: rows_of(DATA, "why", "said"), "no column 'why'"),
    (lambda: rows_of(DATA, "y", "sad"), "no column 'sad'"),
    (lambda: rows_of(DATA, "y"), "neither predictions nor scores"),
    (lambda: rows_of(DATA, "y", [1, 2]), "2 predictions for 1200 rows"),
    (lambda: rows_of(DATA, "y", model=7), "no method predict"),
    (lambda: rows_of(DATA.head(0), "y", "said"), "no rows"),
    (lambda: rows_of([], "y", "said"), "no rows"),
    (lambda: rows_of(DATA.assign(said=None), "y", "said"), "none of 1200 rows"),
    (lambda: rows_of(DATA.assign(said=DATA["said"].astype(str)), "y", "said"), "only as a text"),
    (lambda: rows_of(DATA.assign(said=NESTED), "y", "said"), "cannot be compared"),
    (lambda: rows_of(DATA, "y", scores="country"), "are no numbers, such as"),
    (lambda: read_table(7), "no data set"),
    (lambda: analyse_slices(rows_of(DATA, "y", "said"), "acuracy"), "no metric 'acuracy'"),
    (lambda: analyse_slices(rows_of(DATA, "y", "said"), "auc"), "needs scores"),
    (lambda: analyse_slices(rows_of(DATA, "y", scores="score"), "recall"), "needs predictions"),
    (lambda: analyse_slices(rows_of(DATA, "country", "gender"), "mae"), "cannot be computed"),
    (lambda: analyse_slices(rows_of(DATA, "y", "said"), columns=["nope"]), "no column 'nope'"),
    (lambda: analyse_slices(rows_of(DATA, "y", "said"), by=["nope"]), "no column 'nope'"),
    (lambda: analyse_fairness(rows_of(DATA, "y", "said"), []), "sensitive column"),
    (lambda: analyse_fairness(rows_of(DATA, "y", "said"), "sex"), "no column 'sex'"),
    (lambda: analyse_fairness(rows_of(DATA, "y", "said"), "when"), "more than 1000 groups"),
    (lambda: analyse_fairness(rows_of(DATA, "score", "score"), "gender"), "number of many values"),
    (lambda: analyse_fairness(rows_of(DATA, "y", "said"), "gender", limits={"x": 1}), "measure"),
    (
        lambda: analyse_fairness(
            rows_of(DATA, "y", "said"), "gender", limits={"disparate_impact": "a lot"}
        ),
        "'a lot'",
    ),
    (
        lambda: compare_models(rows_of(DATA, "y", "said"), rows_of(DATA, "y", "old"), must="x"),
        "must 'x'",
    ),
    (lambda: analyse_decay(["soon"], [1.0]), "'soon' is no time"),
    (lambda: analyse_decay([1.0, 2.0], [1.0]), "1 values for 2 times"),
    (lambda: analyse_decay([1.0, 2.0], [1.0, 2.0]), "3 points"),
    (lambda: analyse_decay([], []), "3 points"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_what_is_refused_with_a_reason(number: int) -> None:
    call, said = BAD[number]
    with pytest.raises(InvalidArgumentError, match=said):
        call()


@pytest.mark.parametrize("count", [1, 2, 40])
def test_rows_that_tell_little(count: int) -> None:
    data = pd.DataFrame({"x": ["a"] * count, "y": [0] * count, "p": [0] * count, "s": 0.5})
    rows = rows_of(data, "y", "p", scores="s")
    for metric in ("accuracy", "recall", "auc", "log_loss", "f1", "ece"):
        report = analyse_slices(rows, metric, by=["x"])
        assert report.worst == []
        well_formed(report)
    well_formed(analyse_fairness(rows, "x"))
    if count > 1:
        assert compare_models(rows, rows).verdict == "no difference shown"


def test_odd_columns_do_no_harm() -> None:
    data = DATA.assign(
        nested=NESTED, empty=None, same=1, infinite=[math.inf, -math.inf] * 600,
        mixed=MIXED, markup="<script>alert(1)</script>",
    )  # fmt: skip
    report = analyse_slices(rows_of(data, "y", "said"), by=["nested", "mixed", "markup"])
    assert "<script>alert" not in well_formed(report)
    fair = analyse_fairness(rows_of(data, "y", "said"), ["nested", "markup"])
    assert "<script>alert" not in well_formed(fair)
    texts = data.assign(y=np.where(data["y"] == 1, "yes", "no"),
                        said=np.where(data["said"] == 1, "yes", "no"))  # fmt: skip
    other = analyse_slices(rows_of(texts, "y", "said"), "recall")
    assert other.overall == analyse_slices(rows_of(data, "y", "said"), "recall").overall
