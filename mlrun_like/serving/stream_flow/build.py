"""build_flow: steps in a list, chained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.steps.base import FlowStep

__all__ = ["build_flow"]


def build_flow(steps: Sequence[Any]) -> Any:
    """Chain steps in their order; a list within the list is a branch.

    `[a, [b, c], d]` means: `b` and `d` follow `a`, and `c` follows `b`.

    Args:
        steps: Steps, and lists of steps. A flow that is to run begins with a source.

    Returns:
        The first step; `.run()` starts the flow.

    Raises:
        InvalidArgumentError: if it is empty, holds something else, or a source is not the first.

    >>> build_flow([FlowStep(name="a"), [FlowStep(name="b")], FlowStep(name="c")]).outlets[1].name
    'c'
    """
    if not steps:
        raise InvalidArgumentError(
            "Cannot build an empty flow", fix="build_flow([SyncEmitSource(), Map(...), ...])"
        )
    first, *others = (build_flow(item) if isinstance(item, list) else item for item in steps)
    for item in (first, *others):
        if not isinstance(item, FlowStep):
            raise InvalidArgumentError(
                f"{item!r:.80} is not a step",
                where="build_flow",
                fix="wrap a function in a step, such as Map(function)",
            )
    at = first
    for item, given in zip(others, steps[1:], strict=True):
        at.to(item)
        if not isinstance(given, list):
            at = item
    return first
