"""Warm calls: through the gateway against the same worker asked directly.

"Direct" is the same loaded function in one process that speaks HTTP itself, with uvloop and
httptools where they are installed and nothing between parser and handler: no routes, limits,
logs, metrics or queue. Both run the same handler on the same body, with the same wrk, in turns;
figures are medians of the turns.

Expected before measuring: the gateway adds a parse, a route, and two writes over a Unix socket,
some 60 us of its own processor. With 32 connections it works beside the worker, so that the
throughput is that of the slower one of the two, if there is a processor for each; wrk takes a part
of one. Processor time per request is told too: it holds on a machine that others use as well.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig import ECHO, Rig, arguments, gateway, median, report, wait, wrk

import mlrun_like as ml
from mlrun_like.gateway.worker.loading import load
from mlrun_like.gateway.worker.order import Order
from mlrun_like.gateway.worker.platform import WorkerPlatform
from mlrun_like.registry import require

BODY = json.dumps({"values": [1, 2, 3]})
SCRIPT = """
wrk.method = "POST"
wrk.body = '%s'
wrk.headers["content-type"] = "application/json"
"""


class Sink:
    """Turns the worker's answer into HTTP."""

    started = ended = False
    number = unread = 0

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def answer(self, content: bytes) -> None:
        """The whole answer."""
        status = content[0] << 8 | content[1]
        self._write(b"HTTP/1.1 %d OK\r\n%b" % (status, content[2:]))

    def start(self, head: bytes) -> None:
        """No function of these streams."""

    def chunk(self, data: bytes) -> None:
        """No function of these streams."""

    def end(self, *, complete: bool) -> None:
        """No function of these streams."""


class Direct(asyncio.Protocol):
    """A connection of the direct server."""

    def __init__(self, program: Any, parser: Any) -> None:
        self._program, self._new = program, parser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._sink: Any = Sink(transport.write)  # type: ignore[attr-defined]
        self._parser = self._new(self)
        self.on_message_begin()

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target, self._lines, self._body = b"", [b""], b""

    def on_url(self, url: bytes) -> None:
        """Its target."""
        self._target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        self._lines.append(b"%b: %b" % (name.lower(), value))

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer it."""
        self._lines[0] = b"%b %b" % (self._parser.get_method(), self._target)
        content = b"%b\r\n\r\n%b" % (b"\r\n".join(self._lines), self._body)
        self._program.respond(content, self._sink)


async def serve(path: str) -> None:
    """The direct server; prints its port."""
    function = ml.code_to_function("echo", filename=path, kind="nuclio", handler="handler")
    order = Order("default", "echo", 1, "nuclio", function.to_dict(), key="default/echo")
    program = load(order, WorkerPlatform(lambda *_: None))
    program.init()
    parser = require("httptools", extra="serving", feature="a fast server").HttpRequestParser
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Direct(program, parser), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def used(pid: int) -> float:
    """Processor time that a process has used, in microseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e6


def turn(
    url: str, seconds: float, script: str, pids: list[int]
) -> tuple[float, float, list[float]]:
    """Rate and median latency with 32 connections, and processor time of each request."""
    before = [used(pid) for pid in pids]
    rate, late = wrk(url, 32, seconds, script)
    spent = [used(pid) - start for pid, start in zip(pids, before, strict=True)]
    return rate, late, [one / (rate * seconds) for one in spent]


def awake(rig: Rig) -> None:
    """Let the autoscaler settle under the load that is measured."""
    wrk(f"{rig.url}/default/echo/", 32, 3, str(rig.folder / "post.lua"))
    wait(lambda: not rig.pool("echo")["starting"])


def main() -> int:
    """Measure and compare."""
    args = arguments(
        __doc__ or "",
        seconds={"type": int, "default": 4, "help": "of each turn"},
        replicas={"type": int, "default": 1, "help": "the direct server is one process, too"},
        serve={"default": "", "help": "only the direct server, of this file"},
    )
    if args.serve:
        require("uvloop", extra="serving", feature="a fast server").run(serve(args.serve))
        return 0
    with gateway() as rig:
        options = {"min_replicas": args.replicas, "max_replicas": args.replicas}
        rig.deploy("echo", ECHO, options)
        lua = rig.folder / "post.lua"
        lua.write_text(SCRIPT % BODY, encoding="utf-8")
        command = [sys.executable, __file__, "--serve", str(rig.folder / "echo.py")]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            through, direct = f"{rig.url}/default/echo/", f"http://127.0.0.1:{port}/"
            awake(rig)
            own = [rig.client.info()["pid"], *(one["pid"] for one in rig.pool("echo")["replicas"])]
            rows: list[tuple[float, ...]] = []
            for _ in range(args.reps):
                rate, late, (alone,) = turn(direct, args.seconds, str(lua), [server.pid])
                via, via_late, spent = turn(through, args.seconds, str(lua), own)
                one = wrk(direct, 1, args.seconds // 2, str(lua))[1]
                via_one = wrk(through, 1, args.seconds // 2, str(lua))[1]
                rows.append((rate, late, via, via_late, one, via_one, alone, *spent[:2]))
        finally:
            server.kill()
            server.wait()
            if server.stdout is not None:
                server.stdout.close()
    rate, late, via, via_late, one, via_one, alone, ours, theirs = (
        median([row[at] for row in rows]) for at in range(9)
    )
    share = median([row[2] / row[0] for row in rows])
    added = median([row[5] - row[4] for row in rows])
    figures = {
        "direct, 32 connections, requests/s": rate,
        "gateway, 32 connections, requests/s": via,
        "share of direct, median of turns": share,
        "direct, 32 connections, p50, us": late,
        "gateway, 32 connections, p50, us": via_late,
        "direct, one connection, p50, us": one,
        "gateway, one connection, p50, us": via_one,
        "added p50 at one connection, us": added,
        "processor time, direct server, us a request": alone,
        "processor time, gateway, us a request": ours,
        "processor time, worker, us a request": theirs,
    }
    bars = {">= 70 % of direct": share >= 0.7, "added p50 <= 150 us": added <= 150}
    return report("gateway: warm calls", figures, bars, args.json)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
