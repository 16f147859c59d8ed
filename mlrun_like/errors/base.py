"""The root of all errors, and the helper of their messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar

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
        more: Further parts of what is wrong.
        response: The HTTP response that said so.
        status_code: The HTTP status, if it is not the class's.
    """

    code: ClassVar[str] = "error"
    status: int = 500
    error_status_code: ClassVar[int] = 500
    """The class's status; MLRun's name for it."""
    response: Any = None

    def __init__(
        self,
        what: object = "",
        *more: object,
        where: str = "",
        fix: str = "",
        response: Any = None,
        status_code: int | None = None,
    ) -> None:
        self.what = " ".join(map(str, (what, *more)))
        self.where = where
        self.fix = fix
        if response is not None:
            self.response = response
            status_code = status_code or _status_of(response)
        if status_code:
            self.status = int(status_code)
        super().__init__(self.what, where, fix)
        self.args = (self.what, where, fix)  # an OSError takes the third one away

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.error_status_code = cls.status

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


def _status_of(response: Any) -> int | None:
    found = getattr(response, "status_code", None) or getattr(response, "status", None)
    return found if isinstance(found, int) else None


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
