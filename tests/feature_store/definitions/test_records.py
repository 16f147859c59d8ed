"""Definitions in the store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Entity, Feature
from mlrun_like.feature_store.definitions.records import (
    delete_feature_set,
    delete_feature_vector,
    get_feature_set,
    get_feature_vector,
    list_entities,
    list_feature_sets,
    list_feature_vectors,
    list_features,
)
from mlrun_like.feature_store.targets.parquet import ParquetTarget
from mlrun_like.tracking.connect import close_stores


@pytest.fixture(autouse=True)
def closed(home: Path) -> Iterator[None]:
    """No store outlives its test."""
    yield
    close_stores()


def _saved(name: str = "quotes", **options: Any) -> FeatureSet:
    found = FeatureSet(name, entities=[Entity("ticker", "str", labels={"pii": "no"})], **options)
    found["bid"] = Feature("float", labels={"unit": "usd"})
    found["ask"] = Feature("float")
    found.save()
    return found


def test_save_and_get() -> None:
    quotes = _saved(description="one")
    assert quotes.metadata.project == "default" and quotes.metadata.uid and quotes.metadata.updated
    for uri in (
        "quotes", "default/quotes", quotes.uri, "store://feature-sets/quotes",
        f"quotes@{quotes.metadata.uid}", "db://default/quotes", "quotes:latest",
        "db://feature-sets/default/quotes", quotes, quotes.to_dict(),
    ):  # fmt: skip
        assert get_feature_set(uri) == quotes, uri
    assert get_feature_set("quotes", project="default").uri == quotes.uri
    with pytest.raises(NotFoundError, match=r"'qoutes'\. Did you mean 'quotes'"):
        get_feature_set("qoutes")
    with pytest.raises(NotFoundError):
        get_feature_set("other/quotes")


@pytest.mark.parametrize(
    "uri", ["", "a/b/c", "store://models/p/x", "store://feature-vectors/p/x", ":v1", "a:b c",
            "P!/x", None, 5, "store://"],
)  # fmt: skip
def test_wrong_uris(uri: Any) -> None:
    with pytest.raises((InvalidArgumentError, NotFoundError)):
        get_feature_set(uri)


def test_files(tmp_path: Path) -> None:
    quotes = FeatureSet("quotes", entities=["ticker"])
    path = quotes.export(str(tmp_path / "q.yaml"))
    assert get_feature_set(path) == get_feature_set(Path(path)) == quotes


def test_tags_and_versions() -> None:
    first = _saved(description="one")
    first.save(tag="v1", versioned=True)
    second = get_feature_set("quotes")
    second.spec.description = "two"
    second.save(versioned=True)
    assert get_feature_set("quotes:v1").spec.description == "one"
    assert get_feature_set("quotes").spec.description == "two"
    assert get_feature_set(f"quotes@{first.metadata.uid}").spec.description == "one"
    assert get_feature_set("quotes:v1").uri == "store://feature-sets/default/quotes:v1"
    with pytest.raises(InvalidArgumentError, match="tag"):
        first.save(tag="a b")
    with pytest.raises(InvalidArgumentError, match="needs a name"):
        FeatureSet().save()


def test_the_status_belongs_to_the_version() -> None:
    quotes = _saved()
    uid = quotes.metadata.uid
    quotes.status.state = "ready"
    quotes.save()
    assert quotes.metadata.uid == uid and get_feature_set("quotes").status.state == "ready"


def test_reload() -> None:
    quotes = _saved(description="one")
    other = get_feature_set("quotes")
    other.status.state, other.spec.description = "ready", "two"
    other.save()
    quotes.reload(update_spec=False)
    assert quotes.status.state == "ready" and quotes.spec.description == "one"
    quotes.reload()
    assert quotes.spec.description == "two"
    with pytest.raises(NotFoundError):
        FeatureSet("nobody").reload()


def test_publish() -> None:
    quotes = _saved(description="one")
    published = quotes.publish("v1")
    assert published.metadata.tag == "v1" and quotes.metadata.tag == ""
    quotes.spec.description = "two"
    quotes.save()
    with pytest.raises(ConflictError, match="published for another version"):
        quotes.publish("v1")
    with pytest.raises(ConflictError):
        quotes.save(tag="v1")
    assert get_feature_set("quotes:v1").spec.description == "one"
    published.status.state = "ready"
    published.save()
    assert get_feature_set("quotes:v1").status.state == "ready"


def test_lists() -> None:
    _saved(labels={"team": "x"})
    _saved("stocks", labels={"team": "y"}).publish("v1")
    config.default_project = "other"
    _saved("mine")
    assert [item.name for item in list_feature_sets()] == ["mine"]
    assert len(list_feature_sets("*")) == 3
    config.default_project = "default"

    def names(**filters: Any) -> list[str]:
        return [item.name for item in list_feature_sets("default", **filters)]

    assert names() == ["quotes", "stocks"]
    assert names(name="~QUO") == ["quotes"] and names(tag="v1") == ["stocks"]
    assert names(labels={"team": "x"}) == names(labels=["team=x"]) == ["quotes"]
    assert names(labels=["team"]) == ["quotes", "stocks"]
    assert names(state="created", entities=["ticker"], features=["bid", "none"])
    assert not names(state="ready") and not names(entities=["x"]) and not names(features=["x"])
    with pytest.raises(InvalidArgumentError, match="entities must be a list"):
        names(entities="ticker")
    found = list_features("default", "~BI")
    assert [(item.feature.name, item.feature_set.name) for item in found] == [
        ("bid", "quotes"), ("bid", "stocks"),
    ]  # fmt: skip
    assert len(list_features("default", labels={"unit": "usd"})) == 2
    assert not list_features("default", labels={"unit": "eur"})
    assert len(list_features("default", entities=["ticker"])) == 4
    assert [item.entity.name for item in list_entities("default", "ticker", labels=["pii=no"])] == [
        "ticker", "ticker",
    ]  # fmt: skip
    assert not list_entities("default", "tick")


def test_delete() -> None:
    quotes = _saved()
    quotes.status.update_target({"kind": "parquet", "path": "/nowhere"})
    quotes.save()
    with pytest.raises(ConflictError, match="has data in targets: parquet"):
        delete_feature_set("quotes")
    assert get_feature_set("quotes")
    quotes.status.targets = []
    quotes.save()
    delete_feature_set("quotes", tag="v9")
    delete_feature_set("quotes")
    delete_feature_set("quotes")
    with pytest.raises(NotFoundError):
        get_feature_set("quotes")


def test_delete_of_one_version() -> None:
    quotes = _saved(description="one")
    quotes.save(tag="v1", versioned=True)
    quotes.metadata.tag = ""
    quotes.spec.description = "two"
    quotes.save(versioned=True)
    delete_feature_set("quotes", tag="v1")
    assert get_feature_set("quotes").spec.description == "two"
    with pytest.raises(NotFoundError):
        get_feature_set("quotes:v1")
    delete_feature_set("quotes", uid=quotes.metadata.uid)
    assert list_feature_sets(tag="*") == []


def test_data_that_versions_share_stays(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    path.write_bytes(b"rows")
    quotes = _saved(description="one")
    quotes.status.update_target({"kind": "parquet", "path": str(path)})
    quotes.save(tag="v1", versioned=True)
    quotes.metadata.tag = ""
    quotes.spec.description = "two"
    quotes.save(versioned=True)
    delete_feature_set("quotes", tag="v1")
    assert path.exists() and get_feature_set("quotes").get_target_path() == str(path)
    with pytest.raises(ConflictError, match="has data"):
        delete_feature_set("quotes")


def test_vectors() -> None:
    _saved()
    vector = FeatureVector("v", ["quotes.bid as b"], labels={"a": "b"})
    vector.save(tag="v1")
    assert get_feature_vector("store://feature-vectors/default/v:v1") == vector
    assert vector.resolved().columns == ("b",)
    vector.parse_features()
    assert vector.status.features["b"].origin == "default/quotes.bid"
    assert [item.name for item in list_feature_vectors(labels=["a=b"])] == ["v"]
    assert not list_feature_vectors(state="ready") and not list_feature_vectors("other")
    with pytest.raises(NotFoundError, match="no feature vector 'w'"):
        get_feature_vector("w")
    delete_feature_vector("v")
    assert list_feature_vectors() == []


WRITER = """
import sys
from mlrun_like.configuration import config
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
config.home, number = sys.argv[1], int(sys.argv[2])
for turn in range(5):
    found = FeatureSet("shared", description=f"{number}-{turn}", entities=["k"])
    found.save(tag=f"t{number}", versioned=bool(number % 2))
"""


@pytest.mark.slow
def test_processes_save_at_once(home: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(home), str(number)])
        for number in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 3
    for number in range(3):
        assert get_feature_set(f"shared:t{number}").spec.description == f"{number}-4"
    assert str(get_feature_set("shared").spec.description).endswith("-4")
    assert len(list_feature_sets(tag="*")) >= 3


def test_purged_targets_are_forgotten(tmp_path: Path) -> None:
    quotes = _saved()
    target = ParquetTarget(path=str(tmp_path / "data.parquet"))
    target.write_dataframe(pd.DataFrame({"ticker": ["a"], "bid": [1.0]}))
    quotes.status.update_target({"kind": "parquet", "path": target.path, "status": "ready"})
    quotes.save()
    quotes.purge_targets()
    assert not len(quotes.status.targets) and not len(get_feature_set("quotes").status.targets)
    assert not Path(str(target.path)).exists()
