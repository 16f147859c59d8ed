"""Charts of a table made with plotly: one figure for each key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mlrun_like.drawing.looks import SERIES
from mlrun_like.monitoring.description.correlation import strongest
from mlrun_like.monitoring.description.table import Column, Table

__all__ = ["interactive_charts"]

_CHOICES = 100
_AXES = 30
_DOTS = 2000
_VIOLINS = 60
_POINTS = 2000
_ACROSS = 4
_MAP = 60
_WRITTEN = 18
_SLICES = 20
_INK, _GRID = "#1c2430", "#e6eaef"
_DIVERGING = [[0, "#2f6fb0"], [0.5, "#f6f8fa"], [1, "#c2571a"]]


def interactive_charts(table: Table, sample: pd.DataFrame) -> dict[str, Any]:
    """Figures by key; see `charts_of`."""
    charts = {
        "histograms": _histograms(table),
        "scatter-2d": _scatter(table, sample),
        "violin": _violins(table, sample),
        "correlation": _correlation(table),
        "missing-values": _missing(table),
    }
    if table.label:
        charts["imbalance"] = _imbalance(table)
    return charts


def _look(figure: Any, title: str, height: int = 520, **layout: Any) -> Any:
    figure.update_layout(
        title={"text": title, "x": 0.01, "xanchor": "left", "y": 0.98, "yanchor": "top"},
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        colorway=list(SERIES),
        height=height,
        margin={"t": 110, "b": 60, "l": 70, "r": 30},
        **layout,
    )
    figure.update_xaxes(gridcolor=_GRID, automargin=True)
    figure.update_yaxes(gridcolor=_GRID, automargin=True)
    return figure


def _empty(title: str, words: str) -> Any:
    figure = _look(go.Figure(), title, 220)
    figure.add_annotation(text=words, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    figure.update_xaxes(visible=False)
    return figure.update_yaxes(visible=False)


def _escaped(name: str) -> str:
    """Plotly reads some HTML in texts."""
    text = name if len(name) <= 60 else f"{name[:59]}…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _bars(column: Column) -> tuple[list[Any], list[float] | None]:
    if len(column.edges) != len(column.bars) + 1:
        return [_escaped(str(one)) for one in column.edges], None
    if column.kind == "time":
        return list(column.edges[:-1]), None
    low, high = np.asarray(column.edges[:-1], float), np.asarray(column.edges[1:], float)
    return ((low + high) / 2).tolist(), (high - low).tolist()


def _histograms(table: Table) -> Any:
    drawn = [one for one in table.features if len(one.bars)][:_CHOICES]
    title = f"Histograms of {_escaped(table.name)}"
    if not drawn:
        return _empty(title, "There is nothing to draw.")
    figure, owners = go.Figure(), []
    for place, column in enumerate(drawn):
        x, wide = _bars(column)
        parts = column.by_class or {"rows": column.bars}
        for at, (name, counts) in enumerate(parts.items()):
            figure.add_trace(
                go.Bar(
                    x=x, y=list(counts), width=wide, name=_escaped(str(name)), visible=place == 0,
                    marker={"color": SERIES[at % len(SERIES)], "line": {"width": 0}},
                    opacity=0.9, showlegend=bool(column.by_class),
                )
            )  # fmt: skip
            owners.append(place)
    buttons: list[dict[str, Any]] = [
        {
            "label": _escaped(column.name),
            "method": "update",
            "args": [
                {"visible": [owner == place for owner in owners]},
                {"xaxis.title.text": _escaped(column.name),
                 "xaxis.type": "date" if column.kind == "time" else
                 "linear" if column.kind == "number" else "category"},
            ],
        }
        for place, column in enumerate(drawn)
    ]  # fmt: skip
    first = buttons[0]["args"][1]
    _look(figure, title, barmode="stack", bargap=0.02, updatemenus=[_menu(buttons, 0.0, 1.14)])
    figure.update_xaxes(title_text=first["xaxis.title.text"], type=first["xaxis.type"])
    figure.update_yaxes(title_text="rows")
    return figure.update_layout(legend_title_text=_escaped(table.label))


def _menu(buttons: list[Any], x: float, y: float) -> dict[str, Any]:
    return {
        "buttons": buttons, "direction": "down", "showactive": True, "bgcolor": "#f6f8fa",
        "bordercolor": "#dde3ea", "x": x, "xanchor": "left", "y": y, "yanchor": "top",
    }  # fmt: skip


def _scatter(table: Table, sample: pd.DataFrame) -> Any:
    title = f"Pairs of columns of {_escaped(table.name)}"
    names = [one.name for one in table.features if one.kind in ("number", "time") and one.count]
    names = names[:_AXES]
    if not names or sample.empty:
        return _empty(title, "There are no numeric columns.")
    rows = sample.head(_DOTS)
    second = names[min(1, len(names) - 1)]
    groups, colours = _groups(table, rows)
    figure = go.Figure()
    for at, (name, part) in enumerate(groups):
        marker: dict[str, Any] = {"size": 6, "opacity": 0.65, "color": SERIES[at % len(SERIES)]}
        if colours is not None:
            marker |= {"color": colours, "colorscale": "Viridis", "showscale": True,
                       "colorbar": {"title": _escaped(table.label)}}  # fmt: skip
        figure.add_trace(
            go.Scattergl(
                x=_values(part[names[0]]), y=_values(part[second]), mode="markers",
                marker=marker, name=_escaped(name), showlegend=bool(name),
            )
        )  # fmt: skip

    def choices(axis: str) -> list[Any]:
        return [
            {
                "label": _escaped(one),
                "method": "update",
                "args": [
                    {axis: [_values(part[one]) for _, part in groups]},
                    {f"{axis}axis.title.text": _escaped(one)},
                ],
            }
            for one in names
        ]

    up = {**_menu(choices("y"), 0.05, 1.11), "active": names.index(second)}
    menus = [up, _menu(choices("x"), 0.5, 1.11)]
    _look(figure, title, 620, updatemenus=menus, legend_title_text=_escaped(table.label))
    for place, word in ((0.0, "up"), (0.44, "across")):
        figure.add_annotation(
            text=word, showarrow=False, x=place, xref="paper", y=1.095, yref="paper",
            xanchor="left", yanchor="top",
        )  # fmt: skip
    figure.update_xaxes(title_text=_escaped(names[0]))
    return figure.update_yaxes(title_text=_escaped(second))


def _groups(table: Table, rows: pd.DataFrame) -> tuple[list[tuple[str, pd.DataFrame]], Any]:
    if not table.label:
        return [("", rows)], None
    if not table.is_classes:
        return [("", rows)], _values(rows[table.label])
    texts = rows[table.label].map(_named)
    found = [(name, rows[texts == name]) for name, _ in table.classes()[:_SLICES]]
    return [(name, part) for name, part in found if len(part)] or [("", rows)], None


def _named(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _values(values: Any) -> list[Any]:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return [None if pd.isna(one) else one.isoformat() for one in values]
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return [float(f"{one:.6g}") if np.isfinite(one) else None for one in numbers]


def _violins(table: Table, sample: pd.DataFrame) -> Any:
    title = f"Violins of {_escaped(table.name)}"
    drawn = [one for one in table.columns if one.kind == "number" and one.count][:_VIOLINS]
    if not drawn or sample.empty:
        return _empty(title, "There are no numeric columns.")
    across = min(_ACROSS, len(drawn))
    down = -(-len(drawn) // across)
    figure = make_subplots(down, across, vertical_spacing=0.25 / down)
    for at, column in enumerate(drawn):
        values = [one for one in _values(sample[column.name].head(_POINTS)) if one is not None]
        figure.add_trace(
            go.Violin(
                y=values, name=_escaped(column.name), box_visible=True, meanline_visible=True,
                points=False, spanmode="hard", line_color=SERIES[at % len(SERIES)], opacity=0.85,
            ),
            row=at // across + 1,
            col=at % across + 1,
        )  # fmt: skip
    return _look(figure, title, 120 + 260 * down, showlegend=False)


def _imbalance(table: Table) -> Any:
    title = f"Balance of {_escaped(table.label)}"
    classes = table.classes()
    if classes:
        largest = sorted(classes, key=lambda one: -one[1])
        shown = largest[: _SLICES - 1] if len(largest) > _SLICES else largest
        rest = sum(count for _, count in largest) - sum(count for _, count in shown)
        labels = [_escaped(name) for name, _ in shown] + ["(others)"] * bool(rest)
        values = [count for _, count in shown] + [rest] * bool(rest)
        order = [name for name, _ in classes]
        tones = [SERIES[order.index(name) % len(SERIES)] for name, _ in shown] + ["#9aa7b5"]
        pie = go.Pie(
            labels=labels, values=values, hole=0.45, sort=False, textinfo="label+percent",
            marker={"colors": tones},
        )  # fmt: skip
        return _look(go.Figure(pie), title)
    target = table.column(table.label)
    if target is None or not len(target.bars):
        return _empty(title, "The label has no values.")
    x, wide = _bars(target)
    figure = go.Figure(go.Bar(x=x, y=list(target.bars), width=wide, marker_color=SERIES[0]))
    _look(figure, title, bargap=0.02)
    figure.update_xaxes(title_text=_escaped(table.label))
    return figure.update_yaxes(title_text="rows")


def _correlation(table: Table) -> Any:
    names, matrix = strongest(*table.correlation, _MAP)
    title = f"Correlation of {_escaped(table.name)}"
    if len(names) < 2:
        return _empty(title, "There are no two numeric columns.")
    rounded = [[None if one != one else round(float(one), 4) for one in row] for row in matrix]
    shown = [_escaped(one) for one in names]
    heat = go.Heatmap(
        z=rounded, x=shown, y=shown, zmin=-1, zmax=1, colorscale=_DIVERGING, xgap=1, ygap=1,
        texttemplate="%{z:.2f}" if len(names) <= _WRITTEN else None,
        hovertemplate="%{y} and %{x}: %{z}<extra></extra>", colorbar={"title": "r"},
    )  # fmt: skip
    size = max(420, min(1100, 160 + 34 * len(names)))
    figure = _look(go.Figure(heat), title, size)
    return figure.update_yaxes(autorange="reversed")


def _missing(table: Table) -> Any:
    title = f"Missing values of {_escaped(table.name)}"
    lacking = [one for one in table.columns if one.missing]
    lacking = sorted(lacking, key=lambda one: -one.missing)[:_MAP][::-1]
    if not lacking:
        return _empty(title, "No value is missing.")
    bar = go.Bar(
        x=[one.missing_share for one in lacking], y=[_escaped(one.name) for one in lacking],
        orientation="h", marker_color=SERIES[1],
        text=[f"{one.missing_share:.1%}" for one in lacking],
    )  # fmt: skip
    figure = _look(go.Figure(bar), title, 140 + 26 * len(lacking) + 60)
    return figure.update_xaxes(tickformat=".0%", range=[0, 1])
