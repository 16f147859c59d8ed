"""A worker without a function, for tests of the gateway's side: `DESCRIPTOR MODE`.

Paths: /pid, /echo, /sleep?SECONDS, /die, /hang, /stream?PARTS, /odd (no frame), /left (ABORT).
Modes: plain, fails (it cannot start), crashes (before it is ready), slow (ready after a while),
many (a thread for each request), blocks (it says that it works on one after the other).
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time

from mlrun_like.gateway import wire


def answer(channel: socket.socket, number: int, content: bytes) -> None:
    """Answer one request."""
    _, target, _, body = wire.split(content)
    path, _, query = target.decode().partition("?")
    text = str(os.getpid()).encode()
    if path == "/sleep":
        time.sleep(float(query))
    elif path == "/die":
        os._exit(3)
    elif path == "/hang":
        while True:
            time.sleep(1)
    elif path == "/odd":
        channel.sendall(b"\xff" * 64)
        return
    elif path == "/left":
        channel.sendall(wire.frame(number, wire.ABORT))
        return
    elif path == "/stream":
        channel.sendall(wire.frame(number, wire.START, b"\x00\xc8content-type: text/plain\r\n"))
        for part in range(int(query)):
            channel.sendall(wire.frame(number, wire.CHUNK, str(part).encode()))
        if int(query) == 0:
            os._exit(4)
        channel.sendall(wire.frame(number, wire.END))
        return
    elif path == "/echo":
        text = body
    head = b"\x00\xc8content-length: %d\r\n\r\n" % len(text)
    channel.sendall(wire.frame(number, wire.ANSWER, head + text))


def main() -> None:
    """Serve."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    mode = sys.argv[2]
    if mode == "crashes":
        os._exit(7)
    if mode == "fails":
        failed = {"error": "ValueError: no model", "traceback": "..."}
        channel.sendall(wire.frame(0, wire.FAILED, json.dumps(failed).encode()))
        os._exit(70)
    if mode == "slow":
        time.sleep(0.5)
    many = mode == "many"
    told = {"concurrency": 8 if many else 1, "blocking": mode == "blocks"}
    ready = {"pid": os.getpid(), "phases": {"fork": 0.001}, **told}
    channel.sendall(wire.frame(0, wire.READY, json.dumps(ready).encode()))
    reader = wire.FrameReader()
    waiting: list[tuple[int, int, bytes]] = []
    while True:
        while not waiting:
            data = channel.recv(1 << 18)
            if not data:
                return
            waiting += reader.feed(data)
        number, kind, content = waiting.pop(0)
        if kind == wire.DRAIN and not (many and threading.active_count() > 1):
            return
        if kind == wire.REQUEST and many:
            threading.Thread(target=answer, args=(channel, number, content), daemon=True).start()
        elif kind == wire.REQUEST:
            answer(channel, number, content)
        elif kind == wire.NUMBERS:
            channel.sendall(wire.frame(0, wire.NUMBERS, b"{}"))


if __name__ == "__main__":
    main()
