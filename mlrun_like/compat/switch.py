"""The switch itself: on, off, and forgetting what a process has gathered."""

from __future__ import annotations

import importlib.util
import sys

from mlrun_like.compat.env_file import read_user_file, undo_user_file
from mlrun_like.compat.finder import AliasFinder, AliasModule
from mlrun_like.compat.known import PACKAGES, STAND_INS
from mlrun_like.configuration import (
    config,
    environment,
    exchange_environment,
    restore_environment,
)
from mlrun_like.errors import ConflictError

__all__ = ["VARIABLE", "install", "install_if_asked", "installed", "reset", "uninstall"]

VARIABLE = "MLRUN_LIKE_COMPAT"
"""`1` in the environment installs the switch when Python starts."""

_FORGET = (
    "mlrun_like.artifacts.profiles:forget_profiles",
    "mlrun_like.compat.adapted.datastore.stores:forget",
    "mlrun_like.runs.session:end_sessions",
    "mlrun_like.projects.current:set_current_project",
    "mlrun_like.tracking.remote.credentials:forget_tokens",
    "mlrun_like.streams.memory:forget_streams",
    "mlrun_like.tracking.clients:forget_logins",
    "mlrun_like.tracking.connect:close_stores",
    "mlrun_like.compat.adapted.client.config:forget",
)
"""Called, without arguments, if their modules were imported."""

_AS_MLRUN = {
    "MLRUN_PACKAGERS__AUTO_UNPACK_INPUTS": "false",
    "MLRUN_LIKE_FULL_RUN_NAMES": "true",
    "MLRUN_LIKE_STRICT_ARGUMENTS": "false",
}
"""Settings that old code expects to be otherwise; what the environment says is left alone."""

_finder = AliasFinder(PACKAGES)
_last = AliasFinder(STAND_INS)


def install(*, quiet: bool = False) -> None:
    """Make `import mlrun`, `mlrun.<module>`, `storey` and `nuclio` mean this product.

    Processes that are started from here have the switch too. Calling it again does nothing. The
    variables of the file that `mlrun config set` writes are set, as MLRun does on import.

    Args:
        quiet: Do not tell (on stderr) that a real package of such a name is installed and not used.

    Raises:
        ConflictError: if the real package was imported already.
        InvalidArgumentError: if that file cannot be read; the switch is then off.

    >>> import mlrun_like.compat
    >>> mlrun_like.compat.install()
    >>> import mlrun
    >>> mlrun.get_or_create_project.__module__
    'mlrun_like.projects.loading'
    >>> mlrun_like.compat.uninstall()
    """
    if installed():
        return
    for name in PACKAGES:
        module = sys.modules.get(name)
        if module is not None and not isinstance(module, AliasModule):
            raise ConflictError(
                f"the real package {name!r} was imported before the switch",
                where=str(getattr(module, "__file__", "")),
                fix="call mlrun_like.compat.install() before the first 'import mlrun'",
            )
    if not quiet:
        _tell()
    read_user_file()
    exchange_environment(_variables())
    sys.meta_path.insert(0, _finder)
    sys.meta_path.append(_last)


def uninstall() -> None:
    """Undo `install`; modules that were imported by the old names are forgotten."""
    if installed():
        sys.meta_path.remove(_finder)
        sys.meta_path.remove(_last)
        undo_user_file()
        unset = {name: None for name, value in _AS_MLRUN.items() if environment(name) == value}
        exchange_environment({VARIABLE: None, **unset})
    for name in [name for name, module in sys.modules.items() if isinstance(module, AliasModule)]:
        del sys.modules[name]


def installed() -> bool:
    """Whether the switch is on in this process."""
    return _finder in sys.meta_path


def install_if_asked() -> None:
    """Install the switch if the environment says so; what Python's start calls."""
    if environment(VARIABLE, "").lower() in ("1", "true", "yes", "on"):  # type: ignore[union-attr]
        install()


def reset() -> None:
    """Forget the current project, contexts, connections, stores and settings made in code.

    For tests, between which nothing may stay: also secrets, streams in memory, and variables of
    the environment that were set here. What is recorded stays recorded.

    >>> reset()
    """
    for row in _FORGET:
        module, _, name = row.partition(":")
        if module in sys.modules:
            getattr(sys.modules[module], name)()
    config.reload()
    undo_user_file()
    restore_environment()
    if installed():
        read_user_file()
        exchange_environment(_variables())


def _variables() -> dict[str, str | None]:
    more = {name: environment(name) or value for name, value in _AS_MLRUN.items()}
    return {VARIABLE: "1", **more}


def _tell() -> None:
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin != "mlrun_like.compat":
            sys.stderr.write(
                f"mlrun_like.compat: 'import {name}' is mlrun_like; the real package in "
                f"{spec.origin} is not used\n"
            )
