"""Applications behind the gateway's front: prefixes, upgrades, websockets, tokens of browsers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Deployment, Options, Share, Version
from mlrun_like.gateway.http.front import Front, Site
from mlrun_like.gateway.http.hashes import hash_token
from mlrun_like.gateway.http.protocol import FrontProtocol
from mlrun_like.gateway.http.routes import Router
from mlrun_like.gateway.releases.service import FunctionService

pytestmark = pytest.mark.slow

_WS = """
from fastapi import FastAPI, WebSocket
app = FastAPI()
@app.websocket("/ws")
async def ws(socket: WebSocket):
    await socket.accept()
    while True:
        await socket.send_text(socket.scope["root_path"] + await socket.receive_text())
"""


@contextlib.asynccontextmanager
async def front_of(it: Any, **options: Any) -> AsyncIterator[int]:
    it.open(**options)
    app = it.app
    version = app.version

    def make(version: Version, finished: Any) -> Any:
        app._finished = lambda call: (it.finished.append(call), finished(call))
        return app

    deployment = Deployment("shop", "ui", {1: version}, [Share(1, 100.0)])
    service = FunctionService(deployment, make, lambda deployment: None)
    service.resume()
    router = Router()
    router.set([service])
    front = Front(router)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: FrontProtocol(front, Site()), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await front.close(0.1)


async def talk(port: int, *lines: str, body: bytes = b"") -> tuple[int, str, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "\r\n".join([*lines, "host: shop.org", "connection: close", "", ""])
    writer.write(head.encode() + body)
    async with asyncio.timeout(30):
        data = await reader.read()
    writer.close()
    top, _, rest = data.partition(b"\r\n\r\n")
    return int(top.split()[1]), top.decode().lower(), rest


def test_requests_streams_and_the_prefix(run: Any) -> None:
    async def work(it: Any) -> None:
        async with front_of(it) as port:
            status, _, body = await talk(
                port, "GET /shop/ui/x?a=1 HTTP/1.1", "x-forwarded-for: 6.6.6.6"
            )
            told = json.loads(body)
            assert (status, told["path"]) == (200, "/x?a=1")
            assert told["headers"]["x-forwarded-for"] == "127.0.0.1"
            assert told["headers"]["x-forwarded-prefix"] == "/shop/ui"
            assert told["headers"]["x-forwarded-host"] == "shop.org"
            status, top, _ = await talk(port, "GET /shop/ui/go HTTP/1.1")
            assert status == 302
            assert "location: /shop/ui/login" in top and "path=/shop/ui;" in top
            _, top, body = await talk(port, "GET /shop/ui/stream HTTP/1.1")
            assert "transfer-encoding: chunked" in top and body.count(b"data: ") == 3
            size = 300_000
            lines = ("POST /shop/ui/ HTTP/1.1", f"content-length: {size}")
            _, _, body = await talk(port, *lines, body=b"x" * size)
            assert json.loads(body)["size"] == size

    run(work)


def test_an_upgrade_becomes_a_tunnel(run: Any) -> None:
    async def work(it: Any) -> None:
        async with front_of(it) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = "GET /shop/ui/echo HTTP/1.1\r\nhost: h\r\nconnection: Upgrade\r\nupgrade: echo"
            writer.write(f"{head}\r\n\r\nfirst".encode())
            async with asyncio.timeout(30):
                top = await reader.readuntil(b"\r\n\r\n")
                assert b" 101 " in top and b"upgrade: echo" in top.lower()
                assert await reader.readexactly(5) == b"first"
                assert it.app.numbers().in_flight == 1
                data = b"y" * 5_000_000  # more than all buffers between hold
                sending = asyncio.create_task(_send(writer, data))
                assert await reader.readexactly(len(data)) == data
                await sending
            writer.close()
            await it.until(lambda: it.app.numbers().in_flight == 0)
            assert [call.status for call in it.finished] == [101]
            refused = await talk(port, "GET /shop/ui/echo HTTP/1.1", "upgrade: other")
            assert refused[0] == 426

    run(work)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def test_a_websocket(run: Any) -> None:
    websockets = pytest.importorskip("websockets.asyncio.client")
    pytest.importorskip("fastapi")

    async def work(it: Any) -> None:
        (it.source / "ws.py").write_text(_WS)
        async with front_of(it, command=("python", "-m", "uvicorn", "ws:app")) as port:
            url = f"ws://127.0.0.1:{port}/shop/ui/ws"
            async with websockets.connect(url, open_timeout=60) as socket:
                for text in ("a", "b" * 100_000):
                    await socket.send(text)
                    assert await socket.recv() == "/shop/ui" + text
            await it.until(lambda: it.app.numbers().in_flight == 0)

    run(work)


def test_browsers_enter_with_a_token_once(run: Any) -> None:
    async def work(it: Any) -> None:
        callers = [{"name": "anna", "hash": hash_token("right-token")}]
        async with front_of(it, auth={"kind": "bearer", "callers": callers}) as port:
            assert (await talk(port, "GET /shop/ui/ HTTP/1.1"))[0] == 401
            assert (await talk(port, "GET /shop/ui/?token=wrong HTTP/1.1"))[0] == 401
            assert (await talk(port, "POST /shop/ui/?token=right-token HTTP/1.1"))[0] == 401
            status, top, _ = await talk(port, "GET /shop/ui/x?a=1&token=right-token HTTP/1.1")
            assert status == 303 and "location: /shop/ui/x?a=1\r\n" in top
            assert "path=/shop/ui; httponly; samesite=lax" in top
            cookie = "cookie: own=1; mlrun-like-token=right-token"
            status, _, body = await talk(port, "GET /shop/ui/x HTTP/1.1", cookie)
            told = json.loads(body)
            assert status == 200 and told["headers"]["cookie"] == "own=1"
            assert "right-token" not in body.decode()
            bad = "cookie: mlrun-like-token=wrong"
            assert (await talk(port, "GET /shop/ui/x HTTP/1.1", bad))[0] == 401
            status, top, _ = await talk(port, "GET /shop/ui//evil.org?token=right-token HTTP/1.1")
            assert "location: /shop/ui//evil.org" in top

    run(work)


def test_a_shadow_is_asked_by_calls(run: Any) -> None:
    async def work(it: Any) -> None:
        it.open()
        answer = await it.ask("/info")
        assert isinstance(answer.call, Call) and answer.call.finished
        assert Options.from_dict(it.app.options.to_dict()) == it.app.options

    run(work)
