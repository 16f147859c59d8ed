"""`mlrun-like alerts`: every command, and every help's example."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.alerts import app as alerts
from mlrun_like.cli.main import app
from mlrun_like.monitoring.alerts import alert_pass

from .conftest import Inbox, Make, Tell

ALERT = """
name: drift
template: DataDriftDetected
entities: {{kind: model-endpoint-result, project: fraud, ids: ["*"]}}
notifications:
  - notification: {{kind: webhook, name: hook, params: {{url: "{url}"}}}}
    cooldown_period: 10m
"""


def run(*words: str, code: int = 0) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app, ["alerts", *words])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.slow
def test_from_storing_to_deleting(tmp_path: Path, inbox: Inbox) -> None:
    path = tmp_path / "drift.yaml"
    path.write_text(ALERT.format(url=inbox.url))
    place = ("--project", "fraud")
    assert run("store", str(path), *place) == "drift: stored in fraud, id 1\n"
    assert "model-endpoint-result *: data-drift-detected" in run("list", *place)
    said = run("event", "data_drift_detected", "e1.app.result.d", "-v", "value=0.8", *place)
    assert said == "1 alerts went off, 1 deliveries made\n"
    assert "drift  open" in run("activations", *place)
    assert "acknowledged by ann" in run("ack", "1", "--who", "ann", "--note", "looking", *place)
    shown = run("incident", "1", *place)
    assert "data-drift-detected of e1.app.result.d" in shown
    assert "note: looking" in shown
    key = run("silence", "drift", "--for", "2h", "--note", "new data", *place).split(":")[0]
    assert "new data" in run("silences", *place)
    assert "ended" in run("silence", "--end", key, *place)
    assert key in run("silences", "--all", *place)
    assert "resolved" in run("resolve", "1", "--note", "done", *place)
    assert "count" in run("show", "drift", *place)
    assert "sent" in run("test", "drift", *place)
    inbox.answers = [404]
    assert "404" in run("test", "drift", *place, code=1)
    assert run("reset", "drift", *place) == "drift: reset\n"
    assert run("delete", "drift", *place) == "drift: deleted\n"
    assert "there is no alert 'drift'" in run("delete", "drift", *place, code=1)
    assert "JobFailed" in run("templates")


def test_json_is_nothing_but_json(make: Make, tell: Tell) -> None:
    make()
    tell()
    alert_pass("p")
    for words in ("list", "show alert", "activations", "incident 1", "silences"):
        assert json.loads(run(*words.split(), "--project", "p", "--json")) is not None
    assert json.loads(run("templates", "--json"))[0]["template_name"] == "JobFailed"
    found = json.loads(run("incident", "1", "--project", "p", "--json"))
    assert [line["kind"] for line in found["time_line"]] == ["event", "opened", "notification"]


@pytest.mark.parametrize("text", ["", "- a", "{", "\x00", "name: x\ncolour: red"])
def test_a_bad_file_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "alert.yaml"
    path.write_text(text)
    assert "error" in run("store", str(path), code=1)


def test_a_missing_file_and_a_wrong_event() -> None:
    assert "cannot be read" in run("store", "/nowhere.yaml", code=1)
    assert "unknown" in run("event", "exploded", "x", code=1)
    assert "incident 5" in run("ack", "5", code=1)


def test_every_help_has_an_example() -> None:
    for command in alerts.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        assert f"mlrun-like alerts {name}" in (command.callback.__doc__ or "")
