"""Classes that stand for ours: calling one makes one of ours, and `isinstance` knows both.

And where MLRun has a class of ours, for steps that are written down.
"""

from __future__ import annotations

from typing import Any

from mlrun_like.compat.table import rows_of

__all__ = ["Standing", "module_of"]

_ROUTERS = "mlrun.serving.routers"
_MODULES = {"V2ModelServer": "mlrun.serving.v2_serving"}


def module_of(kind: type) -> str:
    """The module in which MLRun has a class of ours; a class of a user: its own.

    >>> module_of(int)
    'builtins'
    """
    row = f"{kind.__module__}:{kind.__qualname__}"
    module = _MODULES.get(kind.__name__, _ROUTERS)
    return module if row in (rows_of(module) or {}).values() else kind.__module__


class Standing(type):
    """The metaclass of a class that stands for another one (its attribute `ours`).

    A class of it has `make`, with MLRun's arguments; subclasses of users are classes of their own.

    >>> class Text(metaclass=Standing):
    ...     ours = str
    ...     @staticmethod
    ...     def make(size):
    ...         return "x" * size
    >>> Text(3), isinstance("a", Text)
    ('xxx', True)
    """

    ours: type
    make: Any

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "make" in vars(cls):
            return cls.make(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        if "make" in vars(cls):
            return isinstance(instance, cls.ours)
        return super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if "make" in vars(cls):
            return issubclass(subclass, cls.ours)
        return super().__subclasscheck__(subclass)
