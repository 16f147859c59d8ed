"""Operations that are joined before they are written do what each of them would have done."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mlrun_like.specs.run import TRANSITIONS
from mlrun_like.tracking.batches import coalesce
from mlrun_like.tracking.connect import open_database
from mlrun_like.tracking.documents import run_row

STATES = list(TRANSITIONS)


def _run(uid: str, state: str, step: int) -> dict[str, Any]:
    return {
        "metadata": {"project": "p", "uid": uid, "labels": {"step": str(step)}},
        "status": {"state": state, "results": {f"r{step}": step}},
    }


@pytest.mark.parametrize("seed", range(60))
def test_records_of_one_run_are_joined(home: Any, seed: int) -> None:
    chance = random.Random(seed)
    store = open_database()
    states = [chance.choice(STATES) for _ in range(chance.randint(2, 5))]
    recorded, *rest = states
    found = {}
    for uid in ("alone", "together"):
        if seed % 3:
            store.store_run(_run(uid, recorded, 0))
        rows = [_run(uid, state, number) for number, state in enumerate(rest, 1)]
        for row in rows:
            store.store_run(row, wait=uid == "alone")
        if uid == "together":
            store.writer.settle()
        found[uid] = store.read_run("p", uid)
    assert found["together"]["status"]["state"] == found["alone"]["status"]["state"], states
    assert found["together"]["status"]["results"] == found["alone"]["status"]["results"], states
    assert found["together"]["metadata"]["labels"] == found["alone"]["metadata"]["labels"], states


def test_one_record_is_written_for_a_short_run() -> None:
    rows = [run_row(_run("u", state, 1)) for state in ("created", "running", "completed")]
    [(kind, row)] = coalesce([("run", row) for row in rows])
    assert (kind, row["state"]) == ("run", "completed")
    assert [item["state"] for item in row["passed"]] == ["created", "running"]


def test_what_may_change_a_run_between_stays_between() -> None:
    row = run_row(_run("u", "running", 1))
    state = {"project": "p", "uid": "u", "iteration": 0, "state": "aborting", "error": ""}
    kinds = [kind for kind, _ in coalesce([("run", row), ("state", state), ("run", row)])]
    assert kinds == ["run", "state", "run"]
