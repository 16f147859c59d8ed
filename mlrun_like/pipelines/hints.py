"""What kind of value an annotation, a constant or a reference stands for, as far as it is certain.

A kind is a word such as `int`, `str`, `list`, `DataFrame`. A value has several possible kinds (a
union), or None: it may be anything.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlrun_like.pipelines.nodes import Loop, Step
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.refs import (
    CollectRef,
    ItemRef,
    OneOfRef,
    OutputRef,
    ParamRef,
    StatusRef,
    TextRef,
)
from mlrun_like.pipelines.values import Ref

__all__ = ["Kinds", "argument_hint", "kinds_of_hint", "kinds_of_ref", "kinds_of_value"]

Kinds = frozenset[str] | None
"""Possible kinds of a value; None: anything."""

_PLAIN: Mapping[type, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    bytes: "bytes",
    list: "list",
    tuple: "tuple",
    dict: "dict",
    set: "set",
}
_LIBRARY = {
    "pandas": ("DataFrame", "Series"),
    "polars": ("DataFrame", "Series"),
    "numpy": ("ndarray",),
}
_WORDS = frozenset([*_PLAIN.values(), "DataFrame", "Series", "ndarray"])
_TYPING = {"List": "list", "Tuple": "tuple", "Dict": "dict", "Set": "set"}
_MOST = 1000  # items of a loop that are looked at


def kinds_of_hint(hint: Any) -> Kinds:
    """The kinds that an annotation allows.

    >>> kinds_of_hint(int), kinds_of_hint("list[int]"), kinds_of_hint(typing.Any)
    (frozenset({'int'}), frozenset({'list'}), None)
    """
    if isinstance(hint, str):
        return _of_text(hint)
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return kinds_of_hint(typing.get_args(hint)[0])
    if origin is typing.Literal:
        return _union(kinds_of_value(value) for value in typing.get_args(hint))
    if origin in (typing.Union, types.UnionType):
        parts = [each for each in typing.get_args(hint) if each is not type(None)]
        return _union(map(kinds_of_hint, parts))
    base = origin or hint
    if isinstance(base, type):
        if base in _PLAIN:
            return frozenset([_PLAIN[base]])
        package = base.__module__.partition(".")[0]
        if base.__name__ in _LIBRARY.get(package, ()):
            return frozenset([base.__name__])
    return None


def _of_text(text: str) -> Kinds:
    """Of an annotation that is only there as text: `int`, `pd.DataFrame`, `list[int] | None`."""
    depth, parts = 0, [""]
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    found = []
    for part in parts:
        optional = re.fullmatch(r"(?:typing\.)?Optional\[(.+)\]", part.strip(), re.DOTALL)
        if optional:
            found.append(_of_text(optional[1]))
            continue
        name = part.strip().partition("[")[0].strip()
        prefix, _, word = name.rpartition(".")
        word = _TYPING.get(word, word)
        if word == "None" and not prefix:
            continue
        own = word in _WORDS and prefix.partition(".")[0] in (
            *("", "builtins", "typing", "pd", "pandas", "np", "numpy", "pl", "polars"),
        )
        found.append(frozenset([word]) if own else None)
    return _union(found)


def _union(parts: Iterable[Kinds]) -> Kinds:
    found: set[str] = set()
    for part in parts:
        if part is None:
            return None
        found |= part
    return frozenset(found) or None


def kinds_of_value(value: Any) -> Kinds:
    """The kind of a constant; None for None, and for objects of further classes.

    >>> kinds_of_value(True), kinds_of_value("a"), kinds_of_value(None)
    (frozenset({'bool'}), frozenset({'str'}), None)
    """
    for cls in type(value).__mro__:
        if cls in _PLAIN:
            return frozenset([_PLAIN[cls]])
        if cls.__name__ in _LIBRARY.get(cls.__module__.partition(".")[0], ()):
            return frozenset([cls.__name__])
    return None


def kinds_of_ref(ref: Ref, plan: Plan) -> Kinds:
    """The kinds of what a reference stands for."""
    if isinstance(ref, TextRef):
        return frozenset(["str"])
    if isinstance(ref, CollectRef):
        return frozenset(["list"])
    if isinstance(ref, StatusRef):
        return frozenset(["dict"])
    if isinstance(ref, OneOfRef):
        return _union(kinds_of_ref(choice, plan) for choice in ref.choices)
    if isinstance(ref, ParamRef):
        known = plan.parameters.get(ref.name)
        return kinds_of_hint(known.type) if known is not None and known.type else None
    if isinstance(ref, OutputRef):
        return kinds_of_hint(_output_hint(ref, plan))
    if isinstance(ref, ItemRef):
        place = plan.places.get(ref.loop)
        return (
            _item_kinds(place.node, ref, plan) if place and isinstance(place.node, Loop) else None
        )
    return None


def _item_kinds(loop: Loop, ref: ItemRef, plan: Plan) -> Kinds:
    if isinstance(loop.items, int):
        return frozenset(["int"]) if not ref.path else None
    if isinstance(loop.items, OutputRef) and not ref.path:
        hint = _output_hint(loop.items, plan)
        inner = typing.get_args(hint)
        if typing.get_origin(hint) is list and len(inner) == 1:
            return kinds_of_hint(inner[0])
        return frozenset(["int"]) if kinds_of_hint(hint) == frozenset(["int"]) else None
    if not isinstance(loop.items, (list, tuple)) or len(loop.items) > _MOST:
        return None
    found = []
    for item in loop.items:
        for key in ref.path:
            try:
                item = item[key]
            except (TypeError, KeyError, IndexError):
                return None
        found.append(kinds_of_ref(item, plan) if isinstance(item, Ref) else kinds_of_value(item))
    return _union(found)


def _output_hint(ref: OutputRef, plan: Plan) -> Any:
    """The annotation of an output; Any if it is not declared."""
    place = plan.places.get(ref.step)
    step = place.node if place is not None else None
    if not isinstance(step, Step) or step.action != "run" or step.options.get("hyperparams"):
        return Any
    if "handler" in step.options or "runspec" in step.options:
        return Any
    hint = _hint(step, "return")
    keys = step.returns
    if ref.key not in keys:  # an output without a declared name is called `return`
        return hint if not keys and ref.key == "return" and not _is_tuple(hint) else Any
    if len(keys) == 1:
        return hint
    parts = typing.get_args(hint)
    if _is_tuple(hint) and len(parts) == len(keys) and Ellipsis not in parts:
        return parts[keys.index(ref.key)]
    return Any


def _is_tuple(hint: Any) -> bool:
    return typing.get_origin(hint) is tuple


def argument_hint(step: Step, name: str) -> Any:
    """The annotation of an argument of a step's function; Any if it has none."""
    return _hint(step, name)


def _hint(step: Step, name: str) -> Any:
    """One annotation of a step's function, evaluated alone so that others cannot spoil it."""
    function: Any = step.function
    handler = getattr(function, "_handler", None)
    if handler is None:
        return _described(function, name)
    target: Callable[..., Any] = inspect.unwrap(handler)
    raw = getattr(target, "__annotations__", None) or {}
    if name not in raw:
        return Any
    space = getattr(target, "__globals__", None) or vars(sys.modules.get(target.__module__, typing))
    holder = type("holder", (), {"__annotations__": {name: raw[name]}})
    try:
        found: Any = typing.get_type_hints(
            holder, globalns=space, localns=space, include_extras=True
        )
    except Exception:  # noqa: BLE001  evaluating a user's annotation may raise anything
        return raw[name] if isinstance(raw[name], str) else Any
    return found[name]


def _described(function: Any, name: str) -> Any:
    """An annotation of a function that is a document only, as that describes it."""
    spec = getattr(function, "spec", None)
    points = getattr(spec, "entry_points", None) or {}
    point = points.get(getattr(spec, "default_handler", ""))
    if point is None:
        return Any
    if name == "return":
        return (point.outputs[0].get("type") if point.outputs else "") or Any
    return {item.name: item.type for item in point.parameters}.get(name) or Any
