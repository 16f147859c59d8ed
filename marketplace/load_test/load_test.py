"""Measures an endpoint under load: throughput, latency percentiles, errors by kind, over time."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

import mlrun_like as ml
from mlrun_like.drawing.charts import lines
from mlrun_like.drawing.page import page, section, table, tiles
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, TooLargeError
from mlrun_like.serving.web.outgoing import HttpClient

__all__ = ["Latencies", "LoadTestError", "load_test", "schedule"]

_STEP = math.log(1.01)  # percentiles are right to half a per cent
_MOST = 16 << 20  # bytes of an answer
_WAITING = 100_000  # more requests than these do not wait for a connection, they are not sent


class LoadTestError(MLRunLikeError, ValueError):
    """The endpoint does not keep what was asked of it."""

    code = "load_test"


class Latencies:
    """Times in milliseconds, counted in classes of one per cent: small, however many they are.

    >>> times = Latencies()
    >>> for millis in range(1, 1001): times.add(millis)
    >>> round(times.at(0.5) / 500, 1), times.most, times.mean
    (1.0, 1000, 500.5)
    """

    def __init__(self) -> None:
        self.counts = Counter[int]()
        self.total, self.sum, self.most = 0, 0.0, 0.0

    def add(self, millis: float) -> None:
        """Count one."""
        self.counts[math.ceil(math.log(max(millis, 1e-3)) / _STEP)] += 1
        self.total += 1
        self.sum += millis
        self.most = max(self.most, millis)

    def at(self, share: float) -> float:
        """The time within which this share of all was done; NaN: there are none."""
        wanted, seen = math.ceil(share * self.total), 0
        for place in sorted(self.counts):
            seen += self.counts[place]
            if seen >= wanted:
                return min(self.most, math.exp((place - 0.5) * _STEP))
        return math.nan

    @property
    def mean(self) -> float:
        """The mean; NaN: there are none."""
        return self.sum / self.total if self.total else math.nan


def schedule(rate: float, duration: float, ramp: float) -> Iterator[float]:
    """The seconds at which requests are due: evenly, after a ramp in which the rate grows to it.

    >>> list(schedule(2, 2, 0))
    [0.0, 0.5, 1.0, 1.5]
    """
    number, at = 0, 0.0
    while at < duration:
        yield at
        number += 1
        at = ramp / 2 + number / rate
        if number < rate * ramp / 2:
            at = math.sqrt(2 * ramp * number / rate)


@dataclass
class _Second:
    """What ended in one second."""

    ok: int = 0
    errors: int = 0
    latencies: Latencies = field(default_factory=Latencies)


class _Load:
    """One measurement."""

    def __init__(self, url: str, bodies: Sequence[bytes], method: str, timeout: float) -> None:
        self.url, self.bodies, self.method = url, bodies, method.upper()
        self.headers: Mapping[str, str] = {}
        self.timeout, self.connections = timeout, 1
        self.client = HttpClient(timeout, most=_MOST)
        self.latencies, self.services, self.lags = Latencies(), Latencies(), Latencies()
        self.seconds: dict[int, _Second] = {}
        self.errors: Counter[str] = Counter()
        self.sent, self.begun, self.ended = 0, 0.0, 0.0

    async def open_loop(self, rate: float, duration: float, ramp: float) -> None:
        """Requests when they are due, whether or not earlier ones were answered."""
        gate, running = asyncio.Semaphore(self.connections), set[asyncio.Task[None]]()

        async def one(due: float) -> None:
            async with gate:
                if time.perf_counter() - due <= self.timeout:
                    return await self._ask(due)
            self._end(due, "timeout")  # its caller would have left

        for seconds in schedule(rate, duration, ramp):
            due = self.begun + seconds
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            self.lags.add((time.perf_counter() - due) * 1000)
            if len(running) >= _WAITING:
                self._end(due, "not sent: too many wait")
                continue
            task = asyncio.create_task(one(due))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def closed_loop(self, users: int, duration: float, ramp: float, pace: float) -> None:
        """Users who each wait for an answer before they ask again."""

        async def user(number: int) -> None:
            at, asked = number * ramp / users, 0
            while at + asked * pace < duration - 1e-9:
                due = self.begun + at + asked * pace
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                await self._ask(due if pace else time.perf_counter())
                asked += 1
                at = at if pace else time.perf_counter() - self.begun

        await asyncio.gather(*(user(number) for number in range(users)))

    async def run(self, rate: float, users: int, duration: float, ramp: float, pace: float) -> None:
        """All of it."""
        self.begun = time.perf_counter()
        try:
            if rate:
                await self.open_loop(rate, duration, ramp)
            else:
                await self.closed_loop(users, duration, ramp, pace)
        finally:
            self.ended = time.perf_counter()
            await self.client.close_async()

    async def _ask(self, due: float) -> None:
        body = self.bodies[self.sent % len(self.bodies)]
        self.sent += 1
        start, error = time.perf_counter(), ""
        try:
            reply = await self.client.send_async(self.method, self.url, body, self.headers)
            error = "" if 200 <= reply.status < 300 else f"status {reply.status}"
        except TimeoutError:
            error = "timeout"
        except TooLargeError:
            error = f"an answer of more than {_MOST >> 20} MiB"
        except OSError as exc:
            error = "refused" if isinstance(exc, ConnectionRefusedError) else type(exc).__name__
        if not error or error == "timeout":
            self.services.add((time.perf_counter() - start) * 1000)
        self._end(due, error)

    def _end(self, due: float, error: str) -> None:
        now = time.perf_counter()
        second = self.seconds.setdefault(int(now - self.begun), _Second())
        if error:
            self.errors[error] += 1
            second.errors += 1
        else:
            second.ok += 1
        if not error or error == "timeout":  # else the slowest of all would be left out
            self.latencies.add((now - due) * 1000)
            second.latencies.add((now - due) * 1000)


def load_test(  # noqa: PLR0913 - parameters of a run stand side by side
    context: ml.MLClientCtx,
    endpoint: str,
    body: Any = None,
    bodies: ml.DataItem | Sequence[Any] | None = None,
    method: str = "",
    rate: float = 0.0,
    users: int = 10,
    pace: float = 0.0,
    duration: float = 10.0,
    ramp: float = 0.0,
    timeout: float = 30.0,
    max_connections: int = 256,
    headers: Mapping[str, str] | None = None,
    token_secret: str = "",
    max_p99_ms: float = 0.0,
    max_error_rate: float = 1.0,
    min_throughput: float = 0.0,
) -> None:
    """Put an endpoint under load and measure what it does.

    Args:
        context: The run's.
        endpoint: The URL.
        body: What is sent: plain data as JSON, or a text as it is; None: nothing.
        bodies: Several bodies, sent in turn: a list, or a file of lines of JSON.
        method: By default POST with a body, else GET.
        rate: Requests in a second, sent when they are due whatever happens to others (open loop).
        users: Without a rate: so many users who wait for each answer (closed loop).
        pace: Seconds between the starts of a user's requests; 0: the next follows the answer.
        duration: Seconds.
        ramp: Seconds in which the rate, or the number of users, grows to its full.
        timeout: Seconds after which an answer is given up.
        max_connections: Requests on their way at the same time, with a rate.
        headers: Of every request.
        token_secret: The name of a secret that is sent as bearer token.
        max_p99_ms: The run fails if the 99th percentile of latency is higher; 0: any.
        max_error_rate: The run fails if a greater share of requests failed.
        min_throughput: The run fails if fewer requests in a second were answered.

    Raises:
        InvalidArgumentError: if a parameter cannot be used.
        LoadTestError: if a limit was not kept; report and results are logged before.
    """
    numbers = {"duration": (duration, 0.01), "timeout": (timeout, 0.001), "rate": (rate, 0.0)}
    numbers |= {"users": (users, 1), "ramp": (ramp, 0.0), "pace": (pace, 0.0)}
    for name, (value, least) in (numbers | {"max_connections": (max_connections, 1)}).items():
        if not isinstance(value, (int, float)) or not least <= value < math.inf:
            raise InvalidArgumentError(f"{name}={value!r:.40} is no number from {least} up")
    content = _contents(body, bodies)
    sent = {"content-type": "application/json", **(headers or {})}
    if token_secret:
        if not (token := context.get_secret(token_secret)):
            raise InvalidArgumentError(f"there is no secret {token_secret!r}")
        sent["authorization"] = f"Bearer {token}"
    load = _Load(endpoint, content, method or ("POST" if any(content) else "GET"), timeout)
    load.headers, load.connections = sent, int(max_connections)
    with ThreadPoolExecutor(1) as pool:  # the caller may have an event loop of its own
        pool.submit(asyncio.run, load.run(rate, int(users), duration, ramp, pace)).result()
    results = _results(load)
    _log(context, load, results, endpoint)
    missed, p99 = [], results["p99_ms"]
    kinds = ", ".join(f"{count} x {kind}" for kind, count in load.errors.most_common(5))
    if max_p99_ms and p99 is None:
        missed.append(f"no request was answered ({kinds})")
    elif max_p99_ms and p99 > max_p99_ms:
        missed.append(f"p99 {p99:.1f} ms > {max_p99_ms:g} ms")
    if results["error_rate"] > max_error_rate:
        missed.append(f"error rate {results['error_rate']:.4f} > {max_error_rate:g} ({kinds})")
    if results["throughput"] < min_throughput:
        missed.append(f"throughput {results['throughput']:.1f}/s < {min_throughput:g}/s")
    if missed:
        raise LoadTestError("; ".join(missed), where=endpoint)


def _contents(body: Any, bodies: Any) -> list[bytes]:
    if hasattr(bodies, "as_df"):
        bodies = [line for line in bodies.get(encoding="utf-8").splitlines() if line.strip()]
    given = [body] if bodies is None else list(bodies)
    if not given:
        raise InvalidArgumentError("bodies is empty", fix="give body=, or leave both out")
    texts = [one if isinstance(one, str) else json.dumps(one) for one in given]
    return [b"" if one is None else text.encode() for one, text in zip(given, texts, strict=True)]


def _results(load: _Load) -> dict[str, Any]:
    failed = sum(load.errors.values())
    total = failed + sum(second.ok for second in load.seconds.values())
    elapsed = max(load.ended - load.begun, 1e-9)
    found: dict[str, Any] = {"requests": total, "errors": failed, "error_rate": failed / total}
    found |= {"throughput": (total - failed) / elapsed, "elapsed_s": elapsed}
    found["avg_ms"] = load.latencies.mean
    found |= {f"p{n:g}_ms".replace(".", ""): load.latencies.at(n / 100) for n in (50, 90, 99, 99.9)}
    found["max_ms"] = load.latencies.most
    found |= {f"service_p{n}_ms": load.services.at(n / 100) for n in (50, 90, 99)}
    found["client_lag_p99_ms"] = load.lags.at(0.99)  # large: this machine cannot send so fast
    return {name: None if value != value else value for name, value in found.items()}


def _log(context: ml.MLClientCtx, load: _Load, results: Mapping[str, Any], endpoint: str) -> None:
    context.log_results({**results, "errors_by_kind": dict(load.errors)})
    seconds = sorted(load.seconds.items())
    rows = [(at, s.ok, s.errors, s.latencies.at(0.5), s.latencies.at(0.99)) for at, s in seconds]
    frame = pd.DataFrame(rows, columns=["second", "ok", "errors", "p50_ms", "p99_ms"])
    context.log_dataset("timeline", df=frame, format="csv", index=False)
    parts = [section("Results", tiles(list(results.items())))]
    charts = {"Requests in each second": {"ok": 1, "errors": 2}}
    charts["Latency, milliseconds"] = {"p50": 3, "p99": 4}
    for title, names in charts.items():
        series = {name: [(row[0], row[place]) for row in rows] for name, place in names.items()}
        parts.append(section(title, lines(series, x_is_time=False, title=title)))
    if load.errors:
        parts.append(section("Errors", table(["kind", "count"], load.errors.most_common())))
    body = str(page("Load test", *parts, subtitle=endpoint))
    context.log_artifact("report", body=body, format="html")
