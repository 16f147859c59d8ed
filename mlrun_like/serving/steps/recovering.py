"""Recover: a place to which events go back when a later step fails on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.steps.base import FlowStep

__all__ = ["Recover"]


class Recover(FlowStep):
    """Sends the event, as it is here, to another step if a step after this one fails on it.

    It works in flows (`build_flow`). In a served graph use `error_handler` of the steps or of the
    graph.

    Args:
        exception_to_downstream: The step by exception class; subclasses are caught too.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if it is not such a mapping.

    >>> Recover({ValueError: FlowStep(name="repair")}).class_for(UnicodeError("x")).__name__
    'ValueError'
    """

    def __init__(self, exception_to_downstream: Mapping[Any, FlowStep], **options: Any) -> None:
        super().__init__(**options)
        if not isinstance(exception_to_downstream, Mapping) or not all(
            isinstance(error, type) and isinstance(step, FlowStep)
            for error, step in exception_to_downstream.items()
        ):
            raise InvalidTypeError(
                f"{exception_to_downstream!r:.80} is not a mapping of exceptions to steps",
                where="step class Recover",
                fix="Recover({ValueError: Reduce(...)})",
            )
        self.exception_to_downstream = dict(exception_to_downstream)

    def as_step(self) -> tuple[type, str, dict[str, Any], dict[str, Any]]:
        raise InvalidArgumentError(
            "Recover works in flows (build_flow), not in served graphs",
            where=f"step {self.name!r}",
            fix="graph.error_handler(...), or error_handler of the steps",
        )

    def do(self, body: Any) -> Any:
        return body

    def class_for(self, error: BaseException) -> type | None:
        """The nearest class of an exception that has a step; None: there is none."""
        found = self.exception_to_downstream
        return next((kind for kind in type(error).__mro__ if kind in found), None)
