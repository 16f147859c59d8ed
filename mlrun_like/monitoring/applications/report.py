"""What a pass of the controller did."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["PassReport"]


@dataclass
class PassReport:
    """Counts of one pass, over all its projects.

    Args:
        projects: Projects that were looked at.
        endpoints: Endpoints that had something due.
        windows: Windows that were finished.
        empty: Windows without events, which no application was called for.
        results: Numbers that were written.
        failed: Windows that will be tried again.
        skipped: Windows that were given up.
        missed: Spans that were too old to be made up for.
        recomputed: Windows whose numbers were made anew because of late labels.
        taken: Endpoints that another controller had at the time.
        lost: Commits that another controller was faster with.
        broken: Applications that cannot be loaded: `project/name` -> why.
        errors: The last error of each application that failed, likewise.
        hanging: Applications whose call has not come back; this process should be replaced.
        seconds: How long it took.
    """

    projects: int = 0
    endpoints: int = 0
    windows: int = 0
    empty: int = 0
    results: int = 0
    failed: int = 0
    skipped: int = 0
    missed: int = 0
    recomputed: int = 0
    taken: int = 0
    lost: int = 0
    broken: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    hanging: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @property
    def busy(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.windows or self.failed or self.skipped or self.missed or self.empty)
