"""What nobody can do with a value before the run: calculate with it, count with it, open it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NoReturn

__all__ = ["Unknown"]


class Unknown(ABC):
    """A value that only the run will know; Python's questions for it are refused."""

    @abstractmethod
    def _unknown(self, use: str) -> NoReturn:
        """Raise the error that says so."""

    def _calculated(self, other: Any) -> NoReturn:
        del other
        self._unknown("calculated with (do that in a step)")

    def _asked(self) -> NoReturn:
        self._unknown("asked for by Python")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _calculated
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _calculated
    __mod__ = __rmod__ = __pow__ = __rpow__ = __contains__ = _calculated
    __neg__ = __abs__ = __round__ = __index__ = __fspath__ = _asked
