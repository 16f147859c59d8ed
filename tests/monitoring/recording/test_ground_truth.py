"""Labels that come later, and the quality they tell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.clock import simulated
from mlrun_like.monitoring.recording.chunks import encode_table
from mlrun_like.monitoring.recording.columns import build
from mlrun_like.monitoring.recording.feedback import labels_of
from mlrun_like.monitoring.recording.ground_truth import (
    join_ground_truth,
    log_ground_truth,
    read_labels,
)
from mlrun_like.monitoring.recording.quality import (
    list_quality,
    quality_of,
    refresh_quality,
    window_quality,
)
from mlrun_like.monitoring.recording.reading import read_events
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch


def events(name: str, times: list[float], outputs: list[Any], labels: Any = ("y",)) -> list[str]:
    items = [
        (f"{name}{i}", [[1.0]], [output], 1.0, time, "infer", None, True)
        for i, (time, output) in enumerate(zip(times, outputs, strict=True))
    ]
    built = build(items, ["x"], labels, text_limit=100, most_columns=10)
    batch = SeriesBatch(
        "p", "u", "events", name, built.first, built.last, len(items),
        encode_table(built.table), built.summary,
    )  # fmt: skip
    open_store().append_batches([batch])
    return [item[0] for item in items]


def test_labels_in_every_form() -> None:
    assert log_ground_truth("p", "u", {"a": 1, "b": [0, 1], 7: "yes"}) == 4
    frame = pd.DataFrame({"id": ["c", "d"], "truth": [1.5, np.nan], "row": [0, 2]})
    assert log_ground_truth("p", "u", frame, "id", "truth", time=5.0) == 2
    labels = read_labels("p", "u").set_index(["event_id", "row"])["label"]
    assert labels["a", 0] == 1 and labels["b", 1] == 1 and labels["7", 0] == "yes"
    assert labels["c", 0] == 1.5 and ("d", 2) in labels.index
    assert len(read_labels("p", "u", event_ids=["a", "x"])) == 1
    assert read_labels("p", "nobody").empty
    with pytest.raises(InvalidArgumentError, match="no column nope"):
        log_ground_truth("p", "u", frame, "id", ["nope"])
    with pytest.raises(InvalidArgumentError, match="not a mapping"):
        log_ground_truth("p", "u", [1, 2])
    assert log_ground_truth("p", "u", {}) == 0


def test_labels_before_late_and_again() -> None:
    with simulated(100.0) as clock:
        log_ground_truth("p", "u", {"e0": 1, "e1": 1})  # before their events
        events("e", [10.0, 20.0, 30.0], [1, 0, 1])
        assert join_ground_truth("p", "u")["label"].tolist() == [1, 1]
        clock.advance(1000)
        log_ground_truth("p", "u", {"e1": 0, "e2": 1})  # a correction, and a late one
        joined = join_ground_truth("p", "u")
    assert joined["label"].tolist() == [1, 0, 1] and joined["y"].tolist() == [1, 0, 1]
    assert joined.attrs["labels"] == ["label"]
    assert join_ground_truth("p", "u", start=15, end=25)["event_id"].tolist() == ["e1"]


def test_no_events_or_no_labels() -> None:
    nothing = read_events("p", "u")
    assert join_ground_truth("p", "u", nothing).empty and join_ground_truth("p", "u").empty
    log_ground_truth("p", "u", {"e0": 1})
    assert join_ground_truth("p", "u", nothing).empty and join_ground_truth("p", "u").empty
    assert window_quality("p", "u")["labelled"] == 0
    events("e", [10.0], [1])
    assert join_ground_truth("p", "u", read_events("p", "u", 0, 5)).empty


def test_windows_are_computed_again() -> None:
    with simulated(150.0) as clock:
        events("a", [10.0, 20.0, 110.0, 120.0], [1, 0, 1, 1])
        log_ground_truth("p", "u", {"a0": 1, "a2": 0})
        clock.advance(1)
        (row,) = refresh_quality("p", "u", 100.0)  # the second window is still open
        assert (row.first, row.last) == (0.0, 100.0)
        assert row.body["accuracy"] == 1.0 and row.body["labelled"] == 1
        assert refresh_quality("p", "u", 100.0) == []  # nothing new
        clock.advance(100)
        assert [item.first for item in refresh_quality("p", "u", 100.0)] == [100.0]
        clock.advance(100)
        assert refresh_quality("p", "u", 100.0) == []
        log_ground_truth("p", "u", {"a1": 1})  # late
        (row,) = refresh_quality("p", "u", 100.0)
        assert row.first == 0.0 and row.body["accuracy"] == 0.5 and row.body["labelled"] == 2
        rows = list_quality("p", "u")
    assert [(item.first, item.body["accuracy"]) for item in rows] == [(0.0, 0.5), (100.0, 0.0)]
    assert [item.first for item in list_quality("p", "u", 50, "1970-01-01T00:03:00Z")] == [100.0]
    assert refresh_quality("p", "nobody") == []


def test_quality_of_a_window() -> None:
    assert window_quality("p", "u") == {"events": 0, "labelled": 0, "kind": "none"}
    ids = events("a", [1.0, 2.0, 3.0], [0.9, 0.2, 0.4])
    assert window_quality("p", "u")["kind"] == "none"
    log_ground_truth("p", "u", dict(zip(ids, [1, 0, 1], strict=True)))
    found = window_quality("p", "u", 0, 10)
    assert found["events"] == found["labelled"] == 3 and found["recall"] == 0.5
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.36) / 3)


def test_several_predicted_names() -> None:
    ids = events("a", [1.0, 2.0], [[1.0, "low"], [3.0, "high"]], ["price", "risk"])
    truth = [{"price": 2.0, "risk": "low"}, {"price": 3.5, "risk": "low"}]
    log_ground_truth("p", "u", dict(zip(ids, truth, strict=True)))
    found = window_quality("p", "u")
    assert found["kind"] == "several"
    assert found["outputs"]["risk"]["accuracy"] == 0.5
    assert found["outputs"]["price"]["mae"] == 0.75


def test_probabilities_of_classes() -> None:
    ids = events("a", [1.0, 2.0], [[0.3, 0.7], [0.6, 0.4]])
    log_ground_truth("p", "u", dict(zip(ids, [1, 1], strict=True)))
    found = window_quality("p", "u")
    assert found["accuracy"] == 0.5
    assert found["log_loss"] == pytest.approx(-(math.log(0.7) + math.log(0.4)) / 2)


def test_numbers_agree_with_scikit_learn() -> None:
    chance = np.random.default_rng(5)
    truth = chance.integers(0, 2, 500)
    probability = np.clip(truth * 0.3 + chance.random(500) * 0.7, 0, 1)
    predicted = (probability >= 0.5).astype(int)
    found = quality_of(truth, probability)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "precision": metrics.precision_score(truth, predicted),
        "recall": metrics.recall_score(truth, predicted),
        "f1": metrics.f1_score(truth, predicted),
        "log_loss": metrics.log_loss(truth, probability),
        "brier": metrics.brier_score_loss(truth, probability),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    bins = np.minimum((probability * 10).astype(int), 9)
    parts = [bins == number for number in range(10)]
    ece = sum(
        abs(probability[part].mean() - truth[part].mean()) * part.mean()
        for part in parts
        if part.any()
    )
    assert found["ece"] == pytest.approx(ece)
    classes, guessed = chance.integers(0, 4, 300), chance.integers(0, 4, 300)
    several = quality_of(classes.astype(str), guessed.astype(str))
    for name in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")
        assert several[name] == pytest.approx(score(classes, guessed, average="macro"))
    numbers, guesses = chance.normal(size=200), chance.normal(size=200)
    regression = quality_of(numbers, guesses)
    assert regression["mae"] == pytest.approx(metrics.mean_absolute_error(numbers, guesses))
    assert regression["rmse"] == pytest.approx(metrics.mean_squared_error(numbers, guesses) ** 0.5)
    assert regression["r2"] == pytest.approx(metrics.r2_score(numbers, guesses))


def test_odd_truths() -> None:
    assert quality_of([], []) == {"kind": "none"}
    assert quality_of([True, False], [True, True])["accuracy"] == 0.5
    assert quality_of(["1", "0"], [1.0, 0.0])["kind"] == "classification"
    assert quality_of([3, 4], [3.5, 4.5])["kind"] == "regression"
    assert quality_of([0, 1], [-2.0, 2.5])["kind"] == "regression"
    assert math.isnan(float(quality_of([2.5, 2.5], [1.0, 1.0])["r2"]))


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"\xff", None, 3, "x", [], [1], {}, {"id": "a"}, {"labels": 3}, {"labels": {"": 1}},
        {"id": None, "label": 1}, {"id": "a", "label": 1, "row": -1},
        {"id": "a", "label": 1, "row": True}, {"id": "a", "label": 1, "time": "soon"},
        {"id": "a", "label": [0] * 100_001}, b"[" * 100_000,
    ],
)  # fmt: skip
def test_feedback_that_is_none(body: Any) -> None:
    if body == []:
        assert labels_of(body) == []
        return
    with pytest.raises(InvalidArgumentError):
        labels_of(body)


def test_feedback() -> None:
    with simulated(9.0):
        assert labels_of(b'{"id": "a", "label": {"y": 1}}') == [("a", {"y": 1}, 0, 9.0)]
        assert labels_of([{"id": 1, "label": 2, "row": 3, "time": 4}]) == [(1, 2, 3, 4.0)]
