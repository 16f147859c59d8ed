"""Predictions of several callers in one call: a model server's side of micro-batching."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.serving.batching import Batcher
from mlrun_like.serving.batching.batched import is_generator
from mlrun_like.serving.batching.stream import END, StreamBatcher

if TYPE_CHECKING:
    from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["Batches", "side_by_side"]

_NOT_READ = frozenset(
    {"inputs", "instances", "id", "operation", "model", "sagemaker_form", "requested_outputs"}
)
"""Keys of a request that do not change what is predicted for a row."""


class Batches:
    """Collects the rows of requests that say nothing but their rows.

    A request with further keys (its own parameters) is predicted alone, since `predict` may read
    them; so is one whose `inputs` is not a list.

    A `predict` that is a generator of rows (each of its lists has one value per row) streams: a
    caller's stream has lists too, with a value for each row of its request, or None for a row that
    has ended; it ends with its last row.

    Args:
        model: The model; its attribute `batching` holds the options.
    """

    def __init__(self, model: V2ModelServer) -> None:
        self._model = model
        self.streams: StreamBatcher | None = None
        self.batcher: Batcher | None = None
        if is_generator(model.predict):
            self.streams = StreamBatcher(self._predict, model.batching, name=model.name)
            return
        is_async = inspect.iscoroutinefunction(model.predict)
        call = self._predict_async if is_async else self._predict
        self.batcher = Batcher(call, model.batching, name=model.name)

    def takes(self, request: dict[str, Any]) -> bool:
        """Whether a request may share a call with others."""
        rows = request.get("inputs")
        if not isinstance(rows, list) or (self.streams is not None and not rows):
            return False
        return all(key in _NOT_READ or not value for key, value in request.items())

    async def predict(self, request: dict[str, Any]) -> list[Any] | AsyncIterator[list[Any]]:
        """The predictions for this request's rows, or the stream of them.

        Raises:
            OverloadedError: if too much is waiting.
            Exception: what the model raised for one of these rows.
        """
        streams = self.streams
        if streams is not None:
            return side_by_side([streams.stream(row) for row in request["inputs"]])
        assert self.batcher is not None
        return await self.batcher.submit(request["inputs"])

    def close(self) -> None:
        """Take no more rows."""
        for batcher in (self.batcher, self.streams):
            if batcher is not None:
                batcher.close()

    def _predict(self, rows: Any) -> Any:
        return self._model.predict(self._request(rows))

    async def _predict_async(self, rows: Any) -> Any:
        return await self._model.predict(self._request(rows))

    def _request(self, rows: Any) -> dict[str, Any]:
        inputs = rows if isinstance(rows, list) else list(rows)
        key = "inputs" if self._model.protocol == "v2" else "instances"
        return {"inputs": inputs, key: inputs}


async def side_by_side(streams: Sequence[AsyncIterator[Any]]) -> AsyncIterator[list[Any]]:
    """Lists with the next value of each stream, None for those that have ended.

    >>> async def count(most):
    ...     for number in range(most):
    ...         yield number
    >>> async def main():
    ...     return [values async for values in side_by_side([count(1), count(2)])]
    >>> asyncio.run(main())
    [[0, 0], [None, 1]]
    """
    if len(streams) == 1:
        async for value in streams[0]:
            yield [value]
        return
    reads: list[asyncio.Future[Any]] = []
    try:
        while True:
            # at once: the rows of a request share a call only if they all ask for one
            reads = [asyncio.ensure_future(_next(stream)) for stream in streams]
            values = await asyncio.gather(*reads)
            if all(value is END for value in values):
                return
            yield [None if value is END else value for value in values]
    finally:
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)  # none may still use its stream
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]


async def _next(stream: AsyncIterator[Any]) -> Any:
    async for value in stream:
        return value
    return END
