"""From a run's parameters and inputs to a handler's arguments."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from mlrun_like.artifacts.packers import unpack_input
from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, nearest
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.types import Handler

__all__ = ["Signature", "bind", "call_with", "check_arguments", "signature_of"]


class Signature(NamedTuple):
    """What binding needs to know of a handler."""

    names: tuple[str, ...]
    positional: tuple[str, ...]
    required: frozenset[str]
    text_default: frozenset[str]
    context: frozenset[str]
    hints: Mapping[str, Any]
    has_kwargs: bool


def signature_of(handler: Handler) -> Signature:
    """Read a handler's signature; a plain function's once."""
    # other callables may hold large objects or have no hash
    return _remembered(handler) if inspect.isfunction(handler) else _read(handler)


def _read(handler: Handler) -> Signature:
    parameters = inspect.signature(handler).parameters.values()
    hints = _hints(handler, [p.name for p in parameters])
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return Signature(
        names=tuple(p.name for p in named),
        positional=tuple(p.name for p in named if p.kind is p.POSITIONAL_ONLY),
        required=frozenset(p.name for p in named if p.default is p.empty),
        text_default=frozenset(p.name for p in named if isinstance(p.default, str)),
        context=frozenset(
            p.name
            for p in named
            if p.name == "context" or _is_context(hints.get(p.name), p.annotation)
        ),
        hints=hints,
        has_kwargs=any(p.kind is p.VAR_KEYWORD for p in parameters),
    )


_remembered = functools.lru_cache(maxsize=512)(_read)


def _hints(handler: Handler, names: list[str]) -> dict[str, Any]:
    """The type hints that can be evaluated; one that cannot (imported for type checkers only, say)
    does not spoil the others."""
    target: Any = handler
    while isinstance(target, functools.partial):
        target = target.func
    if not (inspect.isroutine(target) or inspect.isclass(target)):
        target = type(target).__call__
    target = target.__init__ if inspect.isclass(target) else inspect.unwrap(target)
    raw = getattr(target, "__annotations__", None) or {}
    space = getattr(target, "__globals__", None) or vars(sys.modules.get(target.__module__, typing))
    found = {}
    for name in names:
        if name not in raw:
            continue
        holder = type("holder", (), {"__annotations__": {name: raw[name]}})
        try:
            found.update(typing.get_type_hints(holder, globalns=space, localns=space))
        except Exception:  # noqa: BLE001 - evaluating a user's annotation may raise anything
            continue
    return found


def _is_context(hint: Any, annotation: Any) -> bool:
    if hint is None:  # it could not be evaluated
        return isinstance(annotation, str) and "MLClientCtx" in annotation
    return hint is MLClientCtx or MLClientCtx in typing.get_args(hint)


def check_arguments(
    handler: Handler,
    given: Mapping[str, Any],
    inputs: Mapping[str, Any],
    provided: Container[str] = (),
) -> None:
    """Find missing and misspelt arguments before anything runs.

    Args:
        handler: What will be called.
        given: The run's parameters.
        inputs: The run's inputs.
        provided: Names that the runtime fills itself.

    A name the handler does not know is allowed when the handler can still see it (through
    `context` or `**kwargs`), unless it looks like a misspelt argument that is not given, in a
    handler that never asks its context for parameters; otherwise it is refused.

    Raises:
        FunctionError: naming all arguments that are missing or unknown.
    """
    sign = signature_of(handler)
    name = getattr(handler, "__name__", type(handler).__name__)
    known = [item for item in sign.names if item not in sign.context]
    missing = [
        item
        for item in known
        if item in sign.required
        and item not in given
        and item not in inputs
        and not _provided(item, sign, provided)
    ]
    unknown = [item for item in (*given, *inputs) if item not in sign.names]
    if missing:
        hints = [nearest(item, unknown).replace("Did you mean", "You passed") for item in missing]
        raise FunctionError(
            f"{name}() needs {', '.join(map(repr, missing))}, which the run does not give."
            + "".join(hints).replace("?", "."),
            where=_where(handler),
            fix=f"fn.run(params={{{', '.join(f'{item!r}: ...' for item in missing)}}}), or "
            + " ".join(f"-p {item}=..." for item in missing),
        )
    if sign.context and not _asks_for_parameters(handler):
        free = [item for item in known if item not in given and item not in inputs]
        unknown = [item for item in unknown if nearest(item, free)]
    elif sign.context:
        unknown = []
    if unknown and not sign.has_kwargs and config.strict_arguments:
        raise FunctionError(
            f"{name}() has no argument {unknown[0]!r}.{nearest(unknown[0], known)}",
            where=_where(handler),
            fix=f"its arguments are: {', '.join(known) or 'none'}; add **kwargs or context to "
            "accept others",
        )


def _asks_for_parameters(handler: Handler) -> bool:
    """Whether its code names something that reads parameters or inputs by name."""
    code = getattr(inspect.unwrap(handler), "__code__", None)
    names = getattr(code, "co_names", ())
    return code is None or bool({"get_param", "parameters", "get_input", "inputs"} & {*names})


def bind(handler: Handler, context: MLClientCtx) -> dict[str, Any]:
    """The arguments of a call by name: context, then parameters, then inputs.

    Inputs are converted by type hint; one without a hint whose default is text becomes a local
    file path. What the handler does not name is left out unless it takes `**kwargs`.
    """
    sign = signature_of(handler)
    spec = context._run.spec
    arguments: dict[str, Any] = {}
    for name in sign.names:
        if name in sign.context:
            arguments[name] = context
        elif name in spec.parameters:
            arguments[name] = context.get_param(name)
        elif name in spec.inputs:
            arguments[name] = _convert(context, name, sign)
        elif source := _provided(name, sign, context._job.provide):
            arguments[name] = context._job.provided(source)
    if sign.has_kwargs:
        for name in tuple(spec.parameters):
            if name not in arguments and name != "_init_args":
                arguments[name] = context.get_param(name)
        for name in tuple(spec.inputs):
            if name not in arguments:
                arguments[name] = _convert(context, name, sign)
    return arguments


def _provided(name: str, sign: Signature, provide: Container[str]) -> str:
    """Under which name the runtime provides an argument: its own or its type's; empty: it does not.

    A default of the handler's own does not stand against it.
    """
    if name in provide:
        return name
    hint = getattr(sign.hints.get(name), "__name__", "")
    return hint if hint and hint in provide else ""


def call_with(handler: Handler, arguments: dict[str, Any]) -> Any:
    """Call the handler with arguments by name, those it wants by position in their places."""
    places = []
    for name in signature_of(handler).positional:
        if name not in arguments:
            break
        places.append(arguments.pop(name))
    return handler(*places, **arguments)


def _convert(context: MLClientCtx, name: str, sign: Signature) -> Any:
    item = context.get_input(name)
    if not config.packagers_enabled:
        return item
    hint = context._run.spec.inputs_type_hints.get(name) or sign.hints.get(name)
    if hint is None and name in sign.text_default:
        return item.local()
    return unpack_input(item, hint)


def _where(handler: Handler) -> str:
    code = getattr(inspect.unwrap(handler), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else ""
