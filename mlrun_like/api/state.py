"""What all handlers of one app share: the store, the options, the numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.http.numbers import Numbers
from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.tasks.runner import TaskRunner
from mlrun_like.tracking.kept_answers import KeptAnswers
from mlrun_like.tracking.store import SqlStore

__all__ = ["Reader", "ServiceState", "caller_of", "options_of", "state_of", "store_of"]

Reader = Callable[[Request], Coroutine[Any, Any, Response]]
"""Answers a request; all checks are made."""


@dataclass
class ServiceState:
    """The parts of one app.

    Args:
        options: What it was started with.
        store: The open store.
        answers: First answers to requests that may be sent again.
        tasks: Does background tasks in this process.
        folder: Where the processes of one service keep what they tell each other; None: it is
            alone.
        numbers: What this process counts.
        stopping: Set when live streams shall end.
        readers: Who answers GET, by the path of the route.
    """

    options: ServiceOptions
    store: SqlStore
    answers: KeptAnswers
    tasks: TaskRunner
    folder: Path | None = None
    numbers: Numbers = field(default_factory=Numbers)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    readers: dict[str, Reader] = field(default_factory=dict)


def state_of(request: HTTPConnection) -> ServiceState:
    """The parts of the app that answers this request."""
    state: ServiceState = request.app.state.service
    return state


def store_of(request: HTTPConnection) -> SqlStore:
    """The open store."""
    return state_of(request).store


def options_of(request: HTTPConnection) -> ServiceOptions:
    """What the service was started with."""
    return state_of(request).options


def caller_of(request: HTTPConnection) -> Caller:
    """Who makes this request."""
    caller: Caller = request.scope["mlrun_like.caller"]
    return caller
