"""Type hints of inputs: from text to types, and from unions to the types they allow.

A hint given as text (`"dict[str, pandas.DataFrame]"`) is read as a small expression of names,
subscripts and `|`; nothing in it is evaluated.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import importlib
import sys
import types
import typing
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.parsing import parse

__all__ = [
    "NO_HINT",
    "arguments",
    "describe",
    "find_type",
    "is_data_item",
    "options",
    "origin",
    "resolve",
]

NO_HINT: Any = ...
"""Stands for "there is no annotation"."""

_ABSTRACT: dict[Any, type] = {
    collections.abc.Mapping: dict,
    collections.abc.MutableMapping: dict,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
    collections.abc.Set: set,
    collections.abc.MutableSet: set,
}
_WRAPPERS = (typing.Annotated, typing.Final, typing.ClassVar)
_FIX = 'write a type such as "int", "pandas.DataFrame" or "dict[str, numpy.ndarray]"'


def resolve(hint: Any) -> Any:
    """The type that a hint stands for; text is looked up, everything else returned as it is.

    Raises:
        InvalidArgumentError: if the text is not a type expression, or its module or name does not
            exist.

    >>> resolve("dict[str, list[int]]")
    dict[str, list[int]]
    """
    if isinstance(hint, typing.ForwardRef):
        hint = hint.__forward_arg__
    if not isinstance(hint, str):
        return hint
    text = hint.strip()
    if not text:
        return NO_HINT
    try:
        node = parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise _malformed(text) from exc
    return _build(node, text)


def _malformed(text: str) -> InvalidArgumentError:
    shown = text if len(text) <= 80 else text[:77] + "..."
    return InvalidArgumentError(f"type hint {shown!r} is not a valid Python type hint", fix=_FIX)


def _build(node: ast.expr, text: str) -> Any:
    if isinstance(node, (ast.Name, ast.Attribute)):
        return find_type(ast.unparse(node))
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str)):
        return resolve(node.value)
    try:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return typing.Union[_build(node.left, text), _build(node.right, text)]  # noqa: UP007
        if isinstance(node, ast.Subscript):
            base = _build(node.value, text)
            is_list = isinstance(node.slice, ast.Tuple)
            nodes = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            arguments = [_argument(item, base, text) for item in nodes]
            return base[tuple(arguments) if is_list else arguments[0]]
    except (TypeError, RecursionError) as exc:
        raise _malformed(text) from exc
    raise _malformed(text)


def _argument(node: ast.expr, base: Any, text: str) -> Any:
    if base is typing.Literal:
        if isinstance(node, ast.Constant):
            return node.value
        raise _malformed(text)
    if isinstance(node, ast.Constant) and node.value is ...:
        return ...
    if isinstance(node, ast.List):
        return [_argument(item, base, text) for item in node.elts]
    return _build(node, text)


def find_type(path: str) -> Any:
    """The object at a dotted path, or a built-in or `__main__` type without dots.

    Raises:
        InvalidArgumentError: if it does not exist.
    """
    head, _, name = path.rpartition(".")
    if not head:
        found = getattr(builtins, path, None) or getattr(sys.modules.get("__main__"), path, None)
        if found is None:
            raise InvalidArgumentError(
                f"type hint {path!r} is neither a built-in type nor one of __main__",
                fix="write it with its module, such as 'pandas.DataFrame'",
            )
        return found
    if name == "DataItem":  # whoever's: it means "leave the input as it is"
        return _DataItemHint
    try:
        return getattr(_import(head), name)
    except ImportError as exc:
        raise InvalidArgumentError(
            f"type hint {path!r}: module {head!r} cannot be imported: {exc}",
            fix="install the package or correct the path",
        ) from exc
    except AttributeError as exc:
        raise InvalidArgumentError(
            f"type hint {path!r}: {head!r} has no {name!r}", fix="correct the path"
        ) from exc


def _import(path: str) -> Any:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        head, _, name = path.rpartition(".")  # a class inside a class
        if not head:
            raise
        owner = _import(head)
        if not hasattr(owner, name):
            raise
        return getattr(owner, name)


class _DataItemHint:
    """What a textual hint that names a DataItem resolves to."""


def is_data_item(hint: Any) -> bool:
    """Whether a hint asks for the input itself."""
    name = getattr(hint, "__name__", "")
    return hint is _DataItemHint or (isinstance(hint, type) and name == "DataItem")


def options(hint: Any) -> list[Any]:
    """The types that a hint allows, in order, None last; empty when it allows anything.

    >>> options(typing.Optional[int])
    [<class 'int'>, <class 'NoneType'>]
    """
    found: list[Any] = []
    _collect(resolve(hint), found)
    unique = [option for i, option in enumerate(found) if option not in found[:i]]
    return sorted(unique, key=lambda option: option is type(None))


def _collect(hint: Any, found: list[Any]) -> None:
    if (
        hint is NO_HINT
        or hint is Any
        or hint is object
        or getattr(hint, "__name__", "") == "_empty"
    ):
        return
    base = typing.get_origin(hint)
    if hint is None:
        found.append(type(None))
    elif base in (typing.Union, types.UnionType):
        for inner in typing.get_args(hint):
            _collect(resolve(inner), found)
    elif base in _WRAPPERS:
        _collect(resolve(typing.get_args(hint)[0]), found)
    elif base is typing.Literal:
        found.extend(type(value) for value in typing.get_args(hint))
    elif isinstance(hint, typing.TypeVar):
        bounds = hint.__constraints__ or ((hint.__bound__,) if hint.__bound__ else ())
        for inner in bounds:
            _collect(resolve(inner), found)
    elif hasattr(hint, "__supertype__"):  # typing.NewType
        _collect(hint.__supertype__, found)
    else:
        found.append(hint)


def origin(option: Any) -> Any:
    """The plain class of an option: `list` for `list[int]` and for `Sequence`."""
    base = typing.get_origin(option) or option
    return _ABSTRACT.get(base, base)


def arguments(option: Any) -> tuple[Any, ...]:
    """What stands in the brackets of a generic type."""
    return typing.get_args(option)


def describe(hint: Any) -> str:
    """A hint for messages: `int`, `pandas.DataFrame`, `list[int]`."""
    if isinstance(hint, type) and typing.get_origin(hint) is None:
        return hint.__name__ if hint.__module__ == "builtins" else _path(hint)
    return str(hint).replace("typing.", "")


def _path(hint: type) -> str:
    return f"{hint.__module__}.{hint.__qualname__}"
