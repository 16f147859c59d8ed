"""The text of `%nuclio` magics: their flags, variables and settings."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import NotebookError

__all__ = ["expand", "for_shell", "magic_lines", "read_setting"]

_VARIABLE = re.compile(r"\$\{\s*(\w+)\s*\}")
"""A variable of the environment in a line: `${NAME}`."""
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|" + _VARIABLE.pattern)

_PART = r"(?:\\[^\\]+\\|[^\s.=+\\]+)"
_SETTING = re.compile(rf"(?P<key>{_PART}(?:\.{_PART})*)\s*(?P<op>\+?=)\s*(?P<value>.+)$", re.DOTALL)
_KEY = re.compile(r"\\([^\\]+)\\|([^.\\]+)")


def expand(text: str) -> str:
    """Replace `${NAME}` by the environment variable; an unset one is left for the build's shell."""
    return _VARIABLE.sub(lambda found: environment(found[1], found[0]) or "", text)


def for_shell(command: str) -> str:
    """A command whose `${NAME}` the shell fills in: a value must not become a part of it.

    The form has no braces, which IPython takes for Python; an unset one is left as it is.
    """
    return _QUOTED.sub(_filled, command)


def _filled(part: re.Match[str]) -> str:
    form = "'\"$(printenv {0})\"'" if part[0].startswith("'") else "$(printenv {0})"

    def put(found: re.Match[str]) -> str:
        return found[0] if environment(found[1]) is None else form.format(found[1])

    return _VARIABLE.sub(put, part[0])


def magic_lines(args: str, body: list[str], flag: str) -> list[str] | None:
    """What a magic has in its line and cell, without comments; None if it has this flag.

    >>> magic_lines("-c A=1", [], "-c") is None, magic_lines("A=1", ["# two", "B=2"], "-c")
    (True, ['A=1', 'B=2'])
    """
    found, rest = _flag(args)
    lines = [line.strip() for line in (rest, *body)]
    return None if found == flag else [row for row in lines if row and not row.startswith("#")]


def read_setting(line: str, where: str) -> tuple[list[str], str, Any]:
    """The keys, the operator and the value of a setting such as `spec.maxReplicas = 5`.

    Raises:
        NotebookError: if it is none.
    """
    found = _SETTING.match(line)
    if found is None:
        raise NotebookError(
            f"{line!r} is not a setting",
            where=where,
            fix="write %nuclio config spec.maxReplicas = 5",
        )
    keys = [a or b for a, b in _KEY.findall(found["key"])]
    return keys, found["op"], _value(expand(found["value"].strip()), line, where)


def _flag(args: str) -> tuple[str, str]:
    for names in (("--config-only", "-c"), ("--local-only", "-l")):
        for name in names:
            if args == name or args.startswith(name + " "):
                return names[1], args[len(name) :].strip()
    return "", args


def _value(text: str, line: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(text)
        return json.loads(json.dumps(value))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as exc:
        raise NotebookError(
            f"the value in {line!r} is not JSON",
            where=where,
            fix='write a number, "text in double quotes", a list or an object',
        ) from exc
