"""Which functions hold up their thread: found by the names that their code calls."""

from __future__ import annotations

import inspect
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
    for name in code.co_names:
        value = spaces.get(name)
        if isinstance(value, ModuleType):
            found = _in_module(value, code.co_names)
            if found:
                return found
        else:
            origin = (getattr(value, "__module__", ""), getattr(value, "__name__", ""))
            if callable(value) and origin in _FUNCTIONS:
                return _FUNCTIONS[origin]
    return ""


def _in_module(module: ModuleType, names: tuple[str, ...]) -> str:
    known = module.__name__
    if known == "urllib":
        known = "urllib.request"
    hit = _BLOCKING.get(known, frozenset()).intersection(names)
    return f"{known}.{min(hit)}" if hit else ""
