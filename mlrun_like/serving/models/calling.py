"""Calls of routes and what comes of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.route import Route

__all__ = ["Calls", "closed", "given", "is_stream", "newest", "outcome", "outcome_async"]

Calls = list[tuple[Route, Event]]
"""What a router's work yields: routes to call at once. It receives an outcome for each, in order:
the route's event, or the exception that it raised."""


def given(outcome: Event | Exception) -> Event:
    """A route's event.

    Raises:
        Exception: if the route raised it.
    """
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def outcome(route: Route, event: Event) -> Event | Exception:
    """A route's event, or the exception that it raised."""
    try:
        return route.run(event)
    except Exception as exc:  # noqa: BLE001  the router decides what a failing route means
        return exc


async def outcome_async(route: Route, event: Event) -> Event | Exception:
    """The same for an event loop."""
    try:
        return await route.run_async(event)
    except Exception as exc:  # noqa: BLE001  the router decides what a failing route means
        return exc


def is_stream(body: Any) -> bool:
    """Whether what a route gave is a stream of values.

    >>> is_stream(Response(letter for letter in "ab")), is_stream({"outputs": [1]})
    (True, False)
    """
    found = body.body if isinstance(body, Response) else body
    return inspect.isgenerator(found) or inspect.isasyncgen(found)


def closed(body: Any) -> str:
    """Close a stream that nobody reads; returns what stands for it in comparisons.

    >>> closed(letter for letter in "ab")
    '<stream>'
    """
    found = body.body if isinstance(body, Response) else body
    if inspect.isgenerator(found):
        found.close()
    return "<stream>"  # an async generator that was never started holds nothing


def newest(keys: Iterable[str]) -> str:
    """Of keys `name:version`, the one with the highest version, by the numbers in it.

    >>> newest(["net:v2", "net:v10"])
    'net:v10'
    """
    return max(keys, key=_parts)


def _parts(key: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"[0-9]+|[^0-9]", key.partition(":")[2])
    return [(1, int(part[:18]), "") if part[0] in "0123456789" else (0, 0, part) for part in parts]
