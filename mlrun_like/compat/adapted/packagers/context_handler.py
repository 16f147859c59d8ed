"""`ContextHandler`: the steps of `handler`, for code that makes them itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlrun_like.artifacts.packers import link_outputs, pack_outputs, unpack_input
from mlrun_like.artifacts.typehints import is_data_item, resolve
from mlrun_like.errors import NotFoundError
from mlrun_like.runs.context import MLClientCtx, current_context

__all__ = ["ContextHandler"]


class ContextHandler:
    """Finds the run's context, reads inputs as their hints say, and logs what is returned."""

    def __init__(self) -> None:
        self._context: MLClientCtx | None = None

    @property
    def context(self) -> MLClientCtx:
        """The context that was found.

        Raises:
            NotFoundError: if none was.
        """
        if self._context is None:
            raise NotFoundError("there is no run", fix="call look_for_context inside of a run")
        return self._context

    def look_for_context(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Take the context among the arguments, else that of the run this code is part of."""
        given = (value for value in (*args, *kwargs.values()) if isinstance(value, MLClientCtx))
        self._context = next(given, None) or current_context()

    def is_context_available(self) -> bool:
        """Whether there is a run."""
        return self._context is not None

    def parse_inputs(
        self, args: Sequence[Any], kwargs: dict[str, Any], type_hints: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """Read the inputs among the arguments.

        Args:
            args: Arguments by position, in the order of `type_hints`.
            kwargs: Arguments by name; changed in place.
            type_hints: Argument to type, or its name as text.

        Returns:
            The arguments by position.
        """
        names = list(type_hints)
        for name, value in kwargs.items():
            kwargs[name] = _read(value, type_hints.get(name))
        return tuple(
            _read(value, type_hints.get(names[place]) if place < len(names) else None)
            for place, value in enumerate(args)
        )

    def log_outputs(self, outputs: Iterable[Any], log_hints: Iterable[Any]) -> None:
        """Log values, each as its hint says; None is no hint."""
        hints = list(log_hints)
        for value, hint in zip(outputs, hints, strict=False):
            if hint is not None:
                # a tuple in a tuple is one value
                pack_outputs((value,), [hint], self.context)
        link_outputs(hints, self.context)

    def set_labels(self, labels: Mapping[str, str]) -> None:
        """Set labels of the run."""
        for name, label in labels.items():
            self.context.set_label(name, label)


def _read(value: Any, hint: Any) -> Any:
    if not is_data_item(type(value)) or hint in (None, inspect.Parameter.empty):
        return value
    return unpack_input(value, resolve(hint))
