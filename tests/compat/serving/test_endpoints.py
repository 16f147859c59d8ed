"""Requests that an APIHandlerConfig allows, refuses and takes apart."""

# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mlrun_like.compat.adapted.serving.prompts import messages_for
from mlrun_like.errors import StepError


def shop(config: Any, handler: Any, **topology: Any) -> Any:
    import mlrun

    function = mlrun.new_function("shop", kind="serving")
    function.set_api_handler_config(config)
    graph = function.set_topology("flow", **topology)
    graph.to(name="answer", handler=handler).respond()
    return function.to_mock_server()


def told(body: Any, **given: Any) -> dict[str, Any]:
    return {"body": body, **given}


async def told_later(body: Any, **given: Any) -> dict[str, Any]:
    return {"body": body, **given}


def test_what_is_not_allowed_is_refused_with_its_status(compat: ModuleType) -> None:
    from mlrun.common.schemas.serving import APIHandlerAction
    from mlrun.runtimes.nuclio.serving import APIHandlerConfig

    config = APIHandlerConfig()
    config.add_endpoint_handler("/buy", "POST", APIHandlerAction.ALLOW)
    config.add_endpoint_handler("/sell", "POST", APIHandlerAction.FORBID)
    server = shop(config, told, engine="sync")
    assert server.test("/buy", body={"n": 1}) == {"body": {"n": 1}}
    asked = {
        ("/sell", "POST"): 403,
        ("/buy", "GET"): 405,
        ("/rent", "POST"): 404,
        ("/buy/more", "POST"): 404,
    }
    for (path, method), status in asked.items():
        with pytest.raises(StepError, match=rf"failed \({status}\)") as found:
            server.test(path, body={"n": 1}, method=method)
        assert found.value.status == status
        assert server.test(path, body={}, method=method, silent=True).status_code == status


def test_a_configuration_that_is_off_lets_all_pass(compat: ModuleType) -> None:
    from mlrun.runtimes.nuclio.serving import APIHandlerConfig

    server = shop(APIHandlerConfig(enabled=False), told, engine="sync")
    assert server.test("/anything", body=[1]) == {"body": [1]}


@pytest.mark.parametrize("engine", ["sync", "async"])
@pytest.mark.parametrize("handler", [told, told_later])
def test_a_handler_gets_what_path_query_and_body_say(
    compat: ModuleType, engine: str, handler: Any
) -> None:
    from mlrun.runtimes.nuclio.serving import APIHandlerConfig, BodyMappings

    mappings = BodyMappings()
    mappings.add_mapping("$.order.items[*]", "items", mandatory=True)
    config = APIHandlerConfig(include_url_info=True)
    config.add_endpoint_handler("/shops/{shop}/orders", "POST", input_body_mappings=mappings)
    server = shop(config, handler, engine=engine)
    body = {"order": {"items": ["pen", "ink"]}}
    assert server.test("/shops/a%20b/orders?fast=1&tag=x&tag=y", body=body) == {
        "body": body,
        "items": ["pen", "ink"],
        "shop": "a b",
        "fast": "1",
        "tag": ["x", "y"],
        "mlrun_request_path": "/shops/a b/orders",
        "mlrun_request_method": "POST",
    }
    mistakes: list[Any] = [{"order": {}}, ["no", "mapping"]]
    for wrong in mistakes:
        with pytest.raises(RuntimeError, match=r"failed \(422\)"):
            server.test("/shops/a/orders", body=wrong)
    with pytest.raises(RuntimeError, match="name conflict"):
        server.test("/shops/a/orders?shop=b", body=body)


def test_a_class_that_takes_events_sees_the_parts_of_the_request(compat: ModuleType) -> None:
    import mlrun
    from mlrun.runtimes.nuclio.serving import APIHandlerConfig

    class Reads:
        def do_event(self, event: Any) -> Any:
            event.body = {"seen": dict(event.body), "body": event.body.original_body}
            return event

    config = APIHandlerConfig()
    config.add_endpoint_handler("/items/{item}", "GET")
    function = mlrun.new_function("shop", kind="serving")
    function.set_api_handler_config(config.to_dict())
    function.set_topology("flow", engine="sync").to(Reads, name="reads").respond()
    answer = function.to_mock_server(namespace={"Reads": Reads}).test("/items/7", method="GET")
    assert answer["seen"] == {"item": "7"}


@pytest.mark.parametrize(
    "event",
    [
        SimpleNamespace(path="/x", body=None),
        SimpleNamespace(method="GET", path=None, body=None),
        SimpleNamespace(method="BREW", path="/x", body=None),
    ],
)
def test_a_request_without_a_method_or_path_is_a_mistake(compat: ModuleType, event: Any) -> None:
    import mlrun
    from mlrun.serving.api_handler import _APIHandlerStep

    with pytest.raises(mlrun.errors.MLRunBadRequestError):
        _APIHandlerStep().do(event)


def test_a_configuration_can_be_kept_as_data(compat: ModuleType) -> None:
    from mlrun.runtimes.nuclio.serving import APIHandlerConfig

    config = APIHandlerConfig(include_url_info=True)
    config.add_endpoint_handler("/a/*", "PUT", "forbid", "not now")
    kept = config.to_dict()
    again = APIHandlerConfig.from_dict(kept)
    assert again.to_dict() == kept
    assert kept["endpoints"]["PUT:/a/*"]["action"] == "forbid"


def test_a_prompt_is_filled_for_each_body_of_a_list(compat: ModuleType) -> None:
    from mlrun.serving.states import LLModel

    prompt = SimpleNamespace(
        spec=SimpleNamespace(
            invocation_config={"temperature": 0}, prompt_legend={"land": {"field": "country"}}
        ),
        read_prompt=lambda: [{"role": "user", "content": "Say {word} in {land}"}],
    )
    model = LLModel(name="m", input_path="rows")
    rows = [{"word": "hi", "country": "Spain"}, {"word": "bye", "land": "Peru"}]
    found, options = model.enrich_prompt({"rows": rows}, "m", prompt)
    assert [item[0]["content"] for item in found] == ["Say hi in Spain", "Say bye in Peru"]
    assert options == {"temperature": 0}
    plain = [{"role": "user", "content": "x"}]
    assert model.enrich_prompt({"rows": [{"messages": plain}]}, "m", None)[0] == [plain]
    assert rows[0] == {"word": "hi", "country": "Spain"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{score:.2f} of {name}", "0.67 of Ann"),
        ('Answer {{"label": 1}} for {name}', 'Answer {"label": 1} for Ann'),
        ('Answer {"label": 1} for {name}', 'Answer {"label": 1} for Ann'),
        ("{gone} {gone.part[x]:>9} {gone!r} {name}", "{gone} {gone.part[x]:>9} {gone!r} Ann"),
        ("{name:.2f} {", "{name:.2f} {"),
        ("{} {0} {name}", "{} {0} Ann"),
        ("{score:.2z}", "{score:.2z}"),
        ("{name.no} {name}", "{name.no} Ann"),
        ("{none:>5} { name } {score:.1f}", "{none:>5} { name } 0.7"),
        ("{name} } {", "{name} } {"),
    ],
)
def test_prompts_are_filled_as_formats(
    text: str, filled: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"score": 2 / 3, "name": "Ann", "none": None}
    assert messages_for(body, [{"content": text}], {}) == [{"content": filled}]
    rest = filled.replace('{"label": 1}', "") if "{{" in text else filled
    assert ("unfilled" in caplog.text or "no format" in caplog.text) == ("{" in rest)
    caplog.clear()
    assert messages_for(7, [{"content": text}], {}) == [{"content": text}]
    assert "the body is no mapping" in caplog.text
    assert messages_for({"a": 1}, [], {}) == messages_for("text", [], {}) == []


def streamed(body: Any, **given: Any) -> Iterator[Any]:
    yield body
    yield given


async def streamed_later(body: Any, **given: Any) -> AsyncIterator[Any]:
    yield body
    yield given


@pytest.mark.parametrize("handler", [streamed, streamed_later])
@pytest.mark.parametrize("engine", ["sync", "async"])
def test_a_generator_gets_values_as_arguments(
    compat: ModuleType, handler: Any, engine: str
) -> None:
    from mlrun.runtimes.nuclio.serving import APIHandlerConfig

    config = APIHandlerConfig()
    config.add_endpoint_handler("/a/{name}", "POST", "allow")
    with shop(config, handler, engine=engine) as server:
        body, given = server.test("/a/tea?size=2", body={"x": 1})
    assert type(body) is dict and body == {"x": 1}
    assert given == {"name": "tea", "size": "2"}
