"""Steps that receive events which failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.definition.arguments import check_types

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph
    from mlrun_like.serving.definition.step import GraphStep

__all__ = ["add_error_handler"]


def add_error_handler(
    graph: Graph,
    name: str | None,
    class_name: Any,
    handler: str | Callable[..., Any] | None,
    *,
    class_args: Mapping[str, Any],
    **values: Any,
) -> GraphStep | str:
    """Add the step of an error handler, or give back the name of one declared elsewhere."""
    check_types(name, **values)
    if not class_name and not handler:
        if not name:
            raise InvalidArgumentError(
                "an error handler needs a class or a function, or the name of a step",
                fix='step.error_handler("catch", handler="report", full_event=True)',
            )
        return name
    full_event = bool(values.pop("full_event"))
    step = graph.make_step(class_name, name, handler, full_event, class_args)
    step.kind = "error_step"
    for key, value in values.items():
        setattr(step, key, value)
    graph.steps.append(step)
    return step
