"""Collector: the values of a stream as one body again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.checks import check_count

__all__ = ["Collector"]


class Collector(FlowStep):
    """Makes one body of all values of a stream: their list, or the value if there is only one.

    Events that are not part of a stream pass as they are.

    Args:
        expected_completions: How often the end of the stream arrives here: once for each branch
            between the step that streams and this one.
        options: The arguments that all steps share; see `FlowStep`.

    >>> Collector().collected([1, 2]), Collector().collected([1])
    ([1, 2], 1)
    """

    gathers: ClassVar[bool] = True
    """For the engine: it takes a stream as a whole."""

    def __init__(self, expected_completions: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.expected_completions = check_count(
            expected_completions, "expected_completions", "Collector"
        )

    def collected(self, values: Sequence[Any]) -> Any:
        """The body that stands for the values of a stream."""
        return values[0] if len(values) == 1 else list(values)

    def do(self, body: Any) -> Any:
        return body
