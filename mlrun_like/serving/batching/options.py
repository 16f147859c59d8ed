"""What micro-batching may do, and what it tells about a request."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["BATCHES", "BatchInfo", "BatchOptions", "shape_of"]


class BatchInfo(NamedTuple):
    """How one request was served by one batched step.

    Args:
        name: The step's name.
        batch_size: Rows in the call that served it (of several calls: the most).
        wait_ms: Milliseconds between its arrival and its first call.
    """

    name: str
    batch_size: int
    wait_ms: float


BATCHES: ContextVar[list[BatchInfo] | None] = ContextVar("batches", default=None)
"""A server that wants a `BatchInfo` per request sets a list here when the request begins.

The list is shared with tasks that are started for the request; without it nothing is recorded.
"""


@dataclass(frozen=True)
class BatchOptions:
    """The limits of a batched call.

    Args:
        max_rows: Most rows in one call. Requests are split and merged to fill calls.
        max_wait_ms: Most milliseconds that rows wait for others while the call is idle. They only
            wait when the measured arrival rate says that it pays; a lone caller never does.
        target_queue_ms: Most milliseconds a request should wait for its call. One that would wait
            longer is refused at once with `OverloadedError` (503, with a time to try again).
        max_queue_rows: Most rows that wait, whatever the estimate says; more are refused.
        max_in_flight: Calls that run at the same time. Above 1, the function must allow it.
        group_key: Only rows with the same key share a call: a function of a row, or `"shape"`
            (lengths of nested lists, shapes of arrays, names of mappings).
        isolate: Find the failing rows of a failed call by repeating it with parts of the batch.
            Without it, every caller of a failed call gets the error.

    >>> BatchOptions(max_rows=8).max_rows
    8
    >>> BatchOptions.of({"max_wait_ms": 1}).max_wait_ms
    1

    Raises:
        InvalidArgumentError: naming the option that cannot be used.
    """

    max_rows: int = 32
    max_wait_ms: float = 2.0
    target_queue_ms: float = 30_000.0
    max_queue_rows: int = 100_000
    max_in_flight: int = 1
    group_key: Callable[[Any], Hashable] | str | None = None
    isolate: bool = True

    def __post_init__(self) -> None:
        for name in ("max_rows", "max_queue_rows", "max_in_flight"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidArgumentError(f"{name} must be a whole number from 1, not {value!r}")
        for name in ("max_wait_ms", "target_queue_ms"):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value < 0:
                raise InvalidArgumentError(
                    f"{name} must be a number of milliseconds from 0, not {value!r}"
                )
        if not (self.group_key in (None, "shape") or callable(self.group_key)):
            raise InvalidArgumentError(
                f"group_key must be a function of a row or 'shape', not {self.group_key!r}"
            )
        if not isinstance(self.isolate, bool):
            raise InvalidArgumentError(f"isolate must be True or False, not {self.isolate!r}")

    @classmethod
    def of(cls, value: BatchOptions | Mapping[str, Any] | bool) -> BatchOptions:
        """Options from what a step declares: `True`, a mapping, or finished options.

        Raises:
            InvalidArgumentError: if there is no such option, or its value cannot be used.
        """
        if isinstance(value, BatchOptions):
            return value
        if value is True:
            return cls()
        known = [item.name for item in dataclasses.fields(cls)]
        if not isinstance(value, Mapping):
            raise InvalidArgumentError(
                f"batching must be True or a mapping, not {value!r}", fix='{"max_rows": 32}'
            )
        for name in value:
            if name not in known:
                raise InvalidArgumentError(
                    f"batching has no option {name!r}.{nearest(str(name), known)}",
                    fix=f"options: {', '.join(known)}",
                )
        return cls(**value)

    def key_function(self) -> Callable[[Any], Hashable] | None:
        """The function behind `group_key`."""
        if isinstance(self.group_key, str):
            return shape_of
        return self.group_key


def shape_of(row: Any) -> Hashable:
    """What rows must have in common to become one array or frame.

    >>> shape_of([[1, 2], [3, 4]]), shape_of({"b": 1, "a": 2}), shape_of(5)
    ((2, 2), ('a', 'b'), ())
    """
    shape = getattr(row, "shape", None)
    if shape is not None:
        return tuple(shape)
    if isinstance(row, Mapping):
        return tuple(sorted(map(str, row)))
    lengths: list[int] = []
    while isinstance(row, (list, tuple)):
        lengths.append(len(row))
        if not row:
            break
        row = row[0]
    return tuple(lengths)
