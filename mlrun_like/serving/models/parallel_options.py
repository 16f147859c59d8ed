"""What ParallelRun's arguments may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["EXECUTORS", "ON_ERROR", "ParallelRunnerModes", "one_of", "timeouts"]

EXECUTORS = ("thread", "process", "array")
ON_ERROR = ("raise", "skip", "collect")


class ParallelRunnerModes:
    """How routes run: one by one, in processes, or in threads (MLRun's names)."""

    array = "array"
    process = "process"
    thread = "thread"

    @staticmethod
    def all() -> list[str]:
        """Every mode."""
        return list(EXECUTORS)


def one_of(option: str, value: Any, known: tuple[str, ...], router: str) -> str:
    """The value of an option that names one of several ways; None: the first of them.

    Raises:
        InvalidArgumentError: if it names none.
    """
    if value in (None, ""):
        return known[0]
    if value not in known:
        raise InvalidArgumentError(
            f"{option} {value!r:.60} is not one of: {', '.join(known)}", where=f"router {router!r}"
        )
    return str(value)


def timeouts(given: Any, routes: Mapping[str, Any], router: str) -> dict[str, float]:
    """Seconds by route, from one number for all or a mapping; empty: no limits.

    Raises:
        InvalidArgumentError: if a route is unknown or a number is not above 0.
    """
    if given is None:
        return {}
    found = dict(given) if isinstance(given, Mapping) else dict.fromkeys(routes, given)
    for name, value in found.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
        if name not in routes or not number:
            raise InvalidArgumentError(
                f"timeout {given!r:.100} is not seconds, nor {{route: seconds}}",
                where=f"router {router!r}",
                fix=f"routes: {', '.join(routes)}",
            )
    return found
