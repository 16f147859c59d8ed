"""What a check found wrong before anything was started."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Finding"]


class Finding(NamedTuple):
    """One cause why a run or build cannot work.

    Args:
        code: A short stable name, such as `"image-missing"`.
        what: What is wrong, with the value.
        where: The function, line, file or setting concerned.
        fix: The line to write or the command to type.
        severity: `"error"`: it cannot work; `"warning"`: it probably will not.

    >>> print(Finding("image-missing", "no image", "function 'f'", "fn.spec.image = '...'"))
    no image
      where: function 'f'
      fix: fn.spec.image = '...'
    """

    code: str
    what: str
    where: str = ""
    fix: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)
