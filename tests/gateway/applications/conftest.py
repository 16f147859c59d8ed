"""An application at work, with calls that wait for their answers."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.gateway.applications.application import Application
from mlrun_like.gateway.applications.folders import run_base
from mlrun_like.gateway.applications.users import user_for
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Options, Version

APP = Path(__file__).with_name("app.py")


class Answer:
    """A client's side of a call."""

    def __init__(self) -> None:
        self.status = 0
        self.headers = b""
        self.parts: list[bytes] = []
        self.complete = True
        self.over = asyncio.Event()
        self.call: Any = None

    def answer(self, status: int, content: bytes) -> None:
        self.status = status
        self.headers, _, body = content.partition(b"\r\n\r\n")
        self.parts.append(body)
        self.over.set()

    def start(self, status: int, headers: bytes) -> None:
        self.status, self.headers = status, headers

    def chunk(self, data: bytes) -> None:
        self.parts.append(data)

    def end(self, *, complete: bool) -> None:
        self.complete = complete
        self.over.set()

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def data(self) -> Any:
        return json.loads(self.body)


class Running:
    """An application, asked by calls."""

    def __init__(self, home: Path, source: Path) -> None:
        self.home, self.source = home, source
        self.finished: list[Call] = []
        self.app: Application

    def open(self, *arguments: str, **options: Any) -> Application:
        options.setdefault("command", ("python", "app.py", *arguments))
        options.setdefault("start_timeout", 30.0)
        document = {"spec": {"build": {"source": str(self.source)}}}
        version = Version(1, "application", document, Options(**options), digest="d")
        log = logging.getLogger("mlrun_like.gateway")
        self.app = Application("shop/ui", version, self.home, self.finished.append, log)
        return self.app

    def submit(self, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        found = Answer()
        pairs = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
        found.call = Call(method.encode(), target.encode(), pairs, body, found)
        self.app.submit(found.call)
        return found

    async def ask(self, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Any:
        found = self.submit(target, method, body, **headers)
        await asyncio.wait_for(found.over.wait(), 40)
        return found

    async def until(self, what: Callable[[], Any], seconds: float = 40) -> None:
        async with asyncio.timeout(seconds):
            while not what():
                await asyncio.sleep(0.02)


Run = Callable[[Callable[[Running], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Iterator[Run]:
    """Runs a coroutine with an application, and ends that whatever happens."""
    if sys.platform != "linux":
        pytest.skip("applications run on Linux")
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(APP, source / "app.py")
    gateway = home / "gateway"
    gateway.mkdir(mode=0o700)

    def start(work: Callable[[Running], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            running = Running(gateway, source)
            try:
                await work(running)
            finally:
                await running.app.drain(0.1)
            for replica in running.app.workers:
                raise AssertionError(f"process {replica.pid} stayed")

        asyncio.run(whole())

    yield start
    if os.getuid() == 0:
        shutil.rmtree(run_base(gateway, user_for("shop/ui")), ignore_errors=True)
