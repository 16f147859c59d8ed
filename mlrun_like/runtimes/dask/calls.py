"""What scheduler and workers import to call the rest, which the scheduler never loads."""

from __future__ import annotations

from typing import Any

from mlrun_like.registry import resolve

__all__ = ["call", "forget"]


def call(target: str, *arguments: Any) -> Any:
    """Call the function at `"module:name"`, imported where this runs."""
    return resolve(target)(*arguments)


def forget(topics: list[str], dask_scheduler: Any = None) -> None:
    """Drop what a scheduler keeps of these topics; it would keep 100 000 messages of each."""
    broker = getattr(dask_scheduler, "_broker", None)
    if broker is not None:
        for topic in topics:
            broker.truncate(topic)
