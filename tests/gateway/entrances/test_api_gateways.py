"""API gateways of a real gateway, from the SDK."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError, NotFoundError, PreconditionError
from mlrun_like.gateway.control import starting
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.places import gateway_home
from mlrun_like.runtimes.nuclio.api_gateway import APIGateway
from mlrun_like.runtimes.nuclio.api_gateway_spec import APIGatewayMetadata, APIGatewaySpec
from tests.gateway.gateways import gateway_at, settle

pytestmark = pytest.mark.slow

WHO = """
def handler(context, event):
    body = event.body if isinstance(event.body, dict) else event.body.decode()
    return {"who": "%s", "path": event.path, "body": body}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("gateway")
    before = dict(config._set)
    with gateway_at(home):
        for name in ("old", "new"):
            fn: Any = ml.new_function(name, project="shop", kind="nuclio")
            fn.with_code(body=WHO % name).with_auth("bearer", {"ops": "t0ken-of-ops"}).deploy()
        config._set.clear()
        config._set.update(before)
        yield home


@pytest.fixture
def project(place: Path, tmp_path: Path) -> Iterator[Any]:
    settle(place)
    made = ml.new_project("shop", str(tmp_path), save=False)
    yield made
    for gateway in made.list_api_gateways():
        made.delete_api_gateway(gateway.name)


def front(functions: Any, name: str = "front", **more: Any) -> APIGateway:
    return APIGateway(APIGatewayMetadata(name), APIGatewaySpec(functions, "shop", **more))


def test_a_canary_with_a_password(project: Any) -> None:
    gateway = front(["old", "new"], canary=[80, 20])
    gateway.with_basic_auth("anna", "secret")
    gateway = project.store_api_gateway(gateway)
    assert gateway.invoke_url.endswith("/shop/~front") and gateway.is_ready()
    with pytest.raises(InvalidArgumentError, match="requires authentication"):
        gateway.invoke()
    assert gateway.invoke(credentials=("anna", "wrong")).status_code == 401
    creds = ("anna", "secret")
    answers = [gateway.invoke("GET", credentials=creds, path="/x") for _ in range(100)]
    count = Counter(answer.json()["who"] for answer in answers)
    assert 17 <= count["new"] <= 23 and count["old"] + count["new"] == 100
    assert answers[0].json()["path"] == "/x" and answers[0].ok
    # another split, without the password
    found = project.get_api_gateway("front")
    found.with_canary(["old", "new"], [0, 100])
    found = project.store_api_gateway(found)
    told = found.invoke(credentials=creds, body={"a": 1}, params={"q": "1"})
    assert told.json() == {"who": "new", "path": "/", "body": {"a": 1}}
    for folder in (gateway_home() / "entrances", gateway_home()):
        texts = [path.read_text() for path in folder.rglob("*.json")]
        assert not any("secret" in text for text in texts)
    assert "secret" not in project.to_yaml()
    assert project.spec.api_gateways[0]["spec"]["upstreams"][1]["percentage"] == 100


def test_it_stays_when_the_gateway_is_restarted(project: Any) -> None:
    project.store_api_gateway(front("new", "stays"))
    starting.restart()
    settle(gateway_home().parent)
    gateway = project.get_api_gateway("stays")
    assert gateway.invoke("GET").json()["who"] == "new"
    assert [row.name for row in project.list_api_gateways()] == ["stays"]
    project.delete_api_gateway("stays")
    with pytest.raises(NotFoundError, match="no API gateway"):
        project.get_api_gateway("stays")
    with pytest.raises(NotFoundError):
        gateway.sync()
    assert project.spec.api_gateways == []


def test_hosts_paths_and_functions_that_are_not_there(project: Any) -> None:
    gateway = project.store_api_gateway(front("old", "v1", path="v1", host="models.example.com"))
    assert gateway.host == "models.example.com"
    assert gateway.invoke("GET").json()["path"] == "/v1"
    assert gateway.invoke("GET", path="/x").json()["path"] == "/v1/x"
    waiting = front("nobody", "waits")
    with pytest.raises(EngineError, match="not ready: waitingForProvisioning"):
        project.store_api_gateway(waiting, max_wait_time=0)
    stored = project.store_api_gateway(waiting, wait_for_readiness=False)
    with pytest.raises(PreconditionError, match="not ready"):
        stored.invoke()


def test_the_control_api_takes_no_nonsense(project: Any) -> None:
    client = GatewayClient()
    for values in ({}, {"functions": ["x"]}, {"functions": ["shop/old"], "canary": [1]}):
        with pytest.raises(InvalidArgumentError):
            client.store_entrance("shop/wrong", values)
    for body in ("text", [1], None):
        with pytest.raises(InvalidArgumentError):
            client._ask("PUT", "gateways/shop/wrong", body)
    for method, place in (("POST", "gateways"), ("PATCH", "gateways/shop/wrong")):
        with pytest.raises(InvalidArgumentError, match="is not for this"):
            client._ask(method, place, {})
    with pytest.raises(NotFoundError):
        client._ask("GET", "gateways/shop")
    with pytest.raises(NotFoundError):
        client.delete_entrance("shop/wrong")
    assert client.entrances() == []


def test_an_access_key(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = front("old", "keyed")
    gateway.with_access_key_auth()
    monkeypatch.delenv("V3IO_ACCESS_KEY", raising=False)
    with pytest.raises(InvalidArgumentError, match="V3IO_ACCESS_KEY"):
        project.store_api_gateway(gateway)
    monkeypatch.setenv("V3IO_ACCESS_KEY", "a-long-random-text")
    gateway = project.store_api_gateway(gateway)
    assert gateway.invoke("GET").json()["who"] == "old"
    assert gateway.invoke("GET", credentials=("", "another")).status_code == 401
    gateway.with_iguazio_auth()
    with pytest.raises(InvalidArgumentError, match="not for the gateway of this machine"):
        project.store_api_gateway(gateway)
