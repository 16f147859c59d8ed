"""Feature sets and vectors as inputs of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import NotFoundError
from mlrun_like.feature_store.definitions.data_item import FeatureItem
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Feature
from mlrun_like.feature_store.definitions.records import get_feature_set
from mlrun_like.tracking.connect import close_stores, open_store


@pytest.fixture(autouse=True)
def closed(home: Path) -> Iterator[None]:
    """No store outlives its test."""
    yield
    close_stores()


@pytest.fixture
def vector(tmp_path: Path) -> FeatureVector:
    """A vector whose data is materialised."""
    quotes = FeatureSet("quotes", entities=["ticker"])
    quotes["bid"] = Feature("float")
    quotes.save()
    path = tmp_path / "data.parquet"
    pd.DataFrame({"ticker": ["a", "b"], "bid": [1.5, 2.5]}).to_parquet(path)
    made = FeatureVector("vector", ["quotes.bid"])
    made.status.update_target({"kind": "parquet", "path": str(path), "status": "ready"})
    made.save(tag="v1")
    return made


def test_a_vector(vector: FeatureVector) -> None:
    item = get_dataitem("store://feature-vectors/default/vector:v1")
    assert isinstance(item, FeatureItem) and item.meta == vector
    assert item.get_artifact_type() == "FeatureVector"
    assert item.artifact_url == "store://feature-vectors/default/vector:v1"
    assert item.as_df().bid.tolist() == [1.5, 2.5]
    assert item.as_df(columns=["bid"]).columns.tolist() == ["bid"]
    assert item.local() == vector.get_target_path()
    assert vector.to_dataframe().bid.tolist() == [1.5, 2.5]


def test_what_is_not_there() -> None:
    with pytest.raises(NotFoundError, match="no feature vector 'nobody'"):
        get_dataitem("store://feature-vectors/default/nobody")
    with pytest.raises(NotFoundError, match="no feature set 'nobody'"):
        get_dataitem("store://feature-sets/default/nobody")


def test_a_set_is_its_document_until_it_has_data(vector: FeatureVector) -> None:
    item: Any = get_dataitem("store://feature-sets/quotes")
    assert FeatureSet.from_yaml(item.get(encoding="utf-8") + "\n") == item.meta
    assert "bid" in item.meta.spec.features


def test_as_the_input_of_a_run(vector: FeatureVector) -> None:
    def total(dataset: ml.DataItem) -> float:
        assert isinstance(dataset.meta, FeatureVector)
        return float(dataset.as_df().bid.sum())

    def frame_total(dataset: pd.DataFrame) -> float:
        return float(dataset.bid.sum())

    for handler in (total, frame_total):
        function = ml.new_function("train", kind="local")
        run = function.run(
            handler=handler, inputs={"dataset": vector.uri}, returns=["total"], watch=False
        )
        assert run.status.results["total"] == 4.0
        edges = open_store().lineage("default", uid=run.metadata.uid)
        assert (vector.uri, "read") in [(row["artifact_uri"], row["direction"]) for row in edges]
    run = ml.new_function("train", kind="local").run(
        handler=frame_total, inputs={"dataset": vector}, returns=["total"], watch=False
    )
    assert run.status.results["total"] == 4.0


@pytest.mark.slow
def test_ingested_data() -> None:
    quotes = FeatureSet("quotes", entities=["ticker"], timestamp_key="time")
    times = pd.to_datetime(["2024-01-01", "2024-01-02"], utc=True)
    quotes.ingest(pd.DataFrame({"ticker": ["a", "b"], "time": times, "bid": [1.5, 2.5]}))
    found = get_dataitem(quotes.uri)
    assert found.as_df().bid.tolist() == [1.5, 2.5]
    assert found.as_df(columns=["bid"], start_time="2024-01-01").bid.tolist() == [2.5]
    vector = FeatureVector("live", ["quotes.bid as offer"])
    vector.save()
    assert get_dataitem(vector.uri).as_df().offer.tolist() == [1.5, 2.5]
    assert get_dataitem(vector.uri).as_df(columns=["offer"]).columns.tolist() == ["offer"]
    assert "1.5" in get_feature_set("quotes")._repr_html_()
