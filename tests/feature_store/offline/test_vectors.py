"""get_offline_features: what comes back for a vector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    NotFoundError,
    UnknownNameError,
)
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.join_graph import JoinGraph
from mlrun_like.feature_store.offline.api import get_offline_features
from mlrun_like.feature_store.offline.response import OfflineVectorResponse
from mlrun_like.feature_store.targets.csv_target import CSVTarget
from mlrun_like.feature_store.targets.parquet import ParquetTarget
from tests.feature_store.offline.conftest import MakeSet


def _times(*minutes: int | None) -> Any:
    start = pd.Timestamp("2026-01-01 10:00")
    return [pd.NaT if one is None else start + pd.Timedelta(minutes=one) for one in minutes]


@pytest.fixture
def quotes(make_set: MakeSet) -> FeatureSet:
    frame = pd.DataFrame(
        {
            "ticker": ["A", "B", "A", "A"],
            "time": _times(0, 0, 60, 120),
            "bid": [1.0, 2.0, 3.0, 4.0],
            "ask": [10, 20, 30, 40],
        }
    )
    return make_set("quotes", ["ticker"], frame, "time")


@pytest.fixture
def stocks(make_set: MakeSet) -> FeatureSet:
    frame = pd.DataFrame({"ticker": ["A", "B"], "name": ["Aa", "Bb"]})
    return make_set("stocks", ["ticker"], frame)


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {"ticker": ["A", "C", "B", "A"], "at": _times(90, 90, -1, 500), "amount": [1, 2, 3, 4]}
    )


def _table(response: Any) -> dict[str, list[Any]]:
    frame = response.to_dataframe().reset_index()
    return {
        str(name): [None if pd.isna(one) else one for one in frame[name]]
        for name in frame.columns
        if name != "index"
    }


def test_each_row_gets_what_was_known_at_its_time(
    quotes: FeatureSet, stocks: FeatureSet, rows: pd.DataFrame
) -> None:
    vector = FeatureVector("v", ["quotes.ask as price", "stocks.*", "quotes.bid"])
    found = get_offline_features(vector, rows, "at")
    assert isinstance(found, OfflineVectorResponse)
    assert found.status == "completed"
    assert _table(found) == {
        "amount": [1, 2, 3, 4],
        "price": [30, None, None, 40],
        "name": ["Aa", None, "Bb", "Aa"],
        "bid": [3, None, None, 4],
    }
    frame = get_offline_features(vector, rows, "at", with_indexes=True).to_dataframe()
    assert list(frame.index) == ["A", "C", "B", "A"]
    assert list(frame.columns) == ["at", "amount", "price", "name", "bid"]
    assert vector.status.index_keys == ["ticker"]


@pytest.mark.parametrize("engine", ["local", "duckdb", "pandas"])
def test_engines_agree_on_a_vector(
    quotes: FeatureSet, stocks: FeatureSet, rows: pd.DataFrame, engine: str
) -> None:
    vector = FeatureVector("v", ["quotes.*", "stocks.name"])
    expected = get_offline_features(vector, rows, "at").to_dataframe()
    found = get_offline_features(vector, rows, "at", engine=engine).to_dataframe()
    pd.testing.assert_frame_equal(found, expected)


def test_without_times_it_is_the_newest_row(quotes: FeatureSet, rows: pd.DataFrame) -> None:
    vector = FeatureVector("v", ["quotes.bid"])
    found = get_offline_features(vector, rows.drop(columns="at"))
    assert _table(found) == {"amount": [1, 2, 3, 4], "bid": [4, None, 2, 4]}


def test_without_entity_rows_the_first_set_gives_the_rows(
    quotes: FeatureSet, stocks: FeatureSet
) -> None:
    found = get_offline_features(FeatureVector("v", ["quotes.bid", "stocks.name"]))
    assert _table(found) == {"bid": [1, 2, 3, 4], "name": ["Aa", "Bb", "Aa", "Aa"]}
    frame = get_offline_features(
        FeatureVector("v", ["quotes.bid"], with_indexes=True)
    ).to_dataframe()
    assert list(frame.index.names) == ["ticker"]
    assert list(frame.columns) == ["time", "bid"]


def test_values_older_than_the_ttl_are_missing(make_set: MakeSet, rows: pd.DataFrame) -> None:
    frame = pd.DataFrame({"ticker": ["A", "B"], "time": _times(60, -1), "bid": [1.0, 2.0]})
    make_set("short", ["ticker"], frame, "time", ttl="30m")
    found = get_offline_features(FeatureVector("v", ["short.bid"]), rows, "at")
    assert _table(found)["bid"] == [1, None, 2, None]


def test_rows_without_a_label_are_no_training_rows(
    quotes: FeatureSet, stocks: FeatureSet, rows: pd.DataFrame
) -> None:
    vector = FeatureVector("v", ["stocks.name"], label_feature="quotes.bid")
    found = get_offline_features(vector, rows, "at", update_stats=True)
    assert _table(found) == {"amount": [1, 4], "name": ["Aa", "Aa"], "bid": [3, 4]}
    assert vector.status.label_column == "bid"
    assert vector.status.stats["bid"]["mean"] == 3.5


def test_relations_lead_to_sets_of_other_entities(make_set: MakeSet) -> None:
    people = pd.DataFrame({"id": [1, 2, 3], "name": ["a", "b", "c"], "dept": [10, 20, 30]})
    departments = pd.DataFrame({"d_id": [10, 20], "title": ["x", "y"], "boss": [7, 8]})
    bosses = pd.DataFrame({"b_id": [7, 8], "age": [50, 60]})
    make_set("people", ["id"], people, relations={"dept": "d_id"})
    make_set("departments", ["d_id"], departments, relations={"boss": "b_id"})
    make_set("bosses", ["b_id"], bosses)
    vector = FeatureVector("v", ["bosses.age", "people.name", "departments.title"])
    assert _table(get_offline_features(vector)) == {
        "age": [50, 60], "name": ["a", "b"], "title": ["x", "y"],
    }  # fmt: skip
    asked = pd.DataFrame({"id": [3, 2, 9]})
    assert _table(get_offline_features(vector, asked)) == {
        "age": [None, 60, None], "name": ["c", "b", None], "title": [None, "y", None],
    }  # fmt: skip
    kept = get_offline_features(vector, with_indexes=True).to_dataframe()
    assert set(kept.index.names) == {"id", "d_id", "b_id"}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("inner", {"v": [2, 2], "w": [5, 7]}),
        ("left", {"v": [1, 2, 2], "w": [None, 5, 7]}),
        ("right", {"v": [2, None, 2], "w": [5, 6, 7]}),
        ("outer", {"v": [1, 2, 2, None], "w": [None, 5, 7, 6]}),
    ],
)
@pytest.mark.parametrize("engine", ["local", "duckdb", "pandas"])
def test_join_graphs_join_as_databases_do(
    make_set: MakeSet, how: str, expected: dict[str, list[Any]], engine: str
) -> None:
    make_set("one", ["k"], pd.DataFrame({"k": ["a", "b"], "v": [1, 2]}))
    make_set("two", ["k"], pd.DataFrame({"k": ["b", "c", "b"], "w": [5, 6, 7]}))
    graph = getattr(JoinGraph(first_feature_set="one"), how)("two")
    vector = FeatureVector("v", ["one.v", "two.w"], join_graph=graph, with_indexes=True)
    found = _table(get_offline_features(vector, engine=engine))
    assert "c" in found.pop("k") or how in ("inner", "left")
    assert found == expected


def test_a_left_join_can_be_as_of_the_rows_time(make_set: MakeSet, quotes: FeatureSet) -> None:
    news = pd.DataFrame({"ticker": ["A", "A"], "when": _times(30, 200), "tone": [0.1, 0.9]})
    make_set("news", ["ticker"], news, "when")
    graph = JoinGraph(first_feature_set="quotes").left("news", asof_join=True)
    vector = FeatureVector("v", ["quotes.bid", "news.tone"], join_graph=graph)
    assert _table(get_offline_features(vector))["tone"] == [None, None, 0.1, 0.1]


def test_time_ranges_filters_and_queries_narrow_the_rows(
    quotes: FeatureSet, stocks: FeatureSet
) -> None:
    vector = FeatureVector("v", ["quotes.bid", "quotes.ask"])
    start, end = "2026-01-01 10:00", "2026-01-01 11:00"
    found = get_offline_features(vector, start_time=start, end_time=end)
    assert _table(found)["bid"] == [3]  # later than the start, up to the end
    assert _table(get_offline_features(vector, start_time=start))["bid"] == [3, 4]
    by_set = {"quotes": "time"}
    found = get_offline_features(vector, end_time=start, timestamp_for_filtering=by_set)
    assert _table(found)["bid"] == [1, 2]
    for engine in ("local", "duckdb", "pandas"):
        filters = [("ask", ">=", 20), ("ask", "<", 40)]
        found = get_offline_features(vector, additional_filters=filters, engine=engine)
        assert _table(found)["ask"] == [20, 30]
    found = get_offline_features(vector, query="bid > 1", order_by=["bid"], drop_columns=["ask"])
    assert _table(get_offline_features(vector, query="bid > 1"))["bid"] == [2, 3, 4]
    with pytest.raises(InvalidArgumentError, match="does not have a column named 'nope'"):
        get_offline_features(vector, start_time=start, timestamp_for_filtering="nope")
    with pytest.raises(InvalidArgumentError, match="no feature set has the columns"):
        get_offline_features(vector, additional_filters=[("nope", "=", 1)])
    with pytest.raises(InvalidArgumentError, match="timestamp"):
        get_offline_features(FeatureVector("s", ["stocks.name"]), start_time=start)
    assert found.to_dataframe().columns.tolist() == ["bid"]


def test_results_are_ordered_by_features_or_their_aliases(quotes: FeatureSet) -> None:
    vector = FeatureVector("v", ["quotes.ask as price", "quotes.bid"])
    assert _table(get_offline_features(vector, order_by="ask"))["price"] == [10, 20, 30, 40]
    with pytest.raises(InvalidArgumentError, match="no column 'nope' to order by"):
        get_offline_features(vector, order_by=["price", "nope"])


def test_a_feature_does_not_hide_a_column_of_the_rows(
    quotes: FeatureSet, rows: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    asked = rows.rename(columns={"amount": "bid"})
    found = _table(get_offline_features(FeatureVector("v", ["quotes.bid"]), asked, "at"))
    assert found == {"bid": [1, 2, 3, 4], "bid_quotes": [3, None, None, 4]}
    assert "is taken by another column" in caplog.text


def test_a_result_is_written_to_a_target(
    quotes: FeatureSet, rows: pd.DataFrame, tmp_path: Path
) -> None:
    vector = FeatureVector("v", ["quotes.bid"])
    target = ParquetTarget(path=str(tmp_path / "out.parquet"))
    found = get_offline_features(vector, rows, "at", target=target)
    assert vector.status.targets["parquet"].status == "ready"
    pd.testing.assert_frame_equal(vector.to_dataframe(), found.to_dataframe())
    get_offline_features(vector, rows, "at", target=CSVTarget(path=str(tmp_path / "out.csv")))
    assert sorted(target.name for target in vector.status.targets) == ["csv", "parquet"]
    found.to_parquet(str(tmp_path / "again.parquet"))
    assert len(pd.read_parquet(tmp_path / "again.parquet")) == 4
    found.to_csv(str(tmp_path / "again.csv"))
    assert len(pd.read_csv(tmp_path / "again.csv")) == 4
    with pytest.raises(InvalidArgumentError, match="target path was not specified"):
        get_offline_features(FeatureVector(features=["quotes.bid"]), target=ParquetTarget())


def test_mistakes_are_told(quotes: FeatureSet, stocks: FeatureSet, rows: pd.DataFrame) -> None:
    vector = FeatureVector("v", ["quotes.bid"])
    with pytest.raises(InvalidArgumentError, match="without entity_rows"):
        get_offline_features(vector, entity_timestamp_column="at")
    with pytest.raises(InvalidArgumentError, match="no column 'nope'"):
        get_offline_features(vector, rows, "nope")
    with pytest.raises(UnknownNameError, match="no engine 'locl'"):
        get_offline_features(vector, engine="locl")
    with pytest.raises(InvalidTypeError, match="'ticker' is int64 on one side and"):
        get_offline_features(vector, rows.assign(ticker=1), "at")
    with pytest.raises(InvalidTypeError, match="no time"):
        get_offline_features(vector, rows.assign(at=1.5), "at")
    with pytest.raises(InvalidTypeError, match="not a frame"):
        get_offline_features(vector, 3)
    with pytest.raises(InvalidTypeError, match="no feature vector"):
        get_offline_features(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="cannot be joined"):
        get_offline_features(vector, rows.drop(columns="ticker"), "at")
    with pytest.raises(InvalidArgumentError, match="No features in vector"):
        get_offline_features(FeatureVector("empty"))
    with pytest.raises(InvalidArgumentError, match="the query 'bid >' fails"):
        get_offline_features(vector, query="bid >")
    with pytest.raises(InvalidArgumentError, match="has no option 'speed'"):
        get_offline_features(vector, engine_args={"speed": 1})
    FeatureSet("fresh", entities=["ticker"]).save()
    fresh = FeatureSet("fresh", entities=["ticker"])
    fresh.add_feature("x")
    fresh.save()
    with pytest.raises(NotFoundError, match="no offline targets"):
        get_offline_features(FeatureVector("v", ["fresh.x"]))


def test_a_vector_is_found_by_its_uri(quotes: FeatureSet) -> None:
    vector = FeatureVector("kept", ["quotes.bid"])
    vector.save()
    assert _table(get_offline_features(vector.uri))["bid"] == [1, 2, 3, 4]


def test_rows_of_one_set_as_a_frame(quotes: FeatureSet) -> None:
    frame = quotes.to_dataframe()
    assert frame.index.tolist() == ["A", "B", "A", "A"]
    assert list(frame.columns) == ["time", "bid", "ask"]
    some = quotes.to_dataframe(["bid"], start_time="2026-01-01 10:30")
    assert some["bid"].tolist() == [3, 4]
    with pytest.raises(InvalidArgumentError, match="no column 'nope'"):
        quotes.to_dataframe(["nope"])
