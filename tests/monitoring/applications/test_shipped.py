"""The applications that come with the platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.artifacts.preview import statistics
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.controller import controller_pass
from mlrun_like.monitoring.applications.loading import SHIPPED, load_class
from mlrun_like.monitoring.applications.registering import enable, register_application
from mlrun_like.monitoring.applications.results import ResultStatusApp
from mlrun_like.monitoring.applications.shipped.judging import Thresholds
from mlrun_like.monitoring.clock import simulated
from mlrun_like.monitoring.recording.ground_truth import log_ground_truth
from mlrun_like.monitoring.recording.recorder import Recorder
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.window_abilities import ResultRow

Make = Callable[..., str]
Put = Callable[..., pd.DataFrame]


def toxicity(text: str) -> float:
    """A judge."""
    return 1.0 if "idiot" in text else 0.0


@pytest.fixture
def results(make_endpoint: Make, put_events: Put) -> Callable[..., dict[str, ResultRow]]:
    """Run one shipped application over one window; its numbers by name."""

    def run(name: str, kwargs: dict[str, Any] | None = None, **given: Any) -> Any:
        stats = given.pop("stats", None)
        labels = given.pop("labels", ["y"])
        uid = make_endpoint(stats=stats, labels=labels)
        put_events(uid, 0, given.pop("seconds", 200), **given)
        enable("p", 10, deploy_histogram_data_drift_app=False)
        register_application("p", "app", name, kwargs=kwargs)
        report = controller_pass("p", 1e5)
        assert not report.errors
        return {row.name: row for row in open_store().list_results("p", uid)}

    return run


@pytest.mark.parametrize("name", [one for one in SHIPPED if one[:4] not in ("Evid", "Nann")])
def test_every_one_can_be_loaded(name: str) -> None:
    assert load_class(name, "", "here").__doc__


def test_data_drift(results: Any) -> None:
    found = results("DataDrift", shift=3.0)
    assert found["data_drift"].status == 2
    assert set(found["data_drift"].extra["drifted"]) == {"age", "income", "score"}
    assert found["data_drift_features"].value == 3
    assert found["data_drift_of_age"].extra["feature"] == "age"
    assert "artifacts" in found["data_drift"].extra


def test_data_drift_of_nothing(results: Any) -> None:
    found = results("DataDrift", every=0.1)
    assert found["data_drift"].status == 0
    assert "artifacts" not in found["data_drift"].extra


def test_prediction_drift(results: Any) -> None:
    rng = np.random.default_rng(2)
    stats = statistics(pd.DataFrame({"y": rng.normal(size=2000)}))
    found = results("PredictionDrift", stats=stats, y=rng.normal(4, 1, 200))
    assert found["prediction_drift"].status == 2
    assert found["prediction_drift"].kind == "concept_drift"


def test_categories(results: Any) -> None:
    country = ["DE"] * 150 + ["XX"] * 50
    found = results(
        "Categories", {"known": {"income": ["DE", "US"]}}, income=country,
        score=[None] * 20 + [1.0] * 180,
    )  # fmt: skip
    assert found["new_categories"].value == 0.25
    assert found["new_categories"].status == 2
    assert found["new_categories"].extra["categories"] == {"income": ["XX"]}
    assert found["missing_values"].value == pytest.approx(0.1)
    assert found["missing_values"].extra["features"] == {"score": 0.1}
    assert found["missing_features"].status == 0


def test_outliers(results: Any) -> None:
    found = results("Outliers", age=[1e6] * 10 + [0.0] * 190)
    assert found["outlier_rows"].value == pytest.approx(0.05)
    assert found["outlier_rows"].status == 2
    assert list(found["outlier_rows"].extra["features"]) == ["age"]


def test_service_performance(results: Any) -> None:
    latency = np.r_[np.full(190, 1000), np.full(10, 500_000)]
    status = ["error"] * 4 + ["ok"] * 196
    found = results(
        "ServicePerformance", {"latency_ms": [100, 400]}, latency_us=latency, status=status,
        error_kind=["ValueError"] * 4 + [None] * 196,
    )  # fmt: skip
    assert found["error_rate"].value == pytest.approx(0.02)
    assert found["error_rate"].status == 1
    assert found["error_rate"].extra["kinds"] == {"ValueError": 4}
    assert found["latency_p99_ms"].value == pytest.approx(500)
    assert found["latency_p99_ms"].status == 2
    assert found["latency_p50_ms"].value == pytest.approx(1)
    assert found["requests"].value == 200
    assert found["requests_per_second"].value == pytest.approx(200 / 600)


def test_service_performance_counts_what_sampling_left_out(make_endpoint: Make) -> None:
    uid = make_endpoint()
    recorder = Recorder()
    channel = recorder.channel("p", uid, every=10)
    with simulated(0.0) as clock:
        for number in range(300):
            if number % 100 == 5:
                channel.push_error(f"e{number}", [[0.0, 1.0, 2.0]], ValueError("x"), 4000.0)
            else:
                channel.push(f"e{number}", [[0.0, 1.0, 2.0]], [0.5], 1000.0)
            clock.advance(1)
        recorder.close()
    enable("p", 10, applications=["service-performance"])
    controller_pass("p", 1e5)
    found = {row.name: row for row in open_store().list_results("p", uid)}
    assert found["requests"].value == 300
    assert found["error_rate"].value == pytest.approx(0.01)
    assert found["error_rate"].extra["kinds"] == {"ValueError": 3}
    assert found["latency_p50_ms"].value == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize(
    ("name", "kwargs", "number", "value"),
    [
        ("BusinessMetric", {"expression": "count()"}, "business_metric", 50),
        ("ServicePerformance", None, "requests", 200),
    ],
)
def test_of_a_window_that_is_too_large_rows_are_chosen_and_all_counted(
    results: Any, monkeypatch: pytest.MonkeyPatch, name: str, kwargs: Any, number: str, value: int
) -> None:
    monkeypatch.setattr("mlrun_like.monitoring.applications.frames._MOST_ROWS", 50)
    assert results(name, kwargs)[number].value == value


def test_business_metric(results: Any) -> None:
    found = results(
        "BusinessMetric",
        {"expression": "sum(income * y)", "name": "revenue", "potential": 1000, "detected": 500},
        income=[2.0] * 200, y=[1] * 200,
    )  # fmt: skip
    assert (found["revenue"].value, found["revenue"].status) == (400.0, 2)
    assert found["revenue"].extra["features"] == ["income", "y"]


def test_business_metric_without_limits(results: Any) -> None:
    found = results("BusinessMetric", {"expression": "count()"})
    assert (found["business_metric"].type, found["business_metric"].value) == ("metric", 200)


def test_llm_answers(results: Any) -> None:
    answers = (
        ["I'm sorry, but I cannot help with that."] * 40
        + ["Yes."] * 150
        + ["you idiot"] * 8
        + ["", " "]
    )
    found = results(
        "LLMAnswers", {"judge": f"{__name__}:toxicity"}, answer=answers, labels=["answer"]
    )
    assert found["refusal_rate"].value == pytest.approx(0.2)
    assert found["refusal_rate"].status == 1
    assert found["toxicity_rate"].value == pytest.approx(0.04)
    assert found["toxicity_rate"].status == 1
    assert found["empty_rate"].value == pytest.approx(0.01)
    assert found["answers"].value == 200
    assert found["toxicity_rate"].extra["examples"][0]["text"] == "you idiot"


def test_llm_answers_with_a_pattern_of_ones_own(results: Any) -> None:
    found = results(
        "LLMAnswers", {"refusal_patterns": ["nein"]}, answer=["Nein!"] * 200, labels=["answer"]
    )
    assert found["refusal_rate"].value == 1


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("LLMAnswers", {"refusal_patterns": ["("]}),
        ("LLMAnswers", {"judge": "no.such:thing"}),
        ("BusinessMetric", {"expression": "open('x')"}),
        ("BusinessMetric", {"expression": "1", "name": "1 x"}),
        ("BusinessMetric", {"expression": "1", "kind": "weather"}),
        ("BusinessMetric", {"expression": "1", "potential": "much"}),
        ("DataDrift", {"featurs": []}),
    ],
)
def test_wrong_arguments_are_told_at_registration(name: str, kwargs: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        register_application("p", "app", name, kwargs=kwargs)


def test_quality_and_labels_that_come_late(make_endpoint: Make, put_events: Put) -> None:
    uid = make_endpoint()
    ids = [f"e{number}" for number in range(100)]
    put_events(uid, 0, 100, event_id=ids, y=[1] * 100)
    enable("p", 1, deploy_histogram_data_drift_app=False)
    register_application("p", "quality", "ModelQuality", kwargs={"least_rows": 10})
    store = open_store()
    controller_pass("p", 1000)
    assert not store.list_results("p", uid) and not store.read_cursors("p")
    labels = {one: 1 if number % 2 else 0 for number, one in enumerate(ids)}
    log_ground_truth("p", uid, labels)
    report = controller_pass("p", 2e9)
    assert (report.windows, report.recomputed) == (2, 0)
    found = store.list_results("p", uid, name="accuracy")
    assert [row.value for row in found] == [0.5, 0.5]
    assert found[0].status == 2
    again = controller_pass("p", 4e9)
    assert again.recomputed == 0


def test_alerts_hear_once_of_what_late_labels_show(make_endpoint: Make, put_events: Put) -> None:
    uid = make_endpoint()
    ids = [f"e{number}" for number in range(120)]
    put_events(uid, 0, 120, event_id=ids, y=[1] * 120)
    enable("p", 1, deploy_histogram_data_drift_app=False)
    register_application("p", "quality", "ModelQuality", kwargs={"least_rows": 10})
    store = open_store()
    log_ground_truth("p", uid, dict.fromkeys(ids[:60], 1))
    assert controller_pass("p", 1000).windows == 2

    def heard() -> list[Any]:
        return [
            (one.time, one.kind, one.value)
            for one in store.list_happenings("p", 0, 100)
            if one.kind in ("model-performance-detected", "result")
        ]

    assert heard() == [(60.0, "result", 1.0)]
    for moment in (2e9, 3e9):
        with simulated(moment - 1):
            log_ground_truth("p", uid, dict.fromkeys(ids[60:], 0))
        assert controller_pass("p", moment).recomputed == 2
        assert heard() == [
            (60.0, "result", 1.0),
            (120.0, "result", 0.0),
            (120.0, "model-performance-detected", 0.0),
        ]


def test_labels_that_come_after_the_time_to_catch_up(make_endpoint: Make, put_events: Put) -> None:
    labelled, other = make_endpoint("one"), make_endpoint("two")
    ids = [f"e{number}" for number in range(3600)]
    for uid in (labelled, other):
        put_events(uid, 0, 3600, event_id=ids, y=[1] * 3600)
    enable("p", 1, applications=["model-quality"])
    month = 30 * 86400.0
    assert controller_pass("p", month).windows == 0
    log_ground_truth("p", labelled, dict.fromkeys(ids, 1))
    # as many windows as late labels change at all, and not those of the endpoint without labels
    assert controller_pass("p", month).windows == 24
    store = open_store()
    assert len(store.list_results("p", labelled, name="accuracy")) == 24
    assert not store.list_results("p", other)
    assert controller_pass("p", month + 60).windows == 0


@pytest.mark.parametrize(
    ("limits", "value", "status"),
    [
        ((0.1, 0.2), 0.05, 0),
        ((0.1, 0.2), 0.1, 1),
        ((0.1, 0.2), 0.2, 2),
        ((0.9, 0.8), 0.95, 0),
        ((0.9, 0.8), 0.85, 1),
        ((0.9, 0.8), 0.8, 2),
        ((None, 0.2), 0.3, 2),
        ((0.2, None), 0.3, 1),
        ((0.2, 0.2), 0.2, 2),
        ((), 0.2, -1),
        ((0.1, 0.2), float("nan"), -1),
    ],
)
def test_thresholds(limits: tuple[Any, ...], value: float, status: int) -> None:
    assert Thresholds(*limits).status(value) is ResultStatusApp(status)
