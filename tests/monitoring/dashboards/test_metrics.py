"""Monitoring as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlrun_like.monitoring.clock import simulated
from mlrun_like.monitoring.dashboards import metrics
from mlrun_like.monitoring.dashboards.metrics import PREFIX, MonitoringCollector, render
from mlrun_like.tracking.connect import close_stores, open_store
from tests.monitoring.worlds import add_endpoint, add_incident, add_many, add_results, add_run

MOMENT = 1_800_000_000.0


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No store outlives its test; the time stands."""
    with simulated(MOMENT):
        yield
    close_stores()


def _read(project: str = "") -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(render(project).decode()):
        for sample in family.samples:
            found.setdefault(sample.name.removeprefix(PREFIX), []).append(
                (sample.labels, sample.value)
            )
    return found


def test_an_empty_store() -> None:
    assert _read() == {}


def test_everything_that_is_known() -> None:
    store = open_store()
    add_endpoint(store, "u1", MOMENT)
    add_endpoint(store, "u2", MOMENT, project="q", name="iris", function="")
    add_results(store, "u1", MOMENT)
    add_incident(store, "u1", MOMENT)
    add_run(store, "r1")
    add_run(store, "r2", state="error")
    found = _read()
    who = {"project": "p", "endpoint": "serve/fraud:v1", "uid": "u1"}
    for name, value in {
        "requests_total": 400, "errors_total": 6, "dropped_total": 4, "drift_status": 2,
        "last_request_timestamp_seconds": MOMENT - 1, "windows_lag_seconds": 59.0,
    }.items():  # fmt: skip
        assert (who, value) in found[name], name
    assert found["drift_score"][0][0] == who
    assert found["drift_score"][0][1] == pytest.approx(0.6)
    assert [labels["endpoint"] for labels, _ in found["drift_status"]] == [
        "serve/fraud:v1", "iris:v1",
    ]  # fmt: skip
    latency = {labels["quantile"]: value for labels, value in found["latency_seconds"][:3]}
    assert latency["0.5"] == pytest.approx(0.001, rel=0.05)
    assert latency["0.99"] == pytest.approx(0.0138, rel=0.05)
    words = {**who, "application": "histogram-data-drift", "result": "general_drift"}
    assert found["result_status"][0] == ({**words, "kind": "data_drift"}, 2)
    assert len(found["result_value"]) == 3
    assert found["quality_score"] == [({**who, "result": "quality.accuracy"}, 0.9)]
    assert found["incidents"] == [({"project": "p", "severity": "high", "state": "open"}, 1)]
    run = {"project": "p", "kind": "pipeline", "state": "completed"}
    assert (run, 1) in found["runs"] and (run, 2) in found["run_seconds"]
    assert "p" not in {labels.get("project") for rows in _read("q").values() for labels, _ in rows}


def test_hostile_names() -> None:
    store = open_store()
    evil = 'a"b\\c\n{} \U0001f600' + "x" * 500
    add_endpoint(store, "u1", MOMENT, name=evil)
    labels, value = _read()["requests_total"][0]
    assert value == 400 and labels["endpoint"].startswith('serve/a"b\\c\n{}')
    assert len(labels["endpoint"]) == 200


def test_cardinality_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_MOST", 5)
    store = open_store()
    for number in range(9):
        add_endpoint(store, f"u{number}", MOMENT, batches=1)
    found = _read()
    assert len(found["requests_total"]) == 5
    assert ({"family": f"{PREFIX}requests"}, 4) in found["left_out"]


def test_it_can_be_part_of_another_registry() -> None:
    add_endpoint(open_store(), "u1", MOMENT)
    names = {family.name for family in MonitoringCollector("p").collect()}
    assert f"{PREFIX}requests" in names and MonitoringCollector().describe() == []


@pytest.mark.slow
def test_a_thousand_endpoints_are_one_scrape() -> None:
    store = open_store()
    add_many(store, 1000, MOMENT)
    text = render()
    assert text.count(b"\nmlrun_like_monitoring_requests_total{") == 1000
