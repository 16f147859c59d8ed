"""What MLRun's images are started with: a task and its code in variables of the environment."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

from mlrun_like.cli.older.values import refuse
from mlrun_like.configuration import config, environment
from mlrun_like.errors import InvalidArgumentError

__all__ = ["carried_code", "carried_task", "place_code"]

_CODE = "MLRUN_EXEC_CODE"
_TASK = "MLRUN_EXEC_CONFIG"
_PLACE = "{codefile}"
_ANY = "*"


def carried_task() -> dict[str, Any]:
    """The task in the environment; empty if there is none.

    Raises:
        InvalidArgumentError: if it is no JSON object.
    """
    text = config.exec
    if not text:
        return {}
    try:
        task = json.loads(text)
    except ValueError as exc:
        raise InvalidArgumentError(f"the task is not JSON: {exc}", where=_TASK) from exc
    if not isinstance(task, dict):
        raise InvalidArgumentError(f"a task is an object, not {type(task).__name__}", where=_TASK)
    return task


def carried_code() -> str:
    """The code in the environment; empty if there is none.

    Raises:
        InvalidArgumentError: if it is no text in base64.
    """
    text = environment(_CODE) or ""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as exc:
        raise InvalidArgumentError(f"the code is not base64: {exc}", where=_CODE) from exc


def place_code(code: str, url: str, mode: str, origin: str) -> str:
    """Write carried code to a file in the working folder, and give the command that runs it.

    Args:
        code: The code.
        url: The command: `main.py ARGS`, `*` for the file alone, or with `{codefile}` in it.
        mode: `pass`: the command may be any program.
        origin: What the code's file was called once; the new file has its name.
    """
    first, _, rest = url.partition(" ")
    suffix = Path(first).suffix if first else ".py"
    named = Path(origin).name
    if mode != "pass":
        if suffix != ".py" and first not in (_PLACE, _ANY):
            refuse(f"command/url ({url}) must specify a .py file when not in 'pass' mode")
        file = f"{Path(origin).stem}.py" if named else "main.py"
        command = f"{file} {rest}".strip()
    elif _PLACE in url:
        file = named or "codefile"
        command = url.replace(_PLACE, file)
    elif suffix == ".sh" or Path(origin).suffix == ".sh":
        file = named or "codefile.sh"
        command = f"bash {file} {rest}".strip()
    else:
        refuse(
            "Error: command must be specified with '{codefile}' in it "
            "(to determine the position of the code file)"
        )
    Path(file).write_text(code, encoding="utf-8")
    return command
