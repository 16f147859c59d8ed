"""Calls of routes and what comes of them."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import re
from collections.abc import Iterable
from typing import Any

from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models.work import wait_for

__all__ = ["Calls", "given", "is_stream", "newest", "outcome", "outcome_async", "read_stream"]

_MOST_VALUES = 10_000

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


def read_stream(body: Any) -> None:
    """Read a stream that nobody waits for, at most 10,000 values of it, and close it.

    >>> read_stream(letter for letter in "ab")

    Raises:
        Exception: what it raises.
    """
    found = body.body if isinstance(body, Response) else body
    if inspect.isasyncgen(found):
        wait_for(_read_async(found))
        return
    for _ in itertools.islice(found, _MOST_VALUES):
        pass
    found.close()


async def _read_async(stream: Any) -> None:
    left = _MOST_VALUES
    async with contextlib.aclosing(stream):
        async for _ in stream:
            left -= 1
            if not left:
                break


def newest(keys: Iterable[str]) -> str:
    """Of keys `name:version`, the one with the highest version, by the numbers in it.

    >>> newest(["net:v2", "net:v10"])
    'net:v10'
    """
    return max(keys, key=_parts)


def _parts(key: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"[0-9]+|[^0-9]", key.partition(":")[2])
    return [(1, int(part[:18]), "") if part[0] in "0123456789" else (0, 0, part) for part in parts]
