"""kill -9 in the middle of passes: each window's numbers exist exactly once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlrun_like.configuration import config
from mlrun_like.monitoring.applications.registering import enable, register_application
from mlrun_like.tracking.connect import close_stores, open_store

ENDPOINTS, WINDOWS = 160, 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_at_random_moments(
    kind: str,
    home: Path,
    request: pytest.FixtureRequest,
    make_endpoint: Callable[..., str],
    put_events: Callable[..., pd.DataFrame],
) -> None:
    environment = {**os.environ, "MLRUN_LIKE_HOME": str(home)}
    if kind == "postgresql":
        url = str(request.getfixturevalue("postgres").new_database())
        config.dbpath = environment["MLRUN_LIKE_DBPATH"] = url
    for number in range(ENDPOINTS):
        put_events(make_endpoint(f"m{number}"), 0, 60 * WINDOWS, 30)
    enable("p", 1, deploy_histogram_data_drift_app=False)
    register_application(
        "p", "once", f"{Path(__file__).with_name('apps.py')}:Once", kwargs={"pause": 0.002}
    )
    close_stores()
    script = str(Path(__file__).with_name("killing.py"))
    done = subprocess.run(
        [sys.executable, script, "7", "2"],
        capture_output=True, text=True, timeout=120, env=environment, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["killed"] >= 2
    # some were killed after they had written numbers and before all were
    assert told["midway"] >= 1
    assert 0 < told["before"] < ENDPOINTS * WINDOWS
    assert told["changed"] == 0
    assert told["after"] == ENDPOINTS * WINDOWS
    store = open_store()
    tokens = {(row.endpoint, row.end): row.value for row in store.list_results("p", name="token")}
    told_of = {
        (one.body["endpoint"], one.body["end"]): one.value
        for one in store.list_happenings("p", limit=0)
        if one.kind == "data-drift-detected"
    }
    # written together, or not at all
    assert told_of == tokens
    windows = store.list_windows("p")
    assert len(windows) == ENDPOINTS * WINDOWS
    assert {row.state for _, _, row in windows} == {"done"}
    assert {cursor.done for cursor in store.read_cursors("p")} == {60.0 * WINDOWS}
