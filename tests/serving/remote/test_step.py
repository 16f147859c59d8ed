from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError, StepError, StepTimeoutError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.remote import RemoteStep
from mlrun_like.serving.server import GraphServer
from tests.servers import free_port
from tests.serving.remote.conftest import Form
from tests.serving.remote.upstream import Upstream


def echo(event: Any) -> Any:
    return event


def served(engine: str = "async", **arguments: Any) -> GraphServer:
    graph = flow(engine=engine)
    graph.to(handler=echo, name="s1").to("$remote", "remote", **arguments).to(
        handler=echo, name="s3"
    ).respond()
    return graph.to_mock_server()


@pytest.mark.parametrize("engine", ["sync", "async"])
def test_in_a_graph(upstream: Upstream, engine: str) -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any], Any]] = [
        ({"method": "GET"}, {"body": {"x": 5}}, {"ok": True}),
        (
            {"method": "POST", "subpath": "text", "return_json": False},
            {"path": "/datapath", "body": b"req text", "event_id": "123"},
            b"my str",
        ),
        ({"method": "POST", "subpath": "/echo"}, {"body": {"x": 5}}, {"x": 5}),
        ({"method": "POST", "subpath": "$path"}, {"body": {"x": 5}, "path": "/echo"}, {"x": 5}),
        (
            {"method": "GET", "url": None, "url_expression": "event['myurl']"},
            {"body": {"myurl": f"{upstream.url}/json"}},
            {"ok": True},
        ),
    ]
    for arguments, request, expected in cases:
        with served(engine, **{"url": upstream.url + "/", **arguments}) as server:
            assert server.test(**request) == expected
    assert [got.method for got in upstream.got] == ["GET", "POST", "POST", "POST", "GET"]
    assert upstream.got[1].headers["mlrun-event-id"] == "123"
    assert upstream.got[1].headers["mlrun-event-path"] == "/datapath"
    assert upstream.got[1].body == b"req text"
    assert upstream.got[2].path == upstream.got[3].path == "/echo"
    assert upstream.got[2].headers["content-type"] == "application/json"
    assert upstream.got[0].body == b"" and "mlrun-event-path" not in upstream.got[0].headers


def test_an_object_as_a_step_with_paths_and_expressions(upstream: Upstream) -> None:
    graph = flow()
    graph.to(
        RemoteStep(
            name="remote",
            url=upstream.url + "/",
            url_expression="endpoint + event['url']",
            body_expression="event['data']",
            headers_expression="{'X-Kind': event['kind'], 'x-n': 5}",
            input_path="req",
            result_path="resp",
        )
    ).respond()
    body = {"req": {"url": "echo", "data": {"x": 5}, "kind": "k"}}
    with graph.to_mock_server() as server:
        assert server.test(body=body) == {**body, "resp": {"x": 5}}
    assert upstream.got[0].headers["x-kind"] == "k" and upstream.got[0].headers["x-n"] == "5"


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        (None, b"", None),
        ({"x": 1}, b'{"x":1}', "application/json"),
        ([1, float("nan")], b"[1,null]", "application/json"),
        (numpy.array([1, 2]), b"[1,2]", "application/json"),
        (0, b"0", "application/json"),
        ("text ü", "text ü".encode(), "text/plain; charset=utf-8"),
        (b"\x00\xff", b"\x00\xff", "application/octet-stream"),
    ],
)
def test_what_is_sent(
    upstream: Upstream, form: Form, body: Any, sent: bytes, kind: str | None
) -> None:
    step = RemoteStep(f"{upstream.url}/echo", method="post", return_json=False)
    form(step, body, path="/a/b")
    got = upstream.got[0]
    assert (got.method, got.body, got.headers.get("content-type")) == ("POST", sent, kind)
    assert got.headers["content-length"] == str(len(sent))


def test_the_event_says_the_method(upstream: Upstream, form: Form) -> None:
    form(RemoteStep(f"{upstream.url}/json"), {"x": 1}, method="PUT")
    form(RemoteStep(f"{upstream.url}/json"), {"x": 1})
    assert [got.method for got in upstream.got] == ["PUT", "POST"]


def test_headers(upstream: Upstream, form: Form) -> None:
    """A step's own are sent, the caller's are not, and no event sees another's."""
    given = {"X-Token": "t", "Content-Type": "application/x-own"}
    step = RemoteStep(f"{upstream.url}/json", method="POST", headers=given)
    trace = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "cookie": "secret"}
    event = Event({"x": 1}, id="one", path="/p", headers=trace)
    event.deadline = time.monotonic() + 9
    form(step, event)
    form(step, Event({"x": 2}, id="two"))
    first, second = (got.headers for got in upstream.got)
    assert first["x-token"] == second["x-token"] == "t"
    assert first["content-type"] == "application/x-own"
    assert (first["mlrun-event-id"], second["mlrun-event-id"]) == ("one", "two")
    assert first["mlrun-event-path"] == "/p" and "mlrun-event-path" not in second
    assert first["traceparent"] == trace["traceparent"] and "traceparent" not in second
    assert "cookie" not in first
    assert 8 < float(first["request-timeout"]) <= 9
    assert given == {"X-Token": "t", "Content-Type": "application/x-own"}


def test_what_comes_back(upstream: Upstream, form: Form) -> None:
    def of(path: str, **values: Any) -> Any:
        return form(RemoteStep(upstream.url + path, method="POST", **values), "x")

    assert of("/json") == {"ok": True}
    assert of("/json", return_json=False) == {"ok": True}  # its content type says so
    assert of("/text", return_json=False) == b"my str"
    assert of("/empty") is None and of("/empty", return_json=False) == b""
    with pytest.raises(StepError, match="not with JSON: my str") as caught:
        of("/text")
    assert caught.value.status == 502


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429])
def test_the_callers_faults_keep_their_status(upstream: Upstream, form: Form, status: int) -> None:
    step = RemoteStep(f"{upstream.url}/status/{status}", method="GET")
    with pytest.raises(StepError, match=f"answered {status}: said {status}") as caught:
        form(step, None)
    assert caught.value.status == status and len(upstream.got) == 1


@pytest.mark.parametrize(
    ("status", "told"), [(500, 502), (501, 502), (503, 503), (504, 504), (304, 502)]
)
def test_other_faults(upstream: Upstream, form: Form, status: int, told: int) -> None:
    step = RemoteStep(f"{upstream.url}/plain/{status}", method="POST", name="far")
    with pytest.raises(StepError, match=f"answered {status}") as caught:
        form(step, "x")
    assert caught.value.status == told and caught.value.step == "far"
    assert getattr(caught.value, "remote_status") == status  # noqa: B009
    assert len(upstream.got) == 1


def test_the_callers_answer_in_a_graph(upstream: Upstream) -> None:
    with served(url=f"{upstream.url}/status/404", method="GET") as server:
        answer = server.test(silent=True, get_body=False)
        assert answer.status_code == 404
        assert "said 404" in answer.body["error"] and answer.body["step"] == "remote"
        with pytest.raises(RuntimeError):
            server.test()
    with served(url=f"{upstream.url}/status/503", method="POST") as server:
        answer = server.test(body=1, silent=True, get_body=False)
        assert answer.status_code == 503
        assert {key.lower(): value for key, value in answer.headers.items()}["retry-after"] == "7"


def test_no_query_in_messages(upstream: Upstream, form: Form) -> None:
    step = RemoteStep(f"{upstream.url}/status/400?token=secret", method="GET")
    with pytest.raises(StepError) as caught:
        form(step, None)
    assert "secret" not in str(caught.value)


def test_retries_that_are_asked_for(upstream: Upstream, form: Form) -> None:
    step = RemoteStep(f"{upstream.url}/flaky/2", method="POST", retries=2, backoff_factor=0.01)
    assert form(step, {"x": 1}) == {"x": 1}
    assert len(upstream.got) == 3
    ids = {got.headers["mlrun-event-id"] for got in upstream.got}
    assert len(ids) == 1  # so that the server can tell a repetition
    with pytest.raises(StepError, match="answered 500: Failed"):
        form(RemoteStep(f"{upstream.url}/flaky/9", method="POST", retries=0), 1)
    assert len(upstream.got) == 4


def test_retries_that_are_safe(upstream: Upstream, form: Form) -> None:
    for method, count in (("GET", 3), ("PUT", 3), ("POST", 1)):
        upstream.clear()
        step = RemoteStep(f"{upstream.url}/flaky/2", method=method, backoff_factor=0.01)
        try:
            form(step, {})
        except StepError as exc:
            assert method == "POST" and exc.status == 502
        assert len(upstream.got) == count, method


def test_a_server_that_starts_late(form: Form) -> None:
    port = free_port()
    late: list[Any] = []

    def start() -> None:
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"77")

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        late.append(http.server.HTTPServer(("127.0.0.1", port), Handler))
        late[0].handle_request()
        late[0].server_close()

    timer = threading.Timer(0.15, start)
    timer.start()
    step = RemoteStep(f"http://127.0.0.1:{port}/", method="POST", backoff_factor=0.05)
    assert form(step, {"x": 1}) == 77  # nothing had reached it, so this was safe
    timer.join()


def test_nobody_there(form: Form) -> None:
    step = RemoteStep(f"http://127.0.0.1:{free_port()}/x", method="POST", retries=1,
                      backoff_factor=0.01)  # fmt: skip
    with pytest.raises(StepError, match="gave no answer") as caught:
        form(step, 1)
    assert caught.value.status == 502 and "is it running" in caught.value.fix


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/", "http://localhost:1/"])
def test_hosts_that_cannot_be_reached(form: Form, url: str) -> None:
    with pytest.raises(StepError, match="gave no answer"):
        form(RemoteStep(url, method="GET", retries=0), None)


def test_timeout(upstream: Upstream, form: Form) -> None:
    step = RemoteStep(f"{upstream.url}/slow/1.5", method="POST", timeout=0.2, retries=0)
    start = time.monotonic()
    with pytest.raises(StepTimeoutError, match="timed out") as caught:
        form(step, b"x")
    assert time.monotonic() - start < 1 and caught.value.status == 504


def test_the_events_own_time_is_shorter(upstream: Upstream, form: Form) -> None:
    event = Event({}, method="GET")
    event.deadline = time.monotonic() + 0.25
    step = RemoteStep(f"{upstream.url}/slow/1.5", retries=5, backoff_factor=0.01)
    start = time.monotonic()
    with pytest.raises(StepTimeoutError, match="timed out"):
        form(step, event)
    assert time.monotonic() - start < 1
    upstream.clear()
    with pytest.raises(StepTimeoutError, match="before it was sent"):
        form(step, event)
    assert upstream.got == []


def test_no_pause_beyond_the_events_time(upstream: Upstream, form: Form) -> None:
    event = Event({}, method="GET")
    event.deadline = time.monotonic() + 2
    step = RemoteStep(f"{upstream.url}/flaky/9", backoff_factor=60)
    start = time.monotonic()
    with pytest.raises(StepError, match="answered 500"):
        form(step, event)
    assert time.monotonic() - start < 1 and len(upstream.got) == 1


def test_connections_are_used_again(upstream: Upstream, form: Form) -> None:
    step = RemoteStep(f"{upstream.url}/echo", method="POST")
    assert form.many(step, list(range(20))) == list(range(20))
    assert upstream.connections == 1
    upstream.clear()
    closing = RemoteStep(f"{upstream.url}/close", method="POST")
    assert form.many(closing, [1, 2, 3]) == [1, 1, 1]
    assert upstream.connections == 3


@pytest.mark.parametrize("most", [1, 3, None])
def test_no_more_requests_at_once_than_allowed(
    upstream: Upstream, form: Form, most: int | None
) -> None:
    step = RemoteStep(f"{upstream.url}/counted/0.05", method="GET", max_in_flight=most)
    if form.name == "thread":
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda n: step.do_event(Event(n)).body, range(8)))
    else:

        async def main() -> list[Any]:
            events = [step.do_event_async(Event(n)) for n in range(8)]
            return [event.body for event in await asyncio.gather(*events)]

        found = asyncio.run(main())
    step.close()
    assert found == [{"slow": True}] * 8
    assert upstream.most_running == most if most else upstream.most_running > 3


def test_waiting_for_a_place_is_limited_by_the_events_time(upstream: Upstream) -> None:
    step = RemoteStep(f"{upstream.url}/slow/0.5", method="GET", max_in_flight=1)
    event = Event(1)
    event.deadline = time.monotonic() + 0.1
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(step.do_event, Event(1))
        time.sleep(0.05)
        with pytest.raises(StepTimeoutError):
            step.do_event(event)
        first.result()
    step.close()


def test_many_events_at_once_each_get_their_answer(upstream: Upstream) -> None:
    with served(url=f"{upstream.url}/echo", method="POST") as server:

        async def main() -> list[Any]:
            events = [server.run_async(Event({"n": n})) for n in range(200)]
            return [answer.body for answer in await asyncio.gather(*events)]

        assert asyncio.run(main()) == [{"n": n} for n in range(200)]


def test_certificates_are_checked(tls_upstream: Upstream, certificate: Path, form: Form) -> None:
    with pytest.raises(StepError, match="certificate is not accepted") as caught:
        form(RemoteStep(f"{tls_upstream.url}/json", method="GET", retries=3), None)
    assert caught.value.status == 502 and "verify" in caught.value.fix
    trusting = RemoteStep(f"{tls_upstream.url}/echo", method="POST", verify=str(certificate))
    assert form.many(trusting, [1, 2]) == [1, 2]
    other = tls_upstream.url.replace("localhost", "127.0.0.1")
    with pytest.raises(StepError, match="certificate is not accepted"):
        form(RemoteStep(f"{other}/json", method="GET", verify=str(certificate)), None)
    plain = tls_upstream.url.replace("https", "http")
    with pytest.raises(StepError, match=r"gave no answer|answered 400"):
        form(RemoteStep(f"{plain}/json", method="POST"), None)


def test_tls_to_a_server_without(upstream: Upstream, form: Form) -> None:
    url = upstream.url.replace("http", "https")
    with pytest.raises(StepError, match="no TLS connection"):
        form(RemoteStep(f"{url}/json", method="GET", retries=2), None)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({}, "neither a url nor"),
        ({"url": "ftp://host/"}, "scheme"),
        ({"url": "http://"}, "names no host"),
        ({"url": "http://host:99999/"}, "not a URL"),
        ({"url": "http://user:secret@host/"}, "Authorization"),
        ({"url": "my-function"}, "addresses of functions"),
        ({"url_expression": "event["}, "not an expression"),
        ({"url_expression": "event; import os"}, "not an expression"),
        ({"url": "http://h/", "body_expression": "("}, "body_expression"),
        ({"url": "http://h/", "headers": ["a"]}, "headers must be"),
        ({"url": "http://h/", "verify": False}, "always checked"),
        ({"url": "http://h/", "verify": ""}, "always checked"),
        ({"url": "http://h/", "max_in_flight": 0}, "max_in_flight"),
        ({"url": "http://h/", "retries": -1}, "retries"),
        ({"url": "http://h/", "retries": "2"}, "retries"),
        ({"url": "http://h/", "backoff_factor": -1}, "backoff_factor"),
        ({"url": "http://h/", "timeout": 0}, "timeout"),
        ({"url": "http://h/", "timeouts": 5}, "did you mean 'timeout'"),
    ],
)
def test_mistakes(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        RemoteStep(**arguments)
    assert word.lower() in str(caught.value).lower()
    assert "secret" not in str(caught.value)


def test_functions_by_name(upstream: Upstream) -> None:
    graph = flow()
    graph.parameters["endpoints"] = {"far": upstream.url}
    graph.to("$remote", "remote", url="far", subpath="echo", method="POST").respond()
    with graph.to_mock_server() as server:
        assert server.test(body=[1]) == [1]
    graph.parameters["endpoints"] = {}
    with pytest.raises((GraphError, LookupError)):
        graph.to_mock_server()


@pytest.mark.parametrize(
    ("expression", "body"),
    [("event['url']", {}), ("event.x", 5), ("1 / 0", None), ("event['url']", {"url": "gopher:x"}),
     ("event['url']", {"url": None}), ("event['url']", {"url": ["http://x/"]})],
)  # fmt: skip
def test_events_that_make_no_request(form: Form, expression: str, body: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        form(RemoteStep(url_expression=expression, method="GET"), body)


@pytest.mark.parametrize("path", ["/../admin", "/a/../../b", "/./x", "/a\\..\\b", "/.."])
def test_a_path_cannot_leave_the_servers(upstream: Upstream, form: Form, path: str) -> None:
    with pytest.raises(InvalidArgumentError, match="segment"):
        form(RemoteStep(upstream.url, subpath="$path", method="GET"), None, path=path)
    assert upstream.got == []


def test_odd_characters_in_a_path_are_quoted(upstream: Upstream, form: Form) -> None:
    step = RemoteStep(f"{upstream.url}/base", subpath="$path", method="GET")
    form(step, None, path="/a b?x=1#y/ü%2e%2e\r\nX-Evil: 1")
    assert upstream.got[0].path == "/base/a%20b%3Fx=1%23y/%C3%BC%252e%252e%0D%0AX-Evil:%201"
    headers = upstream.got[0].headers
    assert headers["mlrun-event-path"] == "/a b?x=1#y/%C3%BC%2e%2e%0D%0AX-Evil: 1"
    assert "x-evil" not in headers


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "ü€", "a\x00"])
def test_headers_cannot_smuggle(upstream: Upstream, form: Form, value: str) -> None:
    step = RemoteStep(f"{upstream.url}/json", method="GET", headers_expression="{'x': event}")
    with pytest.raises(InvalidArgumentError, match="cannot be sent"):
        form(step, value)
    assert upstream.got == []


def test_a_body_that_is_no_json(upstream: Upstream, form: Form) -> None:
    with pytest.raises(StepError, match="as JSON"):
        form(RemoteStep(f"{upstream.url}/json", method="POST"), {"x": object()})


def test_full_event(upstream: Upstream, form: Form) -> None:
    step = RemoteStep(
        upstream.url, url_expression="endpoint + event.path", method="GET", full_event=True
    )
    assert form(step, None, path="/json") == {"ok": True}


def test_as_data() -> None:
    step = RemoteStep(
        "http://h/", method="GET", name="far", input_path="req", result_path="resp",
        max_in_flight=1,
    )  # fmt: skip
    document = step.to_dict()
    assert document["class_args"] == {"url": "http://h/", "method": "GET", "max_in_flight": 1}
    assert document["input_path"] == "req" and document["result_path"] == "resp"
    graph = flow()
    graph.to("$remote", "remote", url="http://h/", method="GET", retries=2).respond()
    again = type(graph).from_dict(graph.to_dict())
    assert again.to_dict() == graph.to_dict()
