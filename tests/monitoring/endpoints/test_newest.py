"""What applications found last, in the endpoint that old code asks for."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from mlrun_like import compat
from mlrun_like.configuration import config
from mlrun_like.monitoring.api import get_or_create_model_endpoint
from mlrun_like.monitoring.applications import registering
from mlrun_like.monitoring.endpoints.newest import with_newest
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.window_abilities import ResultRow, WindowCommit, WindowCursor


@pytest.fixture
def switch() -> Iterator[ModuleType]:
    compat.install(quiet=True)
    try:
        yield compat
    finally:
        compat.uninstall()


def _find(
    uid: str, end: float, before: float | None, status: int, **stats: dict[str, float]
) -> None:
    row = ResultRow(
        "p", uid, "histogram-data-drift", "general_drift", "result", end - 60, end, 0.1,
        "data_drift", status,
    )  # fmt: skip
    cursor = WindowCursor("p", uid, "histogram-data-drift", end)
    commit = WindowCommit(cursor, before, results=[row], stats=stats)
    assert open_store().commit_windows([commit]) == [True]


def test_the_newest_is_told_and_nothing_before(switch: ModuleType) -> None:
    endpoint = get_or_create_model_endpoint("p", "fraud", function_name="f")
    assert endpoint.status.drift_status == "" and endpoint.status.drift_measures == {}
    uid = endpoint.metadata.uid
    _find(uid, 60.0, None, 0, drift_measures={"age": 0.1}, current_stats={"age": 1.0})
    found = get_or_create_model_endpoint("p", "fraud", function_name="f").status
    assert (found.drift_status, found.drift_measures) == ("0", {"age": 0.1})
    assert found.current_stats == {"age": 1.0}
    _find(uid, 120.0, 60.0, 2, drift_measures={"age": 0.9})
    assert with_newest(endpoint).status.drift_status == "2"
    assert endpoint.status.drift_measures == {"age": 0.9}


@pytest.mark.parametrize("name", ["hellinger_mean", "general_drift_2"])
def test_other_results_are_no_drift(name: str) -> None:
    endpoint = get_or_create_model_endpoint("p", "other", function_name="f")
    uid = endpoint.metadata.uid
    row = ResultRow("p", uid, "mine", name, "metric", 0.0, 60.0, 0.1)
    commit = WindowCommit(WindowCursor("p", uid, "mine", 60.0), None, results=[row])
    open_store().commit_windows([commit])
    assert with_newest(endpoint).status.drift_status == ""


def test_only_old_code_pays_for_it() -> None:
    endpoint = get_or_create_model_endpoint("p", "fraud", function_name="f")
    _find(endpoint.metadata.uid, 60.0, None, 2)
    assert get_or_create_model_endpoint("p", "fraud", function_name="f").status.drift_status == ""


@pytest.mark.parametrize("strict", [True, False])
def test_only_old_code_starts_the_service(
    switch: ModuleType, strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []
    monkeypatch.setattr(registering, "keep_alive_here", lambda: started.append(True))
    with config.override(strict_arguments=strict):
        registering.enable("p", deploy_histogram_data_drift_app=False)
        assert started == [True]
        switch.uninstall()
        registering.enable("p", deploy_histogram_data_drift_app=False)
    assert started == [True]
