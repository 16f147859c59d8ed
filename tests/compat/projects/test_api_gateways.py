"""API gateways of old code: the classes, and the client that it may replace."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any
from unittest import mock

import pytest


@pytest.fixture
def old(compat: Any) -> Any:
    return importlib.import_module("mlrun")


@pytest.fixture
def kinds(old: Any) -> Any:
    return importlib.import_module("mlrun.runtimes.nuclio.api_gateway")


def test_the_names_are_there(old: Any, kinds: Any) -> None:
    assert old.runtimes.APIGateway is kinds.APIGateway is old.runtimes.nuclio.APIGateway
    auth = kinds.APIGatewayAuthenticator.from_scheme
    schemas = importlib.import_module("mlrun.common.schemas")
    spec = schemas.APIGatewaySpec(name="g", upstreams=[], authenticationMode="basicAuth")
    assert isinstance(auth(spec), kinds.BasicAuth)


def test_a_record_and_back(old: Any, kinds: Any) -> None:
    made = kinds.APIGateway(
        kinds.APIGatewayMetadata(name="front"),
        kinds.APIGatewaySpec(functions=["a", "b"], project="shop", canary=[20, 80]),
    )
    made.with_basic_auth("anna", "word")
    record = made.to_scheme()
    assert record.spec.upstreams[0].percentage == 20
    assert record.spec.authentication["basicAuth"].username == "anna"
    again = kinds.APIGateway.from_scheme(record)
    assert again.spec.functions == ["shop/a", "shop/b"] and again.spec.canary == [20, 80]
    with pytest.raises(old.errors.MLRunInvalidArgumentError):
        kinds.APIGatewaySpec(functions=["a", "b"], project="shop", canary=[20, 90])


def test_a_client_that_answers_instead(old: Any, kinds: Any, tmp_path: Path) -> None:
    schemas = importlib.import_module("mlrun.common.schemas")
    client = importlib.import_module("mlrun.db.nopdb").NopDB
    project = old.new_project("shop", str(tmp_path), save=False)
    record = schemas.APIGateway(
        metadata={"name": "front", "labels": {"nuclio.io/project-name": "shop"}},
        spec={
            "name": "front", "host": "front.example.com",
            "upstreams": [{"nucliofunction": {"name": "scorer"}}],
        },
        status={"state": "ready"},
    )  # fmt: skip
    made = kinds.APIGateway(
        kinds.APIGatewayMetadata("front"), kinds.APIGatewaySpec("scorer", project="shop")
    )
    with mock.patch.object(client, "store_api_gateway", return_value=record) as stored:
        found = project.store_api_gateway(made)
    assert stored.call_args.kwargs == {"api_gateway": made, "project": "shop"}
    assert found.invoke_url == "https://front.example.com" and found.is_ready()
    listed = schemas.APIGatewaysOutput(api_gateways={"front": record})
    with mock.patch.object(client, "list_api_gateways", return_value=listed):
        assert [row.spec.functions for row in project.list_api_gateways()] == [["shop/scorer"]]
