"""Streams of values that break, and models written down, as MLRun has them."""

# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest


def breaking(body: int) -> Iterator[int]:
    yield body
    raise ValueError("no more")


async def breaking_later(body: int) -> AsyncIterator[int]:
    yield body
    raise ValueError("no more")


def refusing(body: int) -> int:
    raise KeyError(body)


def _graph(*steps: Any) -> Any:
    graph = import_module("mlrun_like.serving.definition.graph").flow(engine="async")
    last = graph
    for number, step in enumerate(steps):
        last = last.to(step, f"s{number}")
    last.respond()
    return graph


@pytest.mark.parametrize("streamer", [breaking, breaking_later])
def test_a_stream_that_breaks_raises_streaming_error(compat: ModuleType, streamer: Any) -> None:
    storey = import_module("storey")
    with _graph(streamer).to_mock_server() as server:
        answer = server.test(body=1)
        assert next(answer) == 1
        with pytest.raises(storey.StreamingError, match="ValueError: no more"):
            next(answer)


@pytest.mark.parametrize("streamer", [breaking, breaking_later])
def test_a_collector_answers_with_the_error_of_its_stream(
    compat: ModuleType, streamer: Any
) -> None:
    storey = import_module("storey")
    with _graph(streamer, storey.Collector).to_mock_server() as server:
        assert server.test(body=1) == {"error": "ValueError: no more"}


def test_an_error_of_a_step_after_the_stream_is_raised(compat: ModuleType) -> None:
    storey = import_module("storey")
    graph = _graph(breaking, refusing, storey.Collector)
    with graph.to_mock_server() as server, pytest.raises(RuntimeError, match="KeyError"):
        server.test(body=1)


def test_models_are_written_down_with_mlruns_names(compat: ModuleType) -> None:
    serving: Any = import_module("mlrun.serving")
    written = serving.V2ModelServer(name="m", model_path="./x", factor=2).to_dict()
    assert written["class_name"] == "mlrun.serving.v2_serving.V2ModelServer"
    assert written["class_args"] == {"model_path": "./x", "factor": 2, "protocol": "v2"}

    class Own(serving.V2ModelServer):
        pass

    assert Own(name="m").to_dict()["class_name"].startswith(f"{__name__}.")
    assert serving.ModelRouter().to_dict()["class_name"] == "mlrun.serving.routers.ModelRouter"


def test_the_form_of_answers_is_asked_for_once(
    compat: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    storey = import_module("storey")
    with _graph(breaking, storey.Collector).to_mock_server() as server:
        monkeypatch.delenv("MLRUN_LIKE_COMPAT")
        assert server.test(body=1) == {"error": "ValueError: no more"}
