"""What steps remember, as bytes: so that an ingestion goes on where a process was killed.

A step may have `get_state()` and `set_state(state)`. Of other steps the attributes that are data
and differ from those of a new step are kept. Reading makes no objects but data and those of the
steps' own modules.
"""

from __future__ import annotations

import importlib
import io
import pickle
import zlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.protocol import Step

__all__ = ["dump_states", "load_states", "remember_new"]

_MAGIC = b"MLTS1"
_NEW = "_state_when_new"
_NOT_DATA = frozenset({
    "lock", "turn", "emit", "outlets", "context", "name", "logger", "_given", "_timer", "_began",
    _NEW,
})  # fmt: skip
_ALLOWED: Mapping[str, frozenset[str]] = {
    "builtins": frozenset({
        "set", "frozenset", "bytearray", "complex", "range", "slice",
        "int", "float", "str", "bool", "list", "dict", "tuple", "bytes",
    }),
    "collections": frozenset({"deque", "OrderedDict", "Counter", "defaultdict"}),
    "datetime": frozenset({"datetime", "date", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "uuid": frozenset({"UUID", "SafeUUID"}),
    "zoneinfo": frozenset({"ZoneInfo", "ZoneInfo._unpickle"}),
    "numpy": frozenset({"dtype", "ndarray"}),
    "numpy._core.multiarray": frozenset({"scalar", "_reconstruct"}),
    "numpy.core.multiarray": frozenset({"scalar", "_reconstruct"}),
    "numpy._core.numeric": frozenset({"_frombuffer"}),
    "pandas._libs.tslibs.timestamps": frozenset({"_unpickle_timestamp"}),
    "pandas._libs.tslibs.timedeltas": frozenset({"_timedelta_unpickle", "Timedelta"}),
    "pandas._libs.tslibs.nattype": frozenset({"_nat_unpickle"}),
    "pandas._libs.missing": frozenset({"NA", "NAType"}),
    "mlrun_like.serving.event": frozenset({"Event"}),
    "mlrun_like.feature_store.steps.running": frozenset({"Running"}),
}  # fmt: skip


def remember_new(steps: Mapping[str, Any]) -> None:
    """Note how steps are when they are new; called before the first row."""
    for made in steps.values():
        if isinstance(made, Step) and not hasattr(made, "get_state"):
            vars(made)[_NEW] = _data_of(made, _modules(steps))


def dump_states(steps: Mapping[str, Any], more: Mapping[str, Any]) -> bytes:
    """The states of steps by name, and more data.

    Raises:
        InvalidArgumentError: if what a step's `get_state()` gives cannot be written.
    """
    modules = _modules(steps)
    states: dict[str, Any] = {}
    for name, made in steps.items():
        if hasattr(made, "get_state"):
            try:
                states[name] = ("own", _dumped(made.get_state(), modules))
            except _NOT_WRITABLE as exc:
                raise InvalidArgumentError(
                    f"get_state() gave something that cannot be kept: {exc}",
                    where=f"step {name!r}",
                    fix="give dictionaries, lists, texts, numbers and times",
                ) from exc
        elif isinstance(made, Step):
            new = vars(made).get(_NEW, {})
            now = _data_of(made, modules)
            lost = sorted(set(new) - set(now))
            if lost:
                raise InvalidArgumentError(
                    f"the attribute {lost[0]!r} now holds something that cannot be kept: "
                    f"{vars(made).get(lost[0])!r:.120}",
                    where=f"step {name!r}",
                    fix="keep data, or give the step get_state() and set_state(state)",
                )
            changed = {key: data for key, data in now.items() if new.get(key) != data}
            if changed:
                states[name] = ("attributes", changed)
    body = _dumped({"steps": states, "more": _without_dtypes(more)}, modules)
    return _MAGIC + zlib.crc32(body).to_bytes(4, "little") + body


def load_states(steps: Mapping[str, Any], data: bytes) -> dict[str, Any]:
    """Give steps the states that `dump_states` wrote; returns the further data.

    Raises:
        InvalidArgumentError: if it is damaged, or a step of it is not there.
    """
    start = len(_MAGIC) + 4
    body = data[start:]
    if (
        data[: len(_MAGIC)] != _MAGIC
        or zlib.crc32(body).to_bytes(4, "little") != data[len(_MAGIC) : start]
    ):
        raise InvalidArgumentError(
            f"the stored state of the steps is damaged ({len(data)} bytes)",
            fix="ingest again from the beginning (overwrite=True)",
        )
    modules = _modules(steps)
    held = _loaded(body, modules)
    gone = sorted(set(held["steps"]) - set(steps))
    if gone:
        raise InvalidArgumentError(
            f"the stored state has steps that the feature set has not: {', '.join(gone)}",
            fix="use the definition that the ingestion began with, or begin again",
        )
    for name, (kind, state) in held["steps"].items():
        made = steps[name]
        if kind == "own":
            made.set_state(_loaded(state, modules))
        else:
            for key, value in state.items():
                vars(made)[key] = _loaded(value, modules)
    return _with_dtypes(held["more"])


def _without_dtypes(more: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(more)
    found["like"] = {
        output: {name: str(dtype) for name, dtype in dtypes.items()}
        for output, dtypes in more["like"].items()
    }
    return found


def _with_dtypes(more: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, dict[Any, Any]] = {}
    for output, dtypes in more["like"].items():
        made[output] = {name: pd.api.types.pandas_dtype(text) for name, text in dtypes.items()}
    more["like"] = made
    return more


def _modules(steps: Mapping[str, Any]) -> frozenset[str]:
    """The modules whose classes states may have: users' own."""
    names = {type(made).__module__ for made in steps.values() if made is not None}
    return frozenset(name for name in names if not name.startswith(("mlrun_like.", "builtins")))


def _data_of(made: Any, modules: frozenset[str]) -> dict[str, bytes]:
    """The attributes of a step that are data, written."""
    found = {}
    for key, value in vars(made).items():
        if key in _NOT_DATA or callable(value):
            continue
        try:
            found[key] = _dumped(value, modules)
        except _NOT_WRITABLE:  # a lock, a file, another step: not data
            continue
    return found


_NOT_WRITABLE = (
    pickle.PicklingError, TypeError, AttributeError, RecursionError, ValueError,
    NotImplementedError,
)  # fmt: skip


class _Writer(pickle.Pickler):
    def __init__(self, file: Any, modules: frozenset[str]) -> None:
        super().__init__(file, protocol=4)
        self._modules = modules

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type) or callable(value):
            module, name = value.__module__, getattr(value, "__qualname__", "")
            own = isinstance(value, type) and module in self._modules
            if not own and name not in _ALLOWED.get(module, ()):
                raise pickle.PicklingError(f"{module}.{name} is not data")
            return NotImplemented
        kind = type(value)
        module = kind.__module__
        if (
            module in self._modules
            or kind.__qualname__ in _ALLOWED.get(module, ())
            or module.partition(".")[0] in ("numpy", "pandas", "builtins")
        ):
            return NotImplemented
        raise pickle.PicklingError(f"{kind.__qualname__} is not data")


class _Reader(pickle.Unpickler):
    def __init__(self, file: Any, modules: frozenset[str]) -> None:
        super().__init__(file)
        self._modules = modules

    def find_class(self, module: str, name: str) -> Any:
        if name in _ALLOWED.get(module, ()):
            return super().find_class(module, name)
        if (module, name) == ("copyreg", "_reconstructor"):
            return super().find_class(module, name)
        if (module, name) == ("builtins", "object"):
            return object
        if module in self._modules and name.isidentifier():
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not data")


def _dumped(value: Any, modules: frozenset[str]) -> bytes:
    file = io.BytesIO()
    _Writer(file, modules).dump(value)
    return file.getvalue()


def _loaded(data: bytes, modules: frozenset[str]) -> Any:
    try:
        return _Reader(io.BytesIO(data), modules).load()
    except Exception as exc:  # reading damaged bytes may raise anything
        raise InvalidArgumentError(
            f"the stored state of the steps cannot be read: {exc}",
            fix="ingest again from the beginning (overwrite=True)",
        ) from exc
