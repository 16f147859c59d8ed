"""Copies of requests for a version whose answers nobody gets: they are only compared.

The real request goes first and never waits: a copy is sent when the loop has time, is never tried
again, and is dropped if too many are on their way. Two answers are the same if status and body are
equal, or if both bodies are JSON and equal but for fields that may differ and rounding of numbers.
A handler that writes somewhere writes twice: copies carry the header `x-mlrun-like-shadow: 1`, so
that it can tell.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from typing import Any

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.releases.smoke import Answer, Collected, Taker
from mlrun_like.gateway.releases.watchdog import Tally

__all__ = ["MARK", "Shadow", "json_difference"]

MARK = (b"x-mlrun-like-shadow", b"1")
_ON_THE_WAY = 64
_BYTES = 64 << 20
_LARGEST_JSON = 64 << 10
_EXAMPLES = 5
_ROUNDING = 1e-6
_SPREAD = (5**0.5 - 1) / 2  # Weyl: multiples of it are spread evenly over 0 to 1


class Shadow:
    """Sends copies to a version and counts how its answers differ.

    Args:
        version: Its number.
        pool: Its replicas.
        share: Percent of the requests that are copied.
        ignore: Names of JSON fields that may differ.
    """

    def __init__(self, version: int, pool: Taker, share: float, ignore: tuple[str, ...]) -> None:
        self.version, self._pool, self.share = version, pool, share
        self._ignore = frozenset(ignore)
        self._at = 0.0
        self._flying: dict[Call, int] = {}
        self._bytes = 0
        self.counts = dict.fromkeys(
            ("sent", "compared", "same", "status", "body", "dropped", "not_compared"), 0
        )
        self.examples: deque[str] = deque(maxlen=_EXAMPLES)
        self.real, self.copies = Tally(), Tally()

    def take(self, call: Call) -> None:
        """Perhaps copy a request that is about to be answered; call it before it is."""
        self._at += _SPREAD
        if self._at >= 1:
            self._at -= 1
        if self._at * 100 >= self.share:
            return
        if len(self._flying) >= _ON_THE_WAY or self._bytes + len(call.body) > _BYTES:
            self.counts["dropped"] += 1
            return
        pair = _Pair(self)
        call.reply = Collected(pair.real, before=call.reply)
        reply = Collected(pair.copied)
        copy = Call(call.method, call.target, [*call.headers, MARK], call.body, reply)
        copy.retryable = False
        copy.trigger, copy.client, copy.id = "shadow", call.client, call.id
        reply.bind(copy)
        pair.call, pair.copy = call, copy
        self._flying[copy] = len(copy.body)
        self._bytes += len(copy.body)
        asyncio.get_running_loop().call_soon(self._send, copy)

    def _send(self, copy: Call) -> None:
        self.counts["sent"] += 1
        copy.received = _now()
        self._pool.submit(copy)

    def landed(self, copy: Call) -> None:
        """A copy is not on its way any more."""
        self._bytes -= self._flying.pop(copy, 0)

    def compare(self, call: Call, real: Answer, copied: Answer) -> None:
        """Count a pair of answers."""
        self.counts["compared"] += 1
        if real.status != copied.status:
            self.counts["status"] += 1
            self._example(call, f"status {real.status}, here {copied.status}")
        elif real.body == copied.body and real.whole and copied.whole:
            self.counts["same"] += 1
        elif not (real.whole and copied.whole):
            self.counts["not_compared"] += 1
        elif found := self._difference(real.body, copied.body):
            self.counts["body"] += 1
            self._example(call, found)
        else:
            self.counts["same"] += 1

    def _difference(self, real: bytes, copied: bytes) -> str:
        if max(len(real), len(copied)) > _LARGEST_JSON:
            return f"{len(real)} bytes, here {len(copied)} other ones"
        try:
            return json_difference(json.loads(real), json.loads(copied), self._ignore)
        except (ValueError, RecursionError):
            return f"{len(real)} bytes, here {len(copied)} other ones"

    def _example(self, call: Call, text: str) -> None:
        path = call.target.partition(b"?")[0].decode("utf-8", "replace")
        self.examples.append(f"{call.method.decode()} {path:.80}: {text}")

    def close(self) -> None:
        """Give up what is under way."""
        for copy in list(self._flying):
            self._pool.cancel(copy)
        self._flying.clear()
        self._bytes = 0

    def status(self) -> dict[str, Any]:
        """For `ps`: counts, where answers differ, and both latencies."""
        return {
            "version": self.version,
            "share": self.share,
            **self.counts,
            "under_way": len(self._flying),
            "examples": list(self.examples),
            "latency": {"real": self.real.numbers(), "shadow": self.copies.numbers()},
        }


class _Pair:
    """Both answers to one request, whichever comes first."""

    __slots__ = ("_copied", "_real", "_shadow", "call", "copy")

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow
        self._real: Answer | None = None
        self._copied: Answer | None = None
        self.call: Call
        self.copy: Call

    def real(self, answer: Answer) -> None:
        """The real one is out."""
        self._real = answer
        self._shadow.real.add(answer.status, _now() - self.call.received)
        self._both()

    def copied(self, answer: Answer) -> None:
        """The copy's is here."""
        self._copied = answer
        self._shadow.landed(self.copy)
        self._shadow.copies.add(answer.status, _now() - self.copy.received)
        self._both()

    def _both(self) -> None:
        if self._real is not None and self._copied is not None:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._shadow.compare, self.call, self._real, self._copied)


def _now() -> float:
    return time.monotonic()


def json_difference(
    real: Any, copied: Any, ignore: frozenset[str] = frozenset(), path: str = "$"
) -> str:
    """Where two documents differ first, without what they hold there; empty: nowhere.

    Numbers are equal if they are so to six digits.

    Args:
        real: One document.
        copied: The other one.
        ignore: Names of fields that may differ.
        path: Of both, for the answer.

    >>> json_difference({"id": 1, "y": [1, 2.0]}, {"id": 2, "y": [1, 2.5]}, frozenset({"id"}))
    '$.y[1]: other number'
    >>> json_difference({"y": 1.0}, {"y": 1})
    ''
    """
    number = (int, float)
    if isinstance(real, bool) or isinstance(copied, bool):
        return "" if real is copied else f"{path}: other value"
    if isinstance(real, number) and isinstance(copied, number):
        return "" if _close(real, copied) else f"{path}: other number"
    if type(real) is not type(copied):
        return f"{path}: {_kind(real)}, here {_kind(copied)}"
    if isinstance(real, dict):
        for name in sorted(real.keys() | copied.keys()):
            if name in ignore:
                continue
            if name not in real or name not in copied:
                return f"{path}.{name}: {'missing' if name in real else 'new'}"
            if found := json_difference(real[name], copied[name], ignore, f"{path}.{name}"):
                return found
        return ""
    if isinstance(real, list):
        if len(real) != len(copied):
            return f"{path}: {len(real)} items, here {len(copied)}"
        for at, (one, other) in enumerate(zip(real, copied, strict=True)):
            if found := json_difference(one, other, ignore, f"{path}[{at}]"):
                return found
        return ""
    return "" if real == copied else f"{path}: other {_kind(real)}"


def _close(real: float, copied: float) -> bool:
    if real == copied or (real != real and copied != copied):
        return True
    try:
        return math.isclose(real, copied, rel_tol=_ROUNDING, abs_tol=1e-12)
    except OverflowError:  # JSON's integers may have any length
        return False


def _kind(value: Any) -> str:
    names = {dict: "object", list: "array", str: "text", int: "number", float: "number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
