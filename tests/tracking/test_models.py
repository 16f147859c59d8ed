"""The model registry in both databases: numbers, aliases and stages change together or not."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mlrun_like.errors import ConflictError, StateError
from mlrun_like.tracking.abilities import AliasMove, ModelChange, ModelEvent, StageMove
from mlrun_like.tracking.full import FullStore


def model(tree: str) -> dict[str, Any]:
    metadata = {"key": "net", "project": "p", "tree": tree}
    return {"kind": "model", "metadata": metadata, "spec": {"db_key": "net"}}


def test_a_change_is_whole_or_nothing(store: FullStore) -> None:
    for tree in ("t1", "t2"):
        store.store_artifact(model(tree))
    first, second = store.model_versions("p", "net")
    assert (first.number, second.number, first.stage) == (1, 2, "none")
    event = ModelEvent(1, first.uid, "alias", 5.0, {"alias": "champion"})
    store.change_model(
        "p",
        "net",
        ModelChange(
            [AliasMove("champion", first.uid, "")],
            [StageMove(first.uid, "none", "staging")],
            [event],
            {first.uid: {"promotion": {"accepted": True}}},
        ),
    )
    found = store.read_artifact("p", "net", tag="champion")
    assert found["metadata"]["uid"] == first.uid and found["status"]["promotion"]["accepted"]
    assert store.read_artifact("p", "net")["metadata"]["uid"] == second.uid
    assert store.model_events("p") == [event]
    change = ModelChange(
        [AliasMove("champion", second.uid, first.uid)],
        [StageMove(second.uid, "staging", "production")],
        [event],
    )
    with pytest.raises(StateError, match="stage 'none' now"):
        store.change_model("p", "net", change)
    assert store.read_artifact("p", "net", tag="champion")["metadata"]["uid"] == first.uid
    assert len(store.model_events("p", "net")) == 1
    store.change_model("p", "net", ModelChange([AliasMove("champion", "")]))
    assert all("champion" not in one.tags for one in store.model_versions())


def test_of_many_one_gets_the_alias(store: FullStore) -> None:
    for number in range(6):
        store.store_artifact(model(f"t{number}"))
    uids = [one.uid for one in store.model_versions("p")]
    lost: list[ConflictError] = []

    def take(uid: str) -> None:
        try:
            store.change_model("p", "net", ModelChange([AliasMove("champion", uid, "")]))
        except ConflictError as exc:
            lost.append(exc)

    threads = [threading.Thread(target=take, args=(uid,)) for uid in uids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lost) == 5
    assert sum("champion" in one.tags for one in store.model_versions("p")) == 1
