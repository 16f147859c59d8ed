"""Server-sent events: how many values a second reach 200 readers, and what a leaving reader costs.

    python bench/serving/sse.py

The server (core 1) runs a graph whose step is a generator; the readers (core 0) count what comes.
Paced: every reader is sent a value each 8 ms, 25,000 in all, as tokens of language models come;
free: values are given as fast as they are taken.

Expected before measuring: a paced value costs a timer, two turns of the event loop and a write,
30 us, so one core carries 25,000 a second just so; free values are written together, 16 kB or 2 ms
at a time, which leaves 2 us for a value: several 100,000 a second. A reader's end is one event of
the loop, so the generator ends within a millisecond when the server is idle.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import arguments, median, percentile, report

READERS = 200
PAUSE = 0.008
closed: list[float] = []


async def tokens(body: dict[str, Any]) -> AsyncIterator[dict[str, int]]:
    try:
        number, loop = 0, asyncio.get_running_loop()
        due = loop.time()
        while True:
            yield {"token": number}
            number += 1
            if body["pause"]:
                due += body["pause"]
                await asyncio.sleep(due - loop.time())
            else:
                await asyncio.sleep(0)
    finally:
        closed.append(time.monotonic())


def plain_tokens(body: dict[str, Any]) -> Iterator[dict[str, int]]:
    try:
        number, due = 0, time.monotonic()
        while True:
            yield {"token": number}
            number += 1
            if body["pause"]:
                due += body["pause"]
                time.sleep(max(0.0, due - time.monotonic()))
    finally:
        closed.append(time.monotonic())


def serve(kind: str) -> None:
    """The server's process."""
    from mlrun_like.serving import flow, serve_forever

    def answer(body: Any) -> Any:
        if body == "closed":
            found = list(closed)
            closed.clear()
            return found
        return (tokens if kind == "async" else plain_tokens)(body)

    graph = flow()
    graph.to(answer, "tokens").options(blocking=False).respond()
    serve_forever(graph, port=0, started=lambda url: print(url, flush=True))


class Reader(asyncio.Protocol):
    """Counts the events of one stream."""

    def __init__(self, body: bytes, timed: bool = False) -> None:
        self.count = 0
        self.timed = timed
        self.gaps: list[float] = []
        self.transport: Any = None
        self._body = body
        self._last = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(
            b"POST / HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (len(self._body), self._body)
        )

    def data_received(self, data: bytes) -> None:
        self.count += data.count(b"data: ")
        if self.timed:
            now = time.monotonic()
            if self._last:
                self.gaps.append(now - self._last)
            self._last = now


async def read(port: int, pause: float, seconds: float) -> tuple[float, float]:
    """Values a second of all readers, and the longest usual gap (p99) between two parts."""
    loop = asyncio.get_running_loop()
    body = json.dumps({"pause": pause}).encode()
    readers = [Reader(body, number % 10 == 0) for number in range(READERS)]
    for reader in readers:
        await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", port)
    await asyncio.sleep(1)  # all streams flow
    start, before = time.monotonic(), sum(reader.count for reader in readers)
    for reader in readers:
        reader.gaps.clear()
    await asyncio.sleep(seconds)
    rate = (sum(reader.count for reader in readers) - before) / (time.monotonic() - start)
    gaps = [gap for reader in readers for gap in reader.gaps]
    for reader in readers:
        reader.transport.abort()
    await asyncio.sleep(0.2)
    return rate, percentile(gaps, 0.99) if gaps else 0.0


def ask(url: str, body: Any) -> Any:
    headers = {"content-type": "application/json"}
    sent = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(sent, timeout=20) as answer:
        return json.loads(answer.read())


async def leave(port: int, url: str) -> float:
    """Seconds from a reader's end to the generator's, the median of several."""
    loop = asyncio.get_running_loop()
    spent = []
    for _ in range(15):
        ask(url, "closed")
        reader = Reader(json.dumps({"pause": PAUSE}).encode())
        await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", port)
        await asyncio.sleep(0.05)
        left = time.monotonic()
        reader.transport.close()
        await asyncio.sleep(0.1)
        found = ask(url, "closed")
        spent.append(found[0] - left if found else 1.0)
    return median(spent)


def run(work: Any) -> Any:
    """On uvloop if it is there: the readers must not be what is measured."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def main() -> int:
    if sys.argv[1:2] == ["--server"]:
        serve(sys.argv[2])
        return 0
    given = arguments(__doc__ or "", secs={"type": float, "default": 5.0})
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {0})
    figures: dict[str, Any] = {}
    bars: dict[str, bool] = {}
    for kind in ("async", "plain"):
        pinned = ["taskset", "-c", "1"] if shutil.which("taskset") else []
        server = subprocess.Popen(
            [*pinned, sys.executable, __file__, "--server", kind], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            port = int(url.rpartition(":")[2])
            for name, pause in (("paced", PAUSE), ("free", 0.0)):
                runs = [run(read(port, pause, given.secs)) for _ in range(given.reps)]
                rate = median([run[0] for run in runs])
                gap = median([run[1] for run in runs])
                figures[f"{kind} generators, {name}: values a second"] = round(rate)
                figures[f"{kind} generators, {name}: gap between parts, p99, ms"] = gap * 1e3
                if kind == "async" or name == "free":
                    bars[f"{kind}, {name}: at least 20,000 values a second"] = rate >= 20_000
            spent = run(leave(port, url))
            figures[f"{kind} generators: a reader leaves, ms"] = spent * 1e3
            bars[f"{kind}: ended within 50 ms"] = spent < 0.05
        finally:
            server.terminate()
            server.wait(20)
    return report("server-sent events, 200 readers", figures, bars, given.json)


if __name__ == "__main__":
    sys.exit(main())
