"""Passes over endpoints: each window once, whatever applications, events and clocks do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.configuration import config
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.controller import controller_pass
from mlrun_like.monitoring.applications.registering import enable, register_application
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationResult,
    ResultKindApp,
    ResultStatusApp,
)
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

APPS = str(Path(__file__).with_name("apps.py"))
Make = Callable[..., str]
Put = Callable[..., pd.DataFrame]


class Rows(ModelMonitoringApplicationBase):
    """Remembers the windows it was called for."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float, int]] = []

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        window = monitoring_context.window
        self.seen.append((window.start, window.end, len(monitoring_context.sample_df)))
        return {"rows": len(monitoring_context.sample_df)}


def only(**applications: ModelMonitoringApplicationBase) -> dict[str, Any]:
    """The default application is not wanted."""
    enable("p", 1, deploy_histogram_data_drift_app=False)
    return {"applications": applications}


def test_each_window_once(make_endpoint: Make, put_events: Put) -> None:
    uid = make_endpoint()
    put_events(uid, 30, 290)
    rows = Rows()
    with_ = only(rows=rows)
    report = controller_pass("p", 1000, **with_)
    assert (report.windows, report.results, report.endpoints) == (5, 5, 1)
    assert rows.seen == [(0, 60, 30), (60, 120, 60), (120, 180, 60), (180, 240, 60), (240, 300, 50)]
    assert not controller_pass("p", 1000, **with_).busy
    put_events(uid, 290, 330)
    assert controller_pass("p", 1000, **with_).windows == 1
    assert rows.seen[-1] == (300, 360, 30)  # what came late to a finished window stays out of it


def test_a_project_without_settings_has_the_default_application(
    make_endpoint: Make, put_events: Put
) -> None:
    uid = make_endpoint()
    put_events(uid, 0, 1200, shift=8.0)
    assert controller_pass("", 2000).windows == 3 * 2
    applications = {row.application for row in open_store().list_results("p", uid)}
    assert applications == {"data-drift", "histogram-data-drift", "service-performance"}
    found = open_store().list_results("p", uid, name="general_drift")
    assert [row.status for row in found] == [2, 2]
    assert set(found[0].extra["features"]) == {"age", "income", "score"}
    mlruns = open_store().list_results("p", uid, application="histogram-data-drift")
    names = {row.name for row in mlruns}
    assert names == {"general_drift", "hellinger_mean", "kld_mean", "tvd_mean"}
    kinds = [one.kind for one in open_store().list_happenings("p")]
    assert kinds.count("data-drift-detected") == 2 * (1 + 1 + 3)  # both, and of each feature
    stats = open_store().read_window_stats("p", uid)
    assert stats["current_stats"][0] == 1200
    assert stats["current_stats"][1]["age"]["count"] == 600


def test_applications_have_periods_of_their_own(make_endpoint: Make, put_events: Put) -> None:
    uid = make_endpoint()
    put_events(uid, 0, 60, 0.5)
    enable("p", 10, deploy_histogram_data_drift_app=False)
    register_application("p", "a", f"{APPS}:Once", period=0.1)
    register_application("p", "b", f"{APPS}:Once", period=1)
    controller_pass("p", 1e4)
    store = open_store()
    ends = [row.end for row in store.list_results("p", uid, "a", "rows")]
    assert ends == pytest.approx([6.0 * k for k in range(1, 11)])
    assert [row.value for row in store.list_results("p", uid, "a", "rows")] == [12.0] * 10
    assert [row.value for row in store.list_results("p", uid, "b", "rows")] == [120.0]


def test_only_the_endpoints_that_it_is_for(make_endpoint: Make, put_events: Put) -> None:
    for name in ("fraud-eu", "fraud-us", "churn"):
        put_events(make_endpoint(name), 0, 30)
    enable("p", 1, deploy_histogram_data_drift_app=False)
    register_application("p", "a", f"{APPS}:Once", endpoints=["fraud-*"])
    assert controller_pass("p", 1e4).windows == 2


def test_downtime_is_made_up_for(make_endpoint: Make, put_events: Put) -> None:
    uid, rows = make_endpoint(), Rows()
    with_ = only(rows=rows)
    day = 86_400.0
    with clock.simulated(20 * day) as time:
        put_events(uid, 20 * day, 20 * day + 120, 10)
        time.advance(300)
        assert controller_pass("p", **with_).windows == 2
        # two days of silence and traffic without any controller
        put_events(uid, 21 * day, 21 * day + 3600, 10)
        put_events(uid, 22 * day, 22 * day + 1800, 10)
        time.set(22 * day + 7200)
        report = controller_pass("p", **with_)
    assert (report.windows, report.missed) == (90, 0)
    assert sum(count for _, _, count in rows.seen) == 12 + 360 + 180
    assert len({start for start, _, _ in rows.seen}) == len(rows.seen)


def test_what_is_too_old_is_marked(make_endpoint: Make, put_events: Put) -> None:
    uid, rows = make_endpoint(), Rows()
    with_ = only(rows=rows)
    put_events(uid, 0, 120, 10)
    controller_pass("p", 300, **with_)
    put_events(uid, 120, 240, 10)
    put_events(uid, 10 * 86_400, 10 * 86_400 + 60, 10)
    report = controller_pass("p", 10 * 86_400 + 300, **with_)
    assert (report.missed, report.windows) == (1, 1)
    [(_, _, missed)] = open_store().list_windows("p", state="missed")
    assert (missed.start, missed.end) == (120, 3 * 86_400 + 300)


def test_a_gap_that_is_old_but_empty_is_not_missed(make_endpoint: Make, put_events: Put) -> None:
    uid, rows = make_endpoint(), Rows()
    with_ = only(rows=rows)
    put_events(uid, 0, 120, 10)
    controller_pass("p", 300, **with_)
    put_events(uid, 90 * 86_400, 90 * 86_400 + 60, 10)
    report = controller_pass("p", 90 * 86_400 + 300, **with_)
    assert (report.missed, report.windows) == (0, 1)


def test_a_failing_application_is_tried_again_then_skipped(
    make_endpoint: Make, put_events: Put, tmp_path: Path
) -> None:
    uid = make_endpoint()
    put_events(uid, 0, 180, 10)
    flag = tmp_path / "broken"
    flag.touch()
    enable("p", 1, deploy_histogram_data_drift_app=False)
    register_application("p", "bad", f"{APPS}:Failing", kwargs={"flag": str(flag)}, retries=2)
    register_application("p", "good", f"{APPS}:Once")
    store = open_store()
    report = controller_pass("p", 1000)
    assert (report.failed, report.windows) == (1, 3)  # the other one is not held up
    assert "the user's mistake" in report.errors["p/bad"]
    assert not controller_pass("p", 1005).busy  # not yet
    assert controller_pass("p", 1010).failed == 1
    report = controller_pass("p", 1040)
    assert (report.failed, report.skipped) == (0, 1)
    [(_, _, row)] = store.list_windows("p", uid, "bad", "skipped")
    assert (row.start, row.attempts) == (0, 3)
    assert "the user's mistake" in row.error
    # after one was given up, the next has one try: a broken application must not fall behind
    assert controller_pass("p", 1041).skipped == 1
    flag.unlink()
    assert controller_pass("p", 1042).windows == 1
    assert [row.name for row in store.list_results("p", uid, "bad")] == ["fine"]
    kinds = [one for one in store.list_happenings("p") if one.kind == "mm-app-failed"]
    assert len(kinds) == 2  # one a window, however often it is tried
    assert kinds[0].entity_id == "bad"


def test_a_hanging_application_is_left_behind(
    make_endpoint: Make, put_events: Put, tmp_path: Path
) -> None:
    uid = make_endpoint()
    put_events(uid, 0, 60, 10)
    flag = tmp_path / "hanging"
    flag.touch()
    enable("p", 1, deploy_histogram_data_drift_app=False)
    register_application("p", "bad", f"{APPS}:Hanging", kwargs={"flag": str(flag)}, timeout=0.1)
    register_application("p", "good", f"{APPS}:Once")
    try:
        report = controller_pass("p", 1000)
        assert (report.failed, report.windows) == (1, 1)
        assert report.hanging == ["p/bad"]
        assert "longer than 0.1 s" in report.errors["p/bad"]
    finally:
        flag.unlink()
    assert controller_pass("p", 1100).windows == 1


def test_an_application_that_cannot_be_loaded_is_told_of(
    make_endpoint: Make, put_events: Put, tmp_path: Path
) -> None:
    uid = make_endpoint()
    put_events(uid, 0, 60, 10)
    file = tmp_path / "app.py"
    file.write_text(Path(APPS).read_text())
    enable("p", 1, deploy_histogram_data_drift_app=False)
    register_application("p", "gone", f"{file}:Once")
    register_application("p", "good", f"{APPS}:Once")
    file.unlink()
    report = controller_pass("p", 1000)
    assert "no file" in report.broken["p/gone"]
    assert report.windows == 1
    kinds = [one.kind for one in open_store().list_happenings("p")]
    assert kinds.count("mm-app-failed") == 1


@pytest.mark.parametrize("given", [3, "x", [1], {"1a": 2}, {"a": "b"}])
def test_something_else_than_results(make_endpoint: Make, put_events: Put, given: Any) -> None:
    class Strange(ModelMonitoringApplicationBase):
        def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
            return given

    uid = make_endpoint()
    put_events(uid, 0, 60, 10)
    report = controller_pass("p", 1000, **only(strange=Strange()))
    assert (report.windows, report.failed) == (0, 1)


def test_an_endpoint_without_statistics_of_training(make_endpoint: Make, put_events: Put) -> None:
    uid = make_endpoint(bare=True)
    put_events(uid, 0, 60, 10)
    report = controller_pass("p", 1000)
    assert (report.windows, report.failed) == (3, 0)
    found = {row.application for row in open_store().list_results("p", uid)}
    assert found == {"service-performance"}


def test_statistics_that_are_broken(make_endpoint: Make, put_events: Put) -> None:
    stats = {
        "age": {"count": 3, "hist": [[1, 2], [0, 1]]},
        "income": {"count": "x", "hist": "nonsense"},
        "score": {"count": 4, "hist": [[4, 0], [-9.0, 0.0, 9.0]]},
        "other": 5,
    }
    uid = make_endpoint(stats=stats)
    put_events(uid, 0, 60, 1)
    report = controller_pass("p", 1000)
    assert (report.windows, report.failed) == (3, 0)
    [row] = open_store().list_results("p", uid, name="general_drift")
    assert list(row.extra["features"]) == ["score"]


def test_a_broken_batch_spoils_only_its_windows(make_endpoint: Make, put_events: Put) -> None:
    uid, rows = make_endpoint(), Rows()
    with_ = only(rows=rows)
    put_events(uid, 0, 60, 10)
    broken = SeriesBatch("p", uid, "events", "broken", 70.0, 110.0, 5, b"no arrow", {"requests": 5})
    open_store().append_batches([broken])
    put_events(uid, 120, 180, 10)
    now = 1000.0
    for _ in range(5):
        controller_pass("p", now, **with_)
        now += 1000
    assert [start for start, _, _ in rows.seen] == [0, 120]
    # reading leaves the broken batch out and logs it: its window has no events
    states = {row.state for _, _, row in open_store().list_windows("p", uid)}
    assert states == {"done"}


def test_empty_windows_are_for_those_who_ask(make_endpoint: Make, put_events: Put) -> None:
    uid = make_endpoint()
    put_events(uid, 0, 10)
    put_events(uid, 180, 190)
    quiet, asking = Rows(), Rows()
    asking.empty_windows = True
    controller_pass("p", 1000, **only(quiet=quiet, asking=asking))
    assert [count for _, _, count in quiet.seen] == [10, 10]
    assert [count for _, _, count in asking.seen] == [10, 0, 0, 10]


def test_failed_requests_are_no_sample(make_endpoint: Make, put_events: Put) -> None:
    uid, rows = make_endpoint(), Rows()
    put_events(uid, 0, 10, status=["error"] * 4 + ["ok"] * 6)
    controller_pass("p", 1000, **only(rows=rows))
    assert rows.seen == [(0, 60, 6)]


def test_extra_data_that_is_too_large_becomes_an_artifact(
    make_endpoint: Make, put_events: Put
) -> None:
    class Wordy(ModelMonitoringApplicationBase):
        def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
            monitoring_context.log_artifact("note", "hello", format="txt")
            return ModelMonitoringApplicationResult(
                "much", 1, ResultKindApp.mm_app_anomaly, ResultStatusApp.potential_detection,
                {"words": ["word"] * 10_000, "nan": float("nan")},
            )  # fmt: skip

    uid = make_endpoint()
    put_events(uid, 0, 60, 10)
    controller_pass("p", 1000, **only(wordy=Wordy()))
    store = open_store()
    [row] = store.list_results("p", uid)
    assert row.extra["artifact"].startswith("store://")
    found = {one["metadata"]["key"]: one for one in store.list_artifacts(ArtifactQuery("p"))}
    assert found["note"]["metadata"]["labels"]["mlrun/app-name"] == "wordy"
    assert found["note"]["metadata"]["labels"]["mlrun/endpoint-id"] == uid
    assert "wordy-much-extra" in found


def test_several_controllers_at_once(make_endpoint: Make, put_events: Put) -> None:
    uids = [make_endpoint(f"m{n}") for n in range(12)]
    for uid in uids:
        put_events(uid, 0, 300, 10)
    enable("p", 1, deploy_histogram_data_drift_app=False)
    register_application("p", "once", f"{APPS}:Once", kwargs={"pause": 0.002})
    reports: list[Any] = []

    def work() -> None:
        for _ in range(3):
            reports.append(controller_pass("p", 1000))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reports.append(controller_pass("p", 1000))
    assert sum(report.windows for report in reports) == 60
    assert len(open_store().list_results("p", name="token")) == 60
    happenings = open_store().list_happenings("p")
    tokens = [one for one in happenings if one.kind == "data-drift-detected"]
    assert len(tokens) == 60
    values = {row.value for row in open_store().list_results("p", name="token")}
    assert {one.value for one in tokens} == values


def test_settings_of_time(make_endpoint: Make, put_events: Put) -> None:
    uid, rows = make_endpoint(), Rows()
    put_events(uid, 0, 60, 10)
    with_ = only(rows=rows)
    config.monitoring_settle = 5
    assert not controller_pass("p", 64.9, **with_).busy
    assert controller_pass("p", 65, **with_).windows == 1
