"""The tester against a model that is really served over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.marketplace.browsing import hub_items
from mlrun_like.marketplace.resolving import find_item
from mlrun_like.marketplace.source import HubSource
from mlrun_like.tracking.connect import open_store


def rounded(inputs: list[list[float]]) -> list[float]:
    """The model: the sum of each row, which it refuses to give for 99."""
    if inputs[0][0] == 99:
        raise ValueError("no such row")
    return [round(sum(value or 0 for value in row)) for row in inputs]


class _Older(BaseHTTPRequestHandler):
    """The older protocol: `instances` in, a list out."""

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
    fn: Any = ml.new_function("sums", kind="serving")
    fn.set_topology("router")
    fn.add_model("sum", ".", class_name="FunctionModelServer", _predict=rounded)
    with ml.serving.serve(fn) as server:
        yield server.url


def run(folder: Path, frame: pd.DataFrame, addr: str, **params: Any) -> Any:
    frame.to_csv(folder / "rows.csv", index=False)
    params = {"addr": addr, "model": "sum", **params}
    fn = ml.import_function("hub://v2_model_tester")
    return fn.run(inputs={"table": str(folder / "rows.csv")}, params=params, local=True)


def frame_of(rows: int) -> pd.DataFrame:
    values = np.arange(rows * 2, dtype=float).reshape(rows, 2)
    return pd.DataFrame(values, columns=["a", "b"]).assign(label=values.sum(axis=1).astype(int))


def test_answers_are_compared_with_the_labels_of_the_same_rows(url: str, tmp_path: Path) -> None:
    frame = frame_of(40)
    done = run(tmp_path, frame, url, rows=15, match_err=True, random_state=1)
    out = done.outputs
    assert (out["total_tests"], out["errors"], out["match"]) == (15, 0, 15)
    answers = done.artifact("answers").as_df()
    times = answers["latency"]
    assert out["avg_latency"] == int(times.mean())
    assert (out["min_latency"], out["max_latency"]) == (times.min(), times.max())
    assert out["p50_latency"] == int(np.percentile(times, 50))
    drawn = frame.sample(15, random_state=1)["label"].tolist()
    assert answers["expected"].tolist() == answers["answer"].tolist() == drawn
    assert "<svg" in done.artifact("latency").get().decode()


def test_wrong_answers_fail_only_if_they_must_match(url: str, tmp_path: Path) -> None:
    frame = frame_of(10)
    frame.loc[:2, "label"] += 1
    assert run(tmp_path, frame, url, rows=0).outputs["match"] == 7
    assert run(tmp_path, frame, url, rows=0, tolerance=1.0).outputs["match"] == 10
    with pytest.raises(ml.errors.RunError, match="7 of 10 answers are the label"):
        run(tmp_path, frame, url, rows=0, match_err=True)


def test_failed_requests_fail_the_run_after_the_others(url: str, tmp_path: Path) -> None:
    frame = frame_of(5)
    frame.loc[3, "a"] = 99
    with pytest.raises(
        ml.errors.RunError, match=r"1 of 5 requests failed: 1 x status 500.*no such"
    ):
        run(tmp_path, frame, url)
    with pytest.raises(ml.errors.RunError, match="5 of 5 requests failed: 5 x not reached"):
        run(tmp_path, frame, "http://127.0.0.1:9")
    with pytest.raises(ml.errors.RunError, match="status 404"):
        run(tmp_path, frame, url, model="other")


def test_missing_values_texts_and_no_labels(url: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, None], "b": [2.0, 5.0], "answer": [3, 5]})
    assert run(tmp_path, frame, url, label_column="answer").outputs["match"] == 2
    out = run(tmp_path, frame[["a", "b"]], url, label_column="", match_err=True).outputs
    assert (out["total_tests"], out["match"]) == (2, 0)


def test_tables_that_cannot_be_used(url: str, tmp_path: Path) -> None:
    with pytest.raises(ml.errors.RunError, match="no column 'label'"):
        run(tmp_path, pd.DataFrame({"a": [1]}), url)
    with pytest.raises(ml.errors.RunError, match="no rows"):
        run(tmp_path, pd.DataFrame({"a": [], "label": []}), url)


@pytest.fixture(scope="module")
def older() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Older) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def by_older_name(folder: Path, frame: pd.DataFrame, addr: str, **params: Any) -> Any:
    frame.to_csv(folder / "rows.csv", index=False)
    fn = ml.import_function("hub://model-server-tester")
    params = {"addr": addr, "model": "sum", **params}
    return fn.run(inputs={"table": str(folder / "rows.csv")}, params=params, local=True)


FRAME = pd.DataFrame({"a": range(30), "b": range(30), "label": range(0, 60, 2)})


@pytest.mark.parametrize("model", ["sum", "wrapped"])
@pytest.mark.parametrize("protocol", ["auto", "v1"])
def test_a_server_of_the_older_protocol(
    older: str, tmp_path: Path, model: str, protocol: str
) -> None:
    done = by_older_name(tmp_path, FRAME, older, model=model, match_err=True, protocol=protocol)
    out = done.outputs
    assert (out["total_tests"], out["errors"], out["match"]) == (20, 0, 20)
    times = done.artifact("answers").as_df()["latency"]
    assert out["avg_latency"] == int(times.mean())


def test_failures_in_the_older_protocol(older: str, tmp_path: Path) -> None:
    frame = FRAME.copy()
    frame.loc[:4, "label"] = -1
    assert by_older_name(tmp_path, frame, older, rows=0).outputs["match"] == 25
    frame.loc[7, "a"] = 99
    with pytest.raises(
        ml.errors.RunError, match="1 of 30 requests failed: 1 x the answer has no predict"
    ):
        by_older_name(tmp_path, frame, older, rows=0)
    with pytest.raises(ml.errors.RunError, match="20 x status 404: no such model"):
        by_older_name(tmp_path, FRAME, older, model="other", protocol="v1")
    with pytest.raises(ml.errors.RunError, match="protocol 'v3' is unknown"):
        by_older_name(tmp_path, FRAME, older, protocol="v3")


def test_the_older_name_is_found_and_not_listed(tmp_path: Path) -> None:
    store = open_store()
    assert find_item(store, "", "model_server_tester").name == "v2_model_tester"
    listed = [row["metadata"]["name"] for row in hub_items(store)["items"]]
    assert "v2_model_tester" in listed and "model_server_tester" not in listed
    source = HubSource("ours", str(tmp_path))  # only the shipped catalogue has that other name
    assert source.called("model_server_tester") == "model_server_tester"
