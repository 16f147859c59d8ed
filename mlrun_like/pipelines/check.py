"""Every mistake of a plan at once, before the first step runs."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mlrun_like.dag import find_cycle
from mlrun_like.errors import InvalidArgumentError, PipelineError, nearest
from mlrun_like.names import check_run_name
from mlrun_like.pipelines.plan import Plan, Step
from mlrun_like.pipelines.refs import OutputRef, ParamRef, Ref

__all__ = ["check_plan"]


def check_plan(plan: Plan) -> Plan:
    """The plan, if nothing is wrong with it.

    Raises:
        PipelineError: naming every mistake.
    """
    problems = [] if plan.steps else ["it has no steps: it calls no function"]
    steps = {step.name: step for step in plan.steps}
    for name, count in Counter(step.name for step in plan.steps).items():
        if count > 1:
            problems.append(f"{count} steps are named {name!r}; give name= to all but one")
        try:
            check_run_name(name)
        except InvalidArgumentError as exc:
            problems.append(f"step {name!r}: {exc.what}; {exc.fix}")
    for step in plan.steps:
        problems += [f"step {step.name!r}: {text}" for text in _step_problems(step, plan, steps)]
    for key, ref in (plan.outputs or {}).items():
        text = _ref_problem(ref, plan, steps)
        problems += [f"returned output {key!r}: {text}"] if text else []
    cycle = find_cycle(
        {step.name: [name for name in step.parents() if name in steps] for step in plan.steps}
    )
    if cycle and len(steps) == len(plan.steps):  # names are clear
        problems.append(f"the steps wait for each other: {' -> '.join(cycle)}")
    if problems:
        head = f"{len(problems)} mistakes in the pipeline:"
        raise PipelineError(
            "\n  - ".join([head, *problems]) if len(problems) > 1 else problems[0],
            where=f"pipeline {plan.name!r}",
            fix="change the steps that are named; nothing has run",
        )
    return plan


def _step_problems(step: Step, plan: Plan, steps: Mapping[str, Step]) -> list[str]:
    problems = [text for ref in step.references() if (text := _ref_problem(ref, plan, steps))]
    problems += [
        f"it comes after {name!r}, which is not a step of this pipeline.{nearest(name, steps)}"
        for name in step.after
        if name not in steps
    ]
    known = inspect.signature(step.function.run).parameters
    problems += [
        f"{name!r} is not an option of run().{nearest(name, known)}"
        for name in step.options
        if name not in known
    ]
    if "handler" in step.options or "runspec" in step.options:
        return problems
    return problems + _argument_problems(step)


def _argument_problems(step: Step) -> list[str]:
    try:
        signature = _signature(step)
    except (TypeError, ValueError):
        return []
    parameters = signature.parameters
    kinds = [parameter.kind for parameter in parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:  # it exists as a document only, or takes anything
        return []
    sweep = step.options.get("hyperparams") or {}
    swept = set(sweep) if isinstance(sweep, Mapping) else set()
    inputs = {name.partition(":")[0].strip() for name in step.inputs}
    given = {*step.params, *inputs, *swept}
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind is not parameter.VAR_KEYWORD
        and name not in given
        and not _is_context(parameter)
    ]
    options = step.options.get("hyper_param_options")
    if options is not None and not isinstance(options, Mapping):
        missing = [] if getattr(options, "param_file", "") else missing
    problems = [f"{step.function.name}() needs {name!r}, which it is not given" for name in missing]
    open_ended = inspect.Parameter.VAR_KEYWORD in kinds or any(
        _is_context(parameter) for parameter in parameters.values()
    )
    if not open_ended:  # a context gives access to further parameters
        problems += [
            f"{step.function.name}() has no argument {name!r}.{nearest(name, parameters)}"
            for name in sorted(given - set(parameters))
        ]
    return problems


def _signature(step: Step) -> inspect.Signature:
    """The signature of a step's function; of one that is a document only, as that describes it."""
    function: Any = step.function
    if getattr(function, "_handler", None) is not None or not hasattr(function, "spec"):
        return inspect.signature(function)
    spec = function.spec
    point = spec.entry_points.get(spec.default_handler)
    if point is None or point.has_varargs:
        raise ValueError("not described")
    kind = inspect.Parameter.KEYWORD_ONLY
    empty = inspect.Parameter.empty
    parameters = [
        inspect.Parameter(
            item.name,
            kind,
            default=empty if item.required else item.default,
            annotation=item.type or empty,
        )
        for item in point.parameters
    ]
    if point.has_kwargs:
        parameters.append(inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


def _is_context(parameter: inspect.Parameter) -> bool:
    return parameter.name == "context" or "MLClientCtx" in str(parameter.annotation)


def _ref_problem(ref: object, plan: Plan, steps: Mapping[str, Step]) -> str:
    if isinstance(ref, ParamRef) and ref.name not in plan.parameters:
        return f"parameter {ref.name!r} belongs to another pipeline"
    if not isinstance(ref, Ref) or not isinstance(ref, OutputRef):
        return ""
    if ref.step not in steps:
        return f"it uses an output of {ref.step!r}, which is not a step of this pipeline"
    outputs = steps[ref.step].outputs
    if outputs is None or ref.key in outputs:
        return ""
    return (
        f"step {ref.step!r} has no output {ref.key!r}.{nearest(ref.key, outputs)} "
        f"It has: {', '.join(outputs)}"
    )
