"""Aggregates, request-time features, training sets and joins in runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, StateError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.records import get_feature_vector
from mlrun_like.feature_store.definitions.run_config import RunConfig
from mlrun_like.feature_store.ingestion.api import ingest
from mlrun_like.feature_store.offline import windowed
from mlrun_like.feature_store.offline.api import get_offline_features
from mlrun_like.feature_store.offline.response import RemoteVectorResponse
from mlrun_like.feature_store.sources.parquet import ParquetSource
from mlrun_like.feature_store.targets.parquet import ParquetTarget
from mlrun_like.runs.context import use_context
from mlrun_like.runs.session import get_or_create_ctx
from tests.feature_store.offline.conftest import MakeSet

START = pd.Timestamp("2026-01-01 10:00", tz="UTC")


def _at(*minutes: int) -> list[pd.Timestamp]:
    return [START + pd.Timedelta(minutes=one) for one in minutes]


def _clicks() -> pd.DataFrame:
    return pd.DataFrame(
        {"user": ["a", "a", "b", "a"], "time": _at(0, 10, 20, 50), "n": [1.0, 2.0, 4.0, 8.0]}
    )


@pytest.fixture
def clicks(tmp_path: Path) -> FeatureSet:
    made = FeatureSet("clicks", entities=["user"], timestamp_key="time")
    made.add_aggregation("n", ["sum", "count"], ["1h"], "10m")
    made.set_targets([ParquetTarget(path=str(tmp_path / "clicks"))], with_defaults=False)
    ingest(made, _clicks())
    return made


def test_windows_are_those_at_the_rows_time(clicks: FeatureSet) -> None:
    vector = FeatureVector("v", ["clicks.n_sum_1h", "clicks.n", "clicks.n_count_1h"])
    rows = pd.DataFrame({"user": ["a", "a", "a", "c", "b"], "at": _at(5, 55, 65, 65, 600)})
    found = get_offline_features(vector, rows, "at").to_dataframe()
    # At 65 the window no longer holds what came at 0; the newest row's own aggregate still did.
    assert found["n_sum_1h"].fillna(-1).tolist() == [1, 11, 10, -1, -1]
    assert found["n_count_1h"].fillna(-1).tolist() == [1, 3, 2, -1, 0]
    assert found["n"].fillna(-1).tolist() == [1, 8, 8, -1, 4]


def test_windows_of_a_log_larger_than_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    made = FeatureSet("many", entities=["user", "shop"], timestamp_key="time")
    made.add_aggregation("n", ["sum", "max", "count"], ["30m", "2h"], "10m")
    made.set_targets([ParquetTarget(path=str(tmp_path / "many"))], with_defaults=False)
    shops = np.array(["x", "y", None], dtype=object)
    events = pd.DataFrame(
        {
            "user": rng.integers(0, 12, 400), "shop": shops[rng.integers(0, 3, 400)],
            "time": _at(*np.sort(rng.integers(0, 1_000, 400)).tolist()),
            "n": rng.integers(0, 9, 400).astype(float),
        }
    )  # fmt: skip
    events = events[events["shop"].notna()]
    ingest(made, events)
    names = [f"n_{one}_{size}" for one in ("sum", "max", "count") for size in ("30m", "2h")]
    vector = FeatureVector("v", [f"many.{name}" for name in names])
    rows = pd.DataFrame(
        {
            "user": rng.integers(0, 14, 100), "shop": rng.choice(["x", "y", "z"], 100),
            "at": _at(*rng.integers(300, 700, 100).tolist()),
        }
    )  # fmt: skip
    rows.loc[3, "at"] = pd.NaT
    expected = get_offline_features(vector, rows, "at").to_dataframe()
    assert expected["n_count_30m"].isna().any() and (expected["n_count_2h"] > 2).any()
    for row in (0, 50, 99):  # against a plain look at the events
        user, shop, moment = rows.iloc[row].tolist()
        at = pd.Timestamp(moment)
        bucket = at.floor("10min")
        mine = events[(events["user"] == user) & (events["shop"] == shop)]
        held = mine[(mine["time"] <= at) & (mine["time"] >= bucket - pd.Timedelta("20min"))]
        known = (mine["time"] <= at).any()
        assert expected["n_count_30m"].fillna(-1)[row] == (len(held) if known else -1)
    taken: list[int] = []
    monkeypatch.setattr(windowed, "budget", lambda: 5_000)
    known_parts = windowed._parts

    def noted(count: int, values: int) -> int:
        taken.append(known_parts(count, values))
        return taken[-1]

    monkeypatch.setattr(windowed, "_parts", noted)
    found = get_offline_features(vector, rows, "at").to_dataframe()
    pd.testing.assert_frame_equal(found, expected)
    assert taken[0] > 5


def test_folders_of_partitions_are_read_as_one_table(tmp_path: Path) -> None:
    made = FeatureSet("parts", entities=["user"], timestamp_key="time")
    target = ParquetTarget(path=str(tmp_path / "parts"), partition_cols=["city"])
    made.set_targets([target], with_defaults=False)
    ingest(made, _clicks().assign(city=pd.Series(["x", "y", "x", None])))
    vector = FeatureVector("v", ["parts.n", "parts.city"])
    rows = pd.DataFrame({"user": ["a", "b", "a"], "at": _at(10, 20, 60)})
    for engine in ("local", "duckdb", "pandas"):
        found = get_offline_features(vector, rows, "at", engine=engine).to_dataframe()
        assert found["n"].tolist() == [2, 4, 8]
        assert found["city"].fillna("").tolist() == ["y", "x", ""]
    frame = made.to_dataframe()
    assert sorted(frame.columns) == ["city", "n", "time"]


def test_sets_without_a_copy_are_read_from_their_source(tmp_path: Path) -> None:
    _clicks().to_parquet(tmp_path / "raw.parquet")
    made = FeatureSet("raw", entities=["user"], timestamp_key="time", passthrough=True)
    made.spec.source = ParquetSource("raw", path=str(tmp_path / "raw.parquet"))
    made.add_feature("n")
    made.save()
    rows = pd.DataFrame({"user": ["a", "b"], "at": _at(10, 10)})
    found = get_offline_features(FeatureVector("v", ["raw.n"]), rows, "at").to_dataframe()
    assert found["n"].fillna(-1).tolist() == [2, -1]
    assert len(made.to_dataframe()) == 4


def test_steps_of_the_vector_compute_further_features(make_set: MakeSet) -> None:
    make_set("clicks", ["user"], _clicks(), "time")
    vector = FeatureVector("v", ["clicks.n"])
    vector.graph.to("storey.Extend", "more", _fn="({'twice': event['n'] * 2})")
    rows = pd.DataFrame({"user": ["a", "b"], "at": _at(10, 30)})
    found = get_offline_features(vector, rows, "at").to_dataframe()
    assert found["twice"].tolist() == [4, 8]


def test_a_run_keeps_its_training_set(make_set: MakeSet) -> None:
    make_set("clicks", ["user"], _clicks(), "time")
    vector = FeatureVector("training", ["clicks.time as when"], label_feature="clicks.n")
    vector.save()
    rows = pd.DataFrame({"user": ["a", "b"], "at": _at(10, 30)})
    digests = []
    for _ in range(2):
        with get_or_create_ctx("train") as context, use_context(context):
            digests.append(get_offline_features(vector, rows, "at").digest)  # type: ignore[union-attr]
        artifact = context.get_cached_artifact("training")
        assert artifact.spec.label_column == "n"
        paths = [source["path"] for source in artifact.spec.sources]
        assert paths == [vector.uri, "store://feature-sets/default/clicks"]
        assert artifact.spec.sources[1]["columns"] == ["time", "n"]
        assert len(artifact.to_dataitem().as_df()) == 2
    assert digests[0] == digests[1] != ""
    other = get_offline_features(vector, rows, "at")
    assert other.digest == ""  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_run_of_its_own_joins(make_set: MakeSet, tmp_path: Path) -> None:
    make_set("clicks", ["user"], _clicks(), "time")
    vector = FeatureVector("far", ["clicks.n"])
    rows = pd.DataFrame({"user": ["a", "b", "c"], "at": _at(10, 30, 30)})
    target = ParquetTarget(path=str(tmp_path / "out.parquet"))
    how = RunConfig(kind="process")
    found = get_offline_features(vector, rows, "at", target, how, with_indexes=True)
    assert isinstance(found, RemoteVectorResponse)
    assert found.status == "completed"
    frame = found.to_dataframe()
    assert frame.index.tolist() == ["a", "b", "c"]
    assert frame["n"].fillna(-1).tolist() == [2, 4, -1]
    assert found.target_uri == str(tmp_path / "out.parquet")
    stored = get_feature_vector("far")
    assert stored.status.run_uri
    assert stored.status.targets["parquet"].status == "ready"


def test_a_run_needs_a_target_and_ends_before_it_is_read(make_set: MakeSet) -> None:
    make_set("clicks", ["user"], _clicks(), "time")
    vector = FeatureVector("far", ["clicks.n"])
    with pytest.raises(InvalidArgumentError, match="target object must be specified"):
        get_offline_features(vector, run_config=RunConfig(kind="process"))
    config = RunConfig(kind="process", handler="mine")
    with pytest.raises(InvalidArgumentError, match="does not support run_config with a handler"):
        get_offline_features(vector, target=ParquetTarget(), run_config=config)

    class Running:
        state = "running"

    response: Any = RemoteVectorResponse(vector, Running())
    with pytest.raises(StateError, match="is not ready"):
        response.to_dataframe()
