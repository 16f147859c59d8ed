"""Tokens, CORS, the access log, options."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.web.access import Access
from mlrun_like.serving.web.accesslog import AccessLog
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.request import HttpEvent
from mlrun_like.serving.web.run import RunningServer
from mlrun_like.serving.web.serve import serve
from tests.serving.web.conftest import async_graph, body_of, plain_graph, request, status_of, talk

TOKEN = "correct horse ž"
ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def closed_server() -> Iterator[RunningServer]:
    with serve(plain_graph(), token=TOKEN, cors_origins=ORIGIN) as running:
        yield running


def bearer(token: str) -> str:
    return f"Bearer {token}".encode().decode("latin-1")


def test_a_token_is_needed_for_all_but_health(closed_server: RunningServer) -> None:
    url = closed_server.url
    for path in ("/", "/metrics", "/openapi.json"):
        answer = talk(url, request(path=path, method="GET"))
        assert status_of(answer) == 401 and b"www-authenticate: Bearer" in answer
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/docs"):
        assert status_of(talk(url, request(path=path, method="GET"))) == 200
    for wrong in ("", "x", bearer("wrong"), bearer(TOKEN) + "x", f"Basic {TOKEN[:7]}", "Bearer"):
        assert status_of(talk(url, request(authorization=wrong))) == 401
    for right in (bearer(TOKEN), bearer(TOKEN).replace("Bearer", "bEARER"), bearer(TOKEN) + " "):
        assert status_of(talk(url, request(authorization=right))) == 200
    document = json.loads(
        body_of(talk(url, request(path="/openapi.json", method="GET", authorization=bearer(TOKEN))))
    )
    assert document["security"] == [{"token": []}]


def test_a_token_is_never_shown() -> None:
    options = WebOptions(token=TOKEN)
    assert TOKEN not in repr(options) and options.to_dict()["token"] == "***"
    with pytest.raises(InvalidArgumentError) as told:
        WebOptions(token="line\nend")
    assert "line" not in str(told.value).replace("line end", "")
    with config.override(serving_token=TOKEN):
        assert WebOptions.of().token == TOKEN
        assert "serving_token" not in config.changed()


def test_web_pages_of_named_origins_may_call(closed_server: RunningServer) -> None:
    url, right = closed_server.url, bearer(TOKEN)
    asked = {
        "access_control_request_method": "POST",
        "access_control_request_headers": "authorization, content-type",
    }
    answer = talk(url, request(method="OPTIONS", origin=ORIGIN, **asked))
    assert status_of(answer) == 204
    for line in (
        b"access-control-allow-origin: https://app.example",
        b"access-control-allow-methods: GET, POST, PUT, PATCH, DELETE",
        b"access-control-allow-headers: authorization, content-type",
    ):
        assert line in answer
    answer = talk(url, request(b"1", origin=ORIGIN, authorization=right))
    assert status_of(answer) == 200 and b"access-control-allow-origin: " in answer
    assert b"vary: Origin" in answer
    for origin in ("https://evil.example", "null", "https://app.example.evil"):
        answer = talk(url, request(b"1", origin=origin, authorization=right))
        assert b"access-control-allow-origin" not in answer
    failed = talk(
        url, request(b"{bad", origin=ORIGIN, authorization=right, content_type="application/json")
    )
    assert status_of(failed) == 400 and b"access-control-allow-origin" in failed
    everybody = Access(WebOptions(cors_origins=("*",)))
    assert (b"access-control-allow-origin", b"x://y") in everybody.headers([(b"origin", b"x://y")])
    assert everybody.headers([]) == [(b"vary", b"Origin")]


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"max_body": -1}, "max_body"),
        ({"max_body": 1.5}, "whole number"),
        ({"timeout": "1"}, "timeout"),
        ({"io_timeout": float("inf")}, "io_timeout"),
        ({"max_in_flight": True}, "max_in_flight"),
        ({"cors_origins": ("https://a/",)}, "not an origin"),
        ({"cors_origins": "a.example"}, "not an origin"),
        ({"tokn": "x"}, "Did you mean 'token'"),
        ({"access_log": "/nowhere/at/all/log"}, "access log"),
    ],
)
def test_wrong_options_are_named(given: dict[str, Any], part: str) -> None:
    with pytest.raises(InvalidArgumentError, match=part):
        serve(plain_graph(), **given)


def test_options_come_from_settings_unless_given() -> None:
    with config.override(serving_timeout=2.5, serving_cors_origins="https://a, https://b"):
        options = WebOptions.of(timeout=None, max_in_flight=3)
    assert (options.timeout, options.max_in_flight) == (2.5, 3)
    assert options.cors_origins == ("https://a", "https://b")


def lines_of(path: Path, count: int) -> list[dict[str, Any]]:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        lines = path.read_text().splitlines()
        if len(lines) >= count:
            return [json.loads(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError(path.read_text())


@pytest.mark.parametrize("graph", [plain_graph, async_graph])
def test_the_access_log_has_a_line_per_request(tmp_path: Path, graph: Any) -> None:
    path = tmp_path / "access.log"
    with serve(graph(), access_log=str(path), token=TOKEN) as running:
        right = {"authorization": bearer(TOKEN), "content_type": "application/json"}
        talk(running.url, request(b"1", path="/a?token=secret", mlrun_event_id="e-1", **right))
        talk(running.url, request(b"1", path="/b"))
        talk(running.url, request(b"{bad", path="/c", **right))
        lines = lines_of(path, 3)
    assert [(line["path"], line["status"]) for line in lines] == [
        ("/a", 200), ("/b", 401), ("/c", 400),
    ]  # fmt: skip
    first = lines[0]
    assert (first["method"], first["event_id"], first["client"]) == ("POST", "e-1", "127.0.0.1")
    assert 0 < first["ms"] < 5000 and first["bytes"] > 0 and abs(first["time"] - time.time()) < 60
    assert "secret" not in path.read_text()
    assert path.stat().st_mode & 0o007 == 0


def test_the_log_is_written_in_whole_lines_and_survives_a_full_disk(tmp_path: Path) -> None:
    async def write() -> None:
        log = AccessLog(str(tmp_path / "log"))
        event = HttpEvent.of("GET", "/" + "é\n" * 100, b"", [])
        for _ in range(1000):
            log.write(event, 200, 1, time.perf_counter(), ("1.2.3.4", 5))
        log.close()

    asyncio.run(write())
    assert len(lines_of(tmp_path / "log", 1000)) == 1000
    if os.path.exists("/dev/full"):
        full = AccessLog("/dev/full")

        async def fail() -> None:
            full.write(HttpEvent.of("GET", "/", b"", []), 200, 1, 0.0, None)
            full.close()

        asyncio.run(fail())


def test_too_many_requests_at_a_time_get_503() -> None:
    with serve(async_graph(), max_in_flight=1) as running:
        import threading

        found: list[bytes] = []
        kind = {"content_type": "application/json"}
        threads = [
            threading.Thread(
                target=lambda: found.append(talk(running.url, request(b"0.3", **kind)))
            )
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(status_of, found)) == [200, 503, 503]
        refused = next(answer for answer in found if status_of(answer) == 503)
        assert b"retry-after: 1" in refused and json.loads(body_of(refused))["code"] == "overloaded"
        assert status_of(talk(running.url, request(b"0", **kind))) == 200


def test_a_request_may_take_so_long_and_no_longer() -> None:
    steps: list[str] = []

    def first(body: Any) -> Any:
        time.sleep(0.2)
        return body

    def second(body: Any) -> Any:
        steps.append("second")
        return body

    graph = flow()
    graph.to(first, "first").options(blocking=False).to(second, "second").respond()
    kind = {"content_type": "application/json"}
    with serve(async_graph(), timeout=0.2) as running:
        answer = talk(running.url, request(b"5", **kind))
        assert status_of(answer) == 504 and json.loads(body_of(answer))["code"] == "timeout"
        assert status_of(talk(running.url, request(b"0", **kind))) == 200
        assert status_of(talk(running.url, request(b"5", request_timeout="60", **kind))) == 504
    with serve(graph) as running:
        assert status_of(talk(running.url, request(b"1", request_timeout="0.1", **kind))) == 504
        assert not steps  # the time is looked at between steps
        assert status_of(talk(running.url, request(b"1", request_timeout="5", **kind))) == 200
