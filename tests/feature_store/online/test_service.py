"""OnlineVectorService: vectors as MLRun answers them."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import IntegrityError, InvalidArgumentError, InvalidTypeError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Entity, Feature
from mlrun_like.feature_store.definitions.join_graph import JoinGraph
from mlrun_like.feature_store.definitions.target_spec import DataTargetBase
from mlrun_like.feature_store.online import open_online
from mlrun_like.feature_store.online.api import get_online_feature_service
from mlrun_like.feature_store.online.places import online_place
from mlrun_like.feature_store.online.quick import NOTHING, quick_getters
from mlrun_like.feature_store.online.reading import Damage
from mlrun_like.feature_store.online.service import OnlineVectorService
from mlrun_like.feature_store.online.writing import OnlineWriter
from mlrun_like.feature_store.targets.writing import WriteJob
from mlrun_like.feature_store.windows.states import encode
from mlrun_like.serving.steps.aggregate_field import aggregators_of
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.windows import FixedWindowType
from tests.feature_store.online.conftest import store_url

NOW = pd.Timestamp("2024-05-06 12:00", tz="UTC")


def feature_set(name: str, url: str, entities: Mapping[str, str], **features: str) -> FeatureSet:
    made = FeatureSet(name, entities=[Entity(key, kind) for key, kind in entities.items()])
    made.metadata.project = "p"
    for column, kind in features.items():
        made.add_feature(Feature(kind, name=column))
    made.spec.targets = [DataTargetBase("nosql", path=url)]
    return made


def write(
    made: FeatureSet, rows: list[dict[str, Any]], feed: str = "f", **options: Any
) -> OnlineWriter:
    place = online_place(made)
    store = open_online(place.url)
    writer = OnlineWriter(store, WriteJob.of(made, feed, live=True, **options), place.namespace)
    if rows:
        writer.write(pd.DataFrame(rows))
    writer.commit("1")
    return writer


@pytest.fixture(params=["memory", "sqlite", "redis"])
def sets(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, FeatureSet]]:
    url = store_url(request, tmp_path)
    with open_online(url) as store:
        store.purge(b"")
    users = feature_set("users", url, {"user": "str"}, age="int64", vip="bool", shop="int64")
    shops = feature_set("shops", url, {"shop_id": "int64"}, city="str", score="float")
    pairs = feature_set("pairs", url, {"user": "str", "shop_id": "int64"}, visits="int64")
    users.spec.relations = {"shop": "shop_id"}
    write(users, [
        {"user": "ann", "age": 31, "vip": True, "shop": 7},
        {"user": "zero", "age": 0, "vip": False, "shop": None},
        {"user": "it's \x00 \N{SNOWMAN}", "age": 5, "vip": None, "shop": 8},
    ])  # fmt: skip
    write(shops, [
        {"shop_id": 7, "city": "Oslo", "score": 0.5},
        {"shop_id": 8, "city": "", "score": float("inf")},
    ])  # fmt: skip
    write(pairs, [{"user": "ann", "shop_id": 8, "visits": 3}])
    yield {"users": users, "shops": shops, "pairs": pairs}


def service(
    sets: Mapping[str, FeatureSet], features: list[str], label: str | None = None, **options: Any
) -> OnlineVectorService:
    vector = FeatureVector("v", features, label)
    vector.metadata.project = "p"
    return get_online_feature_service(vector, store=sets, **options)


def test_dictionaries_and_lists(sets: dict[str, FeatureSet]) -> None:
    with service(sets, ["users.vip as gold", "users.age"]) as svc:
        assert (svc.entities, svc.features, svc.status) == (["user"], ["gold", "age"], "ready")
        assert svc.get([{"user": "ann"}]) == [{"gold": True, "age": 31}]
        assert svc.get({"user": "ann"}, as_list=True) == [[True, 31]]
        assert svc.get([["ann"], ("nobody",), ["zero"]]) == [
            {"gold": True, "age": 31}, None, {"gold": False, "age": 0},
        ]  # fmt: skip
        assert svc.get([["nobody"], ["zero"]], as_list=True) == [None, [False, 0]]
        assert svc.get([{"user": "it's \x00 \N{SNOWMAN}"}]) == [{"gold": None, "age": 5}]
        assert svc.get([{"user": None}, {"user": float("nan")}]) == [None, None]
        assert asyncio.run(svc.get_async([{"user": "ann"}], True)) == [[True, 31]]
        assert list(svc.get([{"user": "ann"}])[0]) == ["gold", "age"]
    assert svc.status == "closed"
    svc.initialize()
    assert svc.get([["ann"]]) == [{"gold": True, "age": 31}]


def test_sets_of_different_entities(sets: dict[str, FeatureSet]) -> None:
    svc = service(
        sets, ["shops.city", "users.age", "pairs.visits"], entity_keys=["user", "shop_id"]
    )
    assert svc.entities == ["user", "shop_id"]
    assert svc.get([{"user": "ann", "shop_id": 8}, ["ann", 7.0], ["nobody", 9]]) == [
        {"city": "", "age": 31, "visits": 3},
        {"city": "Oslo", "age": 31, "visits": None},
        None,
    ]
    assert svc.get([{"user": "ann", "shop_id": None}]) == [
        {"city": None, "age": 31, "visits": None}
    ]


@pytest.mark.parametrize("order", [["users.age", "shops.city"], ["shops.city", "users.age"]])
def test_keys_in_the_rows_of_other_sets(sets: dict[str, FeatureSet], order: list[str]) -> None:
    svc = service(sets, order, entity_keys=["user"])
    assert svc.entities == ["user"]
    assert svc.get([["ann"], ["zero"], ["nobody"]]) == [
        {"city": "Oslo", "age": 31}, {"city": None, "age": 0}, None,
    ]  # fmt: skip


def test_relations_need_no_entity_keys(sets: dict[str, FeatureSet]) -> None:
    svc = service(sets, ["users.age", "shops.city", "pairs.visits"])
    assert svc.entities == ["user"]
    assert svc.get([["ann"]]) == [{"age": 31, "city": "Oslo", "visits": None}]


def test_the_label_is_no_part_of_lists(sets: dict[str, FeatureSet]) -> None:
    svc = service(sets, ["users.age"], "users.vip")
    assert svc.features == ["age"]
    assert svc.get([["ann"]], as_list=True) == [[31]]
    assert svc.get([["ann"]])[0]["age"] == 31


def test_a_set_that_has_the_label_only_is_not_read(sets: dict[str, FeatureSet]) -> None:
    sets["pairs"].spec.targets = [DataTargetBase("parquet", path="x")]
    sets["shops"].spec.targets = []
    svc = service(sets, ["users.age", "users.vip"], "pairs.visits")
    assert (svc.entities, svc.features) == (["user"], ["age", "vip"])
    assert svc.describe()["label"] == "visits"
    assert svc.get([["ann"]]) == [{"age": 31, "vip": True}]
    assert svc.get([["ann"]], as_list=True) == [[31, True]]
    both = service(sets, ["users.age", "users.vip"], "users.vip")
    assert both.get([["ann"]]) == [{"age": 31, "vip": True}]
    assert both.get([["ann"]], as_list=True) == [[31]]
    with pytest.raises(InvalidArgumentError, match="no online target"):
        service(sets, ["users.age", "shops.city"], "pairs.visits")


def test_a_set_that_only_joins_rows_offline_is_not_read(sets: dict[str, FeatureSet]) -> None:
    sets["pairs"].spec.targets = []
    graph = JoinGraph(first_feature_set="pairs").left("users")
    vector = FeatureVector("v", ["users.age"], join_graph=graph)
    svc = get_online_feature_service(vector, store=sets)
    assert svc.get([{"user": "ann"}]) == [{"age": 31}]


def test_indexes_are_part_if_the_vector_says(sets: dict[str, FeatureSet]) -> None:
    vector = FeatureVector("v", ["users.age"], with_indexes=True)
    svc = get_online_feature_service(vector, store=sets)
    assert svc.get([["ann"]]) == [{"user": "ann", "age": 31}]


def test_imputing(sets: dict[str, FeatureSet]) -> None:
    sets["users"].status.stats = {"age": {"mean": 20.5, "50%": 20.0}, "vip": {"top": "x"}}
    svc = service(sets, ["users.age", "users.vip"], impute_policy={"*": "$mean", "vip": False})
    assert svc.get([["it's \x00 \N{SNOWMAN}"], ["zero"], ["nobody"]]) == [
        {"age": 5, "vip": False}, {"age": 0, "vip": False}, None,
    ]  # fmt: skip
    svc = service(sets, ["users.age", "shops.score"], impute_policy={"score": -1, "age": "$50%"})
    assert svc.get([["it's \x00 \N{SNOWMAN}"]]) == [{"age": 5, "score": -1}]


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"agee": 1}, "agee in impute_policy but not in feature vector.*Did you mean 'age'"),
        ({"age": "$men"}, "no statistic 'men'.*Did you mean 'mean'"),
        ({"vip": "$mean"}, "no statistic 'mean' of feature 'vip'"),
        ([1], "not a dictionary"),
    ],
)
def test_wrong_policies(sets: dict[str, FeatureSet], policy: Any, problem: str) -> None:
    sets["users"].status.stats = {"age": {"mean": 20.5}}
    with pytest.raises(InvalidArgumentError, match=f"(?s){problem}"):
        service(sets, ["users.age", "users.vip"], impute_policy=policy)


@pytest.mark.parametrize(
    ("rows", "kind", "problem"),
    [
        ([], InvalidTypeError, "no entities"),
        (None, InvalidTypeError, "NoneType"),
        ("ann", InvalidTypeError, "str"),
        ([5], InvalidTypeError, "neither a dictionary nor a list"),
        ([["a", "b"]], InvalidArgumentError, "same size as the entities: 1"),
        ([{"usr": "ann"}], InvalidArgumentError, "no 'user'.*'usr' is no entity"),
        ([{"user": "a"}, {}], InvalidArgumentError, "no 'user'"),
    ],
)
def test_wrong_rows(
    sets: dict[str, FeatureSet], rows: Any, kind: type[Exception], problem: str
) -> None:
    with pytest.raises(kind, match=f"(?s){problem}"):
        service(sets, ["users.age"]).get(rows)


def test_wrong_entity_keys(sets: dict[str, FeatureSet]) -> None:
    with pytest.raises(InvalidArgumentError, match="Did you mean 'user'"):
        service(sets, ["users.age"], entity_keys=["usr"])
    with pytest.raises(InvalidArgumentError, match="entity_keys must have 'user'"):
        service(sets, ["users.age", "shops.city"], entity_keys=["shop_id"])


def test_no_online_target(sets: dict[str, FeatureSet]) -> None:
    sets["users"].spec.targets = [DataTargetBase("parquet", path="x")]
    with pytest.raises(InvalidArgumentError, match=r"(?s)no online target.*set_targets"):
        service(sets, ["users.age"])
    with pytest.raises(InvalidTypeError, match="not a feature vector"):
        get_online_feature_service(5)


def test_a_column_that_rows_lack(sets: dict[str, FeatureSet]) -> None:
    sets["users"].add_feature(Feature("float", name="later"))
    svc = service(sets, ["users.age", "users.later"])
    assert svc.get([["ann"]]) == [{"age": 31, "later": None}]
    assert service(sets, ["users.later"]).get([["ann"]]) == [{"later": None}]


def test_damaged_rows_do_not_stop_others(sets: dict[str, FeatureSet]) -> None:
    store = open_online(online_place(sets["users"]).url)
    store.delete([b"v1:p/users:zero"])
    store.write([(b"v1:p/users:zero", b"\x01" + b"\xff" * 40, 0)])
    svc = service(sets, ["users.age", "users.vip"])
    with pytest.raises(IntegrityError, match=r"(?s)set 'users', user='zero'.*ingest"):
        svc.get([["zero"]])
    ann, zero = svc.read([["ann"], ["zero"]])
    assert ann == {"age": 31, "vip": True}
    assert type(zero) is Damage
    with pytest.raises(IntegrityError, match=r"(?s)set 'users', user='zero'"):
        svc.get([["ann"], ["zero"]])
    assert svc.get([["ann"]]) == [ann]


def test_values_hold_for_their_ttl(sets: dict[str, FeatureSet]) -> None:
    users = sets["users"]
    users.spec.timestamp_key, users.spec.ttl = "at", "1h"
    now = pd.Timestamp.now("UTC")
    write(users, [{"user": "t", "age": 1, "vip": True, "shop": 1, "at": now}], "t")
    svc = service(sets, ["users.age"])
    assert svc.get([["t"]]) == [{"age": 1}]
    later = (now + pd.Timedelta("61min")).to_pydatetime()
    assert svc.get([["t"]], at=later) == [None]
    assert svc.get([["t"]], at=now.timestamp() + 3500) == [{"age": 1}]
    assert svc.get([["t"]], at=later.isoformat()) == [None]
    with pytest.raises(InvalidArgumentError, match="not a time"):
        svc.get([["t"]], at="now")
    with pytest.raises(InvalidTypeError, match="no moment"):
        svc.get([["t"]], at=[])  # type: ignore[arg-type]


@pytest.mark.parametrize("period", ["10m", None])
def test_windows_are_rolled_to_the_moment(sets: dict[str, FeatureSet], period: str | None) -> None:
    users = sets["users"]
    users.add_aggregation("age", ["count", "max"], ["1h"], period, name="seen")
    (aggregation,) = users.aggregations()
    aggregation.pop("step")
    (aggregator,) = aggregators_of([aggregation])
    state = WindowState(aggregator.layout())
    millis = NOW.timestamp() * 1000
    for minute, value in ((5, 3.0), (10, 4.0)):
        state.add(millis + minute * 60_000, value)
    writer = write(users, [{"user": "w", "age": 1, "vip": None, "shop": None,
                            "seen_count_1h": 2.0, "seen_max_1h": 4.0}], "w")  # fmt: skip
    features = ["users.seen_count_1h", "users.age", "users.seen_max_1h as most"]
    kind = FixedWindowType.CurrentOpenWindow
    svc = service(sets, features, fixed_window_type=kind)
    day = (NOW + pd.Timedelta("1D")).to_pydatetime()
    assert svc.get([["w"]], at=day) == [{"seen_count_1h": 2, "age": 1, "most": 4}]  # none stored
    writer.write_windows({("w",): encode([state])})
    writer.commit("2")
    at = (NOW + pd.Timedelta("11min")).to_pydatetime()
    assert svc.get([["w"]], at=at) == [{"seen_count_1h": 2, "age": 1, "most": 4}]
    assert svc.get([["w"], ["nobody"]], at=day) == [
        {"seen_count_1h": 0, "age": 1, "most": None}, None,
    ]  # fmt: skip
    assert svc.get([["w"]]) == [{"seen_count_1h": 0, "age": 1, "most": None}]
    if period is None:  # fixed: the hour before had none
        assert service(sets, features).get([["w"]], at=at)[0]["seen_count_1h"] == 0
        assert service(sets, features).get([["w"]], at=NOW.timestamp() + 3700)[0]["most"] == 4


def test_statistics_of_the_sets(sets: dict[str, FeatureSet]) -> None:
    sets["users"].status.stats = {"age": {"mean": 20.5}}
    svc = service(sets, ["users.age as years"], update_stats=True, impute_policy={"*": "$mean"})
    assert svc.vector.status.stats == {"years": {"mean": 20.5}}
    told = svc.describe()
    assert told["entities"] == [{"name": "user", "value_type": "str"}]
    assert told["features"] == [{"name": "years", "value_type": "int64"}]


def test_many_threads_see_whole_vectors(sets: dict[str, FeatureSet]) -> None:
    svc = service(
        sets, ["users.age", "shops.city", "pairs.visits"], entity_keys=["user", "shop_id"]
    )
    row = {"age": 31, "city": "", "visits": 3}
    problems: list[object] = []

    def ask() -> None:
        for _ in range(60):
            found = svc.get([{"user": "ann", "shop_id": 8}, {"user": "x", "shop_id": 99}])
            if found != [row, None]:
                problems.append(found)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []


def test_hundreds_of_keys_in_one_request(sets: dict[str, FeatureSet]) -> None:
    write(sets["users"], [{"user": f"u{n}", "age": n, "vip": True, "shop": 7} for n in range(700)])
    svc = service(sets, ["users.age", "shops.city"])
    found = svc.get([[f"u{n}"] for n in range(700)], as_list=True)
    assert found == [[n, "Oslo"] for n in range(700)]


def test_times_and_other_tagged_values(sets: dict[str, FeatureSet]) -> None:
    made = sets["users"]
    made.add_feature(Feature("datetime", name="seen"))
    made.add_feature(Feature("List[float]", name="list"))
    seen = dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)
    write(made, [{"user": "t", "age": 1, "seen": seen, "list": [float("inf")]}], "t")
    row = {"seen": seen, "age": 1, "list": [float("inf")]}
    svc = service(sets, ["users.seen", "users.age", "users.list"])
    assert svc.get([["t"]]) == svc.get([{"user": "t"}]) == [row]
    assert svc.get([["t"], ["ann"]])[0] == row
    assert service(sets, ["users.seen"]).get([["t"]]) == [{"seen": seen}]
    assert service(sets, ["users.age"]).get([{"user": "t"}]) == [{"age": 1}]


def test_names_of_columns_are_never_code(sets: dict[str, FeatureSet]) -> None:
    made = sets["users"]
    name = "a'] or 1/0 #\n\"\\"
    made.spec.features.update(Feature("int64", name=name))
    write(made, [{"user": "n", name: 5, "age": 1}], "n")
    vector = FeatureVector("v", ["users.age"])
    svc = get_online_feature_service(vector, store=sets)
    part = dataclasses.replace(svc.plan.parts[0], columns=(name, "age"))
    quick = quick_getters([part], [(0, name, name), (0, "age", "age")])
    assert quick is not None and quick.one({"user": "n"}) == {name: 5, "age": 1}
    assert quick.many([{"user": "n"}, {"user": "none"}]) == [{name: 5, "age": 1}, None]
    assert quick.one({"user": "none"}) is None
    assert quick.one({}) is NOTHING and quick.many([{"user": "n"}, {}]) is NOTHING


def test_many_at_once_are_as_one_by_one(sets: dict[str, FeatureSet]) -> None:
    hard = ["", "a|b", "back\\slash", "\x00", "nul\x00l", '"', "\u2603", "\ud800", "0", "%d", "ann"]
    made = feature_set("more", sets["users"].spec.targets["nosql"].path, {"user": "str"}, x="float")
    write(made, [{"user": name, "x": float(at)} for at, name in enumerate(hard[::2])])
    svc = service({**sets, "more": made}, ["more.x", "users.age"])
    rows = [{"user": name} for name in [*hard, "nobody", "it's \x00 \N{SNOWMAN}"]]
    assert svc.get(rows) == [svc.get([row])[0] for row in rows]
    plain = [row for row in rows if row["user"].isascii() and "\x00" not in row["user"]]
    assert svc.get(plain) == [svc.get([row])[0] for row in plain]
    assert svc.get([*rows, {"user": None}])[-1] is None
    assert svc.get(rows, as_list=True)[0] == [0.0, None]
