"""Services for tests of what speaks to one: many small ones on one socket, or a process of its own.

An app is made for each test, with a store of its own; one server thread of the session answers for
all of them, each below a path of its own, so a test pays a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions

__all__ = ["RPC", "Services", "Started", "services"]

RPC = ("mlrun_like.api.rpc.spec", "mlrun_like.api.rpc.calls")
"""The routes that a remote store needs."""


class Services:
    """Apps by path on one socket."""

    def __init__(self) -> None:
        self.apps: dict[str, Any] = {}
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._count = 0
        options = uvicorn.Config(self, log_level="error", lifespan="off")
        self._server = uvicorn.Server(options)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name, _, rest = scope["path"].removeprefix("/").partition("/")
        app = self.apps.get(name)
        if app is None:
            start = {"type": "http.response.start", "status": 404, "headers": []}
            await send(start)
            await send({"type": "http.response.body", "body": b"no such service"})
            return
        path = f"/{rest}"
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    def new(self, store: str, modules: tuple[str, ...] = RPC) -> str:
        """The address of a new service over a store."""
        self._count += 1
        name = f"t{self._count}"
        self.apps[name] = create_app(ServiceOptions(store=store), modules)
        return f"http://127.0.0.1:{self.port}/{name}"

    def app(self, url: str) -> Any:
        """The app at an address."""
        return self.apps[url.rpartition("/")[2]]

    def stop(self) -> None:
        """End the server."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(5)
        self._socket.close()


@contextlib.contextmanager
def services() -> Iterator[Services]:
    """A server of the session."""
    found = Services()
    try:
        yield found
    finally:
        found.stop()


_PROGRAM = """
import sys
import uvicorn
from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
app = create_app(ServiceOptions(store=sys.argv[1]), {modules})
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""


class Started:
    """A service that is a process, which can be killed and started again on its port.

    Args:
        home: Its home folder.
        store: Its store.
        modules: Its routes.
    """

    def __init__(self, home: Path, store: str, modules: tuple[str, ...] = RPC) -> None:
        self.home, self.store = home, store
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port = int(sock.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._program = _PROGRAM.format(modules=modules)

    def start(self, variables: Mapping[str, str] | None = None) -> None:
        """Start it, and wait until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        names = {**os.environ, "MLRUN_LIKE_HOME": str(self.home), **(variables or {})}
        names.pop("MLRUN_LIKE_DBPATH", None)
        with open(self.home / "output", "ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self._program, self.store, str(self.port)],
                env=names,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        address = f"{self.url}/api/v1/client-spec"
        for _ in range(1500):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address, timeout=2).close()
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError((self.home / "output").read_text(errors="replace")[-2000:])

    def kill(self) -> None:
        """End it without a chance to clean up."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None
