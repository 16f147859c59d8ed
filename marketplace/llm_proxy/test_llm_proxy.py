"""Tests of the item llm_proxy, with a real server that speaks OpenAI's protocol."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError, StepTimeoutError
from mlrun_like.serving import Client, serve

pytest.importorskip("httpx", reason="httpx is not installed")
KEY = "sk-very-secret"


class Upstream(BaseHTTPRequestHandler):
    """Repeats the last message; a message that begins with a command does something else."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, Any]]
    tries: dict[str, int]

    def do_POST(self) -> None:
        """One completion."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append({"path": self.path, "key": self.headers["authorization"], **body})
        said = body["messages"][-1]["content"]
        self.tries[said] = self.tries.get(said, 0) + 1
        word, _, rest = said.partition(" ")
        if word == "busy" and self.tries[said] < 3:
            self.answer(int(rest), {"error": {"message": "busy"}}, {"retry-after": "0"})
        elif word == "status":
            self.answer(int(rest), {"error": {"message": f"no, {KEY} is refused"}})
        elif word == "raw":
            self.answer(200, rest)
        elif word == "tell":
            told = [*self.headers.values(), *self.headers["authorization"].split()]
            self.answer(int(rest), {"error": {"message": ", ".join(told)}})
        elif word == "endless":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"data: " + b"x" * (3 << 20))
            self.close_connection = True
        elif word == "slow":
            time.sleep(float(rest))
            self.close_connection = True
        elif word == "hang-up":
            self.close_connection = True
        elif body.get("stream"):
            self.stream(said, word == "break", body)
        else:
            words = len(said.split())
            usage = {"prompt_tokens": words, "completion_tokens": words, "total_tokens": 2 * words}
            choice = {"message": {"content": said.upper()}, "finish_reason": "stop"}
            self.answer(200, {"choices": [choice], "usage": usage})

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """An answer with a body."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def stream(self, said: str, breaks: bool, body: dict[str, Any]) -> None:
        """Server-sent events, one for each word."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for word in said.split():
            piece = {"choices": [{"delta": {"content": f"{word} "}}]}
            self.wfile.write(f": ping\ndata: {json.dumps(piece)}\n\n".encode())
            self.wfile.flush()
        if not breaks:
            if body["stream_options"]["include_usage"]:
                usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
                self.wfile.write(
                    f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n".encode()
                )
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[Any]:
    handler = type("Handler", (Upstream,), {"seen": [], "tries": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    handler.url = f"http://127.0.0.1:{server.server_port}/v1"  # type: ignore[attr-defined]
    yield handler
    server.shutdown()
    server.server_close()


def _function(url: str, **options: Any) -> Any:
    function: Any = ml.import_function("hub://llm_proxy")
    values = {"base_url": url, "upstream_model": "tiny", "timeout": 5, **options}
    function.add_model("chat", class_name="LLMProxy", **values)
    return function


def _ask(server: Any, body: dict[str, Any]) -> Any:
    return server.test("/v2/models/chat/infer", body=body)


def test_answers_tokens_and_what_the_upstream_gets(upstream: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("LLM_KEY", KEY)
    function = _function(
        upstream.url, api_key_secret="LLM_KEY", system="Be brief.", defaults={"max_tokens": 9}
    )
    server = function.to_mock_server()
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "you there"}]
    answer = _ask(
        server,
        {
            "inputs": ["good day", chat, {"messages": chat, "seed": 4}],
            "parameters": {"temperature": 0},
        },
    )
    assert [one["text"] for one in answer["outputs"]] == ["GOOD DAY", "YOU THERE", "YOU THERE"]
    assert answer["outputs"][0]["usage"] == {
        "prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4
    }  # fmt: skip
    assert answer["outputs"][0]["finish_reason"] == "stop"
    sent = next(one for one in upstream.seen if one["messages"][-1]["content"] == "good day")
    assert sent["path"] == "/v1/chat/completions" and sent["key"] == f"Bearer {KEY}"
    assert (sent["model"], sent["max_tokens"], sent["temperature"]) == ("tiny", 9, 0)
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    others = [one for one in upstream.seen if one is not sent]
    assert all(len(one["messages"]) == 2 for one in others)
    assert sorted(one.get("seed", 0) for one in others) == [0, 4]
    numbers = server.test("/v2/models/chat/metrics", method="GET")["metrics"]
    assert (numbers["total_tokens"], numbers["upstream_requests"]) == (12, 3)
    assert KEY not in function.to_yaml()


@pytest.mark.parametrize("status", [429, 503])
def test_what_passes_is_tried_again(upstream: Any, status: int) -> None:
    server = _function(upstream.url).to_mock_server()
    said = f"busy {status}"
    assert _ask(server, {"inputs": [said]})["outputs"][0]["text"] == said.upper()
    assert upstream.tries[said] == 3
    numbers = server.test("/v2/models/chat/metrics", method="GET")["metrics"]
    assert numbers["upstream_retries"] == 2


@pytest.mark.parametrize(
    ("said", "status", "message"),
    [
        ("status 400", 400, "answered 400: no, "),
        ("status 401", 502, r"no, \*\*\* is refused"),
        ("busy 500", 502, "answered 500: busy"),
        ("busy 429", 429, "answered 429"),
        ("hang-up", 502, "cannot be reached"),
        ("raw spam", 502, "not with a completion: spam"),
        ('raw {"choices": []}', 502, "not with a completion"),
        ("raw " + "[" * 100_000, 502, "not with a completion"),
        ("slow 2", 504, "no answer within 0.4 s"),
    ],
)
def test_failures(upstream: Any, monkeypatch: Any, said: str, status: int, message: str) -> None:
    monkeypatch.setenv("LLM_KEY", KEY)
    function = _function(upstream.url, api_key_secret="LLM_KEY", retries=0, timeout=0.4)
    with pytest.raises(MLRunLikeError, match=message) as caught:
        _ask(function.to_mock_server(), {"inputs": [said]})
    assert KEY not in str(caught.value)
    inner: Any = caught.value
    assert inner.status == status or isinstance(inner, StepTimeoutError)
    assert upstream.tries[said] == 1


def test_keys_of_headers_are_hidden_wherever_a_message_is_cut(upstream: Any) -> None:
    headers = {"X-Api-Key": "k" * 390, "Authorization": "Basic abcdefgh==", "x-team": "us"}
    function = _function(upstream.url, headers=headers, retries=0)
    with pytest.raises(MLRunLikeError, match=r"answered 400: .*\*\*\*") as caught:
        _ask(function.to_mock_server(), {"inputs": ["tell 400"]})
    assert "kkk" not in str(caught.value) and "abcdefgh" not in str(caught.value)
    for bad in ("a\nb: c", "\u00e4"):
        function = _function(upstream.url, headers={"x-key": bad})
        with pytest.raises(MLRunLikeError, match="the header 'x-key' cannot be sent") as caught:
            function.to_mock_server()
        assert bad not in str(caught.value)
    with pytest.raises(MLRunLikeError, match="headers is no mapping"):
        _function(upstream.url, headers=["x"]).to_mock_server()


@pytest.mark.parametrize("key", ["k-7", "sk-1234", "a b 1"])
def test_a_short_key_is_hidden_too(upstream: Any, monkeypatch: Any, key: str) -> None:
    monkeypatch.setenv("LLM_KEY", key)
    headers = {"x-team": "blue"}
    function = _function(upstream.url, api_key_secret="LLM_KEY", headers=headers, retries=0)
    with pytest.raises(MLRunLikeError, match=r"answered 400: .*\*\*\*") as caught:
        _ask(function.to_mock_server(), {"inputs": ["tell 400"]})
    assert key not in str(caught.value) and "blue" in str(caught.value)


def test_a_line_of_a_stream_is_bounded(upstream: Any) -> None:
    server = _function(upstream.url, retries=0).to_mock_server()
    body = {"inputs": ["endless line"], "stream": True}
    with pytest.raises(MLRunLikeError, match="a line of the stream has more than 1048576 bytes"):
        list(_ask(server, body))


def test_nobody_listens() -> None:
    server = _function("http://127.0.0.1:9/v1", retries=1).to_mock_server()
    with pytest.raises(MLRunLikeError, match="cannot be reached"):
        _ask(server, {"inputs": ["a"]})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"inputs": [3]}, "an input is a prompt or a list of messages"),
        ({"inputs": [[{"content": "a"}]]}, "an input is a prompt"),
        ({"inputs": [""]}, "an input is a prompt"),
        ({"inputs": ["a"], "parameters": {"model": "big"}}, "'model' is not for callers"),
        ({"inputs": ["a"], "parameters": 3}, "'parameters' is a int"),
        ({"inputs": ["a", "b"], "stream": True}, "only one input can stream"),
    ],
)
def test_requests_that_do_not_fit(upstream: Any, body: dict[str, Any], message: str) -> None:
    with pytest.raises(MLRunLikeError, match=message):
        _ask(_function(upstream.url).to_mock_server(), body)
    assert not upstream.seen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "ftp://a"}, "is no URL"),
        ({"api_key_secret": "NO_SUCH_KEY"}, "no secret 'NO_SUCH_KEY'"),
        ({"timeout": "soon"}, "timeout 'soon' is not"),
        ({"retries": -1}, "retries -1 is not 0 or more"),
    ],
)
def test_arguments_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    function = _function(**{"url": "http://127.0.0.1:9", **options})
    with pytest.raises(MLRunLikeError, match=message):
        function.to_mock_server()


def test_streams_over_http(upstream: Any) -> None:
    with serve(_function(upstream.url, retries=0)) as running, Client(running.url) as client:
        path = "/v2/models/chat/infer"
        body = {"inputs": ["one two three"], "stream": True}
        assert list(client.stream(path, body)) == ["one ", "two ", "three "]
        assert client.get("/v2/models/chat/metrics")["metrics"]["total_tokens"] == 5
        answers = client.post(path, {"inputs": [f"w{n}" for n in range(40)]})["outputs"]
        assert [one["text"] for one in answers] == [f"W{n}" for n in range(40)]
        with pytest.raises(MLRunLikeError, match=r"without \[DONE\]"):
            list(client.stream(path, {"inputs": ["break off"], "stream": True}))
        with pytest.raises(MLRunLikeError, match="answered 400"):
            list(client.stream(path, {"inputs": ["status 400"], "stream": True}))
