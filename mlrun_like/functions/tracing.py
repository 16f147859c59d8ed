"""The hook by which a pipeline sees calls of functions while its body is traced."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mlrun_like.functions.function import Function

__all__ = ["TRACER", "Tracer"]


class Tracer(Protocol):
    """Records a call instead of making it."""

    def record(
        self,
        function: Function[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> Any:
        """Take note of a call and return a handle for its outputs.

        Args:
            function: What is called.
            args: Positional arguments of the plain call form.
            kwargs: Keyword arguments of the plain call form.
            options: Options of `fn.step(...)`: what `fn.run` takes; empty for the plain call form.
        """


TRACER: ContextVar[Tracer | None] = ContextVar("mlrun_like_tracer", default=None)
"""Set while the body of a pipeline is traced."""
