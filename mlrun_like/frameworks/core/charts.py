"""Charts as artifacts: drawn by plotly if it is installed (as in MLRun), else by matplotlib."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy

from mlrun_like.artifacts.artifact import Artifact, PlotArtifact, PlotlyArtifact
from mlrun_like.errors import MissingDependencyError
from mlrun_like.registry import require

__all__ = ["Bars", "Heatmap", "Line", "Lines", "chart"]

_POINTS = 5_000
"""Points of a line at most: no screen shows more."""


class Line(NamedTuple):
    """One line of a chart.

    Args:
        x: Positions; empty: 0, 1, 2, ...
        y: Values.
        dashed: Draw it as a reference, not as data.
        dots: Mark each point.
    """

    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    dots: bool = False


class Lines(NamedTuple):
    """A chart of lines, by name.

    Args:
        lines: The lines.
        title: Title of the chart.
        x_title: Title of the horizontal axis.
        y_title: Title of the vertical axis.
        marks: Where vertical lines stand, such as the ends of epochs.
    """

    lines: Mapping[str, Line]
    title: str = ""
    x_title: str = ""
    y_title: str = ""
    marks: Sequence[float] = ()


class Bars(NamedTuple):
    """Horizontal bars: for each name, a value per label.

    Args:
        values: The values.
        labels: What the bars stand for.
        title: Title of the chart.
    """

    values: Mapping[str, Sequence[float]]
    labels: Sequence[str]
    title: str = ""


class Heatmap(NamedTuple):
    """A table of numbers in colours.

    Args:
        rows: The numbers.
        x_labels: Names of the columns.
        y_labels: Names of the rows.
        title: Title of the chart.
        x_title: What the columns are.
        y_title: What the rows are.
    """

    rows: Any
    x_labels: Sequence[str]
    y_labels: Sequence[str]
    title: str = ""
    x_title: str = ""
    y_title: str = ""


def chart(key: str, drawing: Lines | Bars | Heatmap) -> Artifact:
    """A chart as an artifact: an HTML page that needs no network.

    Args:
        key: The artifact's key.
        drawing: What is drawn.

    Raises:
        MissingDependencyError: if neither plotly nor matplotlib is installed.
    """
    if importlib.util.find_spec("plotly") is not None:
        return PlotlyArtifact(_plotly(drawing), key)
    if importlib.util.find_spec("matplotlib") is not None:
        return PlotArtifact(key, body=_matplotlib(drawing), title=drawing.title or key)
    raise MissingDependencyError(
        f"chart {key!r} needs plotly or matplotlib, and neither is installed",
        fix='pip install "mlrun-like[frameworks]"',
    )


def _points(line: Line) -> tuple[list[float], list[float]]:
    """At most _POINTS points, evenly chosen; the last one always."""
    y = list(line.y)
    x = list(line.x) if len(line.x) else [float(n) for n in range(len(y))]
    if len(y) > _POINTS:
        kept = numpy.linspace(0, len(y) - 1, _POINTS).astype(int)
        return [x[n] for n in kept], [y[n] for n in kept]
    return x, y


def _plotly(drawing: Lines | Bars | Heatmap) -> Any:
    go = require("plotly.graph_objects", feature="charts")
    figure = go.Figure()
    if isinstance(drawing, Lines):
        for name, line in drawing.lines.items():
            x, y = _points(line)
            style = {"dash": "dash", "color": "grey"} if line.dashed else {}
            mode = "lines+markers" if line.dots else "lines"
            figure.add_trace(go.Scatter(x=x, y=y, name=name, mode=mode, line=style))
        for place in drawing.marks:
            figure.add_vline(x=place, line_dash="dash", line_color="grey")
        figure.update_layout(xaxis_title=drawing.x_title, yaxis_title=drawing.y_title)
    elif isinstance(drawing, Bars):
        for name, values in drawing.values.items():
            bar = go.Bar(x=list(values), y=list(drawing.labels), orientation="h", name=name)
            figure.add_trace(bar)
    else:
        rows = numpy.asarray(drawing.rows)
        figure.add_trace(
            go.Heatmap(
                z=rows.tolist(),
                x=list(drawing.x_labels),
                y=list(drawing.y_labels),
                text=[[_number(cell) for cell in row] for row in rows],
                texttemplate="%{text}",
                colorscale="Blues",
            )
        )
        figure.update_layout(xaxis_title=drawing.x_title, yaxis_title=drawing.y_title)
        figure.update_xaxes(type="category")
        figure.update_yaxes(type="category", autorange="reversed")
    figure.update_layout(title=drawing.title)
    return figure


def _number(value: Any) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:.3g}"


def _matplotlib(drawing: Lines | Bars | Heatmap) -> Any:
    # the figure's own class, not pyplot: that keeps figures and chooses a screen
    figure = require("matplotlib.figure", extra="frameworks", feature="charts").Figure(
        figsize=(7, 5)
    )
    axes = figure.subplots()
    axes.set_title(drawing.title)
    if isinstance(drawing, Lines):
        for name, line in drawing.lines.items():
            x, y = _points(line)
            style = "--" if line.dashed else "-"
            axes.plot(x, y, style, label=name, marker="o" if line.dots else None)
        for place in drawing.marks:
            axes.axvline(place, linestyle="--", color="grey", linewidth=0.8)
        axes.set_xlabel(drawing.x_title)
        axes.set_ylabel(drawing.y_title)
        if drawing.lines:
            axes.legend()
    elif isinstance(drawing, Bars):
        places = numpy.arange(len(drawing.labels))
        height = 0.8 / max(len(drawing.values), 1)
        for n, (name, values) in enumerate(drawing.values.items()):
            axes.barh(places + n * height, list(values), height=height, label=name)
        axes.set_yticks(places, list(drawing.labels))
    else:
        rows = numpy.asarray(drawing.rows, dtype=float)
        axes.imshow(rows, cmap="Blues")
        axes.set_xticks(range(len(drawing.x_labels)), list(drawing.x_labels))
        axes.set_yticks(range(len(drawing.y_labels)), list(drawing.y_labels))
        for (row, column), value in numpy.ndenumerate(rows):
            axes.text(column, row, _number(value), ha="center", va="center")
        axes.set_xlabel(drawing.x_title)
        axes.set_ylabel(drawing.y_title)
    return figure
