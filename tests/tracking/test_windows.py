"""Leases, cursors and results of monitoring applications."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace

import pytest

from mlrun_like.errors import SpecError
from mlrun_like.tracking.alert_abilities import Happening
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.window_abilities import (
    ResultRow,
    WindowCommit,
    WindowCursor,
    WindowRow,
    WindowStore,
)

CURSOR = WindowCursor("p", "e", "app", 60.0)
ROW = ResultRow("p", "e", "app", "drift", "result", 0.0, 60.0, 0.5, "data_drift", 1, {"a": [1]})
METRIC = ResultRow("p", "e", "app", "rows", "metric", 0.0, 60.0, 7.0)
HAPPENING = Happening("id1", "p", "result", "model-endpoint-result", "e.app", 60.0, 0.5)
COMMIT = WindowCommit(
    CURSOR,
    None,
    [WindowRow(0.0, 60.0, "done", 5, 1)],
    [ROW, METRIC],
    {"now": {"x": 1}},
    [HAPPENING],
)


def test_all_of_a_commit_or_nothing(store: FullStore) -> None:
    assert isinstance(store, WindowStore)
    assert store.commit_windows([]) == []
    assert store.commit_windows([COMMIT]) == [True]
    # another controller did the same window, with other numbers
    other = replace(
        COMMIT,
        results=[ROW._replace(value=9.0)],
        happenings=[replace(HAPPENING, id="id2")],
        stats={"now": {"x": 2}},
    )
    assert store.commit_windows([other]) == [False]
    assert store.list_results("p") == [ROW, METRIC]
    assert store.read_cursors("p") == [CURSOR]
    assert store.list_windows("p") == [("e", "app", WindowRow(0.0, 60.0, "done", 5, 1))]
    assert store.read_window_stats("p", "e") == {"now": (60.0, {"x": 1})}
    assert [one.id for one in store.list_happenings("p")] == ["id1"]


def test_the_cursor_must_stand_where_it_was_read(store: FullStore) -> None:
    store.commit_windows([COMMIT])
    moved = replace(COMMIT, cursor=CURSOR._replace(done=120.0), before=60.0, windows=[])
    assert store.commit_windows([moved, moved]) == [True, False]
    stale = replace(moved, cursor=CURSOR._replace(done=180.0), before=60.0)
    assert store.commit_windows([stale]) == [False]
    assert store.read_cursors()[0].done == 120.0


def test_a_commit_that_cannot_be_written_changes_nothing(store: FullStore) -> None:
    bad = replace(COMMIT, cursor=CURSOR._replace(endpoint="f"), stats={"now": {"x": object()}})
    with pytest.raises(SpecError):
        store.commit_windows([COMMIT, bad])
    assert store.list_results("p") == []
    assert store.read_cursors() == []


def test_many_at_once_have_one_winner(store: FullStore) -> None:
    answers: list[bool] = []
    gate = threading.Barrier(6)

    def work(number: int) -> None:
        gate.wait()
        one = replace(COMMIT, results=[ROW._replace(value=float(number))], happenings=[])
        answers.extend(store.commit_windows([one]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 5 + [True]


def test_numbers_by_filter(store: FullStore) -> None:
    rows = [
        ROW._replace(endpoint=endpoint, start=60.0 * k, end=60.0 * k + 60, status=k % 3)
        for endpoint in ("e", "f")
        for k in range(6)
    ]
    commit = replace(COMMIT, results=[*rows, METRIC._replace(value=math.nan)])
    store.commit_windows([commit])
    assert len(store.list_results("p")) == 13
    assert [one.end for one in store.list_results("p", "e", name="drift")] == [
        60.0 * k for k in range(1, 7)
    ]
    assert len(store.list_results("p", start=60.0, end=180.0)) == 4
    assert {one.status for one in store.list_results("p", min_status=2)} == {2}
    assert [one.end for one in store.list_results("p", "f", limit=2)] == [300.0, 360.0]
    [metric] = store.list_results("p", type="metric")
    assert math.isnan(metric.value)
    latest = {(one.endpoint, one.name): one.end for one in store.latest_results("p")}
    assert latest == {("e", "drift"): 360.0, ("e", "rows"): 60.0, ("f", "drift"): 360.0}
    assert store.list_results("other") == []


def test_numbers_made_anew_stay_one_row(store: FullStore) -> None:
    store.commit_windows([COMMIT])
    store.replace_results("p", [METRIC._replace(value=8.0)])
    [metric] = store.list_results("p", name="rows")
    assert metric.value == 8.0


def test_forgetting(store: FullStore) -> None:
    store.commit_windows([COMMIT])
    assert store.delete_results("p", before=60.0) == 0
    assert store.delete_results("p", before=61.0) == 2
    assert store.read_cursors("p")  # what is done stays done
    store.replace_results("p", [ROW])
    assert store.forget_application("p", "app") == 1
    assert store.read_cursors("p") == []
    store.commit_windows([COMMIT])
    assert store.delete_results("p", "e") == 2
    assert store.read_window_stats("p", "e") == {}


def test_a_lease_from_before_the_clock_was_set_back_is_none(store: FullStore) -> None:
    assert store.claim_leases(["a"], "dead", 3700)
    assert store.claim_leases(["a"], "me", 60) == {"a"}
    assert store.claim_leases(["a"], "you", 60) == set()
    assert store.claim_leases(["b"], "slow", 1800) == {"b"}
    assert store.claim_leases(["b"], "you", 60) == set()


def test_leases(store: FullStore) -> None:
    assert store.claim_leases([], "me", 9) == set()
    assert store.claim_leases(["a", "b"], "me", 60) == {"a", "b"}
    assert store.claim_leases(["b", "c"], "you", 60) == {"c"}
    assert store.claim_leases(["a"], "me", 60) == {"a"}  # prolonged
    assert {name: owner for name, (owner, _) in store.read_leases().items()} == {
        "a": "me", "b": "me", "c": "you",
    }  # fmt: skip
    store.release_leases(["a", "c"], "me")
    assert set(store.read_leases()) == {"b", "c"}
    assert 0 < store.read_leases("b")["b"][1] <= 60
    store.claim_leases(["d"], "me", 0.05)
    time.sleep(0.1)
    assert "d" not in store.read_leases()
    assert store.claim_leases(["d"], "you", 60) == {"d"}
