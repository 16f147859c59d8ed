"""Online features where they run: behind the gateway, and from a Redis server with a password."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import redis

from mlrun_like.configuration import config
from mlrun_like.errors import StoreUnavailableError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.ingestion.api import ingest
from mlrun_like.feature_store.online.http import feature_service_function
from mlrun_like.feature_store.online.request_log import read_log
from mlrun_like.feature_store.targets.nosql import RedisNoSqlTarget
from mlrun_like.serving.steps.tables import open_table
from tests.gateway.gateways import gateway_at, get, settle, until
from tests.servers import Redis

ROWS = pd.DataFrame({"user": ["ann", "bob"], "age": [31, 0], "city": ["Oslo", None]})


def made(name: str, targets: list[Any]) -> FeatureVector:
    """A vector of a set that has these rows."""
    feature_set = FeatureSet(name, entities=["user"])
    feature_set.set_targets(targets, with_defaults=False)
    ingest(feature_set, ROWS, return_df=False)
    vector = FeatureVector(f"{name}-vector", [f"{name}.age", f"{name}.city"])
    vector.save()
    return vector


@pytest.fixture
def locked(redis_of_online: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that wants a password, which the environment has."""
    client = redis.Redis(port=redis_of_online.port)
    client.config_set("requirepass", "s:cr@t/é")
    monkeypatch.setenv("SHOP_REDIS_PASSWORD", "s:cr@t/é")
    monkeypatch.setenv("SHOP_REDIS_USER", "default")
    try:
        yield redis_of_online.url
    finally:
        client.auth("s:cr@t/é")
        client.config_set("requirepass", "")
        client.close()


def test_readers_have_the_credentials_of_the_target(
    locked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = RedisNoSqlTarget(path=locked, credentials_prefix="SHOP")
    vector = made("locked", [target])
    expected = [{"age": 31, "city": "Oslo"}]
    with vector.get_online_feature_service() as service:
        assert service.get([{"user": "ann"}]) == expected
        assert "s:cr" not in service.plan.stores[0].url
    table = open_table("store://feature-sets/default/locked")
    assert table.get("ann") == expected[0]
    table.close()
    monkeypatch.delenv("SHOP_REDIS_PASSWORD")
    with (
        vector.get_online_feature_service() as service,
        pytest.raises(StoreUnavailableError, match=r"(?s)credentials.*REDIS_PASSWORD"),
    ):
        service.get([{"user": "ann"}])


@pytest.fixture
def gateway(home: Path, tmp_path: Path) -> Iterator[str]:
    before = dict(config._set)
    with gateway_at(tmp_path / "gateway") as url:
        settle(tmp_path / "gateway")
        yield url
    config._set.clear()
    config._set.update(before)


@pytest.mark.slow
def test_behind_the_gateway(gateway: str) -> None:
    vector = made("served", ["parquet", "nosql"])
    log = Path(config.home) / "served"  # workers may write below the home folder only
    function = feature_service_function(vector.uri, log=str(log))
    address = function.deploy()
    assert address == f"{gateway}/default/served-vector-features"
    path = "/default/served-vector-features"
    until(lambda: get(gateway, path)[0] == 200)
    assert json.loads(get(gateway, path)[1])["entities"] == [{"name": "user", "value_type": "str"}]
    body = {"entities": [{"user": "ann"}, {"user": "bob"}, {"user": "eve"}]}
    status, found = get(gateway, path, json.dumps(body).encode())
    assert status == 200, found
    assert json.loads(found) == {
        "vectors": [{"age": 31, "city": "Oslo"}, {"age": 0, "city": None}, None]
    }
    status, found = get(gateway, path, json.dumps({**body, "as_list": True}).encode())
    assert json.loads(found)["vectors"] == [[31, "Oslo"], [0, None], None]
    status, found = get(gateway, path, b'{"entities": [{"usr": "ann"}]}')
    assert status == 400 and "no 'user'" in json.loads(found)["error"]["what"]
    ingest(FeatureSet("served", entities=["user"]), ROWS.assign(age=7), return_df=False)
    until(lambda: b'"age":7' in get(gateway, path, json.dumps(body).encode())[1].replace(b" ", b""))
    logged = list(read_log(log))
    assert logged[0]["entities"] == {"user": "ann"} and logged[0]["values"]["age"] == 31
    function.delete()
