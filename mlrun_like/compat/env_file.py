"""The file of variables that MLRun reads when it is imported: `~/.mlrun.env`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mlrun_like.configuration import environment, exchange_environment
from mlrun_like.registry import resolve

__all__ = ["DEFAULT", "default_file", "read_user_file", "undo_user_file"]

DEFAULT = "~/.mlrun.env"
"""What `mlrun config set` writes."""

_done: dict[str, tuple[str | None, str]] = {}
"""Variables that the file set: what they were before, and the file's value."""


def default_file() -> Path:
    """The file that is read where `MLRUN_ENV_FILE` names none."""
    return _place(environment("MLRUN_DEFAULT_ENV_FILE") or DEFAULT)


def read_user_file() -> None:
    """Set the variables of the file, if there is one.

    `MLRUN_ENV_FILE` names another file; with `MLRUN_IGNORE_ENV_FILE` none is read. Settings that
    were made in code stay.

    Raises:
        InvalidArgumentError: naming the first line that is not `KEY=value`.
    """
    if environment("MLRUN_IGNORE_ENV_FILE"):
        return
    named = environment("MLRUN_ENV_FILE")
    file = _place(named) if named else default_file()
    if not os.path.isfile(file):  # Path.is_file raises where the folder must not be read
        if named:
            sys.stderr.write(f"mlrun_like: MLRUN_ENV_FILE names {named!r}, which is not there\n")
        return
    values: dict[str, str] = resolve("mlrun_like.runs.secrets:read_env_file")(file)
    for name, before in exchange_environment(dict(values)).items():
        first, last = _done.get(name, (None, None))
        # what is still the file's own value is not what the variable was before the file
        _done[name] = (first if last is not None and last == before else before, values[name])


def undo_user_file() -> None:
    """Put variables back to what they were before the file, if its value still stands."""
    standing = {name: old for name, (old, value) in _done.items() if environment(name) == value}
    _done.clear()
    exchange_environment(standing)


def _place(text: str) -> Path:
    # Path.expanduser raises for a user without a folder, as in a container that runs under any id
    return Path(os.path.expanduser(text))
