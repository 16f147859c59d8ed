"""`context.platform.call_function`: one function calls another one through the gateway."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlrun_like.errors import EngineError
from mlrun_like.gateway.worker.order import Order
from mlrun_like.gateway.worker.platform import WorkerPlatform
from mlrun_like.runtimes.nuclio.events import Event


class _Gateway(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        told = {"path": self.path, "body": body.decode(), "kind": self.headers["content-type"],
                "a": self.headers["x-a"], "method": self.command}  # fmt: skip
        status = 200
        if self.path.startswith("/shop/shop-"):
            status, told = 404, {"error": "no function is deployed", "code": "route"}
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def platform() -> Iterator[WorkerPlatform]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield WorkerPlatform(lambda *values: None, Order("shop", "f", 1, "nuclio", {}, gateway=url))
        server.shutdown()


def test_a_function_is_called(platform: WorkerPlatform) -> None:
    event = Event({"n": 1}, method="POST", path="/a b?c=1", headers={"X-A": "b", "Host": "evil"})
    found = platform.call_function("ranker", event, timeout=10)
    assert found.status_code == 200 and found.content_type == "application/json"
    assert found.headers["content-type"] == "application/json"
    assert found.body == {"path": "/shop/ranker/a%20b?c=1", "body": '{"n": 1}', "a": "b",
                          "kind": "application/json", "method": "POST"}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path"),
    [("shop-ranker", "/shop/ranker/"), ("other/ranker", "/other/ranker/")],
)
def test_names_of_nuclio_and_of_other_projects(
    platform: WorkerPlatform, name: str, path: str
) -> None:
    found = platform.call_function(name, Event(b"x", method="POST"), timeout=10)
    assert found.body["path"] == path and found.body["kind"] == "text/plain"


def test_a_worker_without_a_gateway_says_so() -> None:
    with pytest.raises(EngineError, match="'ranker' cannot be called"):
        WorkerPlatform(lambda *values: None).call_function("ranker", Event(b""))
