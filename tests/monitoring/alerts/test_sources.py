"""What becomes an event by itself: real runs, schedules, feature sets, endpoints."""

from __future__ import annotations

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import RunError
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts import (
    AlertTrigger,
    alert_pass,
    list_activations,
    list_events,
    look,
)
from mlrun_like.monitoring.alerts.times import iso
from mlrun_like.tracking.abilities import Firing
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

from .conftest import START, Inbox, Make


@ml.function(returns=["auc"])
def train(fail: bool = False) -> float:
    """A job."""
    if fail:
        raise ValueError("boom")
    return 0.9


def kinds() -> list[str]:
    """The kinds of all events."""
    return [item["kind"] for item in list_events("p")]


def test_runs_are_told_once_and_only_new_ones(make: Make) -> None:
    with pytest.raises(RunError):
        train.run(params={"fail": True}, project="p", name="train")
    open_store().flush()
    assert look("p") == 0  # what is past when looking begins
    make()
    run = train.run(project="p", name="train")
    with pytest.raises(RunError):
        train.run(params={"fail": True}, project="p", name="train")
    report = alert_pass("p")
    assert sorted(kinds()) == ["failed", "run-completed"]
    assert report.judged.firings == 1
    alert_pass("p")
    look("p")
    assert len(kinds()) == 2
    done, failed = sorted(list_events("p"), key=lambda item: item["kind"], reverse=True)
    assert done["body"]["uid"] == run.uid()
    assert "boom" in failed["body"]["error"]
    assert failed["entity_id"] == "train"
    train.run(project="p", name="train")
    alert_pass("p")
    assert list_activations("p")[0].resolution == "run completed"


def test_an_alert_looks_from_when_it_is_stored(make: Make) -> None:
    with pytest.raises(RunError):
        train.run(params={"fail": True}, project="p", name="train")
    make()
    with pytest.raises(RunError):
        train.run(params={"fail": True}, project="p", name="train")
    alert_pass("p")
    assert kinds() == ["failed"]


def test_runs_that_hang_or_last(time: clock.SimulatedClock) -> None:
    config.alerts_stuck_after, config.alerts_too_long = 600, 5000
    look("p")
    store = open_store()
    document = {
        "metadata": {"name": "slow", "uid": "u1", "project": "p", "iteration": 0},
        "status": {"state": "running"},
    }
    store.store_run(document)
    store.flush()
    for pause in (0, 500, 200, 10):
        time.advance(pause)
        look("p")
    assert kinds() == ["run-stuck"]
    store.append_log("p", "u1", b"at work")
    store.flush()
    for pause in (10, 550, 100, 6000):
        time.advance(pause)
        look("p")
    assert kinds() == ["run-stuck", "run-stuck", "run-too-long"] or sorted(kinds()) == sorted(
        ["run-stuck", "run-stuck", "run-too-long"]
    )
    first = list_events("p")[0]
    assert (first["entity_id"], first["time"]) == ("slow", iso(START + 600))


def test_an_odd_record_hides_no_other_source(
    time: clock.SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store()
    look("p")
    store.store_document("feature-set", {"metadata": {"name": "x", "project": "p"}, "spec": [1]})
    store.store_endpoint({"metadata": {"project": "p", "uid": "e1", "name": "m"}, "spec": {}})
    add_requests("b1", 1, 0, START)
    look("p")
    assert kinds() == ["endpoint-requests"]
    assert "features of project 'p' cannot be looked at" in caplog.text


def test_schedules(time: clock.SimulatedClock) -> None:
    store = open_store()
    schedule = {"project": "p", "name": "nightly", "spec": {}}
    store.store_schedule(schedule, None)
    store.record_firing("p", "nightly", Firing(START - 60, START - 60, "missed"))
    look("p")
    assert kinds() == []
    store.record_firing("p", "nightly", Firing(START, START, "completed", "u"))
    store.record_firing("p", "nightly", Firing(START + 60, START + 60, "missed"))
    for _ in range(2):
        look("p")
    assert kinds() == ["schedule-fired", "schedule-missed"]


def test_feature_sets_become_stale_and_fresh(time: clock.SimulatedClock) -> None:
    store = open_store()

    def ingest(at: float) -> None:
        document = {
            "metadata": {"name": "stocks", "project": "p"},
            "spec": {"ttl": "1h"},
            "status": {"targets": [{"name": "parquet", "last_written": iso(at)}, {"name": "x"}]},
        }
        store.store_document("feature-set", document)

    store.store_document("feature-set", {"metadata": {"name": "odd", "project": "p"}, "spec": {}})
    ingest(START)
    for pause in (0, 3500, 101, 100):
        time.advance(pause)
        look("p")
    assert kinds() == ["feature-set-stale"]
    ingest(clock.now())
    for pause in (0, 10, 3601):
        time.advance(pause)
        look("p")
    assert kinds() == ["feature-set-stale", "feature-set-fresh", "feature-set-stale"]
    assert list_events("p")[0]["time"] == iso(START + 3600)


def test_endpoints_are_asked_and_fail(time: clock.SimulatedClock) -> None:
    store = open_store()
    document = {"metadata": {"project": "p", "uid": "e1", "name": "m"}, "spec": {}, "status": {}}
    store.store_endpoint(document)
    assert look("p") == 0
    add_requests("b1", 10, 2, START + 10)
    look("p")
    look("p")
    assert kinds() == ["endpoint-requests", "endpoint-errors"]
    assert [item["value"] for item in list_events("p")] == [10.0, 2.0]
    add_requests("b2", 5, 0, START + 20)
    look("p")
    assert [item["value"] for item in list_events("p", kind="endpoint-requests")] == [10.0, 5.0]


def add_requests(key: str, count: int, errors: int, last: float) -> None:
    """A batch of requests to the endpoint e1."""
    summary = {"requests": count, "errors": errors}
    batch = SeriesBatch("p", "e1", "events", key, last - 1, last, count, b"", summary)
    open_store().append_batches([batch])


def test_stale_features_and_hanging_runs_reach_somebody(
    time: clock.SimulatedClock, inbox: Inbox, make: Make
) -> None:
    config.alerts_stuck_after = 600
    for name, entity, event in (
        ("old-features", "feature-set", "feature-set-stale"),
        ("hangs", "job", "run-stuck"),
    ):
        make(name, entity=entity, trigger=AlertTrigger(events=[event]))
    store = open_store()
    features = {
        "metadata": {"name": "stocks", "project": "p"},
        "spec": {"ttl": "1h"},
        "status": {"targets": [{"name": "parquet", "last_written": iso(START)}]},
    }
    run = {
        "metadata": {"name": "slow", "uid": "u1", "project": "p", "iteration": 0},
        "status": {"state": "running"},
    }
    store.store_document("feature-set", features)
    store.store_run(run)
    store.flush()
    for _ in range(4):
        alert_pass("p")
        time.advance(2000)
    found = sorted((each.name, each.entity_id) for each in list_activations("p"))
    assert found == [("hangs", "slow"), ("old-features", "stocks")]
    assert sorted(inbox.texts()) == ["hangs: slow", "old-features: stocks"]
