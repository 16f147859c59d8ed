"""Datastore profiles: their kinds, their secrets, ds:// URLs, and those of projects."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.profile_databases import DatastoreProfileRedis
from mlrun_like.artifacts.profile_kinds import (
    PROFILE_KINDS,
    DatastoreProfileAzureBlob,
    DatastoreProfileGCS,
    DatastoreProfileHdfs,
    DatastoreProfileS3,
    DatastoreProfileV3io,
)
from mlrun_like.artifacts.profile_streams import (
    DatastoreProfileKafkaStream,
    DatastoreProfileKafkaTarget,
    DatastoreProfileRabbitMQ,
)
from mlrun_like.artifacts.profiles import (
    DatastoreProfile,
    datastore_profile_read,
    forget_profiles,
    profile_from_text,
    register_temporary_client_datastore_profile,
    resolve_profile,
)
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError, SpecError
from mlrun_like.functions.creators import new_function
from mlrun_like.projects.loading import new_project


@pytest.mark.parametrize(
    ("profile", "path", "url"),
    [
        (DatastoreProfileS3(name="p", bucket="b"), "/x", "s3://b/x"),
        (DatastoreProfileGCS(name="p", bucket="b"), "/x", "gcs://b/x"),
        (DatastoreProfileAzureBlob(name="p", container="c"), "/x", "az://c/x"),
        (DatastoreProfileV3io(name="p"), "/x", "v3io:///x"),
        (DatastoreProfileHdfs(name="p", host="h", http_port=5), "/x", "webhdfs://h:5/x"),
        (DatastoreProfileKafkaStream(name="p", brokers="h", topics=["t"]), "", "kafka://h/t"),
    ],
)
def test_urls(profile: DatastoreProfile, path: str, url: str) -> None:
    assert profile.url(path) == url
    assert profile_from_text(profile.to_text()) == profile


@pytest.mark.parametrize("address", ["file://", "local://", "ds://other"])
def test_a_profile_leads_to_no_file(address: str, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("of this machine")
    made = DatastoreProfileRedis(name="sly", endpoint_url=address)
    register_temporary_client_datastore_profile(made)
    with pytest.raises(InvalidArgumentError, match="leads to another profile or to a file"):
        get_dataitem(f"ds://sly{tmp_path}/secret.txt").get()


def test_a_run_reads_the_profiles_of_its_project(tmp_path: Path) -> None:
    for name in ("one", "two"):
        project = new_project(name, str(tmp_path / name))
        project.register_datastore_profile(DatastoreProfileS3(name="lake", bucket=f"of-{name}"))

    def bucket() -> str:
        return datastore_profile_read("ds://lake/x").url("/x")

    run = new_function("read", kind="local", project="one").run(handler=bucket, local=True)
    assert run.output("return") == "s3://of-one/x"  # the current project is two
    assert bucket() == "s3://of-two/x"


def test_what_is_private_stays_out_of_sight(tmp_path: Path) -> None:
    project = new_project("stores", str(tmp_path))
    made = DatastoreProfileS3(name="Lake", bucket="b", access_key_id="k", secret_key="hidden")
    project.register_datastore_profile(made)
    assert "hidden" not in f"{made!r} {made} {made.shown()}"
    assert project.get_datastore_profile("lake").secret_key is None  # type: ignore[attr-defined]
    assert [one.name for one in project.list_datastore_profiles()] == ["lake"]
    url, secrets = resolve_profile("ds://lake/a.csv")
    assert (url, secrets["AWS_SECRET_ACCESS_KEY"]) == ("s3://b/a.csv", "hidden")
    with pytest.raises(NotFoundError, match=r"no datastore profile 'leke'.*lake"):
        project.get_datastore_profile("leke")
    project.delete_datastore_profile("lake")
    with pytest.raises(NotFoundError):
        datastore_profile_read("ds://lake")


def test_a_v3io_profile_is_the_folder_of_the_setting(tmp_path: Path) -> None:
    register_temporary_client_datastore_profile(DatastoreProfileV3io(name="v"))
    with config.override(v3io_root=str(tmp_path)):
        get_dataitem("ds://v/projects/a.txt").put("x")
    assert (tmp_path / "projects/a.txt").read_text() == "x"
    forget_profiles()
    with pytest.raises(NotFoundError):
        get_dataitem("ds://v/projects/a.txt")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"type": "s4"}', '{"type": "s3"}'])
def test_damaged_texts(text: str) -> None:
    with pytest.raises(SpecError):
        profile_from_text(text)


def test_values_of_wrong_profiles_are_not_shown() -> None:
    wrong: dict[str, Any] = {"name": "p", "secret_key": {"a": "hidden"}}
    with pytest.raises(SpecError) as caught:
        DatastoreProfileS3(**wrong)
    assert "bucket" in str(caught.value) and "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://x", "ds://", "ds:///x", ""])
def test_urls_of_no_profile(url: str) -> None:
    with pytest.raises(InvalidArgumentError):
        datastore_profile_read(url)


def test_profiles_do_not_lead_to_profiles() -> None:
    class Loop(DatastoreProfile):
        type: str = "loop"

        def url(self, subpath: str) -> str:
            return "ds://loop/x"

    register_temporary_client_datastore_profile(Loop(name="loop"))
    with pytest.raises(InvalidArgumentError, match="leads to another"):
        get_dataitem("ds://loop/x")
    forget_profiles()


def test_kafka() -> None:
    made = DatastoreProfileKafkaStream(
        name="k", brokers="h:1", topics="t", sasl_user="u", sasl_pass="p", partitions=[1]
    )
    found = made.attributes()
    assert (found["brokers"], found["topics"], found["partitions"]) == (["h:1"], ["t"], [1])
    assert found["sasl"]["mechanism"] == "PLAIN"
    older: dict[str, Any] = {"name": "t", "topic": "t", "bootstrap_servers": "h:1"}
    with pytest.warns(FutureWarning, match="use 'brokers' instead"):
        assert DatastoreProfileKafkaTarget(**older).attributes() == {"brokers": "h:1"}
    for wrong in ({"brokers": "h", **older}, {"name": "t", "topic": "t"}):
        with warnings.catch_warnings(), pytest.raises(InvalidArgumentError, match="'brokers'"):
            DatastoreProfileKafkaTarget(**wrong)
    rabbit = DatastoreProfileRabbitMQ(
        name="r", broker_url="amqp://h", exchange_name="e", topics="t"
    )
    assert rabbit.attributes()["topics"] == ["t"]


def test_every_kind_has_its_type() -> None:
    assert set(PROFILE_KINDS) >= {"s3", "gcs", "az", "redis", "v3io", "kafka_stream", "config"}
    assert all(made.model_fields["type"].default == kind for kind, made in PROFILE_KINDS.items())
