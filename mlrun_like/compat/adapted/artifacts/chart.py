"""ChartArtifact: a small table drawn as a line chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.artifacts.base import Artifact
from mlrun_like.drawing.lines import lines
from mlrun_like.drawing.page import page
from mlrun_like.errors import InvalidArgumentError

__all__ = ["ChartArtifact"]


class ChartArtifact(Artifact):
    """Rows that are drawn as lines over their first column; kept as an HTML page.

    Args:
        key: Its name.
        data: Rows.
        header: The names of the columns.
        options: What Google's chart took; the title is used.
        title: The title.
        chart: Google's kind of chart; lines are drawn here.
        kwargs: As for Artifact.

    >>> chart = ChartArtifact("latency", header=["Test", "ms"])
    >>> chart.add_row([1, 20])
    >>> "<svg" in chart.get_body()
    True
    """

    kind = "chart"

    def __init__(
        self,
        key: str = "",
        data: Sequence[Sequence[Any]] | None = None,
        header: Sequence[str] | None = None,
        options: dict[str, Any] | None = None,
        title: str | None = None,
        chart: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(key, viewer="chart", format="html", **kwargs)
        self.rows = [list(row) for row in data or ()]
        self.options = dict(options or {})
        self.title = title or str(self.options.get("title") or key)
        self.chart = chart or "LineChart"
        self.doc.spec.header = [str(name) for name in header or ()]

    def add_row(self, row: Sequence[Any]) -> None:
        """One more row: a value for each column."""
        header = self.doc.spec.header
        if header and len(row) != len(header):
            raise InvalidArgumentError(
                f"a row of {len(row)} values for {len(header)} columns",
                where=f"chart {self.key!r}",
                fix=f"columns: {', '.join(header)}",
            )
        self.rows.append(list(row))

    def get_body(self) -> Any:
        """The page."""
        header = self.doc.spec.header
        width = max([len(header), *(len(row) for row in self.rows)], default=0)
        names = [*header, *(f"column {n}" for n in range(len(header), width))]
        series = {
            name: [
                (_number(row[0], at), row[n]) for at, row in enumerate(self.rows) if n < len(row)
            ]
            for n, name in enumerate(names)
            if n
        }
        return page(self.title, lines(series, x_is_time=False, title=self.title))


def _number(value: Any, position: int) -> float:
    """Where a row stands: its first value, or which row it is if that is no number."""
    return value if isinstance(value, (int, float)) else position
