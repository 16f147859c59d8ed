"""Every mistake of a plan at once, before the first step runs."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlrun_like.dag import find_cycle
from mlrun_like.errors import InvalidArgumentError, PipelineError, nearest
from mlrun_like.names import check_run_name
from mlrun_like.pipelines.compatible import type_problems
from mlrun_like.pipelines.groups import group_problems
from mlrun_like.pipelines.lines import located
from mlrun_like.pipelines.nodes import Step
from mlrun_like.pipelines.plan import Plan, all_steps
from mlrun_like.pipelines.reachable import reach_problems
from mlrun_like.pipelines.scopes import scope_problems
from mlrun_like.pipelines.values import Ref

__all__ = ["check_plan"]


def check_plan(
    plan: Plan, lines: Mapping[str, str] | None = None, found: Sequence[str] = ()
) -> Plan:
    """The plan, if nothing is wrong with it.

    Args:
        plan: What was traced or read.
        lines: Where its nodes were written, by name.
        found: Mistakes that are known already.

    Raises:
        PipelineError: naming every mistake.
    """
    known = lines or {}
    problems = [*found, *(located(text, known) for text in _problems(plan, known))]
    if problems:
        head = f"{len(problems)} mistakes in the pipeline:"
        raise PipelineError(
            "\n  - ".join([head, *problems]) if len(problems) > 1 else problems[0],
            where=f"pipeline {plan.name!r}",
            fix="change the steps that are named; nothing has run",
        )
    return plan


def _problems(plan: Plan, lines: Mapping[str, str]) -> Iterator[str]:
    steps = plan.steps
    if not steps:
        yield "it has no steps: it calls no function"
    names = Counter(step.name for step in all_steps(plan.body))
    for name, count in names.items():
        if count > 1:
            yield f"{count} steps are named {name!r}; give name= to all but one"
        try:
            check_run_name(name)
        except InvalidArgumentError as exc:
            yield f"step {name!r}: {exc.what}; {exc.fix}"
    for step in all_steps(plan.body):
        yield from (f"step {step.name!r}: {text}" for text in _step_problems(step, plan))
    yield from group_problems(plan)
    yield from scope_problems(plan)
    yield from type_problems(plan)
    yield from reach_problems(plan)
    cycle = find_cycle(
        {step.name: [n for n in plan.steps_before(step.name) if n in names] for step in steps}
    )
    if cycle and all(count == 1 for count in names.values()):
        shown = " -> ".join(f"{each} ({lines[each]})" if each in lines else each for each in cycle)
        yield f"the steps wait for each other: {shown}"


def _step_problems(step: Step, plan: Plan) -> list[str]:
    problems = [
        f"it comes after {name!r}, which is not a step of this pipeline."
        f"{nearest(name, plan.places)}"
        for name in step.after
        if name not in plan.places
    ]
    if step.action != "run":
        return problems
    limit = step.options.get("timeout")
    is_number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
    if not (limit is None or isinstance(limit, Ref) or (is_number and limit > 0)):
        problems.append(f"its timeout must be a number of seconds above 0, not {limit!r:.60}")
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
