"""Which packer handles which value: built-in ones, plug-ins and registered ones by priority.

The packers of a library are loaded when a value or a hint of that library is met, so packing a
number imports nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
import typing
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlrun_like import registry
from mlrun_like.artifacts import typehints
from mlrun_like.artifacts.packager import Packager
from mlrun_like.artifacts.packer import Packer
from mlrun_like.artifacts.ports import Item, PackingWarning
from mlrun_like.errors import InvalidArgumentError, UnknownNameError

__all__ = [
    "for_packing",
    "for_unpacking",
    "has_registered",
    "lent_packers",
    "named",
    "register_packer",
    "unregister_packer",
]

_BUILT_IN_PRIORITY, _CUSTOM_PRIORITY = 5, 3
_default = Packer()
_lock = threading.RLock()
_loaded: set[str] = set()
_packers: list[Packager] = []
_registered: list[Packager] = []
_lent: Counter[type[Packager]] = Counter()


def register_packer(packer: type[Packager] | str, mandatory: bool = False) -> list[type[Packager]]:
    """Use a packer of your own from now on, before the built-in ones (priority 3 unless it says).

    Args:
        packer: The class, its dotted path, or `"module.*"` for all packers a module defines. A
            later registration goes before an earlier one of the same priority.
        mandatory: Whether a path that cannot be imported is an error; otherwise it is a warning.

    Returns:
        The classes that are registered now.

    Raises:
        InvalidArgumentError: if it is not a `Packager`, its priority is not from 1 to 10, or
            (mandatory only) it cannot be imported.
    """
    made = _collect(packer, mandatory)
    _register(made)
    return [type(one) for one in made]


@contextlib.contextmanager
def lent_packers(rows: Iterable[tuple[type[Packager] | str, bool]]) -> Iterator[None]:
    """Use packers for a while; several such whiles may overlap, in threads.

    Args:
        rows: As for `register_packer`. One that is registered already stays so afterwards.
    """
    made = [one for packer, mandatory in rows for one in _collect(packer, mandatory)]
    lent = []
    with _lock:
        for one in made:
            cls = type(one)
            if cls in _lent or all(type(other) is not cls for other in _registered):
                _lent[cls] += 1
                lent.append(cls)
        _register(made)
    try:
        yield
    finally:
        with _lock:
            for cls in lent:
                _lent[cls] -= 1
                if not _lent[cls]:
                    del _lent[cls]
                    unregister_packer(cls)


def _collect(packer: type[Packager] | str, mandatory: bool) -> list[Packager]:
    try:
        found = _find(packer) if isinstance(packer, str) else [packer]
        return [_make(cls, _CUSTOM_PRIORITY) for cls in found]
    except InvalidArgumentError as exc:
        if mandatory or not isinstance(packer, str):
            raise
        warnings.warn(f"packer {packer!r} is not used: {exc.what}", PackingWarning, stacklevel=3)
        return []


def _register(made: Iterable[Packager]) -> None:
    with _lock:
        for one in made:
            unregister_packer(type(one))
            _registered.append(one)
            _insert(one)


def unregister_packer(packer: type[Packager]) -> None:
    """Forget a registered packer; unknown ones are ignored."""
    with _lock:
        for one in [one for one in _registered if type(one) is packer]:
            _registered.remove(one)
            _packers.remove(one)


def has_registered() -> bool:
    """Whether anybody registered a packer in this process."""
    return bool(_registered)


def _insert(packer: Packager) -> None:
    _packers.insert(0, packer)
    _packers.sort(key=lambda one: int(one.priority))


def _find(path: str) -> list[Any]:
    module_name, _, name = path.rpartition(".")
    fix = 'write "module.Class" or "module.*"'
    if not module_name:
        raise InvalidArgumentError(f"packer {path!r} has no module", fix=fix)
    try:
        module = importlib.import_module(module_name)
    except ImportError as exc:
        raise InvalidArgumentError(
            f"The packager {name!r} could not be collected from the module {module_name!r}: {exc}",
            fix="make the module importable, or register it without mandatory=True",
        ) from exc
    if name == "*":
        members = [value for key, value in vars(module).items() if not key.startswith("_")]
        return [
            member
            for member in members
            if isinstance(member, type)
            and issubclass(member, Packager)
            and member.__module__ == module.__name__
        ]
    if not hasattr(module, name):
        raise InvalidArgumentError(
            f"The packager {name!r} could not be collected as it does not exist in the module "
            f"{module_name!r}",
            fix=fix,
        )
    return [getattr(module, name)]


def _make(cls: Any, default: int) -> Packager:
    if not (isinstance(cls, type) and issubclass(cls, Packager)):
        raise InvalidArgumentError(
            f"The packager {getattr(cls, '__name__', cls)!r} could not be collected as it is not "
            "a subclass of Packer",
            fix="class MyPackager(Packer): ...",
        )
    packer = cls()
    priority = packer.PRIORITY if packer.priority is ... else packer.priority
    packer.priority = default if priority is ... else priority
    whole = isinstance(packer.priority, int) and not isinstance(packer.priority, bool)
    if not whole or not 1 <= packer.priority <= 10:
        raise InvalidArgumentError(
            f"priority {priority!r} of {cls.__name__} must be a whole number from 1 to 10"
        )
    return packer


def _load(name: str, priority: int) -> None:
    with _lock:
        if name in _loaded:
            return
        found = registry.load("packers", name)
        classes = [found] if isinstance(found, type) else list(found)
        present = {type(one) for one in _packers}
        for cls in reversed([cls for cls in classes if cls not in present]):
            _insert(_make(cls, priority))
        _loaded.add(name)


def _load_for(roots: Iterable[str]) -> None:
    built_in = registry.BUILT_IN["packers"]
    for root in roots:
        if root in built_in:
            _load(root, _BUILT_IN_PRIORITY)
    for name in registry.known("packers"):
        if name not in built_in:
            _load(name, _CUSTOM_PRIORITY)


def _roots_of_type(kind: Any) -> Iterator[str]:
    yield "builtins"
    for base in getattr(typehints.origin(kind), "__mro__", ()):
        yield base.__module__.partition(".")[0]
    for inner in typing.get_args(kind):
        yield from _roots_of_type(inner)


def _roots_of_value(value: Any) -> Iterator[str]:
    yield from _roots_of_type(type(value))
    if type(value) in (list, tuple) and value:
        yield from _roots_of_type(type(value[0]))
    elif isinstance(value, Mapping) and value:
        yield from _roots_of_type(type(next(iter(value.values()))))


def for_packing(value: Any, artifact_type: str, instructions: Mapping[str, Any]) -> Packager:
    """The packer that logs a value as an artifact type ("": as its default).

    Raises:
        InvalidArgumentError: if no packer offers that type for that value.
    """
    _load_for(_roots_of_value(value))
    packers = [*_packers, _default]
    for packer in packers:
        if packer.is_packable(value, artifact_type or None, instructions):
            return packer
    offered: dict[str, None] = {}
    for packer in packers:
        if packer.is_packable(value):
            offered.update(dict.fromkeys(packer.get_supported_packing_artifact_types()))
    raise InvalidArgumentError(
        f"{typehints.describe(type(value))} cannot be logged as {artifact_type!r}",
        fix=f"use one of: {', '.join(offered)}",
    )


def for_unpacking(item: Item, option: Any, artifact_type: str = "") -> Packager:
    """The packer that makes an input into a type; the pickling one when there is no other."""
    _load_for(_roots_of_type(option))
    for packer in _packers:
        if packer.is_unpackable(item, option, artifact_type or None):
            return packer
    return _default


def named(name: str, object_type: str) -> Packager | None:
    """The packer of that class name, which once packed an object of that type."""
    _load_for(["builtins", object_type.partition(".")[0]])
    built_in = registry.BUILT_IN["packers"]
    for packer in [*_packers, _default]:
        if name == type(packer).__name__:
            return packer
    for row in built_in:  # a list of arrays is a `list` packed by another library's packer
        try:
            _load(row, _BUILT_IN_PRIORITY)
        except (ImportError, UnknownNameError):
            continue
        for packer in _packers:
            if name == type(packer).__name__:
                return packer
    return None
