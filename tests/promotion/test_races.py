"""Several processes that promote at the same moment, and one that is killed while it does."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.promotion.promote import promote
from mlrun_like.promotion.registry import find_version, history, model_versions
from mlrun_like.promotion.rollback import rollback
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.full import FullStore
from tests.servers import postgres_server

KEY = "train_net"


@pytest.fixture(scope="session")
def database() -> Iterator[Any]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[FullStore]:
    """In place of the one of conftest.py: both kinds of stores."""
    if request.param == "sqlite":
        yield open_store()
    else:
        url = request.getfixturevalue("database").new_database()
        with config.override(dbpath=url):
            yield open_store()
            close_stores()
        return
    close_stores()


def _start(store: FullStore, home: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "MLRUN_LIKE_HOME": str(home), "MLRUN_LIKE_DBPATH": config.dbpath}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={name: value for name, value in environment.items() if value},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


_BOTH = """
import sys, time
from pathlib import Path
from mlrun_like.errors import ConflictError
from mlrun_like.promotion.promote import promote

me, folder = sys.argv[1], Path(sys.argv[2])

def both_are_there(case):
    (folder / me).touch()
    end = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2 and time.monotonic() < end:
        time.sleep(0.001)
    return True

try:
    promote(f"demo/net:{me}", gates=[both_are_there], why=f"process {me}")
    print("won")
except ConflictError as exc:
    print("lost", exc)
"""


@pytest.mark.slow
def test_of_two_processes_that_promote_one_wins(
    store: FullStore, log_model: Any, home: Path, tmp_path: Path
) -> None:
    for _ in range(3):
        log_model()
    promote("demo/net:1")
    folder = tmp_path / "there"
    folder.mkdir()
    racing = [_start(store, home, _BOTH, str(number), str(folder)) for number in (2, 3)]
    said = []
    for process in racing:
        out, error = process.communicate(timeout=90)
        assert process.returncode == 0, error
        said.append(out)
    assert sorted(text.split()[0] for text in said) == ["lost", "won"], said
    winner = 2 if said[0].startswith("won") else 3
    assert f"is held by version {winner} now, not by version 1" in "".join(said)
    _check(store)
    assert find_version("demo/net:champion").number == winner
    assert [e.number for e in history("demo", KEY) if e.action == "promote"] == [winner, 1]
    assert rollback("demo", KEY).number == 1


_FOREVER = """
import itertools
from mlrun_like.promotion.promote import promote

for number in itertools.cycle((2, 3, 1)):
    promote(f"demo/net:{number}", gates=["auc > 0"])
    print(number, flush=True)
"""


@pytest.mark.slow
def test_a_process_killed_while_it_promotes_leaves_no_half(
    store: FullStore, log_model: Any, home: Path
) -> None:
    for _ in range(3):
        log_model()
    promote("demo/net:1")
    draw = random.Random(5)
    for _ in range(2):
        with _start(store, home, _FOREVER) as process:
            try:
                assert process.stdout is not None and process.stderr is not None
                assert process.stdout.readline().strip() == "2", process.stderr.read()
                time.sleep(draw.random() * 0.3)  # any moment will do
            finally:
                process.kill()
        _check(store)
        promote("demo/net:1")  # the next one goes on as if nothing had happened
        _check(store)


def _check(store: FullStore) -> None:
    """Alias, stages and audit trail say the same."""
    versions = model_versions("demo", KEY, store=store)
    champions = [one for one in versions if "champion" in one.tags]
    assert len(champions) == 1, versions
    serving = [one.number for one in versions if one.stage == "production"]
    assert serving == [champions[0].number], versions
    trail = history("demo", KEY, store=store)
    moved = next(event for event in trail if event.body.get("alias") == "champion")
    assert moved.body["after"] == champions[0].number
    stages = dict.fromkeys((one.number for one in versions), "none")
    for event in reversed(trail):
        if event.action == "stage":
            assert event.body["before"] == stages[event.number], event
            stages[event.number] = event.body["after"]
    assert stages == {one.number: one.stage for one in versions}
