"""The tester against a real server that speaks the older protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        status, answer = 200, json.dumps([sum(row) for row in rows])
        if self.path == "/wrapped/predict":
            answer = json.dumps({"predictions": [sum(row) for row in rows]})
        elif self.path != "/sum/predict":
            status, answer = 404, "no such model"
        elif rows[0][0] == 99:
            answer = "so many"
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def run(folder: Path, frame: pd.DataFrame, addr: str, **params: Any) -> Any:
    frame.to_csv(folder / "rows.csv", index=False)
    params = {"addr": addr, "model": "sum", **params}
    fn = ml.import_function("hub://model_server_tester")
    return fn.run(inputs={"table": str(folder / "rows.csv")}, params=params, local=True)


FRAME = pd.DataFrame({"a": range(30), "b": range(30), "label": range(0, 60, 2)})


@pytest.mark.parametrize("model", ["sum", "wrapped"])
def test_answers_are_compared_with_the_labels(url: str, tmp_path: Path, model: str) -> None:
    done = run(tmp_path, FRAME, url, model=model, match_err=True)
    out = done.outputs
    assert (out["total_tests"], out["errors"], out["match"]) == (20, 0, 20)
    times = done.artifact("answers").as_df()["latency"]
    assert out["avg_latency"] == int(times.mean())
    assert (out["min_latency"], out["max_latency"]) == (times.min(), times.max())
    assert "<svg" in done.artifact("latency").get().decode()


def test_wrong_answers_and_failures(url: str, tmp_path: Path) -> None:
    frame = FRAME.copy()
    frame.loc[:4, "label"] = -1
    assert run(tmp_path, frame, url, rows=0).outputs["match"] == 25
    with pytest.raises(ml.errors.RunError, match="25 of 30 answers are the label"):
        run(tmp_path, frame, url, rows=0, match_err=True)
    frame.loc[7, "a"] = 99
    with pytest.raises(
        ml.errors.RunError, match="1 of 30 requests failed: 1 x the answer has no predict"
    ):
        run(tmp_path, frame, url, rows=0)
    with pytest.raises(ml.errors.RunError, match="20 x status 404: no such model"):
        run(tmp_path, FRAME, url, model="other")
    with pytest.raises(ml.errors.RunError, match="no column 'label'"):
        run(tmp_path, FRAME[["a"]], url)
