"""A process that answers requests: `python -m mlrun_like.api.process.worker`, by the supervisor."""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import logging
import os
import socket
import sys
from typing import Any

import orjson
import uvicorn

from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.process.told import options_told, set_up_log, when_left_alone
from mlrun_like.api.state import ServiceState
from mlrun_like.errors import MLRunLikeError

__all__ = ["WorkerServer", "main", "serving_settings", "settle"]

_KEEP_ALIVE = 75
_TICKS = 50
"""Of uvicorn's loop, ten in a second, between two signs of life."""
_log = logging.getLogger(__name__)


class WorkerServer(uvicorn.Server):
    """uvicorn, that tells its supervisor when it is ready and that it lives, and ends live streams
    before it waits for them."""

    def __init__(self, settings: uvicorn.Config, state: ServiceState) -> None:
        super().__init__(settings)
        self._state = state

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write("ready\n")
            sys.stdout.flush()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS == 0:
            with contextlib.suppress(OSError):  # the supervisor is gone: this ends by itself
                sys.stdout.write(".")  # one that says nothing for long hangs, and is replaced
                sys.stdout.flush()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.stopping.set()
        await super().shutdown(sockets)


def serving_settings(app: Any, options: ServiceOptions) -> uvicorn.Config:
    """How uvicorn runs the app."""
    http: Any = "h11"
    if importlib.util.find_spec("httptools") is not None:
        http = importlib.import_module("mlrun_like.api.process.protocol").CarefulProtocol
    return uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(options.grace)),
        ssl_certfile=options.tls_cert or None,
        ssl_keyfile=options.tls_key or None,
    )


def settle() -> None:
    """Before the first request: what stays is not looked through again, and threads take turns.

    The app is some 200,000 objects, which the collector would walk through in the middle of
    requests, for 0.1 s each time. A thread that comes back from the database waits for its turn
    while another computes: a fifth of Python's 5 ms is short beside the database's own time.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(0.001)


def main() -> int:
    """Answer requests until the supervisor says stop, or is gone."""
    set_up_log()
    told = orjson.loads(sys.stdin.buffer.readline())
    listening = socket.socket(fileno=told["socket"])
    try:
        options = options_told(told["options"])
        app = create_app(options)
    except MLRunLikeError as exc:
        _log.error("%s", exc)
        return 1
    settle()
    server = WorkerServer(serving_settings(app, options), app.state.service)

    def leave() -> None:
        server.should_exit = True

    when_left_alone(leave)
    server.run([listening])
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # threads of work that was given up would keep the process for ever
    logging.shutdown()
    os._exit(code)
