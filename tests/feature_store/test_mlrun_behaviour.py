"""What code written for MLRun's feature store relies on: results, documents, errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import mlrun_like.feature_store as fstore
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.feature_store.sources import CSVSource
from mlrun_like.feature_store.steps import (
    DateExtractor,
    FeaturesetValidator,
    MapClass,
    MapValues,
    OneHotEncoder,
)
from mlrun_like.feature_store.targets import CSVTarget, DFTarget, NoSqlTarget, ParquetTarget
from mlrun_like.feature_store.targets.kinds import TargetTypes

ENGINES = ("local", "duckdb", "pandas")


class Triple(MapClass):
    """A step of a notebook."""

    def __init__(self, multiplier: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.multiplier = multiplier

    def do(self, event: dict[str, Any]) -> dict[str, Any]:
        event["multi"] = event["bid"] * self.multiplier
        return event


def frame(text: str, **times: str) -> pd.DataFrame:
    """Rows of words, columns in the first row; `time` are milliseconds of one second."""
    rows = [line.split() for line in text.strip().splitlines()]
    made = pd.DataFrame(rows[1:], columns=rows[0])
    for name in made:
        numbers = pd.to_numeric(made[name], errors="coerce")
        if numbers.notna().all():
            made[name] = numbers
    if "time" in made:
        made["time"] = pd.Timestamp("2024-03-05 09:00") + pd.to_timedelta(made["time"], unit="ms")
    return made


@pytest.fixture
def quotes() -> pd.DataFrame:
    """Prices of shares."""
    return frame(
        """
        time share bid ask
        10 RED 50.5 50.9
        10 TAN 7.25 7.5
        20 TAN 7.5 7.75
        30 RED 51.0 51.5
        40 SKY 20.0 20.5
        """
    )


@pytest.fixture
def names() -> pd.DataFrame:
    """What shares are called."""
    return frame("share title place\nRED Redwood east\nTAN Tannery west\nSKY Skyline east")


def test_tutorial_of_shares(quotes: pd.DataFrame, names: pd.DataFrame) -> None:
    shares = fstore.FeatureSet("shares", entities=[fstore.Entity("share")])
    result = fstore.ingest(shares, names, infer_options=fstore.InferOptions.default())
    assert_frame_equal(result, names.set_index("share"))

    prices = fstore.FeatureSet("prices", entities=[fstore.Entity("share")], timestamp_key="time")
    prices.graph.to(Triple, multiplier=3).to(
        "storey.Extend", _fn="({'extra': event['bid'] * 7})"
    ).to("storey.Filter", "cheap", _fn="(event['bid'] > 7.3)").to(FeaturesetValidator())
    prices.add_aggregation("ask", ["sum", "max"], "1h", "10m", name="asks1")
    prices.add_aggregation("ask", ["sum", "max"], "5h", "10m", name="asks5")
    prices.add_aggregation("bid", ["min", "max"], "1h", "10m", name="bids")
    prices["bid"] = fstore.Feature(validator=fstore.MinMaxValidator(min=8, severity="info"))
    prices.set_targets()
    columns = [
        "asks1_sum_1h", "asks1_max_1h", "asks5_sum_5h", "asks5_max_5h", "bids_min_1h",
        "bids_max_1h", "time", "bid", "ask", "multi", "extra",
    ]  # fmt: skip
    assert list(fstore.preview(prices, quotes, entity_columns=["share"]).columns) == columns
    result = fstore.ingest(prices, quotes)
    assert list(result.columns) == columns
    assert result.index.name == "share"
    assert len(result) == 4

    features = [
        "prices.multi", "prices.asks5_sum_5h as total", "prices.bids_min_1h", "shares.*",
    ]  # fmt: skip
    vector = fstore.FeatureVector("shares-vector", features, description="about shares")
    vector.save()
    trades = frame("time share price quantity\n25 TAN 7.6 10\n45 RED 51.2 20")
    got = fstore.get_offline_features(vector, trades, "time").to_dataframe()
    assert list(got.columns) == [
        "price", "quantity", "multi", "total", "bids_min_1h", "title", "place",
    ]  # fmt: skip
    assert got["total"].tolist() == pytest.approx([7.75, 102.4])
    with fstore.get_online_feature_service("shares-vector", update_stats=False) as service:
        assert service.get([{"share": "nobody"}]) == [None]
        assert service.get([["RED"]])[0]["title"] == "Redwood"
        assert list(service.get({"share": "SKY"})[0]) == [
            "multi", "total", "bids_min_1h", "title", "place",
        ]  # fmt: skip
        with pytest.raises(InvalidArgumentError):
            service.get("RED")


@pytest.mark.parametrize("with_indexes", [True, False])
@pytest.mark.parametrize("engine", ENGINES)
def test_joins_by_relations_are_pandas_merges(engine: str, with_indexes: bool) -> None:
    teams = frame("t_id label lead\n1 one 10\n3 three 11\n5 five 12")
    people = frame("id label team\n100 ann 1\n200 bob 1\n300 cy 2\n400 di 5")
    leads = frame("l_id label\n10 lena\n12 leo\n14 lou")
    lead, team = fstore.Entity("l_id"), fstore.Entity("t_id")
    sets = {
        "leads": (leads, lead, None),
        "teams": (teams, team, {"lead": lead}),
        "people": (people, fstore.Entity("id"), {"team": team}),
    }
    for name, (rows, entity, relations) in sets.items():
        fstore.ingest(fstore.FeatureSet(name, entities=[entity], relations=relations), rows)

    def get(features: list[str], graph: fstore.JoinGraph | None = None) -> pd.DataFrame:
        vector = fstore.FeatureVector("v", features, join_graph=graph)
        response = fstore.get_offline_features(
            vector, with_indexes=with_indexes, engine=engine, order_by="n"
        )
        found: pd.DataFrame = response.to_dataframe()
        return found

    inner = people.merge(teams, left_on="team", right_on="t_id", suffixes=("", "_t"))
    both = inner.merge(leads, left_on="lead", right_on="l_id", suffixes=("", "_l"))
    right = people.merge(
        teams, left_on="team", right_on="t_id", suffixes=("", "_t"), how="right"
    ).sort_values("label")
    features = ["people.label as n", "teams.label as n2"]
    for expected, got, keys in (
        (inner, get(features), ["id", "t_id"]),
        (both, get([*features, "leads.label as n3"]), ["id", "t_id", "l_id"]),
        (right, get(features, fstore.JoinGraph(first_feature_set="people").right("teams")),
         ["id", "t_id"]),
    ):  # fmt: skip
        wanted = expected.rename(columns={"label": "n", "label_t": "n2", "label_l": "n3"})
        wanted = wanted.set_index(keys) if with_indexes else wanted.reset_index(drop=True)
        assert_frame_equal(got, wanted[list(got.columns)], check_dtype=False)
        assert list(got.columns) == ["n", "n2", "n3"][: len(got.columns)]


@pytest.mark.parametrize("engine", ENGINES)
def test_newest_row_before_the_left_one(engine: str) -> None:
    left = frame("time k a\n100 x 1\n100 y 2")
    right = frame("time k b\n90 x newest\n80 x middle\n70 x oldest\n80 y only")
    fstore.ingest(fstore.FeatureSet("left", entities=["k"], timestamp_key="time"), left)
    fstore.ingest(fstore.FeatureSet("right", entities=["k"], timestamp_key="time"), right)
    vector = fstore.FeatureVector("v", ["left.*", "right.*"])
    got = fstore.get_offline_features(vector, engine=engine).to_dataframe()
    assert got.to_dict("list") == {"a": [1, 2], "b": ["newest", "only"]}


def test_targets_of_a_status_say_where_they_are(names: pd.DataFrame) -> None:
    shares = fstore.FeatureSet("shares", entities=["share"])
    fstore.ingest(shares, names)
    assert [target.name for target in shares.status.targets] == ["parquet", "nosql"]
    for target in shares.status.targets:
        assert target.run_id
        path = target.get_path()
        assert path is not None
        assert path.get_absolute_path() == shares.get_target_path(target.name)
    assert fstore.FeatureSet("other", entities=["share"]).get_target_path() is None
    assert TargetTypes.parquet in TargetTypes.all()


def test_overwrite_only_what_is_given(names: pd.DataFrame) -> None:
    shares = fstore.FeatureSet("shares", entities=["share"])
    targets = [CSVTarget(), ParquetTarget(partitioned=False), NoSqlTarget()]
    fstore.ingest(shares, names, targets)
    other = names.assign(share=["A", "B", "C"])
    fstore.ingest(shares, other, [ParquetTarget(partitioned=False), NoSqlTarget()])
    assert pd.read_csv(str(shares.get_target_path("csv")))["share"].tolist() == [
        "RED",
        "TAN",
        "SKY",
    ]
    parquet = pd.read_parquet(str(shares.get_target_path("parquet"))).reset_index()
    assert parquet["share"].tolist() == ["A", "B", "C"]
    with fstore.get_online_feature_service(fstore.FeatureVector("v", ["shares.*"])) as service:
        assert service.get([["RED"], ["B"]]) == [None, {"title": "Tannery", "place": "west"}]
    shares.purge_targets(["csv"])
    assert [target.name for target in shares.status.targets] == ["parquet", "nosql"]


@pytest.mark.parametrize(
    ("targets", "defaults"),
    [
        ([{"path": "one"}, {"path": "two"}], False),
        ([{"name": "same", "path": "one"}, {"name": "same", "path": "two"}], False),
        ([{"name": "a", "path": "same"}, {"name": "b", "path": "same"}], True),
    ],
)
def test_targets_that_cannot_be_told_apart(
    targets: list[dict[str, Any]], defaults: bool, names: pd.DataFrame
) -> None:
    made = [ParquetTarget(**arguments) for arguments in targets]
    with pytest.raises(InvalidArgumentError):
        fstore.FeatureSet("s", entities=["share"]).set_targets(made, with_defaults=defaults)
    with pytest.raises(InvalidArgumentError):
        fstore.ingest(fstore.FeatureSet("s", entities=["share"]), names, made)


def test_paths_that_cannot_hold_a_kind(tmp_path: Path, names: pd.DataFrame) -> None:
    with pytest.raises(InvalidArgumentError, match="must be a directory"):
        ParquetTarget(path=str(tmp_path / "one.parquet"), partitioned=True)
    with pytest.raises(InvalidArgumentError, match="must be a single file"):
        target = CSVTarget(path=str(tmp_path / "folder"))
        fstore.ingest(fstore.FeatureSet("s", entities=["share"]), names, [target])


def test_runs_and_their_sources(tmp_path: Path, names: pd.DataFrame) -> None:
    path = tmp_path / "names.csv"
    names.to_csv(path, index=False)
    shares = fstore.FeatureSet("shares", entities=["share"])
    local = fstore.RunConfig(local=True)
    with pytest.raises(InvalidArgumentError):  # a frame cannot be handed to a run
        fstore.ingest(shares, names, run_config=local)
    options = fstore.InferOptions.schema() + fstore.InferOptions.Stats
    fstore.ingest(shares, CSVSource("csv", path=str(path)), infer_options=options, run_config=local)
    assert os.path.exists(shares.get_target_path() or "")
    assert sorted(shares.status.stats) == ["place", "share", "title"]


def test_names_of_columns_and_sets() -> None:
    rows = pd.DataFrame({"k": [1], "bid (accepted)": [2.5], "with space": [True]})
    result = fstore.ingest(fstore.FeatureSet("llm-qwen2-0.5B", entities=["k"]), rows)
    assert list(result.columns) == ["bid_accepted", "with_space"]
    vector = fstore.FeatureVector("v", ["llm-qwen2-0.5B.*"])
    got = fstore.get_offline_features(vector).to_dataframe()
    assert got.to_dict("list") == {"bid_accepted": [2.5], "with_space": [True]}
    with fstore.get_online_feature_service(vector) as service:
        assert service.get([{"k": 1}]) == [{"bid_accepted": 2.5, "with_space": True}]
    long = fstore.FeatureSet("n" * 120, entities=["k"])  # longer than what runs may be called
    assert len(fstore.ingest(long, rows)) == 1
    twice = rows.assign(bid_accepted=1.0)
    with pytest.raises(InvalidArgumentError):
        fstore.ingest(fstore.FeatureSet("twice", entities=["k"]), twice)


@pytest.mark.parametrize("engine", ["storey", "pandas"])
def test_steps_of_the_fraud_tutorial(engine: str) -> None:
    rows = frame("time id kind age\n10 1 food U\n20 2 fun 3")
    made = fstore.FeatureSet("t", entities=["id"], timestamp_key="time", engine=engine)
    made.graph.to(DateExtractor(parts=["hour", "day_of_week"], timestamp_col="time")).to(
        MapValues(mapping={"age": {"U": "0"}}, with_original_features=True)
    ).to(OneHotEncoder(mapping={"kind": ["food", "fun"]}))
    result = fstore.ingest(made, rows, [DFTarget()])
    first = result.iloc[0].to_dict()
    assert first["time_hour"] == 9
    assert first["time_day_of_week"] == 1
    assert first["age_mapped"] == "0"
    assert (first["kind_food"], first["kind_fun"]) == (1, 0)


def test_two_sets_with_the_same_columns(names: pd.DataFrame) -> None:
    for name in ("one", "two"):
        fstore.ingest(fstore.FeatureSet(name, entities=["share"]), names)
    vector = fstore.FeatureVector("v", ["one.* as one", "two.* as two"], "one.title")
    got = fstore.get_offline_features(vector).to_dataframe()
    assert sorted(got.columns) == ["one_place", "title", "two_place", "two_title"]
    with pytest.raises(NotFoundError):
        fstore.get_offline_features(fstore.FeatureVector("v", ["nobody.*"]))


def test_a_picture_of_a_target_behind_two_steps() -> None:
    made = fstore.FeatureSet("s", entities=["id"])
    made.graph.add_step("storey.Map", name="one", _fn="(event)")
    for name in ("two", "three"):
        made.graph.add_step("storey.Map", name=name, _fn="(event)", after="one")
    target = ParquetTarget(name="kept")
    target.after_step = ["two", "three"]  # type: ignore[assignment]
    made.set_targets([target], with_defaults=False)
    source = str(made.plot(rankdir="LR", with_targets=True))
    assert all(name in source for name in ("two", "three", "kept"))


def test_pandas_reads_targets_with_the_entities_as_index(tmp_path: Path) -> None:
    days = pd.to_datetime(["2026-01-01", "2026-01-02"])
    frame = pd.DataFrame({"k": ["a", "b"], "time": days, "x": [1, 2]})
    fset = fstore.FeatureSet("indexed", entities=["k"], timestamp_key="time")
    fset.ingest(frame)
    written = pd.read_parquet(str(fset.get_target_path()))
    assert written.index.name == "k" and list(written.columns) == ["time", "x"]
    target = fstore.targets.ParquetTarget(path=str(tmp_path / "vector.parquet"))
    vector = fstore.FeatureVector("indexed-vector", ["indexed.x"])
    answer = fstore.get_offline_features(vector, with_indexes=True, target=target)
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "vector.parquet"), answer.to_dataframe(), check_dtype=False
    )
