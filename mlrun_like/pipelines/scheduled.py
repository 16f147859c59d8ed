"""A pipeline that runs by itself: a stored function that starts it, at times or on events."""

from __future__ import annotations

import dataclasses
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.functions.creators import code_to_function
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.registry import resolve
from mlrun_like.runs.object import RunObject

__all__ = ["scheduled"]


def scheduled(flow: Pipeline, arguments: dict[str, Any]) -> RunObject:
    """Store a run of a pipeline as one that starts by itself, with its file as it is now.

    Args:
        flow: The pipeline.
        arguments: `schedule`, maybe `project` and `notifications`, and values of its parameters.

    Raises:
        PipelineError: if it was not read from a file, or an argument does not fit.
        InvalidArgumentError: if the schedule cannot be read.
    """
    when = resolve("mlrun_like.schedules.define:to_schedule")(arguments.pop("schedule"))
    told = arguments.pop("notifications", None)
    known = flow.plan.parameters if not flow.options.get("dynamic") else arguments
    unknown = [name for name in (*arguments, getattr(when, "param", "")) if name not in known]
    if any(unknown):
        raise PipelineError(
            f"it has no parameter {next(filter(None, unknown))!r}",
            where=f"pipeline {flow.name!r}",
            fix=f"parameters: {', '.join(known) or 'none'}",
        )
    file = flow.origin.rpartition(":")[0]
    if not file:
        raise PipelineError(
            "it was not read from a file, so no service could run it",
            where=f"pipeline {flow.name!r}",
            fix="put it into a .py file",
        )
    function_name = getattr(flow._body, "__name__", flow.name)
    function = code_to_function(
        f"{flow.name}-start", filename=file, kind="process", handler=f"{function_name}.start"
    )
    when = when if when.name else dataclasses.replace(when, name=flow.name)
    return function.run(schedule=when, params=arguments, notifications=told)
