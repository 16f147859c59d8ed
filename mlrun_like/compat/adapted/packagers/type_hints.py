"""`TypeHintUtils`: questions about type hints, over `artifacts.typehints`."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from typing import Any

from mlrun_like.artifacts import typehints
from mlrun_like.errors import InvalidArgumentError

__all__ = ["TypeHintUtils"]

_MODULES = ("typing", "types")
_ALIASES = (types.GenericAlias, type(list[int]), type(typing.List[int]))  # noqa: UP006
_WRAPPERS = (typing.Annotated, typing.Final, typing.ClassVar)


class TypeHintUtils:
    """What a type hint is and which types it stands for."""

    @staticmethod
    def is_typing_type(type_hint: Any) -> bool:
        """Whether a hint is more than a plain class, such as `list[int]` or `Optional[str]`."""
        if type_hint is ...:
            return False
        own = getattr(type_hint, "__module__", "")
        return own in _MODULES or type(type_hint).__module__ in _MODULES

    @staticmethod
    def is_pure_hint(type_hint: Any) -> bool:
        """Whether no object can have exactly that type, as with a union."""
        return TypeHintUtils.is_typing_type(type_hint) and type(type_hint) not in _ALIASES

    @staticmethod
    def parse_type_hint(type_hint: Any) -> Any:
        """The type that a text stands for; a type is returned as it is.

        Raises:
            InvalidArgumentError: if there is none.
        """
        if not isinstance(type_hint, str):
            return type_hint
        try:
            return typehints.resolve(type_hint)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(_told(type_hint, exc), where=exc.where, fix=exc.fix) from exc

    @staticmethod
    def is_matching(
        object_type: Any,
        type_hint: Any,
        include_subclasses: bool = True,
        reduce_type_hint: bool = True,
    ) -> bool:
        """Whether an object of that type fits a hint, or one of a set of hints."""
        hints = type_hint if isinstance(type_hint, set) else {type_hint}
        plain = isinstance(object_type, type) and not TypeHintUtils.is_typing_type(object_type)
        while hints:
            for hint in hints:
                if object_type == hint:
                    return True
                is_class = isinstance(hint, type) and not TypeHintUtils.is_typing_type(hint)
                if include_subclasses and plain and is_class and issubclass(object_type, hint):
                    return True
            if not reduce_type_hint:
                return False
            hints = TypeHintUtils.reduce_type_hint(hints)
        return False

    @staticmethod
    def deconstruct_type_hint(type_hint: Any) -> tuple[Any, Any]:
        """`list[int]` as `(list, (int,))`; without arguments the second is
        `inspect.Parameter.empty`."""
        base = typing.get_origin(type_hint)
        if base is None:
            return type_hint, inspect.Parameter.empty
        arguments = tuple(one for one in typing.get_args(type_hint) if one is not ...)
        return base, arguments or inspect.Parameter.empty

    @staticmethod
    def reduce_type_hint(type_hint: Any) -> set[Any]:
        """The simpler hints that a hint, or each of a set, stands for; a class has none."""
        hints = type_hint if isinstance(type_hint, set) else {type_hint}
        return {simpler for hint in hints for simpler in _reduced(hint)}


def _reduced(hint: Any) -> list[Any]:
    if not TypeHintUtils.is_typing_type(hint):
        return []
    if isinstance(hint, typing.TypeVar):
        return list(hint.__constraints__)
    if isinstance(hint, typing.ForwardRef):
        module = hint.__forward_module__
        prefix = "" if module is None else f"{getattr(module, '__name__', module)}."
        try:
            return [typehints.resolve(f"{prefix}{hint.__forward_arg__}")]
        except InvalidArgumentError:
            return []
    base, arguments = typing.get_origin(hint), typing.get_args(hint)
    if base is None:
        return []
    if base is collections.abc.Callable:
        return [base]
    if base is typing.Literal:
        return [type(value) for value in arguments]
    if base in (typing.Union, types.UnionType):
        return list(arguments)
    return [arguments[0]] if base in _WRAPPERS else [base]


def _told(hint: str, exc: InvalidArgumentError) -> str:
    """What is wrong with a hint, in the words that MLRun's callers look for."""
    if not all(part.isidentifier() for part in hint.split(".")):
        return exc.what
    module, _, name = hint.rpartition(".")
    begin = f"MLRun tried to get the type hint '{name}'"
    if not module:
        return (
            f"{begin} but it can't as it is not a valid builtin Python type (one of `list`, "
            "`dict`, `str`, `int`, etc.) nor a locally declared type (from the `__main__` module)."
        )
    if isinstance(exc.__cause__, ImportError):
        return f"{begin} but the module '{module}' cannot be imported."
    if isinstance(exc.__cause__, AttributeError):
        return f"{begin} from the module '{module}' but it seems it doesn't exist."
    return exc.what
