"""Which functions hold up their thread: found by the names that their code calls."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

__all__ = ["blocking_call"]

_BLOCKING: dict[str, frozenset[str]] = {
    "time": frozenset({"sleep"}),
    "requests": frozenset({"get", "post", "put", "patch", "delete", "head", "request"}),
    "subprocess": frozenset({"run", "call", "check_call", "check_output", "getoutput"}),
    "urllib.request": frozenset({"urlopen", "urlretrieve"}),
    "os": frozenset({"system", "popen", "waitpid"}),
    "socket": frozenset({"create_connection", "getaddrinfo", "gethostbyname"}),
}
_FUNCTIONS = {
    (module, name): f"{module}.{name}" for module, names in _BLOCKING.items() for name in names
}


def blocking_call(call: Any) -> str:
    """The first call in a function's code that waits without `await`, such as `time.sleep`.

    >>> import time
    >>> blocking_call(lambda body: time.sleep(1))
    'time.sleep'
    """
    function = inspect.unwrap(call) if callable(call) else call
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return ""
    spaces = getattr(function, "__globals__", {})
    for names in _dotted(code):
        value, name = spaces.get(names[0]), names[-1]
        if len(names) > 1 and isinstance(value, ModuleType):
            module = ".".join((value.__name__, *names[1:-1]))
            if name in _BLOCKING.get(module, ()):
                return f"{module}.{name}"
        origin = (getattr(value, "__module__", ""), getattr(value, "__name__", ""))
        if len(names) == 1 and callable(value) and origin in _FUNCTIONS:
            return _FUNCTIONS[origin]
    return ""


def _dotted(code: CodeType) -> Iterator[list[str]]:
    """The global names that code reads, with the attributes read from each."""
    names: list[str] = []
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            if names:
                yield names
            names = [str(step.argval)]
        elif names and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            names.append(str(step.argval))
        elif names and step.opname not in ("CACHE", "PRECALL", "PUSH_NULL"):
            yield names
            names = []
    if names:
        yield names
