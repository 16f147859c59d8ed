"""What a class or function name in a graph definition means."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from mlrun_like import registry
from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.functions.older_steps import OlderSteps
from mlrun_like.serving.definition.registered import REGISTERED, registered_path

__all__ = [
    "Apart",
    "import_name",
    "is_plain_function",
    "local_name",
    "namespaces_of",
    "resolve",
    "resolve_function",
    "taken_apart",
]

_HUB = "hub://"
_STEP_VALUES = ("input_path", "result_path", "full_event")


class Apart(NamedTuple):
    """How an object that serves as a definition was made.

    Args:
        found: Its class.
        name: The step's name, or an empty string.
        values: Attributes of the step: input_path, result_path, full_event.
        arguments: Other arguments of the class.
    """

    found: type
    name: str
    values: Mapping[str, Any]
    arguments: Mapping[str, Any]


def taken_apart(target: object) -> Apart | None:
    """How an object was made, if it says so by `as_step` or MLRun's `to_dict`; else None.

    Each server then makes an object of its own, with its own context.
    """
    if isinstance(target, type):
        return None
    as_step = getattr(target, "as_step", None)
    if callable(as_step) and not isinstance(target, OlderSteps):  # a function's adds a step
        return Apart(*as_step())
    to_dict = getattr(target, "to_dict", None)
    document = to_dict() if callable(to_dict) and not callable(target) else None
    if not isinstance(document, Mapping) or "class_name" not in document:
        return None
    # storey's steps leave functions out of their documents
    given: Mapping[str, Any] = getattr(target, "arguments", dict)()
    functions = {key: value for key, value in given.items() if callable(value)}
    values = {key: document[key] for key in _STEP_VALUES if document.get(key)}
    arguments = {**(document.get("class_args") or {}), **functions}
    return Apart(type(target), document.get("name") or "", values, arguments)


def import_name(target: object) -> str:
    """The dotted path by which `resolve` finds a class or function again, or an empty string.

    >>> import_name(abs)
    'builtins.abs'
    """
    module = getattr(target, "__module__", None)
    name = getattr(target, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or not name.isprintable():
        return ""
    if "<" in name:  # a lambda, or defined inside a function
        return ""
    return name if module == "__main__" else f"{module}.{name}"


def local_name(target: object) -> str:
    """What a step is called when it has no name of its own.

    >>> local_name("pkg.steps.Clean")
    'Clean'
    """
    if not isinstance(target, str):
        target = getattr(target, "__name__", None) or type(target).__name__
    if target.startswith("("):
        return "expression"
    if target.startswith(_HUB):  # hub://source/name:version
        return target.rpartition("/")[2].partition(":")[0]
    return str(target).rpartition("::")[0].rpartition(".")[2] or (
        str(target).rpartition(".")[2].strip("<>$")
    )


def is_plain_function(target: object) -> bool:
    """Whether a thing given as a class is a function: called as it is, nothing is created."""
    if isinstance(target, functools.partial):
        return True
    return (
        callable(target)
        and not isinstance(target, type)
        and hasattr(target, "__name__")
        and not any(hasattr(target, name) for name in ("do", "do_event", "process"))
    )


def namespaces_of(namespace: object) -> list[Mapping[str, Any]]:
    """Modules, dictionaries, or a list of them, as dictionaries.

    Raises:
        InvalidArgumentError: if it is something else.
    """
    if namespace is None:
        return []
    if isinstance(namespace, Mapping):
        return [namespace]
    if isinstance(namespace, ModuleType):
        return [vars(namespace)]
    if isinstance(namespace, Sequence) and not isinstance(namespace, str):
        return [found for item in namespace for found in namespaces_of(item)]
    raise InvalidArgumentError(
        f"namespace cannot be {namespace!r:.80}",
        fix="pass a module, a dictionary such as globals(), or a list of them",
    )


def resolve(name: str, namespaces: Sequence[Mapping[str, Any]]) -> Any:
    """The object a name stands for: in the namespaces, else registered, else by import.

    `hub://<name>` is a step of a catalogue.

    A registered dotted name (`storey.Filter`) is ours even where a module `storey` is at hand.

    >>> resolve("math.sqrt", [])(9)
    3.0

    Raises:
        NotFoundError: if there is none; the message says which part is missing.
    """
    if name.startswith(_HUB):
        return registry.resolve("mlrun_like.marketplace.importing:import_step")(name)
    first, *rest = name.split(".")
    for space in namespaces:
        if first in space and not (rest and isinstance(space[first], ModuleType)):
            return _attribute(space[first], rest, name)
    registered = registered_path(name)
    if registered:
        return registry.resolve(registered)
    for space in namespaces:
        if first in space:
            return _attribute(space[first], rest, name)
    if not rest:
        known = [key for space in namespaces for key in space if not key.startswith("__")]
        known += REGISTERED
        raise NotFoundError(
            f"there is no {name!r} in the calling module.{nearest(name, known)}",
            fix="define it there, pass the object itself, or write its dotted path",
        )
    return _import(name)


def resolve_function(name: str, namespaces: Sequence[Mapping[str, Any]]) -> Any:
    """A function by its name, or from an expression of `event` in parentheses.

    >>> resolve_function("(event['x'] > 5)", [])({"x": 6})
    True

    Raises:
        NotFoundError: if there is none, or the expression is not one.
    """
    text = name.strip()
    if text.startswith("lambda"):
        raise NotFoundError(
            f"{name!r:.120} is no name: write the expression of event alone, in parentheses",
            fix="such as \"(event['x'] > 5)\"",
        )
    if not text.startswith("("):
        return resolve(text, namespaces)
    try:
        code = compile(f"lambda event: {text}", "<expression of a graph>", "eval")
    except (SyntaxError, ValueError) as exc:
        raise NotFoundError(
            f"{name!r:.120} is not an expression: {exc}", fix="such as \"(event['x'] > 5)\""
        ) from exc
    names: dict[str, Any] = {}
    for space in reversed(namespaces):
        names.update(space)
    return eval(code, names)  # the graph's author wrote it, as MLRun's graphs do


def _import(name: str) -> Any:
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise NotFoundError(f"{name!r} is not a dotted path", fix="such as 'package.module.Class'")
    module = None
    for count in range(1, len(parts)):
        path = ".".join(parts[:count])
        try:
            if module is not None and (
                hasattr(module, parts[count - 1]) and not hasattr(module, "__path__")
            ):
                break
            if importlib.util.find_spec(path) is None:
                break
            module = importlib.import_module(path)
        except Exception as exc:
            if module is not None and isinstance(exc, ModuleNotFoundError) and exc.name == path:
                break
            raise NotFoundError(f"importing {path!r} failed: {type(exc).__name__}: {exc}") from exc
    else:
        count = len(parts)
    if module is None:
        raise NotFoundError(
            f"there is no module {parts[0]!r} for {name!r}."
            f"{nearest(name.rpartition('.')[2], REGISTERED)}",
            fix="install it, or put its folder on the Python path",
        )
    loaded = module.__name__.count(".") + 1
    return _attribute(module, parts[loaded:], name)


def _attribute(found: Any, rest: Sequence[str], name: str) -> Any:
    for part in rest:
        try:
            found = getattr(found, part)
        except AttributeError as exc:
            owner = getattr(found, "__name__", repr(found))
            raise NotFoundError(
                f"{owner!r} has no {part!r} (for {name!r}).{nearest(part, dir(found))}"
            ) from exc
    return found
