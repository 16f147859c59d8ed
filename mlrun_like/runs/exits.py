"""How this process ends: by `sys.exit`, and with which code.

Python tells what runs at its end nothing of it: the exception is gone by then. So exits are noted
when they are asked for, and at the end it is looked up whether the program was left by one, or
somebody caught it and went on.

While exits are noted, something else stands at `sys.exit`. It can be copied and pickled. What was
imported before, by `from sys import exit`, cannot be pickled for that time, nor a function that
uses it: pickle finds another object at its name, and nothing can be said to it of one built-in
function alone. Nor is an exit by that noted.
"""

from __future__ import annotations

import builtins
import dis
import pkgutil
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

__all__ = ["exit_of", "forget_exits", "note_exits"]

_PLACES = ((sys, "exit"), (builtins, "exit"), (builtins, "quit"))
_RETURNS = {code for name, code in dis.opmap.items() if name.startswith("RETURN_")}
_asked: list[tuple[SystemExit, FrameType]] = []
"""The last exit, and the program's outermost frame."""


def note_exits() -> None:
    """Note from now on what `sys.exit`, `exit` and `quit` are called with."""
    for module, name in _PLACES:
        before = getattr(module, name, None)
        if before is not None and not isinstance(before, _Noted):
            setattr(module, name, _Noted(before, f"{module.__name__}:{name}"))


def forget_exits() -> None:
    """Note them no more: the originals come back, unless somebody has put another one there."""
    for module, name in _PLACES:
        noted = getattr(module, name, None)
        if isinstance(noted, _Noted):
            setattr(module, name, noted._before)
    _asked.clear()


def exit_of() -> SystemExit | None:
    """The exit by which the program was left; None: it ended in another way.

    To be asked at the end of the process. A `raise SystemExit(code)` is not seen.
    """
    for error, frame in _asked:
        # a program that came to its end did so by a return
        if frame.f_code.co_code[frame.f_lasti] not in _RETURNS:
            return error
    return None


class _Noted:
    """What stands in for `sys.exit`: it does the same."""

    def __init__(self, before: Any, place: str) -> None:
        self._before, self._place = before, place

    def __call__(self, *code: Any) -> NoReturn:
        if threading.current_thread() is threading.main_thread():  # others end only themselves
            frame = sys._getframe()
            while frame.f_back is not None:
                frame = frame.f_back
            _asked[:] = [(SystemExit(*code), frame)]
        self._before(*code)
        raise SystemExit(*code)

    def __repr__(self) -> str:
        return repr(self._before)

    def __reduce__(self) -> tuple[Any, ...]:
        return pkgutil.resolve_name, (self._place,)  # what is there: another process may not note

    def __getattr__(self, name: str) -> Any:
        if "_before" not in self.__dict__:  # who makes a copy asks one that is still empty
            raise AttributeError(name)
        return getattr(self._before, name)
