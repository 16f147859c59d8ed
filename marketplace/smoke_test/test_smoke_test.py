"""The smoke test against a real server: right, wrong, slow, broken and absent answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml


class Endpoint(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.busy = 0
        self.seen: list[tuple[str, str, str]] = []
        self.go = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        endpoint = self.server
        assert isinstance(endpoint, Endpoint)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        endpoint.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
        status, answer = 200, json.dumps({"outputs": [0.5, 1], "model": "m", "got": body.decode()})
        if self.path == "/busy" and endpoint.busy:
            endpoint.busy -= 1
            status, answer = 503, "busy"
        elif self.path == "/missing":
            status, answer = 404, "<b>nothing</b> here"
        elif self.path == "/text":
            answer = "fine"
        elif self.path == "/vast":
            answer = "x" * 200_000
        elif self.path == "/hangs":
            endpoint.go.wait(20)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.go.set()
        server.shutdown()
        thread.join()


def run(url: str, cases: Any = None, **params: Any) -> Any:
    fn = ml.import_function("hub://smoke_test")
    params = {"endpoint": url, "cases": cases, "backoff": 0.001, **params}
    return fn.run(params=params, local=True, project="smoking")


SCHEMA = {
    "type": "object",
    "required": ["outputs", "model"],
    "properties": {"outputs": {"type": "array", "maxItems": 2, "items": {"maximum": 1}}},
}


def test_right_answers_pass(endpoint: Endpoint) -> None:
    cases = [
        {"name": "get"},
        {"path": "/v2/models/m/infer", "body": {"inputs": [1]}, "schema": SCHEMA},
        {"path": "/a", "expect": {"outputs.1": 1, "outputs.0": 0.51}, "tolerance": 0.02},
        {"path": "/a", "body": "raw", "expect": {"outputs": [0.5, 1], "model": "m", "got": "raw"}},
        {"path": "/missing", "status": [404, 410], "contains": "<b>nothing"},
        {"path": "/text", "expect": "fine", "max_latency": 20},
    ]
    done = run(endpoint.url, cases)
    assert {k: done.outputs[k] for k in ("total", "passed", "failed")} == {
        "total": 6, "passed": 6, "failed": 0,
    }  # fmt: skip
    times = done.artifact("cases").as_df()["latency_ms"]
    assert done.outputs["avg_latency_ms"] == pytest.approx(times.mean(), abs=1e-3)
    assert done.outputs["max_latency_ms"] == pytest.approx(times.max(), abs=1e-3)
    assert [one[:2] for one in endpoint.seen[:2]] == [("GET", "/"), ("POST", "/v2/models/m/infer")]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"path": "/missing"}, "status 404, not 200: <b>nothing</b> here"),
        ({"expect": {"outputs.0": 0.6}}, "has 0.5 at 'outputs.0', not 0.6"),
        (
            {"expect": {"outputs.7": 1, "a.b": 2}},
            "has nothing at 'outputs.7'; has nothing at 'a.b'",
        ),
        ({"expect": [1]}, "not [1]"),
        ({"expect": {"model": True}}, "has \"m\" at 'model', not true"),
        ({"contains": "zebra"}, "does not contain 'zebra'"),
        ({"path": "/text", "expect": {"a": 1}}, "is not JSON: 'fine'"),
        ({"schema": {"type": "array"}}, "no array"),
        ({"schema": {"required": ["id"]}}, "answer has no 'id'"),
        ({"schema": {"properties": {"model": {"enum": ["x"]}}}}, "none of"),
        ({"schema": {"properties": {"outputs": {"minItems": 3}}}}, "outside minItems and maxItems"),
        (
            {"schema": {"properties": {"outputs": {"items": {"type": "integer"}}}}},
            "answer.outputs.0 is 0.5, no integer",
        ),
        ({"max_latency": 1e-9}, "more than 1e-09"),
    ],
)
def test_wrong_answers_fail_with_what_is_wrong(endpoint: Endpoint, case: Any, said: str) -> None:
    with pytest.raises(ml.errors.RunError) as caught:
        run(endpoint.url, [{"name": "the one"}, case])
    assert "1 of 2 cases failed" in str(caught.value)
    assert said in str(caught.value)


def test_the_report_is_logged_although_the_run_fails(endpoint: Endpoint) -> None:
    with pytest.raises(ml.errors.RunError, match="1 of 1 cases failed"):
        run(endpoint.url, [{"path": "/missing"}])
    project = ml.get_or_create_project("smoking", save=False)
    [done] = project.list_runs(state="error")
    assert done.status.results["failed"] == 1
    page = done.artifact("report").get().decode()
    assert "status 404" in page and "<b>nothing</b>" not in page  # what a server says is no markup


def test_busy_servers_are_asked_again(endpoint: Endpoint) -> None:
    endpoint.busy = 2
    done = run(endpoint.url, [{"path": "/busy"}])
    assert done.artifact("cases").as_df()["tries"].tolist() == [3]
    endpoint.busy = 9
    with pytest.raises(ml.errors.RunError, match="status 503, not 200: busy"):
        run(endpoint.url, [{"path": "/busy"}], retries=1)
    assert endpoint.busy == 7
    assert run(endpoint.url, [{"path": "/busy", "status": 503}]).outputs["passed"] == 1


def test_servers_that_are_away_or_hang(endpoint: Endpoint) -> None:
    with pytest.raises(ml.errors.RunError, match="not reached"):
        run("http://127.0.0.1:9", retries=0)
    with pytest.raises(ml.errors.RunError, match=r"not ready after 0\.2 s"):
        run("http://127.0.0.1:9", wait_ready=0.2)
    with pytest.raises(ml.errors.RunError, match=r"no answer in 0\.1 s"):
        run(endpoint.url, [{"path": "/hangs"}], timeout=0.1, retries=0)
    assert run(endpoint.url, wait_ready=20).outputs["passed"] == 1


def test_cases_in_a_file_and_a_token(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "t0p")
    (tmp_path / "cases.yaml").write_text("cases:\n- {path: /a, expect: {model: m}}\n")
    fn = ml.import_function("hub://smoke_test")
    params = {"endpoint": endpoint.url, "token_secret": "MY_TOKEN"}
    done = fn.run(inputs={"cases": str(tmp_path / "cases.yaml")}, params=params, local=True)
    assert done.outputs["passed"] == 1
    assert endpoint.seen == [("GET", "/a", "Bearer t0p")]
    with pytest.raises(ml.errors.RunError, match="no secret 'OTHER'"):
        run(endpoint.url, token_secret="OTHER")


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([], "is no list of cases"),
        (7, "is no list of cases"),
        ([7], "is no mapping"),
        ([{"exepct": 1}], "a case has no 'exepct'"),
        ([{"schema": "x"}], "is no mapping"),
    ],
)
def test_cases_that_cannot_be_understood(cases: Any, said: str) -> None:
    with pytest.raises(ml.errors.RunError, match=said):
        run("http://127.0.0.1:9", cases)


def test_an_answer_is_read_up_to_a_bound(endpoint: Endpoint, tmp_path: Path) -> None:
    fn = ml.import_function("hub://smoke_test")
    params = {"endpoint": f"{endpoint.url}/vast", "max_bytes": 100_000, "wait_ready": 5}
    with pytest.raises(ml.errors.RunError, match="the answer has more than 100,000 bytes"):
        fn.run(params=params, local=True)
    assert len(endpoint.seen) == 2  # asked whether it is ready, then once
    done = fn.run(params=params | {"max_bytes": 200_000}, local=True)
    assert done.outputs["passed"] == 1
