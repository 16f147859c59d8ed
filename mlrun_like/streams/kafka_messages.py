"""What Kafka's client library gives, in this package's form."""

from __future__ import annotations

import weakref
from typing import Any

from mlrun_like.streams.base import Record

__all__ = ["record_of", "weakly"]


def weakly(method: Any) -> Any:
    """A method as a callback that does not keep its object.

    A client that is collected as part of a circle of references ends the whole process.
    """
    found = weakref.WeakMethod(method)

    def call(*arguments: Any) -> None:
        alive = found()
        if alive is not None:
            alive(*arguments)

    return call


def record_of(message: Any, deliveries: int) -> Record:
    """A message of Kafka as a record."""
    headers = {
        name: (value or b"").decode("utf-8", "replace") for name, value in message.headers() or ()
    }
    return Record(
        message.value() or b"",
        (message.key() or b"").decode("utf-8", "replace"),
        headers,
        str(message.offset()),
        message.partition(),
        message.timestamp()[1] / 1000,
        deliveries,
    )
