"""The source of an interactive session: what was typed, and values that were not typed.

A notebook, a doctest or a prompt has no file. Its statements are the inputs executed so far; where
a name has no input (it was injected, or came from a star import), its live value says how to make
it: a module is imported, a plain constant written down, an installed function imported.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import re
import sys
import textwrap
import types
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import NotebookError, PackagingError
from mlrun_like.packaging.cells import clean, first_code, scan
from mlrun_like.packaging.statements import Part, parts_of

__all__ = ["FileGlobals", "Session", "session_parts"]

_NUMBERED = re.compile(r"<(?:doctest (?P<test>.*)\[|python-input-)(?P<number>\d+)\]?>$")
_PLAIN = (type(None), bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
_MAX_CONSTANT = 64 * 1024


def session_parts(namespace: Mapping[str, Any], filename: str) -> list[Part]:
    """The statements executed in a session, oldest first; broken inputs are left out."""
    texts: list[tuple[str, str]] = []
    inputs = namespace.get("In")
    if isinstance(inputs, list) and "get_ipython" in namespace:
        cells = [text for text in inputs if isinstance(text, str)]
        texts = [(_python(text, number), f"cell {number}") for number, text in enumerate(cells)]
    elif found := _NUMBERED.match(filename):
        form = f"<doctest {found['test']}[{{}}]>" if found["test"] else "<python-input-{}>"
        names = [form.format(number) for number in range(int(found["number"]) + 1)]
        texts = [("".join(linecache.getlines(name)), name) for name in names]
    own = "".join(linecache.getlines(filename, dict(namespace)))
    if own.strip() and own.strip() not in {text.strip() for text, _ in texts}:
        texts.append((own, filename))
    parts: list[Part] = []
    for text, where in texts:
        try:
            parts += parts_of(text, where)
        except PackagingError:
            continue  # an input that never ran defines nothing
    return parts


def _python(text: str, number: int) -> str:
    """A cell without IPython's lines; empty if it cannot have defined anything in Python."""
    lines = scan(text)
    at = first_code(lines)
    if at >= 0 and lines[at].magic and lines[at].text.strip().startswith("%%"):
        if lines[at].text.split()[0] not in ("%%time", "%%capture", "%%prun"):
            return ""
        lines = lines[:at] + scan("\n".join(line.text for line in lines[at + 1 :]))
    rows: list[str] = []
    for line in lines:  # a cell with `files = !ls` still defines its functions
        rows.append(line.text)
    try:
        rows = [row for _, row in clean(lines, f"cell {number}")]
    except NotebookError:
        rows = [line.text for line in lines if not re.search(r"=\s*[!%]", line.text)]
        rows = [row for row in rows if row.strip()[:1] not in ("!", "%")]
    return "\n".join(rows)


class FileGlobals:
    """The running module of a file: asked for names that the file's text does not define."""

    latest_only = False

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace

    def has(self, name: str) -> bool:
        """Whether the name exists now."""
        return name in self._namespace

    def text_for(self, name: str, defined: bool, where: str) -> str:
        """A name put into the module while it ran: an import or a plain constant, else empty."""
        if defined or name not in self._namespace:
            return ""
        value = self._namespace[name]
        return f"{name} = {value!r}" if _is_constant(value) else _imported(name, value)


class Session(FileGlobals):
    """The live names of an interactive session."""

    latest_only = True

    def text_for(self, name: str, defined: bool, where: str) -> str:
        """Statements that define a name from its value.

        Raises:
            PackagingError: if nothing defines the name and its value cannot be written down.
        """
        if name in self._namespace:
            value = self._namespace[name]
        elif not defined and hasattr(builtins, name) and name != "get_ipython":
            value = getattr(builtins, name)
        else:
            return ""
        if _is_constant(value):
            return f"{name} = {value!r}"
        if defined:
            return ""
        text = _imported(name, value)
        if text:
            return text
        if isinstance(value, (types.FunctionType, type)):
            try:
                return textwrap.dedent(inspect.getsource(value))
            except (OSError, TypeError):
                pass
        raise PackagingError(
            f"global {name!r} is a {type(value).__name__}, which no executed cell defines "
            "and which is not a plain constant",
            where=where,
            fix=f"pass {name!r} to the function as a parameter or input",
        )


def _is_constant(value: object) -> bool:
    if type(value) not in _PLAIN:
        return False
    if isinstance(value, (tuple, list, dict, set, frozenset, str, bytes)) and (
        len(value) > _MAX_CONSTANT
    ):
        return False
    try:
        text = repr(value)
        return len(text) <= _MAX_CONSTANT and bool(ast.literal_eval(text) == value)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False


def _imported(name: str, value: object) -> str:
    """An import statement that yields the value, or an empty string."""
    if isinstance(value, types.ModuleType):
        path = value.__name__
        if path == "__main__":
            return ""
        return f"import {path}" if path == name else f"import {path} as {name}"
    module = getattr(value, "__module__", None)
    attribute = getattr(value, "__qualname__", "")
    if not isinstance(module, str) or module == "__main__" or not str(attribute).isidentifier():
        return ""
    if getattr(sys.modules.get(module), attribute, None) is not value:
        return ""
    return f"from {module} import {attribute}" + (f" as {name}" if name != attribute else "")
