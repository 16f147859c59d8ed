"""`get_run_db(other)`: everything is asked of that store; and what deleting a run takes along."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.projects.secrets import _usual
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.meant import meant_address, using_store
from mlrun_like.tracking.remote.credentials import service_address


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun")


def test_alerts_and_pipelines_of_another_store(old: Any, tmp_path: Path) -> None:
    other = old.get_run_db(str(tmp_path / "other"))
    pipeline = {
        "metadata": {"name": "flow", "project": "p", "uid": "w1", "labels": {"kind": "pipeline"}},
        "status": {"state": "completed"},
    }
    other.store_run(pipeline, "w1", "p")
    here = old.get_run_db()
    assert here.list_pipelines("p")[2] == []
    assert [row["id"] for row in other.list_pipelines("p")[2]] == ["w1"]
    assert other.get_pipeline("w1", project="p")["run"]["name"] == "flow"
    config = {
        "project": "p", "name": "a", "summary": "s", "severity": "low",
        "entities": {"kind": "job", "project": "p", "ids": ["*"]},
        "trigger": {"events": ["failed"]},
        "notifications": [{"notification": {"kind": "console", "name": "n", "params": {}}}],
    }  # fmt: skip
    other.store_alert_config("a", config, "p")
    assert [alert.name for alert in other.list_alerts_configs("p")] == ["a"]
    assert here.list_alerts_configs("p") == []
    assert other.list_model_endpoints("p").endpoints == []


def test_a_store_is_meant_in_one_thread_only(tmp_path: Path) -> None:
    other, seen = open_store(str(tmp_path / "other")), []
    with using_store(other):
        assert open_store() is other and meant_address() == other.url
        thread = threading.Thread(target=lambda: seen.append(open_store()))
        thread.start()
        thread.join(30)
    assert seen == [open_store()] and open_store() is not other


def test_secrets_of_a_service_are_asked_of_it(tmp_path: Path) -> None:
    service = open_store("http://127.0.0.1:1")
    assert _usual() == "file"
    with using_store(service):
        assert _usual() == "service"
        assert service_address()[0].startswith("http://127.0.0.1:1")
    assert service_address() == ("", "")


def test_a_sweep_goes_with_its_trials(old: Any, capsys: pytest.CaptureFixture[str]) -> None:
    db = old.get_run_db()
    for number in range(3):
        db.store_run(
            {"metadata": {"name": "s"}, "status": {"state": "completed"}}, "u", "p", number
        )
    db.del_run("u", "p", 2)
    assert len(db.list_runs(project="p", iter=True)) == 2
    db.del_run("u", "p")
    assert open_store().list_runs(RunQuery(project="p", iterations=True)) == []
    assert "deleted with its 1 trials" in capsys.readouterr().out
    db.del_run("u", "p")  # there is nothing any more
