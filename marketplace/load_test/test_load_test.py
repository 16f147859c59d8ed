"""The load test against real servers whose behaviour is known."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlrun_like as ml
from mlrun_like.marketplace.importing import import_module


class Endpoint(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: Counter[str] = Counter()
        self.tokens: set[str] = set()
        self.most = self.now = 0
        self.lock = threading.Lock()
        self.stall = 0.0
        self.go = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # callers who gave up

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        endpoint = self.server
        assert isinstance(endpoint, Endpoint)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with endpoint.lock:
            endpoint.bodies[body] += 1
            endpoint.tokens.add(self.headers.get("Authorization", ""))
            endpoint.now += 1
            endpoint.most = max(endpoint.most, endpoint.now)
            stall, endpoint.stall = endpoint.stall, 0.0
        if stall:
            time.sleep(stall)  # the server stands still once
        if self.path == "/hangs":
            endpoint.go.wait(20)
        status = 500 if body == '"bad"' else 200
        with endpoint.lock:
            endpoint.now -= 1
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

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


@cache
def module() -> Any:
    """The item's code."""
    return import_module("hub://load_test")


def run(url: str, **params: Any) -> Any:
    fn = ml.import_function("hub://load_test")
    return fn.run(params={"endpoint": url, "duration": 0.3, **params}, local=True)


def test_open_loop_sends_what_is_due(endpoint: Endpoint) -> None:
    done = run(endpoint.url, rate=100, duration=0.5, body={"x": 1})
    out = done.outputs
    assert out["requests"] == 50 == endpoint.bodies['{"x": 1}']
    assert (out["errors"], out["error_rate"], out["errors_by_kind"]) == (0, 0, {})
    assert out["throughput"] == pytest.approx(50 / out["elapsed_s"])
    assert 0 < out["p50_ms"] <= out["p90_ms"] <= out["p99_ms"] <= out["p999_ms"] <= out["max_ms"]
    timeline = done.artifact("timeline").as_df()
    assert timeline["ok"].sum() == 50
    assert done.artifact("report").get().decode().count("<svg") == 2


def test_a_stall_counts_for_all_who_wait(endpoint: Endpoint) -> None:
    endpoint.stall = 0.6
    out = run(endpoint.url, rate=100, duration=1.0, max_connections=1).outputs
    # of 100 requests, one each 10 ms, 60 were due while the server stood still: the last of them
    # waited at least 0, the first 600 ms; so ten in a hundred waited at least 500 ms
    assert out["requests"] == 100
    assert out["p90_ms"] >= 495
    assert out["max_ms"] >= 600
    services = out["service_p50_ms"]  # one by one, only a single request was slow
    assert services < out["p90_ms"]


def test_closed_loop_users_wait_for_their_answers(endpoint: Endpoint) -> None:
    out = run(endpoint.url, users=3).outputs
    assert out["requests"] == sum(endpoint.bodies.values()) > 3
    assert endpoint.most <= 3
    paced = run(endpoint.url, users=2, pace=0.1, duration=0.35).outputs
    assert paced["requests"] == 2 * 4


def test_a_paced_user_who_was_held_up_counts_the_delay(endpoint: Endpoint) -> None:
    endpoint.stall = 0.5
    out = run(endpoint.url, users=1, pace=0.05, duration=0.5).outputs
    assert out["requests"] == 10
    assert out["p50_ms"] >= 200  # five were due in the first half of the stall


def test_errors_by_kind_and_bodies_in_turn(endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "bodies.jsonl").write_text('"bad"\n{"a": 1}\n\n"good"\n"fine"\n')
    fn = ml.import_function("hub://load_test")
    params = {"endpoint": endpoint.url, "rate": 100, "duration": 0.4}
    out = fn.run(inputs={"bodies": str(tmp_path / "bodies.jsonl")}, params=params, local=True)
    assert out.outputs["errors_by_kind"] == {"status 500": 10}
    assert endpoint.bodies == {'"bad"': 10, '{"a": 1}': 10, '"good"': 10, '"fine"': 10}
    away = run("http://127.0.0.1:9", rate=50).outputs
    assert away["errors_by_kind"] == {"refused": 15}
    assert away["p50_ms"] is None
    with pytest.raises(ml.errors.RunError, match=r"no request was answered \(15 x refused\)"):
        run("http://127.0.0.1:9", rate=50, max_p99_ms=5)


def test_what_is_given_up_counts_with_its_time(endpoint: Endpoint) -> None:
    out = run(endpoint.url + "/hangs", rate=20, timeout=0.2).outputs
    assert out["errors_by_kind"] == {"timeout": 6}
    assert out["p50_ms"] >= 198
    few = run(endpoint.url + "/hangs", rate=200, timeout=0.2, max_connections=1).outputs
    assert few["errors_by_kind"] == {"timeout": 60}  # also those that never got a connection


def test_limits_fail_the_run(endpoint: Endpoint) -> None:
    given = {"rate": 50, "body": "bad", "max_error_rate": 0.1}
    assert run(endpoint.url, **given).outputs["errors"] == 0  # a text is sent as it is
    with pytest.raises(ml.errors.RunError, match=r"error rate 1\.0000 > 0\.1 \(15 x status 500\)"):
        run(endpoint.url, **{**given, "body": '"bad"'})
    with pytest.raises(ml.errors.RunError, match=r"p99 .* > 1e-05 ms; throughput .* < 1e\+09"):
        run(endpoint.url, rate=50, max_p99_ms=1e-5, min_throughput=1e9)


def test_a_token(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "t0p")
    run(endpoint.url, rate=20, token_secret="MY_TOKEN")
    assert endpoint.tokens == {"Bearer t0p"}
    with pytest.raises(ml.errors.RunError, match="no secret 'OTHER'"):
        run(endpoint.url, token_secret="OTHER")


@pytest.mark.parametrize(
    "wrong",
    [{"duration": 0}, {"rate": -1}, {"users": 0}, {"timeout": -1}, {"ramp": -1}, {"bodies": []}],
)
def test_parameters_that_cannot_be_used(wrong: dict[str, Any]) -> None:
    with pytest.raises(ml.errors.RunError, match=r"is no number from|bodies is empty"):
        run("http://127.0.0.1:9", **wrong)


@pytest.mark.parametrize("scale", [0.01, 1.0, 250.0])
def test_percentiles_are_those_of_all_values(scale: float) -> None:
    values = np.random.default_rng(1).lognormal(size=20_000) * scale
    times = module().Latencies()
    for value in values.tolist():
        times.add(value)
    for share in (0.5, 0.9, 0.99, 0.999):
        exact = np.quantile(values, share, method="inverted_cdf")
        assert times.at(share) == pytest.approx(exact, rel=0.0051)
    assert times.most == values.max() and times.mean == pytest.approx(values.mean())
    assert len(times.counts) < 1500


@pytest.mark.parametrize(
    ("rate", "duration", "ramp"), [(50, 4, 0), (50, 4, 2), (10, 3, 3), (7, 1, 5)]
)
def test_the_ramp_grows_evenly(rate: float, duration: float, ramp: float) -> None:
    due = np.array(list(module().schedule(rate, duration, ramp)))
    assert (np.diff(due) > 0).all() and due[-1] < duration
    moments = np.linspace(0, duration, 4001)
    rates = rate * np.minimum(1, moments / ramp) if ramp else np.full(4001, rate)
    wanted = np.concatenate([[0], np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(moments))])
    counted = np.searchsorted(due, moments, side="right")
    assert np.abs(counted - 1 - wanted).max() <= 1.01


def test_an_answer_is_read_up_to_a_bound(endpoint: Endpoint, monkeypatch: Any) -> None:
    module = import_module("hub://load_test")
    monkeypatch.setattr(module, "_MOST", 1)
    load = module._Load(endpoint.url, [b""], "GET", 5.0)
    asyncio.run(load.run(0, 2, 0.2, 0, 0.1))
    assert dict(load.errors) == {"an answer of more than 0 MiB": 4}
