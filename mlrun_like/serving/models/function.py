"""FunctionModelServer: a plain function of inputs as a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["FunctionModelServer"]


class FunctionModelServer(V2ModelServer):
    """Serves a function of the list `inputs` with all routes of the V2 protocol.

    Args:
        context: The server's context (injected).
        name: The step's name (injected).
        predict: The function: one output for each input; may be `async` or a generator. In a
            written graph: `_predict="name"`, the name of a function in its module.
        each: Call it with one input at a time instead.
        class_args: Those of V2ModelServer.

    >>> model = FunctionModelServer(name="double", predict=lambda x: 2 * x, each=True)
    >>> model.post_init()
    >>> from mlrun_like.serving.event import Event
    >>> model.do_event(Event({"inputs": [1, 2]})).body["outputs"]
    [2, 4]

    Raises:
        InvalidArgumentError: if it is not a function.
    """

    def __init__(
        self,
        context: GraphContext | None = None,
        name: str = "",
        predict: Callable[[Any], Any] | None = None,
        each: bool = False,
        **class_args: Any,
    ) -> None:
        super().__init__(context, name, **class_args)
        if not callable(predict):
            raise InvalidArgumentError(
                f"predict {predict!r:.60} is not a function",
                where=f"model {name!r}",
                fix='predict=my_function, or in a written graph _predict="my_function"',
            )
        is_async = inspect.iscoroutinefunction(predict)
        if each and is_async:
            raise InvalidArgumentError(
                "each=True takes a plain function", where=f"model {name!r}", fix="give all rows"
            )
        self.function = predict
        self.each = each
        self.custom = self.custom._replace(async_predict=is_async)

    def load(self) -> None:
        """The function is there already."""
        self.model = self.function

    def predict(self, request: dict[str, Any]) -> Any:
        """What the function gives."""
        if self.each:
            return [self.function(item) for item in request["inputs"]]
        return self.function(request["inputs"])
