"""When a request is sent again, and where: retries, time limits and redirects, without waiting."""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.remote.address import parse_url, redirected
from mlrun_like.serving.remote.wire import Answer, Fault

__all__ = ["IDEMPOTENT", "Pause", "Request", "Retries", "Send", "tries"]

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods that may be sent twice without harm (RFC 9110, 9.2.2)."""

_LONGEST_PAUSE = 120.0  # seconds, as in storey
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True)
class Request:
    """What is asked.

    Args:
        method: In capitals.
        url: Where.
        headers: Values by lower-case name.
        body: The content, or None.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class Retries:
    """How often a request that failed is sent again.

    Args:
        count: How often at most.
        backoff: Seconds before the second attempt; doubled each time, at most 120, shortened at
            random by up to a half, so that callers do not come back all at once.
        always: Also when the server may have done its work already and the method is not
            idempotent. Without it a POST is only repeated if it never reached the server.
        statuses: Answers that count as failed.
    """

    count: int = 6
    backoff: float = 1.0
    always: bool = False
    statuses: tuple[int, ...] = (500, 502, 503, 504)

    def pause(self, attempt: int, method: str, found: Answer | Fault) -> float | None:
        """Seconds to wait before attempt `attempt + 1`; None: this was the last."""
        if attempt > self.count:
            return None
        safe = self.always or method in IDEMPOTENT
        least = 0.0
        if isinstance(found, Fault):
            if not (found.kind == "unsent" or (safe and found.kind in ("lost", "late"))):
                return None
        elif found.status not in self.statuses or not safe:
            return None
        else:
            least = _seconds(found.headers.get("retry-after", ""))
        wait: float = min(_LONGEST_PAUSE, self.backoff * 2 ** (attempt - 1))
        return max(least, wait * random.uniform(0.5, 1.0))


class Send(NamedTuple):
    """Send this now, and wait so many seconds for the answer."""

    request: Request
    timeout: float


class Pause(NamedTuple):
    """Wait so many seconds."""

    seconds: float


def tries(
    request: Request, retries: Retries, timeout: float, deadline: float | None
) -> Generator[Send | Pause, Any, Answer | Fault]:
    """The attempts of a request, as a generator that is sent what came of each.

    Args:
        request: The request.
        retries: When it is repeated.
        timeout: Seconds for one attempt.
        deadline: When the caller stops waiting, in seconds of `time.monotonic()`. No attempt goes
            on after it, and none is started whose pause would end after it.
    """
    attempt = 0
    while True:
        attempt += 1
        found = yield from _followed(request, timeout, deadline)
        pause = retries.pause(attempt, request.method, found)
        if pause is None or (deadline is not None and time.monotonic() + pause >= deadline):
            return found
        yield Pause(pause)


def _followed(
    request: Request, timeout: float, deadline: float | None
) -> Generator[Send | Pause, Any, Answer | Fault]:
    """One attempt, with the redirects that the server answers."""
    end = time.monotonic() + timeout
    if deadline is not None:
        end = min(end, deadline)
    asked = request
    for _ in range(_MOST_REDIRECTS + 1):
        left = end - time.monotonic()
        if left <= 0:
            return Fault("late", "the caller's time was over before it was sent")
        headers = {**asked.headers, "request-timeout": f"{left:.3f}"}
        found: Answer | Fault = yield Send(replace(asked, headers=headers), left)
        if isinstance(found, Fault) or found.status not in _REDIRECTS:
            return found
        location = found.headers.get("location", "")
        if not location:
            return found
        try:
            asked = _redirect(asked, found.status, redirected(asked.url, location))
        except InvalidArgumentError as exc:
            return Fault("broken", f"it redirects to nowhere: {exc.what}")
    return Fault("broken", f"it redirects more than {_MOST_REDIRECTS} times")


def _redirect(asked: Request, status: int, url: str) -> Request:
    headers: Mapping[str, str] = asked.headers
    if parse_url(url).origin != parse_url(asked.url).origin:  # secrets are for the first server
        headers = {k: v for k, v in headers.items() if k not in _SECRET}
    changes = status == 303 and asked.method != "HEAD"
    if changes or (status in (301, 302) and asked.method == "POST"):
        headers = {k: v for k, v in headers.items() if not k.startswith("content-")}
        return Request("GET", url, headers)
    return replace(asked, url=url, headers=headers)


def _seconds(value: str) -> float:
    """The header `Retry-After`, if it is a number of seconds."""
    return min(_LONGEST_PAUSE, float(value)) if value.isascii() and value.isdigit() else 0.0
