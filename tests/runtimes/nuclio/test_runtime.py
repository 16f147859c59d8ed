"""Runs inside a deployed function."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, PreflightError, RunError
from tests.runtimes.nuclio.conftest import Deployed
from tests.runtimes.nuclio.dashboards import FakeDashboard

CODE = """
def train(context, depth: int = 3):
    context.log_result("error", 1 / depth)
    return depth * 2
"""


class Gate:
    """The HTTP side of a worker: what Nuclio's processor is."""

    def __init__(self, worker: Deployed) -> None:
        self.refuse: list[tuple[int, bytes]] = []
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                if gate.refuse:
                    status, body = gate.refuse.pop(0)
                else:
                    found = worker.call(
                        self.path, raw, method="PUT", content_type="application/json"
                    )
                    status, body = found["status_code"], found["body"].encode()
                self.send_response(status)
                self.send_header("X-Nuclio-Logs", json.dumps([{"message": "one line"}]))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()


def function(folder: Path, kind: str = "nuclio:mlrun") -> Any:
    (folder / "train_fn.py").write_text(CODE)
    return ml.code_to_function(
        "tr", project="shop", filename=str(folder / "train_fn.py"), kind=kind, handler="train"
    )


@pytest.fixture
def served(tmp_path: Path, deployed: Callable[..., Deployed]) -> Iterator[tuple[Any, Gate]]:
    fn = function(tmp_path)
    gate = Gate(deployed(fn))
    fn.status.address = gate.address
    yield fn, gate
    gate.close()


@pytest.mark.slow
def test_runs_go_to_the_function(served: tuple[Any, Gate]) -> None:
    fn, gate = served
    run = fn.run(params={"depth": 4}, name="first")
    assert run.outputs["return"] == 8 and run.outputs["error"] == 0.25
    with pytest.raises(RunError, match="ZeroDivisionError"):
        fn.run(params={"depth": 0})
    gate.refuse = [(503, b"busy")]
    assert fn.run(params={"depth": 2}, retry=1).outputs["return"] == 4
    gate.refuse = [(503, b"busy")]
    with pytest.raises(RunError, match="answered 503: busy"):
        fn.run()
    gate.refuse = [(200, b"[]")]
    with pytest.raises(RunError, match="no run"):
        fn.run()


def test_a_handler_has_no_runs(tmp_path: Path) -> None:
    fn = function(tmp_path, "nuclio")
    fn.status.address = "127.0.0.1:1"
    with pytest.raises(PreflightError, match="it has no runs"):
        fn.run()


def test_without_nuclio_it_runs_here(tmp_path: Path) -> None:
    fn = function(tmp_path)
    assert fn.run(params={"depth": 4}, local=True).outputs["return"] == 8
    with pytest.raises(EngineError, match="not deployed"):
        fn.run(local=False)


def test_a_function_that_is_not_there(tmp_path: Path) -> None:
    with (
        FakeDashboard() as board,
        config.override(nuclio_dashboard_url=board.url),
        pytest.raises(RunError, match="'shop-tr' is not deployed"),
    ):
        function(tmp_path).run()
