"""Every mistake of a graph at once, before anything of it is created."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.dag import find_cycle
from mlrun_like.errors import GraphError, NotFoundError, nearest
from mlrun_like.serving.lookup import resolve

if TYPE_CHECKING:
    from mlrun_like.serving.graph import Graph, GraphStep

__all__ = ["METHODS", "check", "constructor_values", "injected", "method_of"]

METHODS = ("do_event", "do", "__call__")
"""The methods of a class that a step calls when it names none, best first."""

ENGINES = ("async", "sync")


def check(graph: Graph, namespaces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What each step names, by step: a class, an object or a function.

    Raises:
        GraphError: naming every mistake.
    """
    problems = _order_problems(graph)
    targets: dict[str, Any] = {}
    for step in graph.steps:
        try:
            targets[step.name] = target = _target(step, namespaces)
            problems += [f"step {step.name!r}: {text}" for text in _call_problems(step, target)]
        except NotFoundError as exc:
            problems.append(f"step {step.name!r}: {exc.what}")
    if problems:
        head = f"{len(problems)} mistakes in the graph:"
        raise GraphError("\n  - ".join([head, *problems]) if len(problems) > 1 else problems[0])
    return targets


def _order_problems(graph: Graph) -> list[str]:
    problems = []
    if graph.engine not in ENGINES:
        problems.append(
            f"engine {graph.engine!r} is not one of: {', '.join(ENGINES)}."
            f"{nearest(str(graph.engine), ENGINES)}"
        )
    if not graph.steps:
        problems.append("it has no steps; add one with graph.to(...)")
    counts = Counter(step.name for step in graph.steps)
    for name, count in counts.items():
        if not name:
            problems.append("a step has no name")
        if count > 1:
            problems.append(f"{count} steps are named {name!r}; give name= to all but one")
    parents = {step.name: [name for name in step.after if name in counts] for step in graph.steps}
    for step in graph.steps:
        problems += [
            f"step {step.name!r} comes after {name!r}, which does not exist.{nearest(name, counts)}"
            for name in step.after
            if name not in counts
        ]
    cycle = find_cycle(parents)
    if cycle:
        problems.append(f"the steps form a loop: {' -> '.join(cycle)}")
    answering = [step.name for step in graph.steps if step.responder]
    if len(answering) > 1:
        problems.append(f"only one step can respond, but these do: {', '.join(answering)}")
    elif answering and not cycle and _ways_to(answering[0], parents) > 1:
        problems.append(
            f"step {answering[0]!r} responds but is reached on several ways, so it would answer "
            "an event more than once; let one way end before it"
        )
    return problems


def _ways_to(name: str, parents: Mapping[str, Sequence[str]]) -> int:
    ways: dict[str, int] = {}
    stack = [name]
    while stack:
        above = parents[stack[-1]]
        missing = [parent for parent in above if parent not in ways]
        if missing:
            stack += missing
        else:
            ways[stack.pop()] = sum(ways[parent] for parent in above) if above else 1
    return ways[name]


def _target(step: GraphStep, namespaces: Sequence[Mapping[str, Any]]) -> Any:
    named = step.class_name or step.handler
    if not named:
        raise NotFoundError("it has neither a class nor a function; give class_name or handler")
    return resolve(named, namespaces) if isinstance(named, str) else named


def _call_problems(step: GraphStep, target: Any) -> list[str]:
    if not step.class_name:
        if not callable(target):
            return [f"its handler {step.handler!r} is a {type(target).__name__}, not a function"]
        extra = injected(target, {"context": None})
        return _argument_problems(target, (None,), {**extra, **step.class_args}, "the body")
    if inspect.isfunction(target):  # a function under a class's name: as if it were the handler
        extra = injected(target, {"context": None})
        return _argument_problems(target, (None,), {**extra, **step.class_args}, "the body")
    problems = []
    if isinstance(target, type):
        problems += _argument_problems(target, (), constructor_values(step, target, None), "")
    elif step.class_args:
        names = ", ".join(step.class_args)
        problems.append(f"its object exists already, so it cannot be given {names}")
    if step.input_path or step.result_path:
        known = constructor_values(step, target, None) if isinstance(target, type) else {}
        if (step.full_event or method_of(step, target) == "do_event") and "input_path" not in known:
            problems.append("it receives the whole event, so input_path and result_path do nothing")
    return problems + _method_problems(step, target)


def _method_problems(step: GraphStep, target: Any) -> list[str]:
    owner = target if isinstance(target, type) else type(target)
    if step.handler:
        if not isinstance(step.handler, str):
            return ["with a class, handler is the name of a method"]
        if not callable(getattr(target, step.handler, None)):
            public = [name for name in dir(target) if not name.startswith("_")]
            return [
                f"{owner.__name__} has no method {step.handler!r}.{nearest(step.handler, public)}"
            ]
        name = step.handler
    else:
        name = method_of(step, target)
        if not name:
            return [f"{owner.__name__} has no method do_event, do or __call__; name a handler"]
    method = inspect.getattr_static(owner, name, None)
    bound = isinstance(method, (staticmethod, classmethod)) or method is None
    call = getattr(target if method is None else owner, name)
    what = "the event" if step.full_event or name == "do_event" else "the body"
    return _argument_problems(call, (None,) if bound else (None, None), {}, what)


def _argument_problems(
    call: Callable[..., Any], values: tuple[Any, ...], named: Mapping[str, Any], what: str
) -> list[str]:
    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):  # some built-ins do not say; the call itself will
        return []
    parameters = signature.parameters
    name = getattr(call, "__qualname__", repr(call))
    known = dict(named)
    problems = []
    if not any(item.kind is item.VAR_KEYWORD for item in parameters.values()):
        known = {word: value for word, value in named.items() if word in parameters}
        problems = [
            f"{name}{signature} has no argument {word!r}.{nearest(word, parameters)}"
            for word in named
            if word not in parameters
        ]
    try:
        signature.bind(*values, **known)
    except TypeError as exc:
        by = f" (it is called with {what})" if what else ""
        problems.append(f"{name}{signature} cannot be called{by}: {exc}")
    return problems


def method_of(step: GraphStep, target: Any) -> str:
    """The method of a class or object that the step calls; empty: there is none."""
    owner = target if isinstance(target, type) else type(target)
    if step.handler:
        return str(step.handler)
    # not getattr: every class has a __call__, its metaclass's
    own = {name for cls in owner.__mro__ for name in METHODS if callable(vars(cls).get(name))}
    return next((name for name in METHODS if name in own), "")


def constructor_values(step: GraphStep, target: type, context: Any) -> dict[str, Any]:
    """What a class is created with: its arguments and those that the graph adds.

    A class that receives the whole event applies `input_path` and `result_path` itself.
    """
    added = {"context": context, "name": step.name}
    if method_of(step, target) == "do_event" and (step.input_path or step.result_path):
        added |= {"input_path": step.input_path, "result_path": step.result_path}
    return {**injected(target, added), **step.class_args}


def injected(call: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `values` that a class or function has arguments for.

    >>> injected(lambda body, context: body, {"context": 1, "name": "s"})
    {'context': 1}
    """
    try:
        parameters = inspect.signature(call).parameters
    except (TypeError, ValueError):
        return {}
    everything = isinstance(call, type) and any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )
    return {name: value for name, value in values.items() if everything or name in parameters}
