"""Data stores under MLRun's names: the manager, memory, URIs, profiles, filters."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError


@pytest.fixture
def mlrun(compat: ModuleType) -> Any:
    """The old package, with the modules that these tests use."""
    for name in ("datastore.inmem", "datastore.utils", "datastore.targets", "datastore.sources"):
        import_module(f"mlrun.{name}")
    import_module("mlrun.datastore.datastore_profile")
    return import_module("mlrun")


def test_the_manager_opens_stores_and_items(mlrun: Any, tmp_path: Path) -> None:
    store, path, url = mlrun.store_manager.get_or_create_store(f"{tmp_path}/a.txt")
    assert (path, url, store.kind) == (f"{tmp_path}/a.txt", f"{tmp_path}/a.txt", "file")
    with store.open(tmp_path / "a.txt", "w") as file:
        file.write("123")
    assert store.filesystem.ls(str(tmp_path)) == [f"{tmp_path}/a.txt"]
    assert mlrun.store_manager.object(url).get() == b"123"
    assert store.stat(path).size == 3
    store.rm(path)
    assert store.listdir(str(tmp_path)) == []
    again, _, _ = mlrun.store_manager.get_or_create_store("other.txt")
    assert again is store


def test_an_empty_url_is_an_error_when_it_is_used(mlrun: Any) -> None:
    item = mlrun.store_manager.object("")
    with pytest.raises(InvalidArgumentError, match="Cannot parse an empty URL"):
        item.as_df()


def test_memory(mlrun: Any) -> None:
    own = mlrun.datastore.inmem.InMemoryStore()
    own.put("a.csv", "x,y\n1,2\n")
    assert own.as_df("a.csv", "a.csv").y.tolist() == [2]
    assert own.stat("a.csv").size == 8
    with pytest.raises(NotFoundError, match="item b not found in memory store"):
        own.get("b")
    item = mlrun.datastore.set_in_memory_item("shared", b"1")
    assert item.get() == mlrun.datastore.get_in_memory_items()["shared"] == b"1"


def test_uris(mlrun: Any, tmp_path: Path) -> None:
    parse = mlrun.datastore.parse_store_uri
    assert parse("store://models/demo/net:v1") == ("models", "demo/net:v1")
    assert parse("s3://bucket/x") == (None, "")
    context = mlrun.get_or_create_ctx("job", project="demo")
    logged = context.log_artifact("k", body="x", artifact_path=str(tmp_path))
    assert mlrun.datastore.get_store_resource(logged.uri).key == "k"
    with pytest.raises(InvalidArgumentError, match="iteration must be integer"):
        mlrun.datastore.get_store_resource("store://demo/k#one")
    with pytest.raises(InvalidArgumentError, match="invalid URI"):
        mlrun.datastore.get_store_resource("s3://bucket/k")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("kafka://host:9092/topic", ("topic", ["host:9092", "other:1"])),
        ("kafka://host?topic=t", ("t", ["host", "other:1"])),
        ("topic", ("topic", ["other:1"])),
    ],
)
def test_kafka_urls(mlrun: Any, url: str, expected: Any) -> None:
    assert mlrun.datastore.parse_kafka_url(url, "other:1") == expected


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ([0], "only as a list of tuples"),
        ([[("x", "=", 1), ("x", "=", 2)]], "nested list"),
        ([("x", "=")], "illegal filter tuple length"),
        ([("x", "in", [1.0, float("nan")])], "NaN"),
    ],
)
def test_filters_that_cannot_be_used(mlrun: Any, filters: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        mlrun.datastore.utils.transform_list_filters_to_tuple(filters)


def test_frames_are_filtered_by_time(mlrun: Any) -> None:
    frame = pd.DataFrame({"at": ["2024-01-01", "2024-01-02 10:00:00.5"], "x": [1, 2]})
    keep = mlrun.datastore.utils.filter_df_start_end_time
    assert keep(frame, "at", pd.Timestamp("2024-01-01")).x.tolist() == [2]
    parts = keep(iter([frame.copy()]), "at", end_time=pd.Timestamp("2024-01-01"))
    assert [part.x.tolist() for part in parts] == [[1]]


def test_a_profile_stands_for_a_folder(mlrun: Any, tmp_path: Path) -> None:
    profiles = mlrun.datastore.datastore_profile

    class Folder(profiles.DatastoreProfile):  # type: ignore[misc, name-defined]
        type: str = "folder"

        def url(self, subpath: str) -> str:
            return f"{tmp_path}{subpath}"

    profiles.register_temporary_client_datastore_profile(Folder(name="Here"))
    mlrun.get_dataitem("ds://here/a.txt").put("abc")
    assert (tmp_path / "a.txt").read_text() == "abc"
    profiles.remove_temporary_client_datastore_profile("here")
    with pytest.raises(NotFoundError, match="no datastore profile 'here'"):
        mlrun.get_dataitem("ds://here/a.txt")


def test_profiles_as_json(mlrun: Any) -> None:
    profiles = mlrun.datastore.datastore_profile
    made = profiles.DatastoreProfileRedis(name="r", endpoint_url="redis://h:1", password="p:w")
    texts = profiles.DatastoreProfile2Json
    public, private = texts.get_json_public(made), texts.get_json_private(made)
    assert texts.create_from_json(public, private) == made
    assert texts.create_from_json(public).password is None
    for broken in ("{", "[]", '{"type": "!"}', '{"type": "bm9uZQ=="}'):
        with pytest.raises(InvalidArgumentError, match="Datastore profile failed"):
            texts.create_from_json(broken)


def test_streams_as_targets_have_no_default_place(mlrun: Any) -> None:
    for made in (mlrun.datastore.targets.StreamTarget, mlrun.datastore.targets.KafkaTarget):
        target = made(name="t")
        assert target.get_target_path() == ""
        with pytest.raises(InvalidArgumentError, match="requires a path"):
            target.add_writer_step(None, None, None)
    kinds = mlrun.datastore.targets.kind_to_driver
    assert kinds["parquet"] is mlrun.datastore.targets.ParquetTarget
    assert "nothing" not in kinds
    assert mlrun.datastore.sources.source_kind_to_driver["csv"] is mlrun.datastore.CSVSource


def test_targets_as_steps_of_flows(mlrun: Any) -> None:
    targets = mlrun.datastore.targets
    given: dict[str, Any] = {}
    graph = SimpleNamespace(add_step=lambda **options: given.update(options))
    target = targets.StreamTarget(name="t", path="v3io:///bucket/dir/")
    target.run_id = "7"
    target.add_writer_step(graph, "last", None)
    assert (given["class_name"], given["stream_path"]) == ("storey.StreamTarget", "bucket/dir/")
    targets.KafkaTarget(name="k", path="topic", brokers="h").add_writer_step(graph, None, None)
    assert (given["topic"], given["brokers"]) == ("topic", "h")
    with pytest.raises(InvalidArgumentError, match="no step of a flow"):
        targets.ParquetTarget(path="/x").add_writer_step(graph, None, None)


def test_a_kafka_step_is_made_of_a_profile(mlrun: Any) -> None:
    targets: Any = import_module("mlrun.datastore.storeytargets")
    profiles = mlrun.datastore.datastore_profile
    profiles.register_temporary_client_datastore_profile(
        profiles.DatastoreProfileKafkaStream(name="k", brokers="host:9092", topics=["events"])
    )
    assert targets.KafkaStoreyTarget(path="ds://k").topic == "events"
    with pytest.raises(InvalidArgumentError, match="requires a topic"):
        targets.KafkaStoreyTarget(path="", attributes={"brokers": "h"})
    with pytest.raises(InvalidArgumentError, match="requires a path"):
        targets.StreamStoreyTarget()
