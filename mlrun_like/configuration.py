"""All settings: one table, one reader, one order (argument > environment > file > default).

A setting `a_b` is read from `MLRUN_LIKE_A_B`, else from the older names in its row (MLRun's, so
existing environments keep working), else from the YAML file `config.yaml` in the home folder (or
the file named by `MLRUN_LIKE_CONFIG_FILE`), else it has its default. No other module reads
`os.environ`; nothing is read when this module is imported.

>>> from mlrun_like.configuration import config
>>> config.default_project
'default'
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from mlrun_like.errors import ConfigError, nearest
from mlrun_like.settings import PATHS, SECRETS, SETTINGS, Setting
from mlrun_like.settings.file import read_settings

__all__ = [
    "ENV_PREFIX",
    "Config",
    "config",
    "environment",
    "environment_copy",
    "exchange_environment",
    "replace_environment",
    "restore_environment",
]

ENV_PREFIX = "MLRUN_LIKE_"

_ROWS = {row.name: row for row in SETTINGS}
_VARIABLES = {row.name: (ENV_PREFIX + row.name.upper(), *row.aliases) for row in SETTINGS}
_GROUPS = frozenset(path.partition(".")[0] for path in PATHS)
_EXPECTED = {
    str: "a text",
    bool: "yes or no",
    int: "a whole number, 0 or more",
    float: "a number, 0 or more",
}
_NOT_IN_FILE = ("home", "config_file")
_scope: ContextVar[tuple[Config, dict[str, Any]] | None] = ContextVar("settings", default=None)
"""Settings of this thread or task alone: see `Config.scoped`."""
_written: dict[str, tuple[str | None, str | None]] = {}
"""Variables that were changed here: what they were before, and what was written last."""
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


class Config:
    """The settings as attributes. Values set here (arguments) win over every other origin.

    Args:
        environ: The environment to read; by default the process's.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.__dict__["_environ"] = os.environ if environ is None else environ
        self.__dict__["_set"] = {}
        self.__dict__["_file"] = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _GROUPS:
            return _Group(self, name)
        return self.explain(name)[0]

    def __setattr__(self, name: str, value: Any) -> None:
        row = self._row(name)
        self._place(name)[name] = _cast(row, value, "the value set in code")

    def __dir__(self) -> list[str]:
        return sorted([*_ROWS, "explain", "override", "reload", "path"])

    def explain(self, name: str) -> tuple[Any, str]:
        """The value of a setting and where it came from.

        Raises:
            ConfigError: if there is no such setting or its value cannot be read.
        """
        row = self._row(name)
        place = self._place(name)
        if name in place:
            return place[name], "set in code"
        for variable in _VARIABLES[name]:
            text = self._environ.get(variable)
            if row.type is int and str(text).startswith("tcp://"):
                continue  # Kubernetes says where a Service is that is named like this setting
            if text is not None and (text or row.type is str):
                return _cast(row, text, f"environment variable {variable}"), variable
        if name not in _NOT_IN_FILE:
            values, path = self._read_file()
            if name in values:
                return _cast(row, values[name], f"file {path}"), str(path)
        return row.default, "default"

    def path(self, *parts: str) -> Path:
        """A path below the home folder (not created)."""
        return Path(self.home).expanduser().absolute().joinpath(*parts)

    def changed(self) -> dict[str, Any]:
        """Every setting that has not its default, except secrets: what another process needs."""
        named = set(self._environ)
        in_file, _ = self._read_file()
        values = {
            row.name: self.explain(row.name)
            for row in SETTINGS
            if row.name not in SECRETS
            and (
                row.name in self._place(row.name)
                or row.name in in_file
                or not named.isdisjoint(_VARIABLES[row.name])
            )
        }
        return {name: value for name, (value, origin) in values.items() if origin != "default"}

    def reload(self) -> None:
        """Forget values set in code and read the file anew."""
        self._set.clear()
        self.__dict__["_file"] = None

    @contextlib.contextmanager
    def override(self, **values: Any) -> Iterator[Config]:
        """Set values for the length of a `with` block.

        At its end a value that was set again meanwhile, maybe by another thread, stays.
        """
        places = {name: self._place(name) for name in values}
        before = {name: place[name] for name, place in places.items() if name in place}
        own: dict[str, Any] = {}
        try:
            for name, value in values.items():
                setattr(self, name, value)
                own[name] = places[name][name]
            yield self
        finally:
            for name, value in own.items():
                place = places[name]
                if place.get(name) is value:
                    del place[name]
                    place.update({name: before[name]} if name in before else {})

    @contextlib.contextmanager
    def scoped(self, values: dict[str, Any]) -> Iterator[Config]:
        """These settings are `values`' in a `with` block: in its thread or task, and no other.

        Args:
            values: By name; what the block sets of these names is kept here.
        """
        mark = _scope.set((self, values))
        try:
            yield self
        finally:
            _scope.reset(mark)

    def _place(self, name: str) -> dict[str, Any]:
        """Where a setting is kept that was set in code."""
        scope = _scope.get()
        ours = scope is not None and scope[0] is self and name in scope[1]
        found: dict[str, Any] = scope[1] if scope is not None and ours else self._set
        return found

    def _row(self, name: str) -> Setting:
        row = _ROWS.get(name)
        if row is None:
            raise ConfigError(
                f"there is no setting {name!r}.{nearest(name, _ROWS)}",
                fix="mlrun-like config explain   lists all settings",
            )
        return row

    def _read_file(self) -> tuple[dict[str, Any], Path]:
        named = self.config_file
        key = (named, self.home)
        if self._file is not None and self._file[2] == key:
            return self._file[0], self._file[1]
        path = Path(named).expanduser() if named else self.path("config.yaml")
        values: dict[str, Any] = {}
        if path.is_file():
            foreign = self.explain("config_file")[1] == "MLRUN_CONFIG_FILE"
            values = read_settings(path, _ROWS, foreign)
        elif named:
            raise ConfigError(
                f"config file {str(path)!r} does not exist",
                fix="create it or unset MLRUN_LIKE_CONFIG_FILE",
            )
        self.__dict__["_file"] = (values, path, key)
        return values, path


class _Group:
    """Settings under the dotted names that MLRun has for them."""

    def __init__(self, settings: Config, path: str) -> None:
        self.__dict__.update(_settings=settings, _path=path)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        path = f"{self._path}.{name}"
        if any(known.startswith(f"{path}.") for known in PATHS):
            return _Group(self._settings, path)
        return getattr(self._settings, self._setting(path))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._settings, self._setting(f"{self._path}.{name}"), value)

    def _setting(self, path: str) -> str:
        if path not in PATHS:
            raise ConfigError(
                f"there is no setting {path!r}.{nearest(path, PATHS)}",
                fix="mlrun-like config explain   lists all settings",
            )
        return PATHS[path]


def _cast(row: Setting, value: Any, origin: str) -> Any:
    shown = "***" if row.name in SECRETS else repr(value)
    try:
        if row.type is bool:
            if isinstance(value, bool):
                return value
            text = str(value).strip().lower()
            if text in _TRUE:
                return True
            if text in _FALSE:
                return False
            raise ValueError(text)
        if row.type is str:
            if not isinstance(value, (str, os.PathLike)):
                raise ValueError(value)
            return os.fspath(value)
        number = row.type(value)
        if not 0 <= number < math.inf:
            raise ValueError(value)
        return number
    except (TypeError, ValueError, OverflowError) as exc:
        raise ConfigError(
            f"setting {row.name!r} cannot be {shown}: {_EXPECTED[row.type]} expected",
            where=origin,
            fix=f"for example {ENV_PREFIX}{row.name.upper()}={row.default!r}",
        ) from exc


def environment(name: str, default: str | None = None) -> str | None:
    """An environment variable that belongs to somebody else (a credential, a rank, a user name).

    The only other reader of the environment, so that tests can forbid `os.environ` elsewhere.
    """
    return os.environ.get(name, default)


def environment_copy() -> dict[str, str]:
    """All environment variables, to start a process with."""
    return dict(os.environ)


def replace_environment(values: Mapping[str, str]) -> None:
    """Make `values` the whole environment of this process, which is about to become a run's."""
    os.environ.clear()
    _written.clear()
    os.environ.update(values)


def exchange_environment(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Set variables of this process (None: remove) and give what they were before.

    What is given back puts things as they were, with this same function.
    """
    before = {name: os.environ.get(name) for name in values}
    for name, value in values.items():
        _written[name] = (_written.get(name, (before[name],))[0], value)
        if value is None:
            os.environ.pop(name, None)
        elif before[name] != value:
            os.environ[name] = value
    return before


def restore_environment() -> None:
    """Undo every `exchange_environment` of this process whose value still stands."""
    written = dict(_written)
    _written.clear()
    for name, (before, value) in written.items():
        if os.environ.get(name) == value and before is not None:
            os.environ[name] = before
        elif os.environ.get(name) == value:
            os.environ.pop(name, None)


config = Config()
