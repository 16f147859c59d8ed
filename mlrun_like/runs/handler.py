"""`handler`: MLRun's decorator that says what a plain function's values are called."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from mlrun_like.artifacts.packers import pack_outputs
from mlrun_like.runs.context import current_context

__all__ = ["handler"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def handler(
    labels: Mapping[str, str] | None = None,
    outputs: Sequence[Any] | None = None,
    inputs: bool | Mapping[str, Any] = True,
) -> Callable[[_Function], _Function]:
    """Name the values that a function returns, and labels of its run.

    In a run the values are logged under these names; elsewhere the function is what it was.

    Args:
        labels: Labels to set on the run.
        outputs: Names of the returned values, as `returns=` of `run` takes them: `"key"`,
            `"key: type"` or a mapping with `key` and more.
        inputs: Kept for MLRun's callers: inputs are always read as the parameters' hints say.

    >>> @handler(outputs=["double"])
    ... def double(value: int) -> int:
    ...     return 2 * value
    >>> double(4)
    8
    """

    def decorate(function: _Function) -> _Function:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            value = function(*args, **kwargs)
            context = current_context()
            if context is None or not context.is_logging_worker():
                return value
            for name, label in (labels or {}).items():
                context.set_label(name, label)
            if outputs is None:
                return value
            pack_outputs(value, list(outputs), context)
            return None  # else it would be logged a second time

        return cast(_Function, call)

    return decorate
