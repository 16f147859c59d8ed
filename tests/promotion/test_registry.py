"""Versions, aliases and stages of logged models, and their audit trail."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.artifacts.models import load_model, update_model
from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError, StateError
from mlrun_like.promotion.registry import (
    alias_holder,
    find_version,
    history,
    load_version,
    model_versions,
    remove_alias,
    set_alias,
    set_stage,
    version_uri,
)
from mlrun_like.promotion.stages import STAGES, path_between
from mlrun_like.tracking.abilities import AliasMove, ModelChange
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.store import SqlStore


def test_versions_are_numbered_by_order_and_keep_their_numbers(
    log_model: Any, store: SqlStore
) -> None:
    assert model_versions("demo") == []
    models = [log_model() for _ in range(3)]
    other = log_model(key="other")
    found = model_versions("demo", "train_net")
    assert [one.number for one in found] == [1, 2, 3]
    assert [one.stage for one in found] == ["none"] * 3
    assert found[2].tags == ("latest",)
    assert model_versions("demo", "net") == found  # the key it was logged with
    assert find_version(other).number == 1
    store.delete_artifacts(ArtifactQuery(project="demo", tree=models[1].metadata.tree), hard=True)
    log_model()
    assert [one.number for one in model_versions("demo", "net")] == [1, 3, 4]
    update_model(models[2], metrics={"f1": 1.0})  # the same version, changed
    assert [one.number for one in model_versions("demo", "net")] == [1, 3, 4]


def test_a_number_of_the_last_version_is_not_given_again(log_model: Any, store: SqlStore) -> None:
    last = [log_model(), log_model()][-1]
    assert len(model_versions("demo")) == 2
    store.delete_artifacts(ArtifactQuery(project="demo", tree=last.metadata.tree), hard=True)
    log_model()
    assert [one.number for one in model_versions("demo")] == [1, 3]


def test_the_ways_to_name_a_version(log_model: Any) -> None:
    first, second = log_model(), log_model()
    set_alias(first, "champion")
    for name in (
        first,
        first.uri,
        "store://models/demo/train_net:champion",
        "demo/train_net:1",
        "demo/train_net:v1",
        "demo/net:champion",
        get_dataitem("store://models/demo/train_net:champion"),
        find_version(first),
    ):
        assert find_version(name).number == 1, name
    for name in ("demo/train_net", "demo/net:latest", "demo/train_net:2", second):
        assert find_version(name).number == 2, name
    assert version_uri(find_version("demo/net:1")) == first.uri
    assert load_version(find_version("demo/net:1")).uri == first.uri


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("demo/nett", "train_net"),
        ("demo/net:champoin", "champion"),
        ("demo/net:9", "versions 1 to 1"),
        ("demo/", "artifact key"),
        ("demo/../x", "allowed"),
        ("store://models/demo/none", "train_net"),
    ],
)
def test_what_is_not_there(log_model: Any, name: str, hint: str) -> None:
    set_alias(log_model(), "champion")
    with pytest.raises((NotFoundError, InvalidArgumentError), match=hint):
        find_version(name)


def test_only_models_have_versions(store: SqlStore) -> None:
    with ml.get_or_create_ctx("explore", project="demo") as context:
        note = context.log_artifact("note", body="hello")
    with pytest.raises(InvalidArgumentError, match="is not a model"):
        find_version(note)


def test_an_alias_has_one_holder_and_uris_follow_it(log_model: Any) -> None:
    first, second = log_model(good=False), log_model()
    uri = "store://models/demo/train_net:champion"
    with pytest.raises(NotFoundError):
        get_artifact(uri)
    set_alias(first, "champion", why="the first one")
    assert get_artifact(uri).metadata.tree == first.metadata.tree
    set_alias(second, "champion")
    assert get_artifact(uri).metadata.tree == second.metadata.tree
    assert load_model(uri).coef_.shape == (1, 2)
    holders = [one.number for one in model_versions("demo") if "champion" in one.tags]
    assert holders == [2]
    held = alias_holder("demo", "train_net", "champion")
    assert held is not None and held.number == 2
    trail = history("demo", "train_net")
    assert [(one.body["before"], one.body["after"]) for one in trail] == [(1, 2), (0, 1)]
    assert trail[1].body["why"] == "the first one" and trail[1].body["who"]
    assert remove_alias("demo", "train_net", "champion")
    assert not remove_alias("demo", "train_net", "champion")
    assert alias_holder("demo", "train_net", "champion") is None
    with pytest.raises(InvalidArgumentError, match="no alias"):
        set_alias(first, "latest")
    with pytest.raises(InvalidArgumentError, match="tag"):
        set_alias(first, "a/b")


def test_an_alias_given_when_logged_counts(log_model: Any) -> None:
    log_model(tag="champion")
    second = log_model()
    set_alias(second, "champion")
    assert [one.tags for one in model_versions("demo")] == [(), ("champion", "latest")]


def test_compare_and_set(log_model: Any, store: SqlStore) -> None:
    first, second, third = log_model(), log_model(), log_model()
    set_alias(first, "champion", expected=None)
    with pytest.raises(ConflictError, match="held by version 1 now"):
        set_alias(second, "champion", expected=None)
    with pytest.raises(ConflictError, match="not by version 2"):
        set_alias(third, "champion", expected=second)
    set_alias(second, "champion", expected=first)
    assert len(history("demo")) == 2  # what failed left no line
    with pytest.raises(NotFoundError):
        store.change_model("demo", "train_net", ModelChange([AliasMove("champion", "nobody")]))
    held = alias_holder("demo", "train_net", "champion")
    assert held is not None and held.number == 2


def test_of_threads_that_want_an_alias_one_gets_it(log_model: Any, store: SqlStore) -> None:
    models = [find_version(log_model()) for _ in range(8)]
    won: list[int] = []
    lost: list[ConflictError] = []

    def take(number: int) -> None:
        try:
            set_alias(models[number], "champion", expected=None, store=store)
            won.append(number)
        except ConflictError as exc:
            lost.append(exc)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and len(lost) == 7
    assert len(history("demo")) == 1


def test_stages_are_a_state_machine(log_model: Any, store: SqlStore) -> None:
    model = log_model()
    with pytest.raises(StateError, match="staging, archived"):
        set_stage(model, "production")
    assert set_stage(model, "staging", why="looks good").stage == "staging"
    before = find_version(model)
    assert set_stage(model, "production").stage == "production"
    with pytest.raises(StateError, match="'production' now"):
        set_stage(before, "none")  # somebody else was faster
    assert set_stage(model, "production").stage == "production"
    with pytest.raises(InvalidArgumentError, match="prodction"):
        set_stage(model, "prodction")
    lines = [(one.body["before"], one.body["after"]) for one in history("demo")]
    assert lines == [("staging", "production"), ("none", "staging")]
    for start in STAGES:
        for end in STAGES:
            path = [start, *path_between(start, end)]
            assert path[-1] == end
            assert all(b in STAGES[a] for a, b in itertools.pairwise(path))


def test_the_same_key_in_runs_of_two_names(store: SqlStore, log_model: Any) -> None:
    log_model()
    with ml.get_or_create_ctx("tune", project="demo") as context:
        context.log_model("net", body=b"1", model_file="net.json")
    with pytest.raises(InvalidArgumentError, match="train_net, tune_net"):
        find_version("demo/net")
    assert find_version("demo/tune_net").number == 1
