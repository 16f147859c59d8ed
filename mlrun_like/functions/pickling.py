"""How a Function travels to another process by pickle.

It goes by its name, as any function does, wherever that name can be imported. A function of
`__main__` (a script, a notebook) cannot be found like that by joblib or Dask, so it hands over the
plain function inside: cloudpickle, which they use, takes that along by value, while pickle itself,
which multiprocessing uses, still finds it by name in the same program.
"""

from __future__ import annotations

import copyreg
import functools
import sys
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like.functions.function import Function

__all__ = ["reduce_function", "restore_function", "twin_of"]

_TWIN = "._twin"


def reduce_function(function: Function[..., Any], protocol: int) -> Any:
    """What `__reduce_ex__` of a function with a live handler gives."""
    handler: Any = function._handler
    name = getattr(handler, "__qualname__", "")
    module = sys.modules.get(getattr(handler, "__module__", None) or "")
    held = getattr(module, name, None)
    if held is function or getattr(held, "__dict__", None) is function.__dict__:
        if getattr(module, "__name__", "") != "__main__" or protocol < 4:
            return name
        handler = function._twin
    # The state comes after the object, so that a handler which calls itself finds it.
    state = (handler, function._options, function._document)
    return copyreg.__newobj__, (type(function),), state  # type: ignore[attr-defined]


def restore_function(function: Function[..., Any], state: tuple[Any, Any, Any]) -> None:
    """What `__setstate__` does."""
    handler, options, document = state
    name = getattr(handler, "__qualname__", "")
    if name.endswith(_TWIN):
        name = name.removesuffix(_TWIN)
        live = getattr(sys.modules.get("__main__"), name, None)
        if getattr(live, "_twin", None) is handler:  # found by name: this is that function
            function.__dict__ = live.__dict__
            return
        handler.__qualname__ = name
    type(function).__init__(function, handler, options, document)


def twin_of(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a function whose name says where pickle finds it: in the Function around it."""
    if not isinstance(handler, FunctionType):
        return handler
    twin = FunctionType(
        handler.__code__,
        handler.__globals__,
        handler.__name__,
        handler.__defaults__,
        handler.__closure__,
    )
    functools.update_wrapper(twin, handler)
    twin.__dict__.pop("__wrapped__")
    if hasattr(handler, "__wrapped__"):
        twin.__dict__["__wrapped__"] = handler.__wrapped__
    twin.__kwdefaults__ = handler.__kwdefaults__
    twin.__qualname__ += _TWIN
    return twin
