"""What is wrong with an item: all of it at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from mlrun_like.errors import SpecError
from mlrun_like.types import Document

__all__ = ["Problem", "Report"]


class Problem(NamedTuple):
    """One mistake.

    Args:
        where: The file, with its line or key.
        what: What is wrong.
        fix: What to write.
    """

    where: str
    what: str
    fix: str = ""


@dataclass
class Report:
    """What a check found.

    Args:
        name: The item.
        problems: Mistakes, in the order of its files.
        notes: What could not be checked, and why.
    """

    name: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, where: str, what: str, fix: str = "") -> None:
        """Add a mistake."""
        self.problems.append(Problem(where, what, fix))

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def lines(self) -> Iterable[str]:
        """The mistakes as text."""
        for one in self.problems:
            yield f"{one.where}: {one.what}" + (f" - {one.fix}" if one.fix else "")

    def check(self) -> None:
        """Raise SpecError with all mistakes, if there are any."""
        if self.problems:
            count = len(self.problems)
            raise SpecError(
                f"{self.name} has {count} mistake{'s' if count > 1 else ''}:\n  "
                + "\n  ".join(self.lines()),
                fix="mlrun-like hub validate shows them again",
            )

    def to_dict(self) -> Document:
        """As plain data."""
        return {
            "name": self.name,
            "ok": self.ok,
            "problems": [one._asdict() for one in self.problems],
            "notes": list(self.notes),
        }
