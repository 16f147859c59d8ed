"""What travels through a graph, and what comes out of it."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.names import new_uid

__all__ = ["Event", "Response"]


@dataclass(slots=True, eq=False)
class Event:
    """One request or message on its way through a graph (MLRun's fields).

    Args:
        body: The decoded content; what steps without `full_event` receive and return.
        id: Unique id, shown in errors; a new one by default.
        path: URL path.
        method: HTTP method in capitals.
        headers: Header values by lower-case name.
        content_type: Media type of the original body.
        key: What streams partition by.
        time: Seconds since 1970.
        error: What a failed step reported, by step name.
        origin_state: The step that failed.
        terminated: True: no later step sees the event, it is the answer as it is.

    >>> Event({"x": 1}, id="a").id
    'a'
    """

    body: Any = None
    id: str = field(default_factory=new_uid)
    path: str = "/"
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    key: Any = None
    time: float = field(default_factory=time.time)
    error: Any = None
    origin_state: str = ""
    terminated: bool = False

    def branch(self) -> Event:
        """A copy for one branch of a fan-out: its body is independent, its id the same."""
        twin = copy.copy(self)
        twin.body = copy.deepcopy(self.body)
        return twin


@dataclass(slots=True)
class Response:
    """An answer with its status; a step that returns one as its body decides the status.

    >>> Response({"why": "no such user"}, status_code=404).status_code
    404
    """

    body: Any = None
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
