"""What cannot be judged is refused, and the verdict says why: never a pass, never a crash."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.gates import GateResult
from mlrun_like.promotion.parsing import gates_of
from mlrun_like.promotion.promote import judge, promote
from mlrun_like.promotion.registry import find_version


@pytest.fixture
def ask(log_model: Any, rows: pd.DataFrame) -> Any:
    """What gates say about a good model, after a change of its test set or its metrics."""

    def ask(
        gate: Any, frame: Any = rows, metrics: Any = None, rival_metrics: Any = None
    ) -> GateResult:
        options = {} if metrics is None else {"metrics": metrics}
        version = find_version(log_model(**options))
        rival = None
        if rival_metrics is not None:
            rival = find_version(log_model(good=False, metrics=rival_metrics))
        (found,) = judge(version, gates_of(gate), rival, test_set=frame, label="y")
        assert found.gate and found.message
        return found

    return ask


@pytest.mark.parametrize(
    ("gate", "metrics", "said"),
    [
        ("auc >= 0.9", {}, "has no metric 'auc'; known: none"),
        ("auc >= 0.9", {"auc": float("nan")}, "is nan, not a number"),
        ("auc != 0.5", {"auc": float("nan")}, "is nan, not a number"),
        ("not auc < 0.9", {"auc": float("nan")}, "is nan, not a number"),
        ("auc < 0.1 or cost < 5", {"auc": float("nan"), "cost": 1}, "is nan, not a number"),
        ("auc >= 0.9", {"auc": float("inf")}, "is inf, not a number"),
        ("auc >= 0.9", {"auc": "0.95"}, "has no metric 'auc'"),
        ("auc >= 0.9", {"auc": None}, "has no metric 'auc'"),
        ("auc >= 0.9", {"auc": True}, "has no metric 'auc'"),
        ("auc >= 0.9 and f1 > 0", {"auc": 0.95}, "has no metric 'f1'; known: auc"),
        ({"gate": "better", "metric": "auc"}, {"auc": float("nan")}, "is nan, not a number"),
        ({"gate": "better", "metric": "loss"}, {"loss": float("-inf")}, "is -inf, not a number"),
        ({"gate": "better", "metric": "f1"}, {"auc": 1.0}, "has no metric 'f1'"),
        ({"gate": "slices", "metric": "recall", "by": "c", "least": 0.1}, {}, "needs a test set"),
        ({"gate": "fairness", "column": "gender"}, {}, "needs a test set"),
        ({"gate": "latency", "p99": 20}, {}, "needs a test set"),
        ("smoke", {}, "needs a test set"),
    ],
)
def test_metrics_that_tell_nothing(ask: Any, gate: Any, metrics: Any, said: str) -> None:
    found = ask(gate, None, metrics)
    assert not found.passed and said in found.message, found.message


def test_a_serving_model_without_the_metric_is_no_rival_to_beat(ask: Any) -> None:
    gate = {"gate": "better", "metric": "auc"}
    for theirs, said in (({}, "has no metric"), ({"auc": float("nan")}, "nothing to compare with")):
        found = ask(gate, None, {"auc": 0.99}, theirs)
        assert not found.passed and said in found.message


GATES = [
    "auc >= 0.1",
    {"gate": "better", "metric": "auc"},
    {"gate": "slices", "metric": "accuracy", "by": "country", "least": 0.1},
    {"gate": "fairness", "column": "gender", "limit": 0.9},
]


@pytest.mark.parametrize("gate", GATES, ids=str)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_an_empty_or_tiny_test_set_proves_nothing(
    ask: Any, rows: pd.DataFrame, gate: Any, count: int
) -> None:
    found = ask(gate, rows.head(count))
    assert not found.passed
    assert any(word in found.message for word in ("rows", "empty")), found.message


@pytest.mark.parametrize("gate", GATES, ids=str)
def test_missing_labels_and_broken_tables(ask: Any, rows: pd.DataFrame, gate: Any) -> None:
    broken = {
        "3 of 300 labels 'y' are missing": rows.assign(y=rows.y.where(rows.index > 2)),
        "'y' is no column": rows.drop(columns="y"),
        "no column 'x'": rows.drop(columns="x"),
        "cannot predict these rows": rows.assign(x="text"),
        "Input X contains NaN": rows.assign(x=np.nan),
    }
    for said, frame in broken.items():
        found = ask(gate, frame)
        assert not found.passed and said in found.message, found.message


def test_a_label_of_one_class_has_no_auc(ask: Any, rows: pd.DataFrame) -> None:
    found = ask("auc >= 0.1", rows.assign(y=1))
    assert not found.passed and "nan" in found.message


def test_a_slice_that_is_small_empty_or_of_one_class(ask: Any, rows: pd.DataFrame) -> None:
    gate = {"gate": "slices", "metric": "auc", "by": "country", "least": 0.1}
    rare = rows.assign(country=["C", *rows.country[1:]])
    found = ask(gate, rare)
    assert not found.passed and "country=C (1 rows)" in found.message
    assert "small='skip'" in found.message
    found = ask({**gate, "small": "skip"}, rare)
    assert found.passed and "not judged: country=C (1 rows)" in found.message
    empty = rows.assign(country=pd.Categorical(rows.country, categories=["A", "B", "D"]))
    assert "country=D (0 rows)" in ask(gate, empty).message
    alike = rows.assign(y=np.where(rows.country == "B", 1, rows.y))
    assert "country=B (100 rows)" in ask(gate, alike).message
    missing = rows.assign(country=rows.country.where(rows.country == "A"))
    assert {one["slice"] for one in ask(gate, missing).details} == {"country=A", "country=nan"}


def test_a_group_that_is_small_or_has_no_positive(ask: Any, rows: pd.DataFrame) -> None:
    gate = {"gate": "fairness", "column": "gender", "limit": 1.0}
    few = rows.assign(gender=["x", *rows.gender[1:]])
    found = ask(gate, few)
    assert not found.passed and "gender=x (1 rows)" in found.message
    assert ask({**gate, "small": "skip"}, few).passed
    # equal opportunity of a group without positives would be a difference of 0
    none = rows.assign(y=np.where(rows.gender == "f", 0, rows.y))
    gate["measure"] = "equal_opportunity_difference"
    assert ask(gate).passed
    found = ask(gate, none)
    assert not found.passed and "nothing can be compared" in found.message
    assert not ask({**gate, "small": "skip"}, none).passed
    three = none.assign(gender=np.where(rows.z > 0.5, "d", rows.gender))
    assert "cannot be judged" in ask(gate, three).message


def test_every_refusal_says_by_how_much(ask: Any, rows: pd.DataFrame) -> None:
    for gate in (
        "auc >= 0.999",
        {"gate": "slices", "metric": "accuracy", "by": "country", "least": 0.99},
        {"gate": "fairness", "column": "gender", "limit": 0.0001},
        {"gate": "latency", "p99": 0.0001, "calls": 5},
    ):
        found = ask(gate)
        assert not found.passed and found.gap > 0
        assert found.value is not None and found.limit is not None
        assert " than " in found.message


class Wild:
    """A model that gives what nobody expects."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, frame: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(len(frame)) if callable(self.answer) else self.answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (RuntimeError("cuda"), "RuntimeError: cuda"),
        (None, "predictions for"),
        ([], "0 predictions"),
        (lambda n: [float("nan")] * n, "missing (NaN)"),
        (lambda n: [None] * n, "missing (NaN)"),
        (lambda n: np.zeros(n + 1), "predictions for"),
        (lambda n: [[1, 2]] * n, ""),
        (lambda n: ["yes"] * n, ""),
    ],
)
def test_models_that_answer_nonsense(
    answer: Any, said: str, log_model: Any, rows: pd.DataFrame
) -> None:
    model = log_model()
    version = find_version(model)
    case = Case(version, model, rows, "y", loaded=Wild(answer))
    messages = []
    for gate in gates_of(["accuracy >= 0.9", "smoke", *GATES[2:]]):
        try:
            found = gate.judge(case)
        except InvalidArgumentError as exc:
            messages.append(str(exc))
            continue
        assert not found.passed or gate.name == "smoke test", found
        messages.append(found.message)
    assert any(said in message for message in messages), messages


def test_no_gates_are_said_to_be_none(log_model: Any) -> None:
    done = promote(log_model(), gates=[])
    assert not promote(log_model(), gates=["auc > x"]).accepted
    assert done.accepted and "no gates were asked" in str(done)
    with pytest.raises(InvalidArgumentError, match="small 'maybe'"):
        gates_of({"gate": "fairness", "column": "g", "small": "maybe"})
    for gate in ("auc >=", "auc", "1 < 2", "__import__('os')", {"gate": "metric"}, 7, ""):
        with pytest.raises(InvalidArgumentError):
            promote(log_model(), gates=[gate]).check()
