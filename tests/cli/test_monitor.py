"""`mlrun-like monitor`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.main import load_command
from mlrun_like.cli.monitor import app
from mlrun_like.monitoring.endpoints.records import get_or_create_model_endpoint
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.window_abilities import ResultRow, WindowCommit, WindowCursor, WindowRow

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def world(home: object) -> object:
    """An endpoint with results."""
    uid = get_or_create_model_endpoint("p", "iris", "fn").metadata.uid
    row = ResultRow(
        "p", uid, "app", "drift", "result", 0, 600, 0.8, "data_drift", 2, {"reason": "age moved"}
    )
    commit = WindowCommit(
        WindowCursor("p", uid, "app", 600.0),
        None,
        [WindowRow(0, 600, "skipped", 3, 3, "ZeroDivisionError: no")],
        [row, row._replace(name="rows", type="metric", value=3.0, kind="", status=-1, extra={})],
    )
    open_store().commit_windows([commit])
    yield uid
    close_stores()


def said(*words: str) -> str:
    """What a command prints."""
    result = RUNNER.invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_results() -> None:
    text = said("results", "-p", "p", "--name", "drift")
    assert "detected" in text
    assert "age moved" in text
    rows = json.loads(said("results", "-p", "p", "--endpoint", "iris", "--json"))
    assert {row["name"] for row in rows} == {"drift", "rows"}
    assert json.loads(said("results", "-p", "p", "--since", "2020-01-01", "--json")) == []
    assert "ZeroDivisionError" in said("results", "-p", "p", "--failed")
    assert json.loads(said("results", "-p", "p", "--failed", "--json"))[0]["attempts"] == 3


def test_endpoints() -> None:
    assert "drift 0.8 detected" in said("endpoints", "-p", "p")
    [one] = json.loads(said("endpoints", "-p", "p", "--json"))
    assert one["worst"]["status"] == 2
    for command in ("endpoints", "results"):
        done = RUNNER.invoke(app, [command, "-p", "q"])
        assert done.exit_code == 0
        assert "project 'q' has no endpoints; there are some in: p" in done.output
    assert "has no endpoints" not in said("results", "-p", "p", "--since", "2020-01-01")


def test_enable_pass_status_disable() -> None:
    assert "5 minutes" in said("enable", "-p", "p", "--base-period", "5")
    assert "0 windows" in said("pass", "-p", "p")
    told = json.loads(said("pass", "-p", "p", "--at", "2026-01-01T00:00:00Z", "--json"))
    assert told["errors"] == {}
    status = json.loads(said("status", "-p", "p", "--json"))
    assert (status["enabled"], status["base_period"], status["endpoints"]) == (True, 5.0, 1)
    assert "histogram-data-drift" in said("status", "-p", "p")
    assert "not watched" in said("disable", "-p", "p")
    assert json.loads(said("status", "-p", "p", "--json"))["enabled"] is False


def test_every_command_has_an_example() -> None:
    command = load_command("monitor")
    for name, one in command.commands.items():
        assert f"mlrun-like monitor {name}" in one.help, name
