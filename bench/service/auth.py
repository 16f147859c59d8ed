"""What access control costs: the same requests with a token and without login.

    python bench/service/auth.py [--requests 400] [--rounds 9]

The app is called in this process, without a socket, on a list of runs as teams ask for it: the
newest 100 of 2,000. Rounds of both kinds take turns; the ratio of the medians of processor time is
printed, which other programs disturb little.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from typing import Any

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.api.access.tokens import make_token
from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config

__all__ = ["main"]


async def _ask(app: Any, token: str) -> int:
    headers = [(b"host", b"127.0.0.1:8080")]
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/api/v1/projects/fraud/runs",
        "raw_path": b"/api/v1/projects/fraud/runs", "query_string": b"", "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 8080),
    }  # fmt: skip
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


async def _measure(app: Any, token: str, requests: int, rounds: int) -> tuple[float, float]:
    times: dict[str, list[float]] = {"": [], token: []}
    for number in range(rounds + 1):
        for kind in ("", token) if number % 2 else (token, ""):
            began = time.process_time()
            for _ in range(requests):
                assert await _ask(app, kind) == 200
            if number:  # the first round warms up
                times[kind].append((time.process_time() - began) / requests)
    return statistics.median(times[""]), statistics.median(times[token])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    config.service_rate_limit = config.service_rate_limit_address = 0.0
    with tempfile.TemporaryDirectory() as folder:
        config.home = folder
        app = create_app(ServiceOptions(store=f"sqlite:///{folder}/store.db", auth="none"))
        store = app.state.service.store
        for number in range(2000):
            store.store_run(
                {
                    "metadata": {"project": "fraud", "uid": f"{number:032x}", "name": "train"},
                    "spec": {"parameters": {"depth": number}},
                    "status": {
                        "state": "completed",
                        "start_time": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z",
                        "results": {"accuracy": number / 2000},
                    },
                },
                wait=False,
            )
        store.flush()
        user = add_user(store, "anna")
        set_member(store, "fraud", "anna", "developer")
        for count in range(20):
            set_member(store, f"other{count}", "anna", "viewer")
        token = make_token(store, user, "bench").text
        without, with_token = asyncio.run(_measure(app, token, given.requests, given.rounds))
    print(f"without login {without * 1e3:.3f} ms, with a token {with_token * 1e3:.3f} ms")
    print(f"ratio {with_token / without:.3f}")


if __name__ == "__main__":
    main()
