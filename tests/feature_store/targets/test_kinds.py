"""Kinds by name, targets of feature sets, purging."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import mlrun_like.feature_store.targets as targets_package
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    UnknownNameError,
)
from mlrun_like.feature_store.definitions.target_spec import TARGET_KINDS
from mlrun_like.feature_store.targets import (
    CSVTarget,
    NoSqlTarget,
    ParquetTarget,
    SnowflakeTarget,
    get_offline_target,
    get_online_target,
    get_target_driver,
    kind_to_target,
)
from mlrun_like.feature_store.targets.kinds import validate_target_list
from mlrun_like.feature_store.targets.purging import purge, purge_files
from tests.feature_store.targets.test_contract import ids, ingest, rows


def test_every_kind_of_definitions_has_a_class() -> None:
    for kind in TARGET_KINDS:
        assert kind_to_target(kind).kind == kind
        assert get_target_driver(kind).to_dict()["kind"] == kind
    with pytest.raises(UnknownNameError, match="Did you mean 'parquet'") as caught:
        kind_to_target("parket")
    assert "redisnosql" in str(caught.value)
    with pytest.raises(InvalidArgumentError, match="needs a kind"):
        get_target_driver({"name": "x"})
    with pytest.raises(InvalidArgumentError, match="no target"):
        get_target_driver(3)


def test_names_of_the_package() -> None:
    for name in targets_package.__all__:
        assert getattr(targets_package, name) is not None
    with pytest.raises(AttributeError):
        _ = targets_package.Nothing


def feature_set(*targets: Any) -> Any:
    return SimpleNamespace(
        metadata=SimpleNamespace(project="p", name="s"),
        status=SimpleNamespace(targets={target["name"]: target for target in targets}),
    )


def test_the_best_target_is_chosen() -> None:
    csv = {"kind": "csv", "name": "c", "path": "a.csv"}
    parquet = {"kind": "parquet", "name": "p", "path": "a.parquet"}
    nosql = {"kind": "nosql", "name": "n", "path": "a.db"}
    found = feature_set(csv, nosql, parquet)
    assert isinstance(get_offline_target(found), ParquetTarget)
    assert isinstance(get_offline_target(found, "c"), CSVTarget)
    assert isinstance(get_online_target(found), NoSqlTarget)
    assert get_offline_target(feature_set(nosql)) is None
    assert get_online_target(feature_set(csv)) is None
    with pytest.raises(NotFoundError, match="no offline target 'x'"):
        get_offline_target(found, "x")
    validate_target_list([csv, parquet, nosql, "sql"])
    for twice in ([csv, csv], ["csv", "csv"], [csv, {**parquet, "path": "a.csv"}]):
        with pytest.raises(InvalidArgumentError):
            validate_target_list(twice)


def test_default_paths_are_in_the_project() -> None:
    found = feature_set()
    path = get_target_driver("parquet", found).get_target_path()
    assert path.endswith("/p/feature-store/s/parquet/sets/s")
    named = get_target_driver({"kind": "csv", "name": "mine"}, found)
    assert named.get_target_path().endswith("/csv/sets/s-mine.csv")
    assert get_target_driver("nosql", found).get_target_path().startswith("sqlite:///")
    with pytest.raises(InvalidArgumentError, match="has no path"):
        get_target_driver("parquet").get_target_path()
    filled = ParquetTarget(path="/x/{project}/{name}")
    filled.set_resource(found)
    assert filled.get_target_path() == "/x/p/s"
    filled.set_resource(SimpleNamespace(metadata=SimpleNamespace(project="..", name="s")))
    with pytest.raises(InvalidArgumentError, match="cannot be filled"):
        filled.get_target_path()


def test_purge_of_a_feature_set(tmp_path: Path) -> None:
    documents = [
        {"kind": "parquet", "name": "one", "path": str(tmp_path / "one")},
        {"kind": "csv", "name": "two", "path": str(tmp_path / "two.csv")},
    ]
    found = feature_set(*documents)
    for document in documents:
        ingest(get_target_driver(document), "a", rows(0, 2))
    (tmp_path / "one" / "mine.txt").write_text("mine")
    with pytest.raises(NotFoundError, match="Did you mean 'one'"):
        purge(found, ["ones"])
    purge(found, ["ones"], silent=True)
    purge(found, ["one"])
    assert list(found.status.targets) == ["two"]
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["mine.txt"]
    purge(found)
    assert not found.status.targets and not (tmp_path / "two.csv").exists()
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "foreign.parquet")
    foreign = feature_set({"kind": "parquet", "name": "f", "path": f"{tmp_path}/foreign.parquet"})
    with pytest.raises(ConflictError, match="not written by a feature set"):
        purge(foreign)
    purge(foreign, silent=True)
    assert (tmp_path / "foreign.parquet").exists()


def test_purge_of_another_owner_does_nothing(tmp_path: Path) -> None:
    target = ParquetTarget(path=tmp_path / "t")
    ingest(target, "a", rows(0, 2))
    purge_files(str(tmp_path / "t"), owner="p/other")
    assert ids(target) == [0, 1]
    purge_files(str(tmp_path / "t"), owner="p/s")
    assert not (tmp_path / "t").exists()


def test_snowflake_is_for_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "secret")
    target = SnowflakeTarget(
        url="h", user="u", db_schema="s", database="d", warehouse="w", table_name="t"
    )
    assert target.get_spark_options()["dbtable"] == "t"
    assert "secret" not in str(target.to_dict())
    again = get_target_driver(target.to_dict())
    assert isinstance(again, SnowflakeTarget) and again.get_spark_options()["sfUser"] == "u"
    with pytest.raises(InvalidArgumentError, match="lacks warehouse"):
        SnowflakeTarget(
            url="h", user="u", db_schema="s", database="d", table_name="t"
        ).get_spark_options()
    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        ingest(target, "a", rows(0, 1))
