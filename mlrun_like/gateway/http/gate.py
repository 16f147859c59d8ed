"""What stands before each function: who may pass, how often, how much; counted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Options, Version
from mlrun_like.gateway.http.answers import Refusal, refusal
from mlrun_like.gateway.http.auth import Guard
from mlrun_like.gateway.http.cors import Cors
from mlrun_like.gateway.http.limits import Buckets
from mlrun_like.gateway.http.numbers import FunctionNumbers

__all__ = ["Gate", "Gates", "Handler", "Service"]

_log = logging.getLogger("mlrun_like.gateway")
_FAILURES = 5.0  # wrong passwords of an address per second
_BURST = 30


class Handler(Protocol):
    """What answers calls."""

    def submit(self, call: Call) -> None:
        """Answer it through `call.reply`; never raises."""

    def cancel(self, call: Call) -> None:
        """Nobody waits for it any more."""


class Service(Handler, Protocol):
    """What the front needs to know of a deployed function.

    A service with a true attribute `proxies` also has `open(tunnel, call)`: see `tunnel.py`. One
    with a method `status()` shows its replicas in the metrics: see `metrics.py`.
    """

    @property
    def key(self) -> str:
        """`<project>/<name>`."""

    @property
    def version(self) -> Version:
        """The version with most traffic; its options are those of the front."""


class Gate:
    """One function as the front sees it.

    Args:
        service: The function.
        key: `<project>/<name>`.
        options: Its options, as of the last change.
        threads: Where passwords are compared.
        before: The same function's gate until now: what it counted stays.
    """

    def __init__(
        self,
        service: Handler,
        key: str,
        options: Options,
        threads: ThreadPoolExecutor,
        before: Gate | None = None,
    ) -> None:
        self.service, self.options, self.key = service, options, key
        self.project, _, self.name = self.key.partition("/")
        self.prefix = b"/" + self.key.encode("utf-8")
        self.told = (b"x-forwarded-prefix", self.prefix)
        """Header that tells the function what was taken off the path."""
        self.methods = frozenset(word.upper().encode() for word in options.methods)
        self.max_body = options.max_body or (1 << 62)
        self.audit = options.audit
        self.proxies = bool(getattr(service, "proxies", False))
        self.numbers: FunctionNumbers = before.numbers if before else FunctionNumbers()
        self.cors = Cors(options.cors) if options.cors.get("enabled") else None
        self.failures: Buckets = before.failures if before else Buckets(_FAILURES, _BURST)
        self.broken: Refusal | None = None
        """Why nobody may pass: what says who may cannot be used."""
        self.guard = self._guard(before, threads)
        if options.no_http:
            self.broken = _closed(key)
        self.open = self.guard.open
        self.buckets: Buckets | None = None
        if options.rate_limit > 0:
            wanted = options.rate_limit, options.burst
            same = before is not None and (before.options.rate_limit, before.options.burst)
            kept = before.buckets if before is not None and same == wanted else None
            self.buckets = kept or Buckets(*wanted)
        self.plain = not (self.methods or self.cors or self.buckets or self.broken) and self.open
        """Whether there is nothing to decide about small requests."""

    def _guard(self, before: Gate | None, threads: ThreadPoolExecutor) -> Guard:
        same = before is not None and before.options.auth == self.options.auth
        if before is not None and same and not before.options.no_http:
            self.broken = before.broken
            return before.guard
        try:
            return Guard(self.options.auth, self.key, threads)
        except (MLRunLikeError, AttributeError, TypeError, ValueError) as exc:
            _log.error("%s: nobody may call, its auth cannot be used: %s", self.key, exc)
            self.broken = refusal(503, "auth", f"who may call {self.key} is not said rightly")
            return Guard({"kind": "bearer"}, self.key)

    def allows(self, method: bytes) -> bool:
        """Whether the function answers this method."""
        if not self.methods or method in self.methods:
            return True
        if method == b"HEAD":
            return b"GET" in self.methods
        return method == b"OPTIONS" and self.cors is not None

    @property
    def not_allowed(self) -> Refusal:
        """The answer to another method."""
        allowed = b", ".join(sorted(self.methods))
        return refusal(
            405,
            "method",
            f"function {self.key} answers {allowed.decode('latin-1')} only",
            headers=b"allow: %b\r\n" % allowed,
        )


def _closed(key: str) -> Refusal:
    what = f"function {key} has no HTTP trigger: the default one is disabled"
    fix = "fn.enable_default_http_trigger() or fn.with_http(...), then fn.deploy()"
    return refusal(404, "no_http", what, fix)


class Gates:
    """The gates of all functions; those of functions that stay keep their counters.

    >>> list(Gates())
    []
    """

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(2, "mlrun-like-passwords")
        self._gates: dict[str, Gate] = {}

    def update(self, services: Iterable[Service]) -> list[Gate]:
        """These functions and no others."""
        found: dict[str, Gate] = {}
        for service in services:
            options, before = service.version.options, self._gates.get(service.key)
            if (
                before is not None
                and before.service is service
                and before.options == options
                and before.proxies == bool(getattr(service, "proxies", False))
            ):
                found[service.key] = before
            else:
                found[service.key] = Gate(service, service.key, options, self.threads, before)
        self._gates = found
        return list(found.values())

    def get(self, key: str) -> Gate | None:
        """The gate of a function by its key."""
        return self._gates.get(key)

    def __iter__(self) -> Iterator[Gate]:
        return iter(list(self._gates.values()))

    def close(self) -> None:
        """End the threads."""
        self.threads.shutdown(wait=False, cancel_futures=True)
