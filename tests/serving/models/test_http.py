"""Models over HTTP: a real server, a plain client."""

from __future__ import annotations

import http.client
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_like.serving import serve
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.models import V2ModelServer

pytestmark = pytest.mark.slow


class Sums(V2ModelServer):
    def load(self) -> None:
        pass

    def predict(self, request: dict[str, Any]) -> Any:
        return [sum(row) for row in request["inputs"]]


class Words(Sums):
    def predict(self, request: dict[str, Any]) -> Iterator[str]:
        yield from request["inputs"][0].split()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    graph = flow()
    step: Any = graph.add_step("*ModelRouter", "models")
    step.add_route("sums", class_name=Sums, batching=True)
    step.add_route("words", class_name=Words)
    step.respond()
    running = serve(graph, port=0)
    yield running.url.partition("://")[2].rstrip("/")
    running.stop()


def ask(
    address: str, path: str, body: bytes | None = None, method: str = "POST", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read()
    finally:
        connection.close()


JSON = {"content_type": "application/json"}


def test_json(address: str) -> None:
    status, _, body = ask(address, "/v2/models/sums/infer", b'{"inputs": [[1, 2], [3]]}', **JSON)
    assert status == 200 and json.loads(body)["outputs"] == [3, 3]
    status, _, body = ask(address, "/v1/models/sums:predict", b'{"instances": [[1, 2]]}', **JSON)
    assert status == 200 and json.loads(body) == {"predictions": [3]}
    for path in ("/v2/health/live", "/v2/health/ready", "/ping", "/v2/models/sums/ready"):
        assert ask(address, path, method="GET")[0] == 200
    assert json.loads(ask(address, "/v2/models", method="GET")[2])["models"] == ["sums", "words"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/models/other/infer", b"{}", 404),
        ("/v2/models/sums/infer", b"{bad", 400),
        ("/v2/models/sums/infer", b'{"inputs": 5}', 400),
        ("/v2/models/sums/infer", b'{"inputs": ["a"]}', 500),
        ("/v2/models/sums/infer", b"[" * 100_000, 400),
        ("/v2/models/sums/nothing", b"{}", 404),
        ("/v2/models/" + "x" * 5000, b"{}", 404),
    ],
)
def test_failures(address: str, path: str, body: bytes, status: int) -> None:
    assert ask(address, path, body, **JSON)[0] == status


def test_bytes_and_csv(address: str) -> None:
    data = struct.pack("<4f", 1, 2, 3, 4)
    tensor = {"name": "x", "shape": [2, 2], "datatype": "FP32",
              "parameters": {"binary_data_size": len(data)}}  # fmt: skip
    wanted = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    head = json.dumps(wanted).encode()
    status, headers, body = ask(
        address, "/v2/models/sums/infer", head + data,
        content_type="application/octet-stream", inference_header_content_length=str(len(head)),
    )  # fmt: skip
    size = int(headers["inference-header-content-length"])
    assert status == 200 and body[size:] == struct.pack("<2d", 3, 7)
    status, headers, body = ask(address, "/invocations", b"1,2\n3,4\n", content_type="text/csv")
    assert (status, body) == (200, b"3\n7\n") and headers["content-type"].startswith("text/csv")


def test_streams(address: str) -> None:
    status, _, body = ask(address, "/v2/models/words/infer", b'{"inputs": ["a b c"]}', **JSON)
    assert status == 200 and body.replace(b"\n", b"") in (b"abc", b'"a""b""c"')
