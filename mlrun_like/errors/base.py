"""The root of all errors, and the helper of their messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

__all__ = [
    "MLRunLikeError",
    "nearest",
]


class MLRunLikeError(Exception):
    """Base of all errors of this package.

    Args:
        what: What is wrong, with the offending value.
        where: The function, step, file or setting concerned.
        fix: The line to write or the command to type.
    """

    code: ClassVar[str] = "error"
    status: int = 500

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what, where, fix)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), dict(self.__dict__))

    def to_dict(self) -> dict[str, object]:
        """The error as plain data: code, status, what, where, fix."""
        return {
            "code": self.code,
            "status": self.status,
            "what": self.what,
            "where": self.where,
            "fix": self.fix,
        }


def _rebuild(cls: type[MLRunLikeError], state: dict[str, object]) -> MLRunLikeError:
    # Python gives OSError another layout, and refuses to make its children through other bases.
    base = OSError if issubclass(cls, OSError) else Exception
    error = base.__new__(cls)
    error.__dict__.update(state)
    error.args = (state.get("what"), state.get("where"), state.get("fix"))
    return error


def nearest(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` when a known name is close to `name`, else an empty string.

    >>> nearest("procss", ["local", "process"])
    " Did you mean 'process'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
