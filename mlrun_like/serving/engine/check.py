"""Every mistake of a graph at once, before anything of it is created."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError, InvalidArgumentError, NotFoundError, nearest
from mlrun_like.serving.definition.lookup import resolve, resolve_function
from mlrun_like.serving.definition.step import QueueStep, RouterStep
from mlrun_like.serving.definition.structure import order_problems
from mlrun_like.serving.engine.blocking import blocking_call
from mlrun_like.serving.protocol import Step
from mlrun_like.signatures import signature_of

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph
    from mlrun_like.serving.definition.step import GraphStep

__all__ = ["METHODS", "Target", "added_values", "check", "injected"]

METHODS = ("do_event", "do", "__call__")
"""The methods of a class that a step calls when it names none, best first."""

_DOES = {
    "many": "emits events of its own", "choice": "chooses between the following steps",
    "filter": "only keeps or drops events",
}  # fmt: skip
_METHOD_OF_KIND = {"many": "process", "choice": "select_outlets"}
_DEFAULT_ROUTER = "mlrun.serving.routers.ModelRouter"
_ALWAYS = ("name", "context")


@dataclass(frozen=True)
class Target:
    """What a step stands for.

    Args:
        found: A class, an object or a function.
        method: The method that is called; empty for a function.
        arguments: What the class, or the function besides the body, is called with.
    """

    found: Any
    method: str
    arguments: Mapping[str, Any]


def check(graph: Graph, namespaces: Sequence[Mapping[str, Any]]) -> dict[str, Target]:
    """What each step names, by step; routes are named `router/route`.

    Raises:
        GraphError: naming every mistake.
    """
    problems: list[str] = []
    fixes: dict[str, None] = {}
    targets: dict[str, Target] = {}
    for name, step in _all_steps(graph):
        where = f"step {name!r}: "
        try:
            targets[name] = target = _target(step, namespaces)
            problems += [where + text for text in _call_problems(step, target)]
            problems += [where + text for text in _option_problems(step, target)]
        except (NotFoundError, InvalidArgumentError) as exc:
            problems.append(where + exc.what)
            fixes[exc.fix] = None
    deciding = {name for name, target in targets.items() if _decides(target)}
    problems = order_problems(graph, deciding) + problems + _end_problems(graph, targets)
    if problems:
        head = f"{len(problems)} mistakes in the graph:"
        text = "\n  - ".join([head, *problems]) if len(problems) > 1 else problems[0]
        raise GraphError(text, fix="; ".join(fix for fix in fixes if fix))
    return targets


def _decides(target: Target) -> bool:
    found = target.found
    if callable(chooses := getattr(found, "chooses", None)):
        return bool(chooses(target.arguments))
    return callable(getattr(found, "select_outlets", None)) or getattr(found, "merges", 0) is True


def _all_steps(graph: Graph) -> Iterator[tuple[str, GraphStep]]:
    waiting = [(step.name, step) for step in reversed(graph.steps)]
    while waiting:
        name, step = waiting.pop()
        if isinstance(step, QueueStep):
            continue
        yield name, step
        if isinstance(step, RouterStep):
            waiting += [(f"{name}/{key}", route) for key, route in reversed(step.routes.items())]


def _target(step: GraphStep, namespaces: Sequence[Mapping[str, Any]]) -> Target:
    named, handler = step.class_name, step.handler
    if not named and isinstance(step, RouterStep):
        named = _DEFAULT_ROUTER
    if not named and isinstance(handler, str) and "::" in handler:
        named, handler = handler, ""
    if isinstance(named, str) and "::" in named:
        named, _, handler = named.partition("::")
    if not named and not handler:
        raise NotFoundError("it has neither a class nor a function; give class_name or handler")
    arguments = _resolved(step.class_args, namespaces)
    if not named:
        found = resolve_function(handler, namespaces) if isinstance(handler, str) else handler
        return Target(found, "", arguments)
    found = resolve(named, namespaces) if isinstance(named, str) else named
    if inspect.isroutine(found) or isinstance(found, functools.partial):
        return Target(found, "", arguments)
    return Target(found, _method_of(found, handler), arguments)


def _resolved(
    class_args: Mapping[str, Any], namespaces: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Arguments whose name starts with `_` stand for functions."""
    values: dict[str, Any] = {}
    for key, value in class_args.items():
        if key.startswith("_") and isinstance(value, str):
            values[key[1:]] = resolve_function(value, namespaces)
        elif key.startswith("_") and callable(value):
            values[key[1:]] = value
        else:
            values[key] = value
    return values


def _method_of(found: Any, handler: Any) -> str:
    """The method of a class or object that the step calls; empty: there is none."""
    owner = found if isinstance(found, type) else type(found)
    if handler:
        return str(handler)
    if issubclass(owner, Step):
        method = _METHOD_OF_KIND.get(owner.kind, "")
        if method:
            return method
    # not getattr: every class has a __call__, its metaclass's
    own = {name for cls in owner.__mro__ for name in METHODS if _is_method(vars(cls).get(name))}
    return next((name for name in METHODS if name in own), "")


def _is_method(found: Any) -> bool:
    return callable(found) or isinstance(found, (classmethod, staticmethod))


def _call_problems(step: GraphStep, target: Target) -> list[str]:
    found = target.found
    if not target.method and (inspect.isroutine(found) or not step.class_name):
        if not callable(found):
            return [f"its handler {step.handler!r} is a {type(found).__name__}, not a function"]
        extra = {**injected(found, added_values(step, None)), **target.arguments}
        return [*_argument_problems(found, (None,), extra, "the body"), *_loop_problems(found)]
    problems = []
    if isinstance(found, type):
        values = {**injected(found, added_values(step, None)), **target.arguments}
        problems += _argument_problems(found, (), values, "")
        if "routes" in target.arguments and isinstance(step, RouterStep):
            problems.append("routes are given with add_route, not as an argument of the class")
    elif target.arguments:
        problems.append(f"the arguments {sorted(target.arguments)} need a class, not an object")
    owner = found if isinstance(found, type) else type(found)
    name = target.method
    if not name:
        return [*problems, f"{owner.__name__} has no method do_event, do or __call__"]
    # on the class, so that nothing is created for the check
    method = inspect.getattr_static(owner, name, None)
    if method is None and (isinstance(found, type) or not hasattr(found, name)):
        near = nearest(name, [item for item in dir(owner) if not item.startswith("_")])
        return [*problems, f"{owner.__name__} has no method {name!r}.{near}"]
    bound = isinstance(method, (staticmethod, classmethod)) or method is None
    call = getattr(found if method is None else owner, name)
    what = "the event" if step.full_event or name in ("do_event", "process") else "the body"
    problems += _argument_problems(call, (None,) if bound else (None, None), {}, what)
    return problems + _loop_problems(call)


def _loop_problems(call: Any) -> list[str]:
    blocked = blocking_call(call) if inspect.iscoroutinefunction(call) else ""
    if not blocked:
        return []
    return [
        f"{call.__qualname__} is async but calls {blocked}, which holds up every other caller; "
        "await the async form, or make it a plain function (it then runs in a thread)"
    ]


def _argument_problems(
    call: Callable[..., Any], values: tuple[Any, ...], named: Mapping[str, Any], what: str
) -> list[str]:
    try:
        signature = signature_of(call)
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


def _option_problems(step: GraphStep, target: Target) -> list[str]:
    """Steps whose calls cannot be merged into one."""
    if not step.call_options.batching:
        return []
    if isinstance(step, RouterStep):
        return ["a router cannot be batched; give batching to its routes"]
    found = target.found
    kind = found.kind if _is_step(found) else "map"
    if kind not in ("map", "maybe"):
        name = getattr(found, "__name__", type(found).__name__)
        return [
            f"{name} cannot be batched, because it {_DOES[kind]}; give batching to a step that "
            "turns one body into another"
        ]
    return []


def _is_step(found: Any) -> bool:
    return issubclass(found if isinstance(found, type) else type(found), Step)


def _end_problems(graph: Graph, targets: Mapping[str, Target]) -> list[str]:
    """Steps that end the flow or mix callers, where others still wait for an answer."""
    children: dict[str, list[str]] = {step.name: [] for step in graph.steps}
    for step in graph.steps:
        for parent in step.after:
            children.setdefault(parent, []).append(step.name)
    problems = []
    answering = {step.name for step in graph.steps if step.responder}
    for step in graph.steps:
        found = targets[step.name].found if step.name in targets else None
        if getattr(found, "ends", False) is True and children[step.name]:
            problems.append(
                f"step {step.name!r} ends the flow, so {children[step.name][0]!r} cannot follow it"
            )
        if getattr(found, "ends", False) is True and step.responder:
            problems.append(
                f"step {step.name!r} ends the flow, so it cannot respond: its value is that of all "
                "events, which server.wait_for_completion() gives"
            )
        if getattr(found, "collects", False) is True:
            below, stack = {step.name}, [step.name]
            while stack:
                fresh = [name for name in children.get(stack.pop(), ()) if name not in below]
                below.update(fresh)
                stack += fresh
            problems += [
                f"step {name!r} cannot respond: {step.name!r} before it mixes the events of "
                "several callers; let a step before it respond"
                for name in sorted(answering & below)
            ]
    return problems


def added_values(step: GraphStep, context: Any) -> dict[str, Any]:
    """What the graph adds to a step's arguments, if it has arguments of these names."""
    return {
        "context": context,
        "name": step.name,
        "input_path": step.input_path,
        "result_path": step.result_path,
        "full_event": step.full_event,
        "graph_step": step,
        **({"routes": {}} if isinstance(step, RouterStep) else {}),
    }


def injected(call: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `values` that a class or function has arguments for.

    A class with `**kwargs` also gets its context and name, and the paths that are set.

    >>> injected(lambda body, context: body, {"context": 1, "name": "s"})
    {'context': 1}
    """
    try:
        parameters = signature_of(call).parameters
    except (TypeError, ValueError):
        return {}
    named = {name: value for name, value in values.items() if name in parameters}
    if isinstance(call, type) and any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        more = ("name", "context", "input_path", "result_path", "full_event")
        named |= {name: values[name] for name in more if name in _ALWAYS or values.get(name)}
    return named
