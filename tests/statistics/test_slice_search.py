"""Conditions of columns, metrics of groups, and the search for the worst slices."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.conditions import Condition, encode
from mlrun_like.statistics.evaluators import AucEvaluator, FunctionEvaluator, RatioEvaluator
from mlrun_like.statistics.measures import Rows, auc_parts, ratio_rows
from mlrun_like.statistics.slice_search import SearchOptions, describe_slice, search_slices

stats = pytest.importorskip("scipy.stats")


def odd_frame() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    days = pd.date_range("2025-01-01", periods=60, freq="D")
    return pd.DataFrame(
        {
            "number": [*draw.normal(size=56), None, math.inf, -math.inf, 0.0],
            "few": [1, 2, 3] * 20,
            "text": [*"abc" * 18, None, "", "x", "y", "z", "a" * 500],
            "flag": [True, False] * 30,
            "when": days,
            "zone": days.tz_localize("Europe/Vienna").where(days.day > 3),
            "length": pd.to_timedelta(range(60), unit="h"),
            "list": [[1], {"a": 2}, None] * 20,
            "kind": pd.Categorical(["a", "b"] * 30, categories=["a", "b", "never"]),
            "empty": [None] * 60,
            "date": [datetime.date(2025, 1, 1)] * 60,
            "mixed": [1, "1", 2.5] * 20,
            "nullable": pd.array([*range(58), None, 7], dtype="Int64"),
        }
    )


@pytest.mark.parametrize("column", list(odd_frame().columns))
def test_each_row_has_one_condition_and_fulfils_it(column: str) -> None:
    frame = odd_frame()
    (coded,) = encode(frame, [column], bins=4, values=4)
    assert len(coded.codes) == 60 and len({str(one) for one in coded.conditions}) > 0
    for code, condition in enumerate(coded.conditions):
        assert (condition.rows(frame) == (coded.codes == code)).all(), str(condition)
        assert len(str(condition)) < 200


def test_conditions_hold_for_other_tables() -> None:
    frame = pd.DataFrame({"age": range(100)})
    (coded,) = encode(frame, ["age"], bins=2)
    assert [str(one) for one in coded.conditions] == ["age < 50", "age >= 50"]
    other = pd.DataFrame({"age": [10, 90, None]})
    assert coded.conditions[1].rows(other).tolist() == [False, True, False]
    with pytest.raises(InvalidArgumentError, match="Did you mean"):
        Condition("agee", "missing").rows(frame)


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        (["age"], {"bins": 1}, "bins 1"),
        (["age"], {"bins": True}, "bins True"),
        (["age"], {"values": 10**6}, "values"),
        ([["age"]], {}, "no column"),
        (["twice"], {}, "2 columns"),
    ],
)
def test_columns_that_make_no_conditions(columns: Any, options: Any, said: str) -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["age", "twice", "twice"])
    with pytest.raises(InvalidArgumentError, match=said):
        encode(frame, columns, **options)


def test_groups_of_ratios_are_those_of_their_rows() -> None:
    draw = np.random.default_rng(1)
    truth, said, keys = draw.integers(0, 2, 500), draw.integers(0, 2, 500), draw.integers(0, 7, 500)
    for metric in ("accuracy", "recall", "precision", "f1", "specificity"):
        rows = ratio_rows(metric, truth, said)
        assert rows is not None
        found = RatioEvaluator(rows).groups(keys, 8)
        for group in range(7):
            at = keys == group
            part = ratio_rows(metric, truth[at], said[at])
            rest = ratio_rows(metric, truth[~at], said[~at])
            assert part is not None and rest is not None
            assert found.value[group] == pytest.approx(part.value(), abs=1e-12)
            assert found.rest[group] == pytest.approx(rest.value(), abs=1e-12)
            assert math.sqrt(found.variance[group]) == pytest.approx(part.error(), abs=1e-12)
            assert math.sqrt(found.rest_variance[group]) == pytest.approx(rest.error(), abs=1e-12)
        assert math.isnan(found.value[7])


def test_a_slice_against_the_rest_is_welchs_test() -> None:
    draw = np.random.default_rng(2)
    loss, inside = 1e6 + draw.normal(size=400), draw.random(400) < 0.2
    found = describe_slice(RatioEvaluator(Rows(loss)), inside, True)
    wanted = stats.ttest_ind(
        loss[inside], loss[~inside], equal_var=False, alternative="greater"
    ).pvalue
    assert found.chance == pytest.approx(wanted, rel=1e-6)
    low, high = stats.t.interval(0.95, inside.sum() - 1, loss[inside].mean(),
                                 stats.sem(loss[inside]))  # fmt: skip
    assert list(found.interval) == [pytest.approx(low), pytest.approx(high)]


def test_groups_of_areas_are_delongs() -> None:
    draw = np.random.default_rng(3)
    truth, keys = draw.integers(0, 2, 600), draw.integers(0, 5, 600)
    scores = (draw.normal(size=600) + truth).round(1)
    evaluator = AucEvaluator(truth == 1, scores)
    found = evaluator.groups(keys, 6)
    for group in range(5):
        ones, zeros = auc_parts(truth[keys == group], scores[keys == group])
        wanted = ones.var(ddof=1) / len(ones) + zeros.var(ddof=1) / len(zeros)
        assert found.value[group] == pytest.approx(ones.mean(), abs=1e-12)
        assert found.variance[group] == pytest.approx(wanted, abs=1e-12)
        assert evaluator.one(keys == group).value[0] == pytest.approx(ones.mean(), abs=1e-12)
    assert math.isnan(found.value[5])
    assert math.isnan(AucEvaluator(np.ones(3, dtype=bool), np.ones(3)).groups(keys[:3], 6).value[0])


def test_any_function_of_rows() -> None:
    values = np.random.default_rng(4).normal(size=1000)
    found = FunctionEvaluator(lambda at: float(values[at].mean()), 1000).one(np.ones(1000, bool))
    assert math.sqrt(found.variance[0]) == pytest.approx(1 / math.sqrt(1000), rel=0.5)


def planted(rows: int = 6000, seed: int = 0) -> tuple[pd.DataFrame, Any]:
    """Errors are usual in one pair of conditions, and in one value of another column."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({f"n{at}": draw.normal(size=rows) for at in range(5)})
    for at in range(4):
        frame[f"c{at}"] = draw.choice(list("abcde"), rows)
    chance = np.where((frame["n1"] >= 0.7) & (frame["c2"] == "b"), 0.6, 0.08)
    chance = np.where(frame["c3"] == "d", 0.25, chance)
    return frame, (draw.random(rows) < chance).astype(float)


def test_planted_slices_are_found_and_told_once() -> None:
    frame, wrong = planted()
    coded = encode(frame, frame.columns)
    found = search_slices(coded, RatioEvaluator(Rows(wrong)), True)
    assert found.tested > 500
    assert [len(one.conditions) for one in found.slices] == [2, 1]
    assert {one.conditions[-1].column for one in found.slices} == {"c2", "c3"}
    assert found.slices[0].name.startswith("n1 >= 0.") and found.slices[1].name == "c3 = d"
    again = search_slices(coded, RatioEvaluator(Rows(1 - wrong)), False)
    assert [one.name for one in again.slices] == [one.name for one in found.slices]
    deep = search_slices(coded, RatioEvaluator(Rows(wrong)), True, SearchOptions(depth=3))
    assert [one.name for one in deep.slices] == [one.name for one in found.slices]
    shallow = search_slices(coded, RatioEvaluator(Rows(wrong)), True, SearchOptions(depth=1))
    assert all(len(one.conditions) == 1 for one in shallow.slices)
    large = search_slices(coded, RatioEvaluator(Rows(wrong)), True, SearchOptions(least_gap=0.3))
    assert len(large.slices) == 1


@pytest.mark.slow
def test_where_nothing_is_wrong_little_is_found() -> None:
    alarms = 0
    for seed in range(20):
        frame, _ = planted(800, seed)
        wrong = (np.random.default_rng(seed + 100).random(800) < 0.1).astype(float)
        found = search_slices(encode(frame, frame.columns), RatioEvaluator(Rows(wrong)), True)
        alarms += bool(found.slices)
    assert alarms <= 3  # 5 % are allowed: 3 or more of 20 happen with a chance of 8 %


@pytest.mark.parametrize("rows", [0, 1, 2, 29])
def test_tiny_tables(rows: int) -> None:
    frame = pd.DataFrame({"x": ["a"] * rows})
    found = search_slices(encode(frame, ["x"]), RatioEvaluator(Rows(np.ones(rows))), True)
    assert found.slices == [] and found.tested == 0
    assert search_slices([], RatioEvaluator(Rows(np.ones(3))), True).tested == 0


def test_constant_and_certain_columns() -> None:
    frame = pd.DataFrame({"x": ["a"] * 100, "y": ["p", "q"] * 50})
    same = search_slices(encode(frame, frame), RatioEvaluator(Rows(np.ones(100))), True)
    assert same.slices == []
    wrong = (frame["y"] == "q").to_numpy(dtype=float)
    found = search_slices(encode(frame, frame), RatioEvaluator(Rows(wrong)), True)
    assert [one.name for one in found.slices] == ["y = q"] and found.slices[0].chance == 0.0


@pytest.mark.parametrize(
    "options",
    [{"depth": 0}, {"depth": 4}, {"rows": 1}, {"most": 0}, {"alpha": 0}, {"least_gap": -1},
     {"confidence": 2}, {"depth": "two"}],
)  # fmt: skip
def test_options_out_of_range(options: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(options))):
        SearchOptions(**options)
