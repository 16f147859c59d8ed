"""The event log and alerts in SQLite and PostgreSQL: once, in order, one owner at a time."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from mlrun_like.errors import ConflictError, SpecError
from mlrun_like.tracking.alert_abilities import (
    Activation,
    ActivationFilter,
    AlertChange,
    AlertCursor,
    AlertLine,
    Happening,
    Letter,
)
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.schema_alerts import insert_happenings
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.transaction import Transaction


def happening(number: int, project: str = "p", **given: object) -> Happening:
    """One that happened at the time of its number."""
    row = Happening(f"{project}-{number}", project, "a_kind", "job", "train", float(number))
    return replace(row, **given)  # type: ignore[arg-type]


def test_the_log_keeps_order_and_takes_nothing_twice(store: FullStore) -> None:
    store.append_happenings([happening(n, value=float("nan") if n else 1.5) for n in range(3)])
    store.append_happenings([happening(1, body={"late": True}), happening(3, "q")])
    store.append_happenings([])
    found = store.list_happenings("p")
    assert [row.id for row in found] == ["p-0", "p-1", "p-2"]
    assert [row.value for row in found] == [1.5, None, None]
    assert (found[0].kind, found[1].body) == ("a-kind", {})
    assert [row.seq for row in found] == sorted(row.seq for row in found)
    assert [row.id for row in store.list_happenings("p", found[0].seq, 1)] == ["p-1"]
    assert store.list_happenings("p", kinds=["a_kind"], start=1, end=1)[0].id == "p-1"
    assert store.list_happenings("p", entity_id="other") == []
    with pytest.raises(SpecError):
        store.append_happenings([happening(9, body={"x": object()})])


def test_inside_another_transaction_it_is_all_or_nothing(sql_store: SqlStore) -> None:
    def act(tx: Transaction) -> None:
        insert_happenings(tx, [happening(1)])
        raise ConflictError("half-way")

    with pytest.raises(ConflictError):
        sql_store.writer.transact(act)
    assert sql_store.list_happenings("p") == []


def test_readers_behind_many_writers_miss_nothing(store: FullStore) -> None:
    def write(part: int) -> None:
        for number in range(20):
            store.append_happenings([happening(part * 100 + number)])

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    seen: list[str] = []
    position = 0
    while any(thread.is_alive() for thread in threads) or store.list_happenings("p", position, 1):
        for row in store.list_happenings("p", position):
            seen.append(row.id)
            position = row.seq
    assert len(seen) == len(set(seen)) == 80


def test_a_change_is_made_from_what_is_there(store: FullStore) -> None:
    assert store.alert_cursor("p") == AlertCursor(0, 0, {})
    incident = Activation("p", 1, "a", "job", "train", "low", "open", 5.0, 5.0, None, {"x": 1})
    change = AlertChange(
        expected=0,
        position=7,
        body={"n": 1},
        documents={("config", "a"): {"v": 1}, ("state", "a"): {}},
        activations=[incident],
        lines=[AlertLine(1, 5.0, "opened", {"why": "x"})],
        letters=[Letter("k", "p", 1, "notification", "waiting", 6.0)],
        happenings=[happening(1)],
    )
    store.commit_alerts("p", change)
    with pytest.raises(ConflictError):
        store.commit_alerts("p", replace(change, position=9))
    assert store.alert_cursor("p") == AlertCursor(7, 1, {"n": 1})
    ended = replace(incident, state="resolved", resolved=9.0)
    store.commit_alerts(
        "p", replace(change, expected=1, activations=[ended], documents={("config", "a"): None})
    )
    assert store.list_activations("p", ActivationFilter()) == [ended]
    assert store.alert_documents("p", "config") == {}
    assert store.alert_documents("*", "state") == {"p/a": {}}
    assert len(store.alert_lines("p", 1)) == 2
    assert len(store.alert_letters("p")) == 1
    assert store.alert_projects() == ["p"]
    store.commit_alerts("p", AlertChange())  # whatever it is now
    assert store.alert_cursor("p") == AlertCursor(7, 3, {"n": 1})


def test_letters_have_one_owner_at_a_time(store: FullStore) -> None:
    letters = [Letter(f"k{n}", "p", 1, "notification", "waiting", float(n)) for n in range(30)]
    store.commit_alerts("p", AlertChange(letters=letters))
    taken: list[str] = []

    def take(owner: str) -> None:
        while found := store.claim_letters("p", 100.0, 200.0, owner, 3):
            taken.extend(item.id for item in found)

    threads = [threading.Thread(target=take, args=(f"o{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(item.id for item in letters)
    (again,) = store.claim_letters("p", 201.0, 300.0, "late", 1)
    assert again.attempts == 2
    assert not store.settle_letter(replace(again, state="sent"), "o1", [])
    assert store.settle_letter(replace(again, state="sent"), "late", [AlertLine(1, 1.0, "n", {})])
    assert not store.settle_letter(replace(again, state="sent"), "late", [])
    assert len(store.alert_letters("p", 1, "waiting")) == 29
    assert len(store.alert_lines("p", 1)) == 1


def test_a_delivery_held_since_before_the_clock_was_set_back_is_free(store: FullStore) -> None:
    store.commit_alerts("p", AlertChange(letters=[Letter("k", "p", 1, "action", "waiting", 0.0)]))
    assert store.claim_letters("p", 9000.0, 9180.0, "dead", 5)
    assert not store.claim_letters("p", 9100.0, 9280.0, "me", 5)
    (free,) = store.claim_letters("p", 5400.0, 5580.0, "me", 5)
    assert free.attempts == 2


def test_what_is_old_is_forgotten_and_a_project_takes_all_with_it(store: FullStore) -> None:
    old = Activation("p", 1, "a", "job", "x", "low", "resolved", 1.0, 2.0, 2.0)
    going_on = replace(old, number=2, state="open", resolved=None)
    store.commit_alerts(
        "p",
        AlertChange(
            activations=[old, going_on],
            lines=[AlertLine(1, 1.0, "n", {}), AlertLine(2, 1.0, "n", {})],
            letters=[Letter("k", "p", 1, "notification", "sent", 1.0)],
            happenings=[happening(1), happening(50)],
        ),
    )
    assert store.delete_happenings("p", 10.0) == 2
    assert [row.number for row in store.list_activations("p", ActivationFilter())] == [2]
    assert (store.alert_lines("p", 1), store.alert_letters("p")) == ([], [])
    assert len(store.list_happenings("p")) == 1
    store.delete_project("p")
    assert store.list_happenings("p") == []
    assert store.list_activations("*", ActivationFilter()) == []
    assert store.alert_cursor("p").version == 0


def test_runs_as_alerts_see_them(store: FullStore) -> None:
    assert store.newest_run_change("p") == 0.0
    for number, state in enumerate(["running", "error"]):
        meta = {"name": "train", "uid": f"u{number}", "project": "p", "iteration": 0}
        labels = {"kind": "pipeline"} if number else {}
        status = {"state": state, "error": "boom" if number else ""}
        store.store_run({"metadata": {**meta, "labels": labels}, "status": status})
    found = store.changed_runs("p", 0.0, 10)
    assert [(row.uid, row.kind, row.state, row.error) for row in found] == [
        ("u0", "", "running", ""),
        ("u1", "pipeline", "error", "boom"),
    ]
    assert store.newest_run_change("p") == found[1].updated
    assert store.changed_runs("p", found[1].updated, 10) == []
    (busy,) = store.busy_runs("p")
    store.append_log("p", "u0", b"at work")
    (later,) = store.busy_runs("p")
    assert (busy.uid, busy.work != later.work) == ("u0", True)
    assert store.busy_runs("q") == []
