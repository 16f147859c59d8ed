"""Predictions of several callers in one call: a model server's side of micro-batching."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from mlrun_like.serving.batching import Batcher

if TYPE_CHECKING:
    from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["Batches"]

_NOT_READ = frozenset(
    {"inputs", "instances", "id", "operation", "model", "sagemaker_form", "requested_outputs"}
)
"""Keys of a request that do not change what is predicted for a row."""


class Batches:
    """Collects the rows of requests that say nothing but their rows.

    A request with further keys (its own parameters) is predicted alone, since `predict` may read
    them; so is one whose `inputs` is not a list.

    Args:
        model: The model; its attribute `batching` holds the options.
    """

    def __init__(self, model: V2ModelServer) -> None:
        self._model = model
        is_async = inspect.iscoroutinefunction(model.predict)
        call = self._predict_async if is_async else self._predict
        self.batcher = Batcher(call, model.batching, name=model.name)

    def takes(self, request: dict[str, Any]) -> bool:
        """Whether a request may share a call with others."""
        if not isinstance(request.get("inputs"), list):
            return False
        return all(key in _NOT_READ or not value for key, value in request.items())

    async def predict(self, request: dict[str, Any]) -> list[Any]:
        """The predictions for this request's rows.

        Raises:
            OverloadedError: if too much is waiting.
            Exception: what the model raised for one of these rows.
        """
        return await self.batcher.submit(request["inputs"])

    def close(self) -> None:
        """Take no more rows."""
        self.batcher.close()

    def _predict(self, rows: Any) -> Any:
        return self._model.predict(self._request(rows))

    async def _predict_async(self, rows: Any) -> Any:
        return await self._model.predict(self._request(rows))

    def _request(self, rows: Any) -> dict[str, Any]:
        inputs = rows if isinstance(rows, list) else list(rows)
        key = "inputs" if self._model.protocol == "v2" else "instances"
        return {"inputs": inputs, key: inputs}
