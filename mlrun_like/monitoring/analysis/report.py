"""What all reports of an analysis share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

from mlrun_like.artifacts.results import to_result
from mlrun_like.errors import StateError
from mlrun_like.runs.context import MLClientCtx

__all__ = ["Report", "plain"]


class Report(ABC):
    """The answer of an analysis: numbers, and the limits that were missed."""

    title: str = ""

    @property
    @abstractmethod
    def problems(self) -> list[str]:
        """A sentence for each limit that was missed."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The numbers as plain data; what JSON does not know is None."""

    @abstractmethod
    def to_html(self) -> str:
        """The report as one page that opens without a network."""

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """The few results that a run records."""

    @property
    def passed(self) -> bool:
        """Whether no limit was missed."""
        return not self.problems

    def check(self) -> None:
        """Nothing, if no limit was missed.

        Raises:
            StateError: naming those that were.
        """
        if self.problems:
            raise StateError(
                f"{self.title}: " + "; ".join(self.problems[:10]),
                fix="the report has all numbers; change the model, its data, or the limits",
            )

    def log(self, context: MLClientCtx, key: str) -> None:
        """Record the page `<key>.html`, the numbers `<key>.json` and the results of the run."""
        context.log_artifact(f"{key}_page", body=self.to_html(), format="html", viewer="web-app")
        context.log_artifact(f"{key}_report", body=self.to_dict(), format="json")
        context.log_results({**self.summary(), "passed": self.passed})
        context.logger.info(str(self))

    def __str__(self) -> str:
        shown = "; ".join(f"{name} {value}" for name, value in self.summary().items())
        return "\n".join([f"{self.title}: {shown}", *(f"  FAILED  {one}" for one in self.problems)])


def plain(value: Any) -> Any:
    """Plain data for JSON.

    >>> plain({"a": (1, float("nan"))})
    {'a': [1, None]}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return to_result(value)
