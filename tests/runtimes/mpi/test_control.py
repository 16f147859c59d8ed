"""Which of several failures is told: the first cause, not its consequences."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_like.runtimes.mpi.addresses import own_addresses, place
from mlrun_like.runtimes.mpi.channel import Channel, connect
from mlrun_like.runtimes.mpi.control import SETTLE, Control, Failure
from mlrun_like.runtimes.mpi.hosts import Host


class Three:
    """A control and its three ranks."""

    def __init__(self) -> None:
        self.control = Control(3, [], lambda ranks, rank: {}, 6.0)
        who = {"size": 3, "host": "h", "pid": os.getpid()}
        self.ranks: list[Channel] = [
            connect(f"127.0.0.1:{self.control.port}", self.control.secret, {**who, "rank": n}, 6.0)
            for n in range(3)
        ]
        for rank in self.ranks:
            rank.receive()

    def end(self, rank: int, state: str = "error", **more: Any) -> None:
        """A rank says how it ended."""
        self.ranks[rank].send({"end": {"state": state, **more}})


@pytest.fixture
def three() -> Iterator[Three]:
    """Three ranks at work."""
    three = Three()
    yield three
    for rank in three.ranks:
        rank.close()
    three.control.close()


def test_the_first_error_is_told(three: Three) -> None:
    three.end(1, error="ValueError: a", traceback="T1")
    time.sleep(0.05)
    three.end(0, error="ConnectionError: peer", traceback="T0")
    failure = three.control.settled()
    assert failure is not None
    assert (failure.kind, failure.ranks, failure.error) == ("error", (1,), "ValueError: a")
    assert failure.traceback == "T1"


def test_a_killed_rank_comes_before_its_victims(three: Three) -> None:
    three.end(0, error="ConnectionError: peer")  # it noticed before we did
    time.sleep(SETTLE / 4)
    three.ranks[2].close()
    failure = three.control.settled()
    assert failure is not None
    assert (failure.kind, failure.ranks) == ("killed", (2,))


def test_who_is_ended_after_an_error_is_a_victim(three: Three) -> None:
    three.end(0, error="ValueError: a")
    assert three.ranks[0].receive() == {"heard": True}  # from here on the launcher knows
    time.sleep(0.05)
    three.ranks[1].close()
    failure = three.control.settled()
    assert failure is not None
    assert (failure.kind, failure.ranks) == ("error", (0,))


def test_the_same_error_everywhere_names_all(three: Three) -> None:
    for rank in range(3):
        three.end(rank, error="ValueError: a")
    failure = three.control.settled()
    assert failure is not None
    assert failure.ranks == (0, 1, 2)


def test_an_end_in_time_is_no_failure(three: Three) -> None:
    for rank in range(3):
        three.end(rank, state="completed")
        three.ranks[rank].receive()
        three.ranks[rank].close()
    assert three.control.settled() is None
    assert three.control.unfinished == []


def test_what_comes_after_a_stop_is_no_failure(three: Three) -> None:
    three.control.stop("aborted")
    three.ranks[0].close()
    three.end(1, state="aborted", error="the run was aborted")
    assert three.control.settled() is None


def test_a_lost_stand_in_is_a_killed_rank(three: Three) -> None:
    three.control.lost(1)
    failure = three.control.settled()
    assert failure is not None
    assert (failure.kind, failure.ranks) == ("killed", (1,))


def test_ranks_of_a_silent_host_are_told_together(three: Three) -> None:
    for rank in (2, 1):
        three.control.fail(Failure("silent", (rank,), "b"))
    failure = three.control.settled()
    assert failure is not None
    assert (failure.host, failure.ranks) == ("b", (1, 2))


def test_places() -> None:
    hosts = [Host("a", 1), Host("b", 1)]
    assert place(5, hosts) == ["a", "a", "a", "b", "b"]
    assert place(1, hosts) == ["a"]
    assert place(2, []) == ["", ""]


def test_own_addresses() -> None:
    assert own_addresses([], 5) == "127.0.0.1:5"
    assert own_addresses([Host("localhost")], 5) == "127.0.0.1:5"
    assert own_addresses([Host("a")], 5, "10.0.0.1") == "10.0.0.1:5"
    unknown = own_addresses([Host("no-such-host.invalid")], 5).split(",")
    assert unknown[-1] == "127.0.0.1:5"
