"""Grafana's dashboards as data: a board has variables and panels, a panel has queries.

The JSON is Grafana's classic model, schema version 39 (Grafana 10.4 and later read it):
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mlrun_like.types import Document

__all__ = ["POSTGRES", "PROMETHEUS", "Board", "Panel", "Query", "Variable", "board_json"]

PROMETHEUS, POSTGRES = "prometheus", "grafana-postgresql-datasource"
"""Kinds of data sources, in Grafana's words."""

_SCHEMA = 39
_WIDTH = 24
_COLOURS = {"ok": "green", "warn": "orange", "bad": "red", "none": "blue"}


@dataclass(frozen=True)
class Query:
    """What a panel asks.

    Args:
        text: PromQL or SQL.
        legend: Name of each line; for PromQL with labels: `{{endpoint}}`.
        instant: Only the newest values, for tables and single numbers.
    """

    text: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True)
class Panel:
    """A picture on a board.

    Args:
        title: Its heading.
        queries: What it asks.
        kind: Grafana's word: `timeseries`, `stat`, `table`, `state-timeline`, `bargauge`.
        unit: Grafana's word: `short`, `percentunit`, `s`, `reqps`, `dateTimeFromNow`.
        width: Of 24 columns.
        height: In rows of 30 pixels.
        limits: Levels from a value on: (value, "ok" | "warn" | "bad").
        words: Names of values, such as 2: "detected".
        about: Help for readers.
        columns: For a table, new names of columns; those with an empty name are hidden.
    """

    title: str
    queries: Sequence[Query]
    kind: str = "timeseries"
    unit: str = "short"
    width: int = 12
    height: int = 8
    limits: Sequence[tuple[float, str]] = ()
    words: dict[int, tuple[str, str]] = field(default_factory=dict)
    about: str = ""
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Variable:
    """A choice at the top of a board; `query` gives its values."""

    name: str
    label: str
    query: str
    multi: bool = True


@dataclass(frozen=True)
class Board:
    """A dashboard.

    Args:
        uid: Its id, the same for ever: pushing again replaces it.
        title: Its name.
        source: `PROMETHEUS` or `POSTGRES`.
        variables: Choices at the top.
        panels: From left to right, line by line.
        about: A sentence.
    """

    uid: str
    title: str
    source: str
    variables: Sequence[Variable]
    panels: Sequence[Panel]
    about: str = ""

    def queries(self) -> Iterator[tuple[str, Query]]:
        """Every query, with the title of its panel."""
        for panel in self.panels:
            for query in panel.queries:
                yield panel.title, query


def board_json(board: Board) -> Document:
    """A board as Grafana's JSON.

    >>> made = board_json(Board("x", "X", PROMETHEUS, [], [Panel("Up", [Query("up")])]))
    >>> made["panels"][0]["targets"][0]["expr"], made["schemaVersion"]
    ('up', 39)
    """
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.about,
        "tags": ["mlrun-like", "monitoring"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "tags": ["mlrun-like"],
                "title": "Monitoring",
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
                "icon": "external link",
                "targetBlank": False,
                "tooltip": "",
                "url": "",
            }
        ],
        "templating": {
            "list": [_source(board), *(_variable(one, board) for one in board.variables)]
        },
        "panels": _placed(board),
    }


def _source(board: Board) -> Document:
    return {
        "name": "datasource", "label": "Data source", "type": "datasource",
        "query": board.source, "current": {}, "hide": 0, "includeAll": False, "multi": False,
        "refresh": 1, "options": [], "regex": "", "skipUrlSync": False,
    }  # fmt: skip


def _variable(one: Variable, board: Board) -> Document:
    is_prometheus = board.source == PROMETHEUS
    found: Document = {
        "name": one.name,
        "label": one.label,
        "type": "query",
        "datasource": _datasource(board),
        "definition": one.query,
        "query": {"query": one.query, "refId": f"Variable-{one.name}"}
        if is_prometheus
        else one.query,
        "refresh": 2,
        "sort": 1,
        "multi": one.multi,
        "includeAll": one.multi,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]} if one.multi else {},
        "options": [],
        "regex": "",
        "hide": 0,
        "skipUrlSync": False,
    }
    if is_prometheus and one.multi:
        found["allValue"] = ".*"
    return found


def _datasource(board: Board) -> Document:
    return {"type": board.source, "uid": "${datasource}"}


def _placed(board: Board) -> list[Document]:
    """Panels beside each other until a line is full."""
    placed, x, y, tallest = [], 0, 0, 0
    for number, panel in enumerate(board.panels, 1):
        if x + panel.width > _WIDTH:
            x, y, tallest = 0, y + tallest, 0
        place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        placed.append(_panel(panel, board, number, place))
        x, tallest = x + panel.width, max(tallest, panel.height)
    return placed


def _panel(panel: Panel, board: Board, number: int, place: Document) -> Document:
    found: Document = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _datasource(board),
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "targets": [
            _target(query, panel, board, chr(ord("A") + at))
            for at, query in enumerate(panel.queries)
        ],
    }
    if panel.kind == "table":
        found["transformations"] = _columns(panel)
    return found


def _target(query: Query, panel: Panel, board: Board, name: str) -> Document:
    if board.source == POSTGRES:
        return {
            "refId": name,
            "datasource": _datasource(board),
            "editorMode": "code",
            "format": "time_series" if panel.kind in _OVER_TIME else "table",
            "rawQuery": True,
            "rawSql": query.text,
        }
    return {
        "refId": name,
        "datasource": _datasource(board),
        "editorMode": "code",
        "expr": query.text,
        "legendFormat": query.legend or "__auto",
        "instant": query.instant,
        "range": not query.instant,
        "format": "table" if panel.kind == "table" else "time_series",
    }


_OVER_TIME = ("timeseries", "state-timeline")


def _defaults(panel: Panel) -> Document:
    steps: list[Document] = [{"color": _COLOURS["ok" if panel.limits else "none"], "value": None}]
    steps += [{"color": _COLOURS[level], "value": value} for value, level in panel.limits]
    found: Document = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "mappings": [],
    }
    if panel.words:
        options = {
            str(value): {"text": word, "color": _COLOURS[level], "index": at}
            for at, (value, (word, level)) in enumerate(panel.words.items())
        }
        found["mappings"] = [{"type": "value", "options": options}]
    if panel.kind == "timeseries":
        style = {"mode": "dashed" if panel.limits else "off"}
        found["custom"] = {
            "lineWidth": 1, "fillOpacity": 8, "showPoints": "auto", "spanNulls": False,
            "thresholdsStyle": style,
        }  # fmt: skip
    return found


def _options(panel: Panel) -> Document:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if panel.kind == "timeseries":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if panel.kind == "stat":
        return {"reduceOptions": last, "colorMode": "value", "graphMode": "area"}
    if panel.kind == "bargauge":
        return {"reduceOptions": last, "orientation": "horizontal", "displayMode": "basic"}
    if panel.kind == "state-timeline":
        return {"mergeValues": True, "showValue": "auto", "rowHeight": 0.9}
    return {"showHeader": True, "cellHeight": "sm"}


def _columns(panel: Panel) -> list[Document]:
    found: list[Document] = []
    if len(panel.queries) > 1:
        found.append({"id": "merge", "options": {}})
    if panel.columns:
        hidden = {name: True for name, shown in panel.columns.items() if not shown}
        renamed = {name: shown for name, shown in panel.columns.items() if shown}
        order = {name: at for at, name in enumerate(renamed)}
        found.append(
            {
                "id": "organize",
                "options": {
                    "excludeByName": hidden,
                    "indexByName": order,
                    "renameByName": renamed,
                },
            }
        )
    return found
