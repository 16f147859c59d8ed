"""API gateways as objects, and in Nuclio."""

from __future__ import annotations

from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import EngineError, InvalidArgumentError, NotFoundError
from mlrun_like.gateway.entrances.keeping import NuclioRecords
from mlrun_like.runtimes.nuclio.api_gateway import APIGateway
from mlrun_like.runtimes.nuclio.api_gateway_auth import BasicAuth, authenticator_of
from mlrun_like.runtimes.nuclio.api_gateway_calls import GatewayAnswer
from mlrun_like.runtimes.nuclio.api_gateway_spec import APIGatewayMetadata, APIGatewaySpec
from tests.runtimes.nuclio.dashboards import FakeDashboard


def gateway(functions: Any = ("old", "new"), **more: Any) -> APIGateway:
    spec = APIGatewaySpec(list(functions), "shop", **more)
    return APIGateway(APIGatewayMetadata("front"), spec)


def test_functions_by_object_and_by_name() -> None:
    fn: Any = ml.new_function("board", project="shop", kind="application", image="x", tag="v2")
    assert gateway([fn, "shop/new"]).spec.functions == ["shop/board:v2", "shop/new"]
    assert APIGatewaySpec("old", "shop").functions == ["shop/old"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"functions": []}, "one or two functions"),
        ({"functions": ["a", "b", "c"]}, "one or two functions"),
        ({"functions": ["other/a"]}, "doesn't belong"),
        (
            {"functions": [ml.new_function("j", project="shop", kind="job")]},
            "not a Nuclio function",
        ),
        ({"functions": [ml.new_function("f", project="x", kind="nuclio")]}, "does not belong"),
        ({"canary": [20]}, "lengths do not match"),
        ({"canary": [20, 10]}, "equal to 100"),
        ({"canary": [120, -20]}, "range from 0 to 100"),
        ({"ports": [1]}, "port lists lengths"),
    ],
)
def test_what_does_not_fit(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        gateway(**values)


def test_other_mistakes() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be empty"):
        APIGatewayMetadata("")
    with pytest.raises(InvalidArgumentError, match="only with two functions"):
        gateway().with_canary(["old"], [100])
    with pytest.raises(InvalidArgumentError, match="not supported"):
        authenticator_of("digest")
    with pytest.raises(InvalidArgumentError, match="Did you mean 'timeout'"):
        gateway(host="h").invoke(timeot=1)
    with pytest.raises(InvalidArgumentError, match="a user and a password"):
        BasicAuth("anna", "x").header(("anna",))
    with pytest.raises(EngineError, match="the answer is 503: busy"):
        GatewayAnswer(503, {}, b"busy", "http://x").raise_for_status()


def test_there_and_back() -> None:
    made = gateway(canary=[90, 10], path="v1", description="both", ports=[80, 81])
    made.with_basic_auth("anna", "secret")
    made.with_force_ssl_redirect()
    made.with_gateway_timeout(30)
    made.with_annotations({"n": 1})
    record = made.to_nuclio()
    assert record["spec"]["upstreams"][0]["port"] == 80
    assert record["spec"]["authentication"]["basicAuth"]["username"] == "anna"
    again = APIGateway.from_scheme(record)
    assert again.spec.canary == [90, 10] and again.path == "/v1" and again.project == "shop"
    assert again.metadata.annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "30"
    plain = made.to_dict()
    assert "secret" not in str(plain)
    assert APIGateway.from_dict(plain).to_dict() == plain
    only_second = APIGateway.from_scheme(gateway(canary=[0, 100]).to_nuclio())
    assert only_second.spec.canary == [0, 100] and gateway().to_nuclio()["status"] == {"state": ""}
    assert APIGateway.from_scheme(gateway().to_nuclio()).spec.canary is None


def test_addresses() -> None:
    assert gateway(host="a.org").invoke_url == "https://a.org"
    assert gateway(host="http://a.org/", path="/x/").invoke_url == "http://a.org/x"
    assert gateway().invoke_url == ""


def test_in_nuclio(dashboard: FakeDashboard) -> None:
    project = ml.new_project("shop", save=False)
    made = gateway(canary=[90, 10], host="front.org")
    made.with_basic_auth("anna", "secret")
    stored = project.store_api_gateway(made)
    sent = dashboard.gateways["shop-front"]
    names = [row["nucliofunction"]["name"] for row in sent["spec"]["upstreams"]]
    assert names == ["shop-old", "shop-new"] and sent["spec"]["upstreams"][0]["percentage"] == 90
    assert stored.spec.functions == ["shop/old", "shop/new"] and stored.name == "front"
    assert stored.invoke_url == "https://front.org" and stored.is_ready()
    assert NuclioRecords().get_api_gateway("front", "shop")["metadata"]["name"] == "front"
    project.delete_api_gateway("front")
    assert dashboard.gateways == {}
    with pytest.raises(NotFoundError, match="no API gateway"):
        project.get_api_gateway("front")
