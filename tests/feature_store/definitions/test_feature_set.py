"""Feature sets: columns, steps, aggregations, targets, documents."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import (
    GraphError,
    InvalidArgumentError,
    NotFoundError,
    SpecError,
)
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.features import Entity, Feature
from mlrun_like.feature_store.definitions.target_spec import DataTargetBase
from mlrun_like.feature_store.definitions.validators import MinMaxValidator
from mlrun_like.serving.steps.aggregate_user import UserAggregate, user_aggregate


def _quotes() -> FeatureSet:
    quotes = FeatureSet(
        "quotes",
        "offers",
        entities=["ticker", Entity("exchange", "str", labels={"a": "b"})],
        timestamp_key="time",
        label_column="label",
        relations={"owner_id": "owner", "broker_id": Entity("broker", int)},
        ttl=datetime.timedelta(days=30),
        owner="me",
        labels={"team": "x"},
    )
    quotes["bid"] = Feature("float", validator=MinMaxValidator(min=0, severity="info"))
    quotes.add_feature(Feature("int", description="how many"), "count")
    quotes.graph.to("storey.Filter", "big", _fn="(event['bid'] > 50)").to("storey.Rename", "names")
    quotes.add_aggregation("bid", ["sum", "max"], ["1h", "24h"], "10m")
    quotes.set_targets(default_final_step="Aggregates")
    quotes.link_analysis("chart", "store://artifacts/p/chart")
    return quotes


def test_columns() -> None:
    quotes = _quotes()
    assert list(quotes.spec.entities.keys()) == ["ticker", "exchange"]
    assert [entity.value_type for entity in quotes.spec.entities] == [None, "str"]
    assert quotes.spec.features[0] is quotes["bid"] and quotes["count"].value_type == "int64"
    quotes.add_entity("ticker", "str", "a stock")
    assert [entity.name for entity in quotes.spec.entities] == ["ticker", "exchange"]
    assert quotes.spec.entities["ticker"].description == "a stock"
    assert "bid" in quotes.spec.features and quotes["bid"] in quotes.spec.features
    with pytest.raises(NotFoundError, match=r"no feature 'bdi'\. Did you mean 'bid'"):
        quotes["bdi"]
    del quotes.spec.features["count"]
    assert "count" not in quotes.spec.features
    with pytest.raises(SpecError, match="needs a name"):
        quotes.add_feature(Feature("int"))


def test_names_and_uris() -> None:
    quotes = _quotes()
    assert quotes.uri == "store://feature-sets/default/quotes"
    quotes.metadata.project, quotes.metadata.tag = "p", "v1"
    assert quotes.fullname == "p/quotes:v1"
    assert quotes.uri == "store://feature-sets/p/quotes:v1"
    for bad in ("a.", ".a", "a/b", "a:b", "", " ", "x" * 256, "-a", "a b", "ä", "a\n"):
        if bad:
            with pytest.raises(InvalidArgumentError, match="cannot name a feature set"):
                FeatureSet(bad)
    with pytest.raises(InvalidArgumentError, match="must be a text"):
        FeatureSet("a", entities=[Entity(5)])  # type: ignore[arg-type]


def test_aggregations() -> None:
    quotes = _quotes()
    names = [item.name for item in quotes.spec.features if item.aggregate]
    assert names == ["bid_sum_1h", "bid_sum_24h", "bid_max_1h", "bid_max_24h"]
    assert all(quotes[name].aggregate for name in names)
    assert quotes.aggregations() == [
        {
            "name": "bid", "column": "bid", "operations": ["sum", "max"], "windows": ["1h", "24h"],
            "period": "10m", "step": "Aggregates",
        }
    ]  # fmt: skip
    quotes.add_aggregation("bid", ["avg", "sum"], ["1h", "24h"], "10m")
    assert quotes.aggregations()[0]["operations"] == ["sum", "max", "avg"]
    with pytest.raises(InvalidArgumentError, match=r"'bid' with windows \['1h', '24h'\]"):
        quotes.add_aggregation("bid", ["avg"], "1h", "10m")
    with pytest.raises(InvalidArgumentError, match="with period '10m'"):
        quotes.add_aggregation("bid", ["avg"], ["1h", "24h"])
    with pytest.raises(InvalidArgumentError, match="with column 'bid'"):
        quotes.add_aggregation("ask", ["avg"], ["1h", "24h"], "10m", name="bid")
    first = FeatureSet("first")
    first.add_aggregation("bid", ["sum"], "1h")
    first.graph.to("storey.Rename", "later", mapping={})
    first.graph["later"].after_step("Aggregates")
    assert first.add_aggregation("x", ["sum"], "1h", step_name="b", before="later").after == [
        "Aggregates"
    ]
    assert first.graph["later"].after == ["b"]
    quotes.add_aggregation("ask", ["last"], "1d", name="asks", step_name="more", emit_policy={
        "mode": "afterPeriod"})  # fmt: skip
    assert [item["step"] for item in quotes.aggregations()] == ["Aggregates", "more"]
    assert quotes.graph["more"].class_args["emit_policy"] == {"mode": "afterPeriod"}
    assert quotes.graph["more"].after == ["Aggregates"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bid", "sum", "1h"), "operations must be a list"), (("bid", [], "1h"), "operations"),
        (("bid", ["sum"], 5), "windows must be"), (("bid", ["sum"], []), "windows must be"),
        (("", ["sum"], "1h"), "no column"), (("bid", [5], "1h"), "5 is no operation"),
        ((None, ["sum"], "1h"), "no column"),
    ],
)  # fmt: skip
def test_wrong_aggregations(arguments: Any, message: str) -> None:
    quotes = FeatureSet("quotes", entities=["ticker"])
    with pytest.raises(InvalidArgumentError, match=message):
        quotes.add_aggregation(*arguments)
    assert not quotes.graph.steps


def test_aggregates_of_the_user() -> None:
    top = UserAggregate("top", 0.0, max, max, float)
    found = FeatureSet("a", entities=["k"])
    found.add_aggregation("x", ["sum", top], "1h")
    assert list(found.spec.features.keys()) == ["x_sum_1h", "x_top_1h"]
    again = FeatureSet.from_dict(found.to_dict())
    assert again.aggregations()[0]["operations"] == ["sum", "top"]
    assert user_aggregate("top") is top


def test_engines() -> None:
    assert FeatureSet("a").spec.engine == "storey"
    pandas = FeatureSet("a", engine="pandas")
    assert pandas.graph.engine == "sync"
    with pytest.raises(InvalidArgumentError, match="'pandas' has no aggregations"):
        pandas.add_aggregation("x", ["sum"], "1h")
    with pytest.raises(InvalidArgumentError, match=r"'pandsa' is not known\. Did you mean"):
        FeatureSet("a", engine="pandsa")
    pandas.graph.to("MyStep")
    with pytest.raises(InvalidArgumentError, match="the graph has steps for 'pandas'"):
        pandas.spec.engine = "spark"
    pandas.spec.engine = "pandas"


@pytest.mark.parametrize(
    ("ttl", "millis"),
    [(None, None), ("30d", 2_592_000_000), (60, 60_000), ("1h 30m", 5_400_000), ("-1", None),
     (datetime.timedelta(seconds=1.5), 1500), (-1, None), ("", None)],
)  # fmt: skip
def test_ttl(ttl: Any, millis: int | None) -> None:
    found = FeatureSet("a", ttl=ttl)
    assert found.ttl_millis == millis
    assert FeatureSet.from_dict(found.to_dict()).ttl_millis == millis


@pytest.mark.parametrize(
    "bad", ["soon", 0, -5, True, [], "1e400d", 10**30, float("nan"), "9" * 400]
)
def test_wrong_ttl(bad: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="ttl"):
        FeatureSet("a", ttl=bad)


def test_targets() -> None:
    default = FeatureSet("a")
    default.set_targets()
    assert [(t.name, t.kind) for t in default.spec.targets] == [
        ("parquet", "parquet"), ("nosql", "nosql"),
    ]  # fmt: skip
    assert [t.is_offline for t in default.spec.targets] == [True, False]
    some = FeatureSet("a")
    some.set_targets(["csv", DataTargetBase("parquet", "far", "s3://x/y")], with_defaults=False)
    assert list(some.spec.targets.keys()) == ["csv", "far"]
    some.set_targets(["parquet"])
    assert list(some.spec.targets.keys()) == ["csv", "far", "parquet", "nosql"]
    through = FeatureSet("a", passthrough=True)
    through.set_targets(["csv"])
    assert list(through.spec.targets.keys()) == ["nosql"]
    assert default.get_target_path() is None


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ("parquet", "must be a list"), (["parqet"], r"'parqet' is not known\. Did you mean"),
        (["csv", "csv"], "two targets 'csv'"), ([5], "must be a mapping"), ([{}], "kind ''"),
        ([DataTargetBase("csv", "a"), DataTargetBase("csv", "b")], "written to one place"),
        ([None], "kind ''"),
    ],
)  # fmt: skip
def test_wrong_targets(targets: Any, message: str) -> None:
    found = FeatureSet("a")
    with pytest.raises(InvalidArgumentError, match=message):
        found.set_targets(targets, with_defaults=False)
    assert len(found.spec.targets) == 0


def test_target_objects_are_kept() -> None:
    target = DataTargetBase("parquet", path="/x")
    found = FeatureSet("a")
    found.set_targets([target], with_defaults=False)
    assert found.spec.targets["parquet"] is target


def test_written_targets() -> None:
    found = _quotes()
    found.status.update_target(
        {"kind": "parquet", "name": "parquet", "path": "/data/", "status": "ready", "size": 10}
    )
    found.status.update_target({"kind": "nosql", "path": "sqlite:///x.db", "brand_new": {"a": 1}})
    assert found.get_target_path() == "/data/" and found.get_target_path("nosql")
    assert found.status.targets["parquet"]["size"] == 10
    assert found.status.targets["nosql"].get("brand_new") == {"a": 1}
    assert found.status.targets["nosql"].get("size", 3) == 3
    found.status.update_last_written_for_target("/data", datetime.datetime(2024, 1, 1))
    assert found.status.targets["parquet"].last_written == "2024-01-01T00:00:00"
    with pytest.raises(NotFoundError, match=r"no written target 'prquet'\. Did you mean"):
        found.get_target_path("prquet")
    again = FeatureSet.from_dict(found.to_dict())
    assert again == found and again.status.targets["nosql"].get("brand_new") == {"a": 1}


def test_round_trips(tmp_path: Path) -> None:
    quotes = _quotes()
    document = quotes.to_dict()
    assert json.loads(json.dumps(document)) == document
    assert document["spec"]["graph"]["final_step"] == "Aggregates"
    again = FeatureSet.from_dict(document)
    assert again == quotes and again.spec.final_step == "Aggregates"
    assert again["bid"].validator == MinMaxValidator(min=0, severity="info")
    assert again.spec.relations["broker_id"].value_type == "int64"
    assert FeatureSet.from_yaml(quotes.to_yaml()) == quotes
    for name in ("set.yaml", "below/set.json"):
        path = quotes.export(str(tmp_path / name))
        assert FeatureSet.from_yaml(Path(path)) == FeatureSet.from_yaml(path) == quotes
    assert quotes.copy() == quotes and quotes.copy().spec.graph is not quotes.spec.graph


def test_a_step_without_a_name_cannot_be_written() -> None:
    found = FeatureSet("a")
    found.graph.to(lambda event: event, "one")
    with pytest.raises(GraphError, match="no importable name"):
        found.to_dict()


def test_a_picture() -> None:
    text = _quotes().plot(with_targets=True).mermaid
    assert "Aggregates" in text and "parquet" in text and "nosql" in text
    assert "parquet" not in _quotes().plot().mermaid
    assert FeatureSet("a").plot(with_targets=True).mermaid


def test_statistics() -> None:
    quotes = _quotes()
    assert quotes.get_stats_table() is None
    quotes.status.stats = {"bid": {"mean": 1.5, "min": 1}}
    assert quotes.get_stats_table().loc["bid", "mean"] == 1.5


def test_sources() -> None:
    found = FeatureSet("a")
    assert not found.has_valid_source()
    found.spec.source = {"kind": "csv", "path": "x.csv"}
    assert found.has_valid_source()
    found.spec.source = {"path": "None"}
    assert not found.has_valid_source()


def test_importing_the_classes_loads_no_data_packages() -> None:
    code = (
        "import sys; from mlrun_like.feature_store.definitions.feature_vector import FeatureVector;"
        "import mlrun_like.feature_store.definitions.records;"
        "heavy = {'pandas', 'pyarrow', 'numpy', 'duckdb', 'dask', 'pyspark'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
