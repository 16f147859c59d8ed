"""The channel between submitter and ranks: who may speak, and what happens when one is gone."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_like.runtimes.mpi.channel import Channel, connect, proof
from mlrun_like.runtimes.mpi.control import Control, Rank
from mlrun_like.runtimes.mpi.hosts import Host


def _start(ranks: dict[int, Rank], rank: Rank) -> dict[str, Any]:
    return {"told": rank.number, "all": sorted(ranks)}


@pytest.fixture
def control() -> Iterator[Control]:
    """Waits for two ranks on this machine."""
    control = Control(2, [], _start, 6.0)
    yield control
    control.close()


def _join(control: Control, rank: int, secret: str = "") -> Channel:
    who = {"rank": rank, "size": control.size, "host": "h", "pid": os.getpid()}
    return connect(f"127.0.0.1:{control.port}", secret or control.secret, who, 6.0)


def test_all_start_together(control: Control) -> None:
    first = _join(control, 0)
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(first.receive()))
    thread.start()
    thread.join(0.2)
    assert not got
    second = _join(control, 1)
    assert second.receive() == {"told": 1, "all": [0, 1]}
    thread.join(5)
    assert got == [{"told": 0, "all": [0, 1]}]
    first.close()
    second.close()


def test_a_stranger_is_refused(control: Control) -> None:
    with pytest.raises(ConnectionResetError):
        _join(control, 0, secret="wrong")
    assert control.ranks == {}
    absent = control.absent()
    assert absent is not None
    assert absent.ranks == (0, 1)


def test_a_false_submitter_is_noticed() -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def pretend() -> None:
        sock, _ = server.accept()
        channel = Channel(sock, 6.0)
        channel.send({"nonce": "1"})
        channel.receive()
        channel.send({"proof": "0" * 64})
        channel.close()

    thread = threading.Thread(target=pretend)
    thread.start()
    with pytest.raises(ConnectionResetError):
        connect(f"127.0.0.1:{server.getsockname()[1]}", "s", {"rank": 0}, 6.0)
    thread.join(5)
    server.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack("!I", 2**32 - 1),
        struct.pack("!I", 4) + b"null",
        struct.pack("!I", 9) + b'{"rank":0',
        struct.pack("!I", 3) + b"\xff\xfe\xfd",
        struct.pack("!I", 5000) + b"[" * 5000,
        struct.pack("!I", 2) + b"{}",
    ],
)
def test_garbage_ends_the_connection(control: Control, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", control.port), 5) as sock:
        sock.settimeout(5)
        with contextlib.suppress(OSError):  # the other side may end it before all is sent
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
    assert control.ranks == {}
    assert control.failure is None


@pytest.mark.parametrize("rank", [-1, 2, 10**9, "x", None])
def test_a_rank_that_is_not_expected(control: Control, rank: Any) -> None:
    channel = None
    with pytest.raises(ConnectionResetError):
        channel = _join(control, rank)
        channel.receive()
    if channel is not None:
        channel.close()
    assert control.ranks == {}


def test_a_rank_comes_once(control: Control) -> None:
    first = _join(control, 0)
    second = _join(control, 0)
    with pytest.raises(ConnectionResetError):
        second.receive()
    assert list(control.ranks) == [0]
    first.close()
    second.close()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        connect(f"127.0.0.1:{port}", "s", {}, 1.0)
    with pytest.raises(OSError, match="no address"):
        connect("nonsense", "s", {}, 1.0)


def test_large_messages_pass_once_trusted(control: Control) -> None:
    first, second = _join(control, 0), _join(control, 1)
    first.receive()
    second.receive()
    run = {"metadata": {"uid": "u"}, "text": "x" * 3_000_000}
    first.send({"end": {"state": "completed", "run": run}})
    assert first.receive() == {"heard": True}
    second.send({"end": {"state": "completed"}})
    assert second.receive() == {"heard": True}
    assert control.result == json.loads(json.dumps(run))
    assert control.unfinished == []
    assert control.failure is None
    first.close()
    second.close()
    assert control.settled() is None


def test_stop_reaches_every_rank(control: Control) -> None:
    channels = [_join(control, n) for n in (0, 1)]
    for channel in channels:
        channel.receive()
    control.stop("enough")
    control.stop("twice is once")
    assert [channel.receive() for channel in channels] == [{"stop": "enough"}] * 2
    for channel in channels:
        channel.close()
    assert control.settled() is None


def test_the_secret_is_not_sent() -> None:
    assert "s3cret" not in proof("s3cret", "rank", "1")
    assert proof("a", "rank", "1") != proof("b", "rank", "1")


def test_hosts_are_named_as_the_user_names_them() -> None:
    control = Control(1, [Host("some-host")], _start, 6.0)
    try:
        who = {"rank": 0, "size": 1, "host": "other-name", "pid": 1}
        channel = connect(f"127.0.0.1:{control.port}", control.secret, who, 6.0)
        channel.receive()
        assert control.ranks[0].host == "some-host"
        channel.close()
    finally:
        control.close()
