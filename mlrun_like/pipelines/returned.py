"""What the body of a pipeline returns, as outputs by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.handles import PartHandle, StepHandle
from mlrun_like.pipelines.tracing import PlanTracer
from mlrun_like.pipelines.values import Ref

__all__ = ["returned_outputs"]


def returned_outputs(value: Any, tracer: PlanTracer, name: str) -> dict[str, Any] | None:
    """References by key; None: it returns nothing, so that all outputs count.

    Args:
        value: What the body returned.
        tracer: Which recorded it.
        name: The pipeline's.

    Raises:
        PipelineError: if it is no output of a step.
    """
    if value is None:
        return None
    if isinstance(value, StepHandle):
        value = value.all_outputs()
    elif isinstance(value, PartHandle):
        value = value.outputs
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    found = value if isinstance(value, Mapping) else {"return": value}
    result = {str(key): tracer.values(item) for key, item in found.items()}
    for key, item in result.items():
        if not isinstance(item, Ref):
            raise PipelineError(
                f"returned output {key!r} is {item!r:.80}, not an output of a step",
                where=f"pipeline {name!r}",
                fix='return {"model": train.outputs["model"]}',
            )
    return result
