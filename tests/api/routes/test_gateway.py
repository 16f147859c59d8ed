"""Deployed functions over HTTP: without a gateway, and with a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

import mlrun_like as ml
from mlrun_like.api.routes import gateway
from mlrun_like.api.routes.gateway_trying import try_function
from mlrun_like.configuration import config
from mlrun_like.errors import SpecError
from mlrun_like.gateway.places import gateway_home, log_file
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observe.recording import Recorder
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.gateway.gateways import gateway_at

P = "/api/v1/projects/p/gateway/functions"
ECHO = """
import json

def handler(context, event):
    print("called", event.path, flush=True)
    if event.path == "/big":
        return "x" * 3_000_000
    if event.path == "/bytes":
        return context.Response(body=bytes([255, 254]), content_type="application/octet-stream")
    return {"path": event.path, "method": event.method, "body": str(event.body)}
"""


def test_without_a_gateway_the_list_is_empty_and_says_why(
    service: TestClient, as_user: Callable[..., TestClient]
) -> None:
    found = service.get(P).json()
    assert found["functions"] == [] and found["gateway"]["state"] == "stopped"
    assert "mlrun-like up" in found["gateway"]["reason"]
    assert service.get("/api/v1/gateway").json()["state"] == "stopped"
    for verb, path in (
        ("GET", "/f"), ("POST", "/f/promote"), ("POST", "/f/rollback"), ("DELETE", "/f"),
        ("GET", "/f/logs"), ("GET", "/f/schema"), ("GET", "/f/logs/follow"),
    ):  # fmt: skip
        answer = service.request(verb, P + path)
        detail = answer.json()["detail"]
        assert answer.status_code == 409 and "no gateway runs" in detail["reason"], answer.text
    viewer = as_user("viewer", "p")
    assert viewer.get(P).status_code == 200
    for path in ("/f/promote", "/f/rollback", "/f/scale", "/f/traffic", "/f/invoke", "/f/shadow"):
        assert viewer.post(P + path, json={}).status_code == 403
    assert viewer.get("/api/v1/projects/q/gateway/functions").status_code == 404


def test_the_graph_of_a_function_that_is_only_recorded(
    service: TestClient, store: SqlStore
) -> None:
    graph = {
        "kind": "flow",
        "steps": {
            "clean": {"kind": "task", "class_name": "os.system", "after": [], "on_error": "broken"},
            "models": {
                "kind": "router",
                "after": ["clean"],
                "routes": {"a": {"class_name": "A"}, "b": {"class_name": "B"}},
            },
            "broken": {"kind": "error_step", "handler": "tell", "full_event": True},
            "odd": 5,
        },
    }
    store.store_function(
        {"kind": "serving", "metadata": {"project": "p", "name": "f"}, "spec": {"graph": graph}}
    )
    found = service.get(f"{P}/f/graph").json()
    assert [node["id"] for node in found["nodes"]] == ["clean", "models", "a", "b", "broken"]
    assert ["clean", "models"] in found["edges"] and ["models", "a"] in found["edges"]
    assert found["errors"] == [["clean", "broken"]] and "no gateway" in found["latency_error"]
    assert service.get(f"{P}/none/graph").status_code == 404


@pytest.mark.parametrize(
    "given",
    [
        {"path": "/../../-/api/down"},
        {"path": "/%2e%2e/x"},
        {"path": "/a b"},
        {"path": "/a\r\nx: y"},
        {"path": "/é"},
        {"path": "/" + "x" * 5000},
        {"method": "CONNECT"},
        {"method": "GET / HTTP/1.1\r\n"},
        {"headers": {"a": "b\r\nc: d"}},
        {"headers": {"a b": "c"}},
        {"headers": [1]},
        {"headers": {"a": 5}},
        {"body_base64": "?"},
        {"body_base64": 5},
        {"path": 5},
    ],
)
def test_requests_that_cannot_be_sent(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        try_function("p", "f", given)
    assert isinstance(caught.value, SpecError) or "must be a text" in str(caught.value)


def test_recorded_events_are_listed(service: TestClient, home: Path) -> None:
    recorder = Recorder(config.path("recordings", "p", "f"), steps=True)
    for number in range(5):
        event = Event({"x": number}, id=f"e{number}", path="/", headers={"authorization": "secret"})
        recorder.begin(event)
        recorder.end(event, Response(number), None)
    recorder.close()
    rows = service.get(f"{P}/f/events", params={"limit": "2"}).json()["events"]
    assert [row["id"] for row in rows] == ["e4", "e3"]
    found = service.get(f"{P}/f/events/e1")
    assert found.json()["body"] == {"x": 1} and "secret" not in found.text
    assert service.get(f"{P}/f/events/none").status_code == 404
    assert service.get(f"{P}/g/events").json()["events"] == []
    assert service.get(f"{P}/..%2f..%2fx/events").status_code in (400, 404)


@pytest.mark.slow
def test_a_deployed_function_from_first_look_to_its_end(
    service: TestClient, home: Path, as_user: Callable[..., TestClient]
) -> None:
    with gateway_at(home):
        fn: Any = ml.new_function("echo", project="p", kind="nuclio")
        fn.with_code(body=ECHO)
        fn.deploy()
        fn.set_env("A", "2").deploy()
        rows = service.get(P).json()
        assert rows["gateway"]["state"] == "running"
        assert [row["key"] for row in rows["functions"]] == ["p/echo"]
        assert service.get("/api/v1/projects/q/gateway/functions").json()["functions"] == []
        stranger = as_user("developer", "q")
        assert stranger.get("/api/v1/gateway").json()["functions"] == []
        place = "/api/v1/projects/q/gateway/functions/echo"
        assert stranger.post(f"{place}/invoke", json={"path": "/../../p/echo/"}).status_code == 422
        assert stranger.post(f"{place}/invoke", json={}).status_code == 404
        found = service.get(f"{P}/echo").json()
        assert found["status"]["version"] == 2 and "why" in found
        asked = {"path": "/a?b=1", "body": {"x": 1}, "headers": {"x-a": "b", "host": "evil"}}
        answer = service.post(f"{P}/echo/invoke", json=asked).json()
        assert answer["status"] == 200 and '"/a"' in answer["body"], answer
        big = service.post(f"{P}/echo/invoke", json={"method": "GET", "path": "/big"}).json()
        assert big["truncated"] and big["size"] == 1 << 20
        raw = service.post(f"{P}/echo/invoke", json={"method": "GET", "path": "/bytes"}).json()
        assert raw["body_base64"] == "//4=", raw
        assert "called /a" in service.get(f"{P}/echo/logs", params={"tail": "50"}).text
        shares = {"shares": [{"version": 1, "weight": 50}, {"version": 2, "weight": 50}]}
        answer = service.post(f"{P}/echo/traffic", json=shares)
        assert answer.status_code == 200, answer.text
        assert {row["version"] for row in answer.json()["traffic"]} == {1, 2}
        assert service.post(f"{P}/echo/rollback").json()["traffic"][0]["version"] == 2
        answer = service.post(f"{P}/echo/scale", json={"min": 1, "max": 2})
        assert answer.json()["replicas"] == {"min": 1, "max": 2}
        for path, bad in (
            ("scale", {"min": -1}), ("scale", {"min": "x"}), ("scale", {"min": 3, "max": 1}),
            ("traffic", {}), ("traffic", {"shares": [1]}), ("shadow", {}),
            ("traffic", {"shares": [{"version": 9, "weight": 100}]}),
            ("traffic", {"shares": [{"version": 1, "weight": -5}]}),
        ):  # fmt: skip
            answer = service.post(f"{P}/echo/{path}", json=bad)
            assert 400 <= answer.status_code < 500, (path, bad, answer.text)
        assert service.delete(f"{P}/echo").status_code == 204
        assert service.delete(f"{P}/echo").status_code == 404
        assert service.get(f"{P}/echo").status_code == 404


def test_logs_are_followed(
    service: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = log_file(gateway_home(), "p/f")
    file.parent.mkdir(parents=True)
    file.write_text("one\ntwo\n")

    class Deployed:
        """A gateway that has the function."""

        def status(self, key: str) -> dict[str, str]:
            return {"key": key}

    monkeypatch.setattr(gateway, "gateway_client", Deployed)
    query = {"type": "http", "app": service.app, "query_string": b"tail=1", "headers": []}

    async def read() -> bytes:
        answer: Any = await gateway.follow_logs(Request(query), "p", "f")
        found = b""
        async for part in answer.body_iterator:
            found += part
            if b"two" in found and b"three" not in found:
                with file.open("a") as more:
                    more.write("three\n")
            if b"three" in found:
                break
        await answer.body_iterator.aclose()
        return found

    found = asyncio.run(asyncio.wait_for(read(), 30))
    assert b"event: log" in found and b"one" not in found and b"three" in found
