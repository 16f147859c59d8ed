from __future__ import annotations

import functools
import socket
import threading

import pytest

from mlrun_like.gateway.http.front import Limits
from tests.gateway.http.fronts import Client, Echo, Server, request, until

QUICK = Limits(linger=0.5)


def follower(kept: socket.socket) -> Server:
    """Another front on the address that the holder keeps."""
    found = Server(Echo(), limits=QUICK)
    found._socket.close()
    found._socket = kept.dup()
    found.port = kept.getsockname()[1]
    return found


def drained(server: Server) -> bool:
    left: int = server.do(lambda: len(server.front.connections))
    return left == 0


def go_on(counts: list[int], failed: list[str]) -> None:
    """Let the clients send some more."""
    before = sum(counts)
    until(lambda: sum(counts) > before + 200 or failed)


@pytest.mark.slow
def test_no_request_is_lost_when_one_gateway_follows_another() -> None:
    first = Server(Echo(), limits=QUICK)
    kept = first._socket.dup()  # the holder's
    servers, stop, counts = [first], threading.Event(), [0] * 8
    failed: list[str] = []

    def ask(number: int) -> None:
        client: Client | None = None
        while not stop.is_set():
            try:
                client = client or first.client()
                found = client.ask(request("/p/f/", "POST", b"%d" % counts[number]))
                if found.status != 200 or found.json["body"] != str(counts[number]):
                    failed.append(f"{number}: {found}")
            except OSError as exc:
                failed.append(f"{number}: {exc!r}")
                break
            counts[number] += 1
            if found.headers.get("connection") == "close":
                client.close()
                client = None
        if client is not None:
            client.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(counts))]
    first.start()
    try:
        for thread in threads:
            thread.start()
        for _ in range(3):
            old = servers[-1]
            go_on(counts, failed)
            new = follower(kept)
            servers.append(new)
            new.start()
            old.do(old.listener.stop)
            old.do(old.front.drain)
            until(functools.partial(drained, old))
        go_on(counts, failed)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
        for server in servers:
            server.stop()
        kept.close()
    assert not failed, failed[:3]
    assert all(counts)


def test_connections_that_wait_to_be_accepted_are_for_the_next_gateway() -> None:
    first = Server(Echo(), limits=QUICK)
    kept = first._socket.dup()
    first.start()
    first.do(first.listener.stop)
    with first.client() as client:
        client.send(request())
        second = follower(kept)
        second.start()
        assert client.answer().status == 200
        second.stop()
    first.stop()
    kept.close()
