"""The stages of a model version, and which may follow which.

none -> staging -> production -> archived, with ways back: a version in staging may be taken out,
an archived one may return, one in production may go back to staging.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

from mlrun_like.errors import InvalidArgumentError, StateError, nearest

__all__ = ["CHALLENGER", "CHAMPION", "STAGES", "check_stage", "check_step", "path_between"]

CHAMPION, CHALLENGER = "champion", "challenger"
"""The aliases of the version that serves, and of the one that may be next."""

STAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "none": ("staging", "archived"),
        "staging": ("production", "none", "archived"),
        "production": ("archived", "staging"),
        "archived": ("staging", "production", "none"),
    }
)
"""Stage -> the stages that may follow."""


def check_stage(stage: str) -> str:
    """`stage` if there is one of that name.

    Raises:
        InvalidArgumentError: if there is none.
    """
    if stage not in STAGES:
        raise InvalidArgumentError(
            f"there is no stage {stage!r}.{nearest(str(stage), STAGES)}",
            fix=f"stages: {', '.join(STAGES)}",
        )
    return stage


def check_step(before: str, after: str, where: str = "") -> None:
    """Refuse a step that is not allowed; the same stage again always is.

    Raises:
        StateError: if `after` may not follow `before`.

    >>> check_step("staging", "production")
    """
    if before != check_stage(after) and after not in STAGES[check_stage(before)]:
        raise StateError(
            f"a model cannot go from stage {before!r} to {after!r}",
            where=where,
            fix=f"from {before!r} it may go to: {', '.join(STAGES[before])}",
        )


def path_between(before: str, after: str) -> list[str]:
    """The stages to go through, the last one included; empty if it is there already.

    >>> path_between("none", "production")
    ['staging', 'production']
    """
    waiting = deque([(check_stage(before), list[str]())])
    seen = {before}
    while waiting:
        stage, path = waiting.popleft()
        if stage == check_stage(after):
            return path
        for following in STAGES[stage]:
            if following not in seen:
                seen.add(following)
                waiting.append((following, [*path, following]))
    raise AssertionError("every stage can be reached from every other")
