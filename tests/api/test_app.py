"""The app: what all routes have in common."""

from __future__ import annotations

import gzip
import logging
import sys
import threading
import time
import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.app import create_app
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.http.streams import Event, event_stream, last_event_id
from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.routing import Needs, Routes
from mlrun_like.errors import FunctionError, NotFoundError, RateLimitError
from mlrun_like.types import Document
from tests.api.client import TestClient

ROUTES = Routes("things", prefix="/projects/{project}/things")
READ, UPDATE = Needs("run", "read"), Needs("run", "update")
THINGS: dict[str, Document] = {}
CALLS: list[str] = []
GO = threading.Event()


@ROUTES.get("", needs=READ, summary="List", examples={"things": []})
def list_things(request: Request, project: str) -> Response:
    rows = [{"name": f"n{number:03}", "age": number % 7} for number in range(250)]
    shown, pagination = paged(
        rows, request, key=lambda row: row["name"], sorts={"age": lambda row: row["age"] or None}
    )
    return json_answer({"things": shown, "pagination": pagination})


@ROUTES.get("/{name}", needs=READ, summary="Read")
def read_thing(request: Request, project: str, name: str) -> Response:
    if name == "bug":
        raise RuntimeError("the password is 1234")
    if name == "often":
        raise RateLimitError("too often", retry_after=7)
    if name == "slow":
        GO.wait(5)
    if name not in THINGS:
        raise NotFoundError(f"there is no thing {name!r}", where=project, fix="make it")
    return json_answer(THINGS[name])


@ROUTES.put("/{name}", needs=UPDATE, summary="Write")
def write_thing(request: Request, project: str, name: str, body: Document) -> Response:
    CALLS.append(name)
    if name == "secret":
        return json_answer({"token": "abc"}, 201, {"cache-control": "no-store"})
    if name == "wait":
        GO.wait(5)
    THINGS[name] = body
    return json_answer(body, 201)


@ROUTES.get("/{name}/events", needs=READ, summary="Follow")
async def follow_thing(request: Request, project: str, name: str) -> Response:
    async def events() -> Iterator[Event]:  # type: ignore[misc]
        for number in range(int(last_event_id(request) or 0), 3):
            yield Event({"n": number}, "thing", str(number + 1))

    return event_stream(request, events())  # type: ignore[arg-type]


@pytest.fixture
def things(home: object, service_options: ServiceOptions) -> Iterator[TestClient]:
    module = types.ModuleType("tests_things")
    module.ROUTES = ROUTES  # type: ignore[attr-defined]
    sys.modules["tests_things"] = module
    THINGS.clear()
    CALLS.clear()
    GO.clear()
    app = create_app(service_options, ("mlrun_like.api.routes.health", "tests_things"))
    with TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False) as client:
        client.base_url = client.base_url.join("/api/v1/projects/p")
        yield client
    del sys.modules["tests_things"]


def test_it_is_alive_and_ready(service: TestClient) -> None:
    assert service.get("/healthz").json() == {"status": "ok"}
    assert service.get("/api/v1/healthz").status_code == 200
    found = service.get("/readyz")
    assert found.status_code == 200, found.text
    assert found.json()["ready"] is True


def test_a_route_that_says_not_what_it_needs_is_refused() -> None:
    with pytest.raises(FunctionError, match="has no"):
        Routes("x").get("/runs", needs=READ, summary="x")
    with pytest.raises(FunctionError, match="are not known"):
        Needs("run", "look")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/v1/projects/p/things/x", 404, "not_found"),
        ("GET", "/api/v1/projects/*/things", 404, "not_found"),
        ("PATCH", "/api/v1/projects/p/things", 405, "method_not_allowed"),
        ("GET", "/api/v1/projects/p/things/often", 429, "rate_limit"),
        ("GET", "/api/v1/projects/p/things?page-token=broken", 400, "invalid_argument"),
        ("GET", "/api/v1/projects/p/things?page-size=0", 400, "invalid_argument"),
        ("GET", "/api/v1/projects/p/things?page-size=-1", 400, "invalid_argument"),
        ("GET", "/api/v1/projects/p/things?page-size=%D9%A3%FF", 400, "invalid_argument"),
        ("GET", "/api/v1/projects/p/things?sort=nothing", 400, "invalid_argument"),
        ("GET", "/api/v1/projects/p/things?x=" + "a" * 9000, 414, "invalid_argument"),
        ("GET", "/api/v1/projects/p%00/things", 400, "invalid_argument"),
    ],
)
def test_all_errors_have_the_same_body(
    things: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = things.request(method, f"http://127.0.0.1:8080{path}")
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"detail", "request_id"}
    assert set(body["detail"]) == {"reason", "code", "what", "where", "fix"}
    assert body["detail"]["code"] == code
    assert body["request_id"] == answer.headers["x-request-id"]


def test_a_mistake_of_ours_tells_nothing_but_an_id(
    things: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = things.get("/things/bug")
    assert answer.status_code == 500
    assert answer.json()["detail"]["code"] == "internal"
    assert "1234" not in answer.text and "Traceback" not in answer.text
    assert answer.json()["request_id"] in caplog.text and "1234" in caplog.text


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b"null", b"[" * 50_000, b""])
def test_a_broken_body_is_told(things: TestClient, body: bytes) -> None:
    answer = things.put("/things/a", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"]["code"] == "invalid_argument"


def test_a_body_that_is_too_large(things: TestClient) -> None:
    things.app.state.service.options.__dict__["max_body"] = 100  # type: ignore[attr-defined]
    told = things.put("/things/a", json={"a": "x" * 200})
    assert (told.status_code, told.json()["detail"]["code"]) == (413, "too_large")

    def pieces() -> Iterator[bytes]:
        yield from [b'{"a": "', *[b"x" * 50] * 10, b'"}']

    untold = things.put("/things/a", content=pieces(), headers={"content-type": "application/json"})
    assert (untold.status_code, untold.json()["detail"]["code"]) == (413, "too_large")


def test_ids_and_safe_headers(things: TestClient) -> None:
    mine = things.get("/things", headers={"x-request-id": "my-request-1"})
    assert mine.headers["x-request-id"] == "my-request-1"
    hostile = things.get("/things", headers={"x-request-id": "a b<script>"})
    assert len(hostile.headers["x-request-id"]) == 16
    assert mine.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in mine.headers["content-security-policy"]
    head = things.head("/things")
    assert head.status_code == 200 and head.content == b""


def test_pages_of_a_list(things: TestClient) -> None:
    for sort in ("", "age", "-age"):
        seen: list[str] = []
        token = ""
        while True:
            query = {"page-size": "60", **({"sort": sort} if sort else {})}
            found = things.get(
                "/things", params={**query, **({"page-token": token} if token else {})}
            )
            seen += [row["name"] for row in found.json()["things"]]
            token = found.json()["pagination"]["page-token"]
            if not token:
                break
        assert len(seen) == len(set(seen)) == 250, sort
    other = things.get("/things", params={"page-size": "60", "sort": "age"}).json()["pagination"]
    assert things.get("/things", params={"page-token": other["page-token"]}).status_code == 400


def test_an_answer_that_has_not_changed_is_not_sent_again(things: TestClient) -> None:
    first = things.get("/things")
    tag = first.headers["etag"]
    again = things.get("/things", headers={"if-none-match": f'"x", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag


def test_long_answers_are_compressed(things: TestClient) -> None:
    with things.stream("GET", "/things", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert len(raw) == int(answer.headers["content-length"]) < len(gzip.decompress(raw)) / 3
    plain = things.get("/things", headers={"accept-encoding": "gzip;q=0, br"})
    assert "content-encoding" not in plain.headers


def test_only_what_was_read_is_changed(things: TestClient) -> None:
    things.put("/things/a", json={"v": 1})
    tag = things.get("/things/a").headers["etag"]
    assert things.put("/things/a", json={"v": 2}, headers={"if-match": tag}).status_code == 201
    late = things.put("/things/a", json={"v": 3}, headers={"if-match": tag})
    assert (late.status_code, late.json()["detail"]["code"]) == (412, "precondition")
    assert things.put("/things/new", json={}, headers={"if-match": "*"}).status_code == 412
    assert THINGS == {"a": {"v": 2}}


def test_of_two_that_expect_the_same_one_wins(things: TestClient) -> None:
    things.put("/things/a", json={"v": 0})
    tag = things.get("/things/a").headers["etag"]
    found: list[int] = []

    def change(number: int) -> None:
        answer = things.put("/things/a", json={"v": number}, headers={"if-match": tag})
        found.append(answer.status_code)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [201, 412, 412, 412, 412]


def test_a_request_that_is_sent_twice_is_done_once(things: TestClient) -> None:
    key = {"idempotency-key": "k1"}
    first = things.put("/things/a", json={"v": 1}, headers=key)
    again = things.put("/things/a", json={"v": 1}, headers=key)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert CALLS == ["a"]
    other = things.put("/things/a", json={"v": 2}, headers=key)
    assert (other.status_code, other.json()["detail"]["code"]) == (409, "conflict")
    for broken in ("", "x" * 300):
        assert (
            things.put("/things/a", json={}, headers={"idempotency-key": broken}).status_code == 400
        )


def test_two_at_once_with_the_same_key_are_one(things: TestClient) -> None:
    answers: list[tuple[int, str]] = []

    def send() -> None:
        found = things.put("/things/wait", json={"v": 1}, headers={"idempotency-key": "k"})
        answers.append((found.status_code, found.text))

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    while not CALLS:
        time.sleep(0.005)
    GO.set()
    for thread in threads:
        thread.join()
    assert CALLS == ["wait"]
    assert answers == [(201, '{"v":1}')] * 3


def test_answers_with_secrets_are_not_kept(things: TestClient) -> None:
    key = {"idempotency-key": "k2"}
    assert things.put("/things/secret", json={}, headers=key).json() == {"token": "abc"}
    again = things.put("/things/secret", json={}, headers=key)
    assert again.status_code == 409
    assert "abc" not in again.text


def test_what_takes_too_long_is_given_up(things: TestClient) -> None:
    things.app.state.service.options.__dict__["request_timeout"] = 0.05  # type: ignore[attr-defined]
    answer = things.get("/things/slow")
    GO.set()
    assert answer.status_code == 503
    assert answer.json()["detail"]["code"] == "overloaded"


def test_events(things: TestClient) -> None:
    answer = things.get("/things/a/events", headers={"last-event-id": "1"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text == (
        'retry: 2000\n\nid: 2\nevent: thing\ndata: {"n":1}\n\n'
        'id: 3\nevent: thing\ndata: {"n":2}\n\n'
    )
    state = things.app.state.service  # type: ignore[attr-defined]
    assert state.numbers.streams == 0
    state.numbers.streams = state.options.streams
    assert things.get("/things/a/events").status_code == 503


def test_an_event_cannot_forge_another() -> None:
    text = Event("a\r\nevent: evil\rdata: x\n\nid: 9", "k\nind", "1\n2").encoded().decode()
    assert text.splitlines()[:2] == ["id: 12", "event: kind"]
    assert all(line.startswith("data: ") for line in text.splitlines()[2:] if line)


def test_numbers(things: TestClient) -> None:
    things.get("/things")
    things.get("/things/often")
    text = things.get("http://127.0.0.1:8080/metrics").text
    route = "/api/v1/projects/{project}/things"
    assert f'requests_total{{method="GET",route="{route}",status="200"}} 1' in text
    assert f'request_seconds_count{{route="{route}/{{name}}"}} 1' in text
    assert "mlrun_like_service_in_flight 1" in text


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"host": "0.0.0.0"}, 401),
        ({"host": "0.0.0.0", "metrics_open": True}, 200),
        ({"url": "https://ml.example.com"}, 401),  # a proxy on the same machine
    ],
)
def test_numbers_are_for_whom_the_settings_say(
    service_options: ServiceOptions, changes: dict[str, Any], status: int
) -> None:
    options = replace(service_options, auth="required", **changes)
    with TestClient(create_app(options), base_url="http://127.0.0.1:8080") as client:
        assert client.get("/metrics").status_code == status


def test_the_documentation_needs_no_other_host(service: TestClient) -> None:
    answer = service.get("/api/v1/docs")
    assert answer.status_code == 200
    assert "http://" not in answer.text.replace("http://www.w3.org", "")
    assert "paths" in service.get("/api/v1/openapi.json").json()
