"""`gc` of a store that a service has."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mlrun_like.api.tasks.runner import TaskRunner
from mlrun_like.cli.main import app
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, StateError
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.remote.cleaning import collect_there
from mlrun_like.tracking.remote.store import RemoteStore
from mlrun_like.tracking.store import SqlStore
from tests.services import RPC, Services

MakeRun = Callable[..., dict[str, Any]]
MODULES = (*RPC, "mlrun_like.api.routes.tasks")


def _working(store: SqlStore, over: threading.Event) -> threading.Thread:
    """Does the service's tasks, as its leader does."""

    def work() -> None:
        runner = TaskRunner(store)
        while not over.wait(0.02):
            runner.claim()
        runner.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_service_removes_what_nobody_needs(
    services: Services, home: Path, make_run: MakeRun
) -> None:
    url = services.new(f"sqlite:///{home / 'service.db'}", MODULES)
    store = RemoteStore.at(url)
    for number in range(3):
        store.store_run(make_run(f"u{number}", "completed"))
    assert store.delete_runs(RunQuery("p", uid=("u0", "u1"))) == 2
    over = threading.Event()
    thread = _working(services.app(url).state.service.store, over)
    try:
        words: list[str] = []
        assert collect_there(store, dry_run=True, keep_days=0.0, told=words.append)["runs"] == 2
        assert words
        with config.override(dbpath=url):
            shown = CliRunner().invoke(app, ["gc", "--keep-days", "0", "--json"])
            assert shown.exit_code == 0, shown.output
            found = json.loads(shown.stdout)
            assert found["runs"] == 2 and found["files"] == 0
            shown = CliRunner().invoke(app, ["gc", "--dry-run"])
            assert shown.exit_code == 0 and "Would be removed" in shown.stdout
        assert collect_there(store)["runs"] == 0
        with pytest.raises(InvalidArgumentError, match="no number of days"):
            collect_there(store, keep_days=float("nan"))
    finally:
        over.set()
        thread.join(20)
    assert len(store.list_runs(RunQuery("p"))) == 1
    store.close()


def test_a_task_that_is_stopped_is_told(services: Services, home: Path) -> None:
    url = services.new(f"sqlite:///{home / 'service.db'}", MODULES)
    store, there = RemoteStore.at(url), services.app(url).state.service.store

    def stop(word: str) -> None:
        for task in there.list_tasks():
            there.cancel_task(task.uid)

    with pytest.raises(StateError, match="cancelled"):
        collect_there(store, told=stop)
    store.close()
