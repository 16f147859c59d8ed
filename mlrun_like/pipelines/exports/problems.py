"""What a target cannot express: collected, and told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlrun_like.errors import PipelineError

__all__ = ["Problems"]


class Problems:
    """Errors of an export.

    Args:
        pipeline: Its name.
        target: Such as `GitHub Actions`.

    >>> found = Problems("train", "GitLab CI")
    >>> found.add("step 'a' is odd", "mend it")
    >>> found.add("step 'b' is odd", "mend it")
    >>> try:
    ...     found.check()
    ... except PipelineError as exc:
    ...     print(exc.what)
    2 things have no form in GitLab CI:
      - step 'a' is odd
      - step 'b' is odd
    """

    def __init__(self, pipeline: str, target: str) -> None:
        self._pipeline = pipeline
        self._target = target
        self._found: list[PipelineError] = []

    def add(self, what: str, fix: str = "") -> None:
        """Note one."""
        self._found.append(PipelineError(what, where=f"pipeline {self._pipeline!r}", fix=fix))

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Note what is raised in the block, and go on after it."""
        try:
            yield
        except PipelineError as exc:
            self._found.append(exc)

    def check(self) -> None:
        """Raise what was found.

        Raises:
            PipelineError: with all of them.
        """
        found = list({(each.what, each.where): each for each in self._found}.values())
        if len(found) == 1:
            raise found[0]
        if found:
            places = "".join(
                f"\n  - {each.what}{f' ({each.where})' if each.where != self._where else ''}"
                for each in found
            )
            raise PipelineError(
                f"{len(found)} things have no form in {self._target}:{places}",
                where=self._where,
                fix="; ".join(dict.fromkeys(each.fix for each in found if each.fix)),
            )

    @property
    def _where(self) -> str:
        return f"pipeline {self._pipeline!r}"
