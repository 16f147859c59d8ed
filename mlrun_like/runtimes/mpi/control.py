"""The submitter's end of the ranks' channels: payload out, signs of life and ends in.

Every rank connects here before it does anything else. When all have come they start together and
know where rank 0 is. From then on the first thing that goes wrong is kept: a rank's own error, a
rank that was killed, a machine that does not answer.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mlrun_like.runtimes.mpi.addresses import place, resolve_name
from mlrun_like.runtimes.mpi.channel import Channel, proof
from mlrun_like.runtimes.mpi.hosts import Host

__all__ = ["SETTLE", "Control", "Failure", "Rank"]

SETTLE = 0.3
"""Seconds in which a rank that reports an error may turn out to be a victim of one that was killed
before it: the launcher hears of the error only after that."""
_PROVE_WITHIN = 10.0


class Rank(NamedTuple):
    """One process of the run."""

    number: int
    host: str
    pid: int
    channel: Channel
    who: dict[str, Any]


class Failure(NamedTuple):
    """What went wrong on a rank.

    Args:
        kind: `error` (its handler), `timeout`, `killed` (it ended without a word), `silent` (its
            machine does not answer), `absent` (it never started).
        ranks: The ranks concerned.
        host: Their machine.
        error: The error line, for `error` and `timeout`.
        traceback: The rank's own traceback.
        time: Monotonic time.
    """

    kind: str
    ranks: tuple[int, ...]
    host: str
    error: str = ""
    traceback: str = ""
    time: float = 0.0


class Control:
    """Waits for the ranks of one attempt.

    Args:
        size: Number of ranks.
        hosts: Where they are planned, in order; empty: only here.
        start: Gives what a rank is told, once all are there; called with all ranks and the one.
        lost_after: Seconds after which a machine that does not answer counts as cut off.
    """

    def __init__(
        self,
        size: int,
        hosts: Sequence[Host],
        start: Callable[[dict[int, Rank], Rank], dict[str, Any]],
        lost_after: float,
    ) -> None:
        self.size = size
        self.secret = secrets.token_hex(24)
        self.result: dict[str, Any] | None = None
        self.ranks: dict[int, Rank] = {}
        self._start = start
        self._lost_after = lost_after
        self._planned = place(size, hosts)
        self._ends: dict[int, dict[str, Any]] = {}
        self._failures: list[Failure] = []
        self._lock = threading.Lock()
        self._all_here = threading.Event()
        self._stopping = ""
        self._listener = socket.create_server(
            ("0.0.0.0" if hosts else "127.0.0.1", 0),
            backlog=min(size + 8, 4096),
        )
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="mlrun-like-mpi", daemon=True).start()

    # -- what the submitter asks ------------------------------------------------------------

    @property
    def failure(self) -> Failure | None:
        """What went wrong first, once that can be told."""
        with self._lock:
            found = sorted(self._failures, key=lambda item: item.time)
        if not found or time.monotonic() - found[0].time < SETTLE:
            return None
        early = [item for item in found if item.time <= found[0].time + SETTLE]
        causes = [item for item in early if item.kind in ("killed", "silent")] or early
        first = causes[0]
        if first.kind == "error":  # the same everywhere: the function's own failure
            with_it = {rank for item in found if item.error == first.error for rank in item.ranks}
            everywhere = len(with_it) == self.size
            return first._replace(ranks=tuple(sorted(with_it))) if everywhere else first
        if first.kind in ("silent", "timeout"):  # the others there say the same
            same = [item for item in found if (item.kind, item.host) == (first.kind, first.host)]
            ranks = tuple(sorted({rank for item in same for rank in item.ranks}))
            return first._replace(ranks=ranks)
        return first

    def settled(self) -> Failure | None:
        """What went wrong, when the launcher has ended: nothing more can come."""
        with self._lock:
            waits = bool(self._failures)
        if not waits and self.unfinished and self.ranks:
            time.sleep(SETTLE)  # its ranks' ends may still be on their way
        with self._lock:
            waits = bool(self._failures)
        if waits:
            time.sleep(SETTLE)
        return self.failure

    @property
    def unfinished(self) -> list[int]:
        """The ranks that have not said that they ended."""
        with self._lock:
            return [number for number in range(self.size) if number not in self._ends]

    def absent(self) -> Failure | None:
        """The ranks that have not started yet."""
        with self._lock:
            missing = tuple(n for n in range(self.size) if n not in self.ranks)
        if not missing:
            return None
        hosts = dict.fromkeys(self._planned[number] for number in missing)
        return Failure("absent", missing, ", ".join(name for name in hosts if name))

    def lost(self, number: int) -> None:
        """A rank's process was ended from outside."""
        with self._lock:
            rank = self.ranks.get(number)
            if number in self._ends or self._stopping:
                return
        host = rank.host if rank is not None else socket.gethostname()
        self.fail(Failure("killed", (number,), host))

    def fail(self, failure: Failure) -> None:
        """Keep what somebody else found."""
        with self._lock:
            self._failures.append(failure._replace(time=time.monotonic()))

    def stop(self, why: str) -> None:
        """Tell all ranks to end; what they say after that is no failure."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = why
            ranks = list(self.ranks.values())
        self._all_here.set()
        for rank in ranks:
            threading.Thread(target=_tell, args=(rank.channel, why), daemon=True).start()

    def close(self) -> None:
        """Release everything; ranks that still run end themselves when they notice."""
        with self._lock:
            self._stopping = self._stopping or "closed"
            ranks = list(self.ranks.values())
        self._all_here.set()
        with contextlib.suppress(OSError):  # wakes the thread that waits for ranks
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for rank in ranks:
            rank.channel.close()

    # -- the ranks --------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(
                target=self._serve, args=(Channel(sock, self._lost_after),), daemon=True
            ).start()

    def _serve(self, channel: Channel) -> None:
        try:
            rank = self._enter(self._welcome(channel), channel)
        except (OSError, ValueError, TypeError, KeyError):
            channel.close()
            return
        try:
            self._all_here.wait()
            if not self._stopping:
                channel.send(self._start(self.ranks, rank))
            while True:
                message = channel.receive()
                if "end" in message:
                    self._ended(rank, message["end"])
                    channel.send({"heard": True})
        except OSError as exc:
            self._gone(rank, isinstance(exc, TimeoutError))

    def _welcome(self, channel: Channel) -> dict[str, Any]:
        """Who is there, proved."""
        channel.wait_at_most(_PROVE_WITHIN)
        nonce = secrets.token_hex(16)
        channel.send({"nonce": nonce})
        who = channel.receive()
        if not hmac.compare_digest(str(who["proof"]), proof(self.secret, "rank", nonce)):
            raise ValueError("a stranger")
        channel.trusted = True
        channel.send({"proof": proof(self.secret, "submitter", str(who["nonce"]))})
        channel.wait_at_most(None)
        return who

    def _enter(self, who: dict[str, Any], channel: Channel) -> Rank:
        """Take a process in as the rank it says it is."""
        number = int(who["rank"])
        if not 0 <= number < self.size:
            raise ValueError("no such rank is expected")
        rank = Rank(number, self._host_of(number, channel, who), int(who["pid"]), channel, who)
        with self._lock:
            if number in self.ranks:
                raise ValueError("that rank is there already")
            self.ranks[number] = rank
            complete = len(self.ranks) == self.size
        if complete:
            self._all_here.set()
        return rank

    def _host_of(self, number: int, channel: Channel, who: dict[str, Any]) -> str:
        """Its machine by the name the user knows it by."""
        there = channel.there
        names = [
            name for name in dict.fromkeys(self._planned) if name and there in resolve_name(name)
        ]
        return names[0] if len(names) == 1 else self._planned[number] or str(who["host"])

    def _ended(self, rank: Rank, end: dict[str, Any]) -> None:
        state = end.get("state")
        with self._lock:
            self._ends[rank.number] = end
            if end.get("run") is not None:
                self.result = end["run"]
            if state == "completed" or self._stopping:
                return
            kind = "timeout" if end.get("timed_out") else "error"
            error, trace = str(end.get("error") or state), str(end.get("traceback") or "")
            self._failures.append(
                Failure(kind, (rank.number,), rank.host, error, trace, time.monotonic())
            )
        time.sleep(SETTLE)

    def _gone(self, rank: Rank, silent: bool) -> None:
        with self._lock:
            if rank.number in self._ends or self._stopping:
                return
            kind = "silent" if silent else "killed"
            self._failures.append(Failure(kind, (rank.number,), rank.host, time=time.monotonic()))


def _tell(channel: Channel, why: str) -> None:
    try:
        channel.send({"stop": why})
    except OSError:
        return  # it ended already
