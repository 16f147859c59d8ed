"""The files that functions come from and go to."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import FunctionError
from mlrun_like.functions.options import requirement_lines
from mlrun_like.packaging.running import RUNNING, is_running
from mlrun_like.specs.function import FunctionDoc, FunctionSpec
from mlrun_like.specs.model import split_foreign
from mlrun_like.specs.values import Resources, Retry

__all__ = [
    "apply_declared",
    "calling_file",
    "calling_notebook",
    "from_config",
    "split_command",
    "write_code",
]


def calling_file() -> str:
    """The notebook or script that user code is running from; `RUNNING`: a notebook without name."""
    for variable in ("JUPYTER_NOTEBOOK_FILE_NAME", "JPY_SESSION_NAME", "__vsc_ipynb_file__"):
        value = environment(variable) or str(
            getattr(sys.modules.get("__main__"), variable, "") or ""
        )
        if value.endswith(".ipynb"):
            return value
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not file and is_running():
        return RUNNING
    if not file:
        raise FunctionError(
            "code_to_function cannot tell which file to read",
            fix='code_to_function(filename="train.py", ...)',
        )
    return str(file)


def calling_notebook() -> str:
    """The notebook that user code is running from, as `calling_file` gives it; empty: none."""
    try:
        found = calling_file()
    except FunctionError:
        return ""
    return found if found.endswith(".ipynb") else ""


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


def from_config(found: Mapping[str, Any], path: str) -> FunctionDoc:
    """The document that a notebook's config magics describe."""
    own, foreign = split_foreign(FunctionDoc, found)
    return FunctionDoc.from_dict({"kind": "", **own, "foreign": foreign}, path)


def apply_declared(spec: FunctionSpec, declared: Mapping[str, Any]) -> None:
    """Take over what the file's own decorator says of the handler."""
    hints = declared.get("returns") or []
    spec.returns = [hints] if isinstance(hints, (str, dict)) else list(hints)
    retry, resources = declared.get("retry"), declared.get("resources")
    if retry is not None:
        spec.retry = (Retry(count=retry) if isinstance(retry, int) else retry).to_dict()
    if isinstance(resources, Resources):
        spec.resources = resources.to_dict()
    spec.timeout = declared.get("timeout")
    needed = requirement_lines(declared.get("requirements") or ())
    spec.build.requirements = list(dict.fromkeys([*spec.build.requirements, *needed]))
