"""Send an example's requests again and again, and tell how fast they are answered.

mlrun-like serve serving/text/graph.py:graph &
python serving/load.py serving/text --url http://127.0.0.1:8080 --seconds 5 --callers 16
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.serving.client import AsyncClient


async def call(
    client: AsyncClient, requests: list[dict[str, Any]], end: float, times: list[float]
) -> int:
    """One caller: each request in turn until the end; gives how many were answered wrongly."""
    wrong = 0
    while time.monotonic() < end:
        for request in requests:
            start = time.perf_counter()
            try:
                answer = await client.post(request.get("path", "/"), request["body"])
                status = 200
            except MLRunLikeError as exc:
                answer, status = {}, exc.status
            times.append(time.perf_counter() - start)
            expected = request.get("answer", {})
            right = status == request.get("status", 200)
            wrong += not (right and all(answer.get(key) == expected[key] for key in expected))
    return wrong


async def main() -> int:
    """Run; 1 if an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="an example's folder, with requests.json")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--callers", type=int, default=16)
    given = parser.parse_args()
    requests = json.loads((given.folder / "requests.json").read_text())
    times: list[float] = []
    start = time.monotonic()
    async with AsyncClient(given.url) as client:
        end = start + given.seconds
        found = await asyncio.gather(
            *(call(client, requests, end, times) for _ in range(given.callers))
        )
    times.sort()
    rate = len(times) / (time.monotonic() - start)
    median, p99 = times[len(times) // 2] * 1e3, times[len(times) * 99 // 100] * 1e3
    print(f"{rate:,.0f} answers/s, median {median:.1f} ms, p99 {p99:.1f} ms, {sum(found)} wrong")
    return min(1, sum(found))


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
