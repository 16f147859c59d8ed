"""The files that functions come from and go to."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from mlrun_like.configuration import environment
from mlrun_like.errors import FunctionError

__all__ = ["calling_file", "split_command", "write_code"]


def calling_file() -> str:
    """The notebook or script that user code is running from."""
    for variable in ("JPY_SESSION_NAME", "__vsc_ipynb_file__"):
        value = environment(variable) or str(
            getattr(sys.modules.get("__main__"), variable, "") or ""
        )
        if value.endswith(".ipynb"):
            return value
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not file:
        raise FunctionError(
            "code_to_function cannot tell which file to read",
            fix='code_to_function(filename="train.py", ...)',
        )
    return str(file)


def split_command(command: str) -> list[str]:
    """The program and its arguments; a path with spaces is one word if there is such a file."""
    if Path(command).is_file():
        return [command]
    try:
        return shlex.split(command) or [""]
    except ValueError as exc:
        raise FunctionError(
            f"the command {command!r} cannot be split into words: {exc}",
            fix="give its arguments as a list: args=[...]",
        ) from exc


def write_code(code: str, target: str, name: str) -> str:
    """Write generated code to a `.py` file, or to one named `name` in a folder; give its path."""
    path = Path(target)
    if path.is_dir() or path.suffix != ".py":
        path = path / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")
    return str(path)
