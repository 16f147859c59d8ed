"""Rules of a pool: what a refusal says, what may be tried again, how long a crash rests."""

from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.gateway.call import Call

__all__ = [
    "MOST_TRIES",
    "Backoff",
    "Delays",
    "PoolNumbers",
    "ending",
    "refusal",
    "refuse",
    "retryable",
]

MOST_TRIES = 3
_FIRST, _LONGEST = 0.1, 30.0
_RECENT = 5.0
"""Seconds that count as recent for delays."""


def refusal(error: str, code: str, retry_after: float = 0.0, **more: Any) -> bytes:
    """Header lines and a JSON body that say why there is no answer.

    Args:
        error: What is wrong.
        code: A word for programs.
        retry_after: Seconds after which it may work; 0: nobody knows.
        more: Further fields.

    >>> refusal("busy", "queue_full", 1.2).splitlines()[-3:]
    [b'retry-after: 2', b'', b'{"error":"busy","code":"queue_full"}']
    """
    body = json.dumps({"error": error, "code": code, **more}, separators=(",", ":")).encode()
    head = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)
    if retry_after:
        head += b"retry-after: %d\r\n" % max(1, math.ceil(retry_after))
    return b"%b\r\n%b" % (head, body)


def refuse(call: Call, status: int, content: bytes) -> None:
    """Answer without a worker; a body that had begun breaks off."""
    call.finished = True
    if call.cancelled:
        return
    if call.started:
        call.reply.end(complete=False)
    else:
        call.status = status
        call.reply.answer(status, content)


def retryable(call: Call) -> bool:
    """Whether another worker may try what one died over.

    RFC 9110, section 9.2.2, and draft-ietf-httpapi-idempotency-key-header.
    """
    if call.started or call.cancelled or call.attempts >= MOST_TRIES:
        return False
    return call.retryable or any(name == b"idempotency-key" for name, _ in call.headers)


def ending(code: int | None) -> str:
    """How a process ended, in words.

    Args:
        code: As `subprocess.Popen.returncode`; None: unknown.

    >>> ending(-9)
    'its process was ended by signal 9 (SIGKILL)'
    """
    if code is None:
        return "its process ended"
    if code < 0:
        name = {-9: "SIGKILL", -11: "SIGSEGV", -6: "SIGABRT", -15: "SIGTERM"}.get(code, "")
        return f"its process was ended by signal {-code}{f' ({name})' if name else ''}"
    return f"its process ended by itself with return code {code}"


@dataclass
class Backoff:
    """How long nothing is started after crashes: 0.1 s, doubled with each one, up to 30 s.

    >>> rest = Backoff()
    >>> [rest.failed("boom", 100.0) for _ in range(3)], rest.left(100.0)
    ([0.1, 0.2, 0.4], 0.4)
    >>> rest.worked(); rest.left(100.0)
    0.0
    """

    failures: int = 0
    until: float = 0.0
    """By `time.monotonic()`."""
    error: str = ""
    fault: bool = False
    """Whether the function itself is the reason, so that waiting does not help."""

    def failed(self, error: str, now: float, *, fault: bool = False) -> float:
        """Count one; the seconds that nothing is started."""
        self.failures += 1
        rest = min(_LONGEST, _FIRST * 2.0 ** min(self.failures - 1, 20))
        self.until, self.error, self.fault = now + rest, error, fault
        return rest

    def worked(self) -> None:
        """Forget what was."""
        self.failures, self.until, self.fault = 0, 0.0, False

    def left(self, now: float) -> float:
        """Seconds that are left."""
        return max(0.0, round(self.until - now, 6))


class Delays:
    """How long requests waited, of the last seconds."""

    def __init__(self) -> None:
        self._rows: deque[tuple[float, float]] = deque(maxlen=2048)
        self.add = self._rows.append
        """Takes (now, delay)."""

    def quantiles(self, now: float) -> tuple[float, float]:
        """The median and the 95th percentile of the last five seconds; 0 if there was nothing.

        >>> delays = Delays()
        >>> for wait in range(100): delays.add((10.0, wait / 100))
        >>> delays.quantiles(10.0)
        (0.5, 0.95)
        """
        found = sorted(delay for at, delay in self._rows if now - at <= _RECENT)
        if not found:
            return 0.0, 0.0
        return found[len(found) // 2], found[len(found) * 95 // 100]


@dataclass(frozen=True)
class PoolNumbers:
    """How one version of a function does. Times are in seconds."""

    in_flight: int = 0
    """Requests that replicas work on."""
    waiting: int = 0
    """Requests that wait: in the queue, or ahead in a replica's socket."""
    queued: int = 0
    """Those of them that no replica has."""
    oldest: float = 0.0
    """How long the first of the queue has waited."""
    delay_p50: float = 0.0
    delay_p95: float = 0.0
    service: float = 0.0
    """One request in a replica, a moving mean; 0: not known yet."""
    cold_start: float = 0.0
    """From asking for a replica until it is ready, a moving mean; 0: not known yet."""
    slots: int = 1
    """Requests at a time in one replica."""
    ready: int = 0
    starting: int = 0
    draining: int = 0
    idle: float = 0.0
    """Since the last request."""
    started: int = 0
    """Replicas so far."""
    restarts: int = 0
    """Replicas that ended when nobody had asked them to."""
    timeouts: int = 0
    refused: int = 0
    retried: int = 0
    served: int = 0
    last_error: str = ""
    backoff: float = 0.0
    """Seconds until a start is tried again."""
    cold_starts: tuple[dict[str, float], ...] = ()
    """Phases of the last ones."""
    replicas: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    """Each: number, pid, state, busy, served, memory, processes, cpu, seconds, why, notes."""

    @property
    def alive(self) -> int:
        """Replicas that take requests, or will."""
        return self.ready + self.starting
