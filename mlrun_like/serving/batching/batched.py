"""A function of one body from a function of many, for the steps of a graph."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from mlrun_like.serving.batching.engine import Batcher
from mlrun_like.serving.batching.options import BatchOptions
from mlrun_like.serving.batching.queue import LIVE
from mlrun_like.serving.batching.stream import StreamBatcher

__all__ = ["BatchedCall", "BatchedStream", "batched", "is_generator", "live_batchers"]

Options = BatchOptions | Mapping[str, Any] | bool


def live_batchers() -> list[Batcher | StreamBatcher]:
    """The batchers of this process that are in use: their `name`, `numbers` and `queue_depth`."""
    return sorted(LIVE, key=lambda batcher: str(batcher.name))


def batched(
    call: Callable[[Any], Any],
    options: Options = True,
    *,
    name: str = "",
    rows_of: Callable[[Any], Sequence[Any]] | None = None,
) -> BatchedCall | BatchedStream:
    """A function of one body whose concurrent calls become calls of `call(list of rows)`.

    Args:
        call: Plain or `async`, one result per row; or a (plain or `async`) generator function that
            yields a list with one value per row, whose values stream to the callers.
        options: The limits: `BatchOptions`, a mapping of them, or True for the defaults.
        name: Shown in errors and metrics.
        rows_of: The rows of a body, which is then answered by a list; by default each body is one
            row. Not for generators.

    >>> import asyncio
    >>> double = batched(lambda rows: [row * 2 for row in rows])
    >>> async def main():
    ...     return await asyncio.gather(double(1), double(2))
    >>> asyncio.run(main())
    [2, 4]

    Raises:
        InvalidArgumentError: naming the option that cannot be used.
    """
    if is_generator(call):
        return BatchedStream(StreamBatcher(call, options, name=name))
    return BatchedCall(Batcher(call, options, name=name), rows_of)


class BatchedCall:
    """Awaited with one body; see `batched`.

    Args:
        batcher: Merges the calls.
        rows_of: The rows of a body; None: it is one.
    """

    def __init__(
        self, batcher: Batcher, rows_of: Callable[[Any], Sequence[Any]] | None = None
    ) -> None:
        self.batcher = batcher
        self._rows_of = rows_of

    async def __call__(self, body: Any) -> Any:
        """The result of this body (of its rows: a list)."""
        if self._rows_of is not None:
            return await self.batcher.submit(self._rows_of(body))
        return (await self.batcher.submit([body]))[0]

    def close(self) -> None:
        """End threads; callers that wait get an error."""
        self.batcher.close()


class BatchedStream:
    """Called with one body; gives an `async` generator of its values; see `batched`.

    Args:
        batcher: Merges the calls.
    """

    def __init__(self, batcher: StreamBatcher) -> None:
        self.batcher = batcher

    def __call__(self, body: Any) -> AsyncIterator[Any]:
        """The stream of this body."""
        return self.batcher.stream(body)

    def close(self) -> None:
        """End threads and generators; callers that wait get an error."""
        self.batcher.close()


def is_generator(call: Any) -> bool:
    """Whether a function, a partial of one or an object with `__call__` makes a generator."""
    while isinstance(call, functools.partial):
        call = call.func
    method = getattr(call, "__call__", None)  # noqa: B004  an object whose __call__ yields
    return any(
        inspect.isgeneratorfunction(found) or inspect.isasyncgenfunction(found)
        for found in (call, method)
    )
