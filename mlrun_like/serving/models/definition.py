"""Objects that remember how they were made, so that graphs can write them down."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from mlrun_like.registry import resolve
from mlrun_like.serving.engine.failures import as_mlrun

__all__ = ["Definable"]

_OLDER_MODULE = "mlrun_like.compat.adapted.serving.standing:module_of"

_INJECTED = frozenset({"context", "routes", "graph_step", "full_event"})


class Definable:
    """An object that serves as the definition of a step: `graph.to(MyModel(factor=2))`.

    >>> class Greeter(Definable):
    ...     def __init__(self, name="", word="hello", **class_args):
    ...         pass
    >>> Greeter("g", word="hi", loud=True).to_dict()["class_args"]
    {'word': 'hi', 'loud': True}
    """

    step_kind: ClassVar[str] = ""
    """The kind of step that `to_dict` writes; empty: an ordinary one."""
    _given: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Keep the arguments, whatever a subclass does with them."""
        made: Any = super().__new__(cls)
        made._given = (args, kwargs)
        return made

    def as_step(self) -> tuple[type, str, dict[str, Any], dict[str, Any]]:
        """The class, the name, the paths and the other arguments that make an equal object."""
        args, kwargs = self._given
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        values: dict[str, Any] = {}
        for key, value in list(bound.arguments.items())[1:]:
            kind = bound.signature.parameters[key].kind
            values |= value if kind is inspect.Parameter.VAR_KEYWORD else {key: value}
        name = values.pop("name", None) or ""
        paths = {
            key: found for key in ("input_path", "result_path") if (found := values.pop(key, None))
        }
        arguments = {
            key: value
            for key, value in values.items()
            if key not in _INJECTED and value is not None and not _is_empty(value)
        }
        return type(self), name, paths, arguments

    def to_dict(self) -> dict[str, Any]:
        """The step's definition: class_name, name, class_args, and paths if there are any."""
        cls, name, paths, arguments = self.as_step()
        path, module = cls.__qualname__, cls.__module__
        if as_mlrun():
            module = resolve(_OLDER_MODULE)(cls)
            if protocol := getattr(self, "protocol", ""):
                arguments.setdefault("protocol", protocol)
        document: dict[str, Any] = {
            "class_name": path if module in ("__main__", "builtins") else f"{module}.{path}",
            "name": name or getattr(self, "name", "") or cls.__name__,
        }
        if self.step_kind:
            document["kind"] = self.step_kind
        return {**document, **paths, "class_args": arguments}


def _is_empty(value: Any) -> bool:
    return isinstance(value, str) and not value
