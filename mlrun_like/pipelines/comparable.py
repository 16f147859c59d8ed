"""What stands for a value of the run and is compared as that value."""

from __future__ import annotations

from typing import Any, NoReturn

from mlrun_like.pipelines.unknown import Unknown
from mlrun_like.pipelines.values import Stand

__all__ = ["Comparable"]


class Comparable(Stand, Unknown):
    """Compared with something it stands for its only value."""

    def _unknown(self, use: str) -> NoReturn:
        self.value()._unknown(use)

    def __lt__(self, other: Any) -> Any:
        return self.value() < other

    def __le__(self, other: Any) -> Any:
        return self.value() <= other

    def __gt__(self, other: Any) -> Any:
        return self.value() > other

    def __ge__(self, other: Any) -> Any:
        return self.value() >= other

    def __eq__(self, other: object) -> Any:
        return self.value() == other

    def __ne__(self, other: object) -> Any:
        return self.value() != other

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        return bool(self.value())  # raises: it is not known yet

    def __iter__(self) -> Any:
        return iter(self.value())  # raises

    def __str__(self) -> str:
        return str(self.value())

    def __format__(self, spec: str) -> str:
        return format(self.value(), spec)
