from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.remote import HttpRequest, HttpResponse, SendToHttp
from tests.servers import free_port
from tests.serving.remote.conftest import Form
from tests.serving.remote.upstream import Upstream


def joined(body: Any, response: HttpResponse) -> Any:
    return {"body": body, "status": response.status, "text": response.body}


def step_to(url: str, method: str = "GET", join: Any = joined, **options: Any) -> SendToHttp:
    def build(event: Event) -> HttpRequest:
        return HttpRequest(method, f"{url}/{event.key}", event.body, {"X-Id": str(event.id)})

    return SendToHttp(build, join, **options)


def test_requests_are_built_from_events_and_joined_with_answers(
    upstream: Upstream, form: Form
) -> None:
    step = step_to(upstream.url, "post")
    assert form(step, "hello", key="echo", id="7") == {
        "body": "hello", "status": 200, "text": "hello",
    }  # fmt: skip
    got = upstream.got[0]
    assert (got.method, got.path, got.headers["x-id"]) == ("POST", "/echo", "7")
    assert form(step_to(upstream.url), None, key="status/404")["status"] == 404
    assert form(step_to(upstream.url), None, key="flaky/9")["status"] == 500
    assert len(upstream.got) == 3  # whatever a server says is an answer


def test_none_drops_the_event(upstream: Upstream, form: Form) -> None:
    step = step_to(upstream.url, join=lambda body, response: None)
    assert form(step, None, key="json") is DROP


def test_with_paths_and_full_events(upstream: Upstream, form: Form) -> None:
    placed = step_to(upstream.url, join=lambda body, response: response.status, result_path="s")
    assert form(placed, {"x": 1}, key="json") == {"x": 1, "s": 200}

    def whole(event: Event, response: HttpResponse) -> Event:
        event.body = (event.key, response.headers["content-type"])
        return event

    found = form(step_to(upstream.url, join=whole, full_event=True), None, key="json")
    assert found == ("json", "application/json; charset=utf-8")


def test_retries_are_for_requests_without_an_answer(form: Form) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StepError, match="gave no answer"):
        form(step_to(url, retries=2, backoff_factor=0.01), None, key="x")


def test_in_a_graph(upstream: Upstream) -> None:
    graph = flow()
    graph.to(step_to(upstream.url, "POST"), "send").respond()
    with graph.to_mock_server() as server:
        event = Event({"n": 1}, key="echo")
        assert server.run(event).body["text"] == '{"n":1}'
    graph = flow()
    graph.to(step_to(upstream.url, join=lambda body, response: None), "send").respond()
    with graph.to_mock_server() as server:
        assert server.run(Event({}, key="json")).status_code == 204


def test_mistakes(form: Form) -> None:
    with pytest.raises(TypeError, match="callable"):
        SendToHttp(None, joined)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="callable"):
        SendToHttp(lambda event: HttpRequest("GET", "", None), "join")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_in_flight"):
        step_to("http://h", max_in_flight=0)
    wrong: Any = lambda event: ("GET", "http://h/")  # noqa: E731
    with pytest.raises(InvalidArgumentError, match="not an HttpRequest"):
        form(SendToHttp(wrong, joined), 1)


def test_requests_and_responses() -> None:
    request = HttpRequest("GET", "http://h/", b"x")
    assert (request.method, request.url, request.body, request.headers) == (
        "GET", "http://h/", b"x", {},
    )  # fmt: skip
    response = HttpResponse(200, "ok")
    assert (response.status, response.body) == (200, "ok")
