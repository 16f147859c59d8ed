"""The same dashboards from the store's tables, for a store in PostgreSQL and no Prometheus.

`$__unixEpochFilter(x)` and `$__unixEpochGroup(x, '5m')` are macros of Grafana's PostgreSQL data
source (https://grafana.com/docs/grafana/latest/datasources/postgres/); `${name:sqlstring}` gives
the chosen values, quoted.
"""

from __future__ import annotations

from typing import Any

from mlrun_like.monitoring.dashboards.board import POSTGRES, Board, Panel, Query, Variable
from mlrun_like.monitoring.dashboards.boards import STATUS_WORDS

__all__ = ["sql_boards"]

_PROJECT = Variable(
    "project", "Project", "SELECT DISTINCT project FROM model_endpoints ORDER BY project"
)
_ENDPOINT = Variable(
    "endpoint",
    "Endpoint",
    "SELECT function || '/' || model || ' ' || left(uid, 6) AS __text, uid AS __value "
    "FROM model_endpoints WHERE project IN (${project:sqlstring}) ORDER BY 1",
)
_RUN_PROJECT = Variable("project", "Project", "SELECT DISTINCT project FROM runs ORDER BY project")

_MINE = "project IN (${project:sqlstring})"
_UIDS = f"{_MINE} AND uid IN (${{endpoint:sqlstring}})"
_ROWS = f"{_MINE} AND endpoint IN (${{endpoint:sqlstring}})"
_NAMES = "(SELECT uid, function || '/' || model AS name FROM model_endpoints) AS e"
_BATCHES = f"series_batches WHERE kind = 'events' AND {_ROWS} AND $__unixEpochFilter(last)"
_TIME = "to_timestamp($__unixEpochGroup(last, '5m')) AS time"
_LATEST = (
    "SELECT DISTINCT ON (project, endpoint, application, name) * FROM monitor_results "
    f"WHERE {_ROWS} AND type = 'result' "
    'ORDER BY project, endpoint, application, name, "end" DESC'
)
_DRIFT = "kind IN ('data_drift', 'concept_drift')"
_TOP = f"SELECT endpoint, max(status) AS status FROM ({_LATEST}) AS r WHERE {_DRIFT} GROUP BY 1"


def sql_boards() -> list[Board]:
    """All of them: overview, endpoint, drift, serving, pipelines."""
    return [_overview(), _endpoint(), _drift(), _serving(), _pipelines()]


def _panel(title: str, text: str, **more: Any) -> Panel:
    return Panel(title, [Query(text)], **more)


def _stat(title: str, text: str, **more: Any) -> Panel:
    return _panel(title, text, kind="stat", width=4, height=4, **more)


def _told(name: str) -> str:
    """A number that each batch tells."""
    return f"coalesce(sum((summary::json->>'{name}')::float8), 0)"


def _over_time(value: str, name: str = "value") -> str:
    return f'SELECT {_TIME}, {value} AS "{name}" FROM {_BATCHES} GROUP BY 1 ORDER BY 1'


def _by_endpoint(value: str) -> str:
    return (
        f"SELECT {_TIME}, e.name AS metric, {value} AS value FROM series_batches JOIN {_NAMES} "
        f"ON e.uid = endpoint WHERE kind = 'events' AND {_ROWS} AND $__unixEpochFilter(last) "
        "GROUP BY 1, 2 ORDER BY 1"
    )


def _latency() -> str:
    """Quantiles from buckets: bucket b begins at 2 ** (b / 16) microseconds."""
    shares = ", ".join(
        "min(power(2, (bucket + 0.5) / 16.0)) "
        f"FILTER (WHERE upto >= {share} * total) / 1e6 AS {name}"
        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )
    return (
        "WITH counted AS (SELECT $__unixEpochGroup(last, '5m') AS t, key::int AS bucket, "
        "sum(value::float8) AS n FROM series_batches, json_each_text(summary::json->'latency') "
        f"WHERE kind = 'events' AND {_ROWS} AND $__unixEpochFilter(last) GROUP BY 1, 2), "
        "sums AS (SELECT t, bucket, sum(n) OVER (PARTITION BY t ORDER BY bucket) AS upto, "
        "sum(n) OVER (PARTITION BY t) AS total FROM counted) "
        f"SELECT to_timestamp(t) AS time, {shares} FROM sums GROUP BY t ORDER BY t"
    )


def _results(where: str, value: str = "r.value") -> str:
    return (
        f"SELECT to_timestamp(r.\"end\") AS time, e.name || ' ' || r.application || '.' || r.name "
        f"AS metric, {value} AS value FROM monitor_results AS r "
        f"JOIN {_NAMES} ON e.uid = r.endpoint "
        f'WHERE {_ROWS} AND {where} AND $__unixEpochFilter(r."end") ORDER BY 1'
    )


def _overview() -> Board:
    table = (
        "SELECT m.project, m.function || '/' || m.model AS endpoint, m.mode, m.requests, m.errors, "
        "m.dropped, to_timestamp(m.last_request) AS last_request, coalesce(d.status, -1) AS "
        f"drift FROM model_endpoints AS m LEFT JOIN ({_TOP}) AS d ON d.endpoint = m.uid "
        f"WHERE {_UIDS} ORDER BY drift DESC, m.requests DESC LIMIT 1000"
    )
    share = f"{_told('errors')} / nullif({_told('requests')}, 0)"
    panels = [
        _stat("Endpoints", f"SELECT count(*) AS value FROM model_endpoints WHERE {_UIDS}"),
        _stat("Requests", f"SELECT {_told('requests')} AS value FROM {_BATCHES}"),
        _stat("Failed requests", f"SELECT {share} AS value FROM {_BATCHES}", unit="percentunit",
              limits=[(0.01, "warn"), (0.05, "bad")]),
        _stat("With drift", f"SELECT count(*) AS value FROM ({_TOP}) AS d WHERE d.status = 2",
              limits=[(1, "bad")]),
        _stat("Open incidents",
              f"SELECT count(*) AS value FROM alert_activations WHERE {_MINE} AND "
              "state <> 'resolved'", limits=[(1, "warn")]),
        _stat("Not recorded", f"SELECT {_told('dropped')} AS value FROM {_BATCHES}",
              limits=[(1, "warn")]),
        _panel("Requests in 5 minutes", _by_endpoint(_told("requests"))),
        _panel("Failed requests", _by_endpoint(share), unit="percentunit"),
        _panel("Endpoints", table, kind="table", width=24, height=10),
    ]  # fmt: skip
    return _board("overview", "overview of endpoints", panels, _PROJECT, _ENDPOINT)


def _endpoint() -> Board:
    quality = (
        "SELECT to_timestamp(q.last) AS time, v.key AS metric, v.value::text::float8 AS value "
        "FROM endpoint_quality AS q, json_each(q.body::json) AS v "
        f"WHERE {_ROWS} AND json_typeof(v.value) = 'number' AND $__unixEpochFilter(q.last) "
        "ORDER BY 1"
    )
    windows = (
        'SELECT to_timestamp(start) AS start, to_timestamp("end") AS until, application, state, '
        f"events, attempts, error FROM monitor_windows WHERE {_ROWS} "
        'AND $__unixEpochFilter("end") ORDER BY "end" DESC LIMIT 200'
    )
    panels = [
        _panel("Requests in 5 minutes", _over_time(_told("requests"), "requests")),
        _panel("Failed requests in 5 minutes", _over_time(_told("errors"), "errors")),
        _panel("Latency", _latency(), unit="s"),
        _panel("Quality of predictions", quality),
        _panel("Results of applications", _results("r.type = 'result'"), width=24),
        _panel("Status of results", _results("r.type = 'result'", "r.status"),
               kind="state-timeline", width=24, words=STATUS_WORDS),
        _panel("Metrics of applications", _results("r.type = 'metric'")),
        _panel("Windows", windows, kind="table"),
    ]  # fmt: skip
    return _board("endpoint", "one endpoint", panels, _PROJECT, _ENDPOINT)


def _drift() -> Board:
    worst = (
        "SELECT e.name AS endpoint, r.application, r.name AS result, r.value, r.status, "
        f'to_timestamp(r."end") AS until FROM ({_LATEST}) AS r JOIN {_NAMES} ON e.uid = r.endpoint '
        f"WHERE {_DRIFT} ORDER BY r.status DESC, r.value DESC NULLS LAST LIMIT 200"
    )
    measures = (
        "SELECT e.name AS endpoint, f.key AS feature, (f.value->>'tvd')::float8 AS tvd, "
        "(f.value->>'hellinger')::float8 AS hellinger, (f.value->>'kld')::float8 AS kld "
        f"FROM monitor_stats AS s JOIN {_NAMES} ON e.uid = s.endpoint, "
        "json_each(s.body::json) AS f "
        f"WHERE {_ROWS} AND s.name = 'drift_measures' AND json_typeof(f.value) = 'object' "
        "ORDER BY tvd DESC NULLS LAST LIMIT 200"
    )
    panels = [
        *(
            _stat(f"Drift: {word}",
                  f"SELECT count(*) AS value FROM ({_TOP}) AS d WHERE d.status = {value}",
                  limits=[(1, level)] if level in ("warn", "bad") else [])
            for value, (word, level) in STATUS_WORDS.items()
        ),
        _panel("Drift status", _results(f"r.{_DRIFT}", "r.status"), kind="state-timeline",
               width=24, height=10, words=STATUS_WORDS),
        _panel("Drift scores", _results(f"r.{_DRIFT}"), width=24,
               limits=[(0.5, "warn"), (0.7, "bad")]),
        _panel("Results about drift", worst, kind="table", height=10),
        _panel("Drift of features", measures, kind="table", height=10),
    ]  # fmt: skip
    return _board("drift", "drift", panels, _PROJECT, _ENDPOINT)


def _serving() -> Board:
    kinds = (
        "SELECT e.name AS endpoint, k.key AS error, sum(k.value::float8) AS requests "
        f"FROM series_batches JOIN {_NAMES} ON e.uid = endpoint, "
        "json_each_text(summary::json->'error_kinds') AS k "
        f"WHERE kind = 'events' AND {_ROWS} AND $__unixEpochFilter(last) "
        "GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 100"
    )
    panels = [
        _panel("Requests in 5 minutes", _by_endpoint(_told("requests"))),
        _panel("Latency", _latency(), unit="s"),
        _panel("Failed requests in 5 minutes", _by_endpoint(_told("errors"))),
        _panel("Requests that were not recorded", _by_endpoint(_told("dropped"))),
        _panel("Errors by kind", kinds, kind="table", width=24),
    ]
    return _board("serving", "serving performance", panels, _PROJECT, _ENDPOINT)


def _pipelines() -> Board:
    mine = f"runs WHERE {_MINE} AND iter = 0 AND deleted_at IS NULL AND state <> ''"
    inside = f"{mine} AND $__unixEpochFilter(started)"
    hour = "to_timestamp($__unixEpochGroup(started, '1h')) AS time"
    label = "kind || ' ' || state AS metric"
    last = (
        "SELECT project, name, kind, state, to_timestamp(started) AS started, "
        f"ended - started AS seconds FROM {inside} ORDER BY started DESC LIMIT 200"
    )
    panels = [
        _stat("Pipelines", f"SELECT count(*) AS value FROM {mine} AND kind = 'pipeline'"),
        _stat("Failed pipelines",
              f"SELECT count(*) AS value FROM {mine} AND kind = 'pipeline' AND state = 'error'",
              limits=[(1, "warn")]),
        _stat("Running", f"SELECT count(*) AS value FROM {mine} AND state = 'running'"),
        _stat("Runs", f"SELECT count(*) AS value FROM {mine}"),
        _panel("Runs by hour",
               f"SELECT {hour}, {label}, count(*) AS value FROM {inside} GROUP BY 1, 2 ORDER BY 1"),
        _panel("Mean time of a run",
               f"SELECT {hour}, kind AS metric, avg(ended - started) AS value FROM {inside} "
               "AND ended IS NOT NULL GROUP BY 1, 2 ORDER BY 1", unit="s"),
        _panel("Newest runs", last, kind="table", width=24, height=10),
        _panel("Incidents",
               "SELECT project, number, name, severity, state, to_timestamp(opened) AS opened, "
               f"to_timestamp(resolved) AS resolved FROM alert_activations WHERE {_MINE} "
               "ORDER BY alert_activations.opened DESC LIMIT 200", kind="table", width=24),
    ]  # fmt: skip
    return _board("pipelines", "pipelines and runs", panels, _RUN_PROJECT)


def _board(word: str, title: str, panels: list[Panel], *variables: Variable) -> Board:
    return Board(
        f"mlrun-like-sql-{word}", f"Models (SQL): {title}", POSTGRES, variables, panels,
        "From the store's tables in PostgreSQL.",
    )  # fmt: skip
