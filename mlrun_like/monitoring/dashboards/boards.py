"""The five dashboards over Prometheus."""

from __future__ import annotations

from typing import Any

from mlrun_like.monitoring.dashboards.board import PROMETHEUS, Board, Panel, Query, Variable

__all__ = ["STATUS_WORDS", "boards"]

STATUS_WORDS = {
    -1: ("not judged", "none"),
    0: ("none", "ok"),
    1: ("possible", "warn"),
    2: ("detected", "bad"),
}
"""Statuses of results, and how good they are."""

_M = "mlrun_like_monitoring_"
_S = "mlrun_like_serving_"
_P = 'project=~"$project"'
_E = 'project=~"$project", endpoint=~"$endpoint"'
_RATE = "[$__rate_interval]"

_PROJECT = Variable("project", "Project", f"label_values({_M}endpoint_info, project)")
_ENDPOINT = Variable("endpoint", "Endpoint", f"label_values({_M}endpoint_info{{{_P}}}, endpoint)")
_RUN_PROJECT = Variable("project", "Project", f"label_values({_M}runs, project)")


def boards() -> list[Board]:
    """All of them: overview, endpoint, drift, serving, pipelines."""
    return [_overview(), _endpoint(), _drift(), _serving(), _pipelines()]


def _stat(title: str, text: str, **more: Any) -> Panel:
    return Panel(title, [Query(text, instant=True)], "stat", width=4, height=4, **more)


def _line(title: str, text: str, legend: str = "{{endpoint}}", **more: Any) -> Panel:
    return Panel(title, [Query(text, legend)], **more)


def _overview() -> Board:
    share = (
        f"sum(rate({_M}errors_total{{{_E}}}{_RATE})) / sum(rate({_M}requests_total{{{_E}}}{_RATE}))"
    )
    each = (
        f"sum by (endpoint) (rate({_M}errors_total{{{_E}}}{_RATE})) / "
        f"sum by (endpoint) (rate({_M}requests_total{{{_E}}}{_RATE}))"
    )
    table = Panel(
        "Endpoints",
        [
            Query(f"{_M}requests_total{{{_E}}}", instant=True),
            Query(f"{_M}drift_status{{{_E}}}", instant=True),
            Query(f"{_M}drift_score{{{_E}}}", instant=True),
            Query(f'{_M}latency_seconds{{{_E}, quantile="0.95"}}', instant=True),
            Query(f"{_M}windows_lag_seconds{{{_E}}}", instant=True),
        ],
        "table",
        width=24,
        height=10,
        columns={
            **dict.fromkeys(("Time", "__name__", "instance", "job", "uid", "quantile"), ""),
            "project": "project",
            "endpoint": "endpoint",
            "Value #A": "requests",
            "Value #B": "drift status",
            "Value #C": "drift score",
            "Value #D": "latency p95 (s)",
            "Value #E": "windows behind (s)",
        },
    )
    panels = [
        _stat("Endpoints", f"count({_M}endpoint_info{{{_E}}}) or vector(0)"),
        _stat("Requests per second", f"sum(rate({_M}requests_total{{{_E}}}{_RATE}))", unit="reqps"),
        _stat("Failed requests", share, unit="percentunit", limits=[(0.01, "warn"), (0.05, "bad")]),
        _stat(
            "With drift",
            f"count({_M}drift_status{{{_E}}} == 2) or vector(0)",
            limits=[(1, "bad")],
        ),
        _stat(
            "Open incidents",
            f'sum({_M}incidents{{{_P}, state!="resolved"}}) or vector(0)',
            limits=[(1, "warn")],
        ),
        _stat(
            "Not recorded",
            f"sum({_M}dropped_total{{{_E}}})",
            limits=[(1, "warn")],
            about="Requests that the recorder could not keep.",
        ),
        _line(
            "Requests per second",
            f"topk(10, sum by (endpoint) (rate({_M}requests_total{{{_E}}}{_RATE})))",
            unit="reqps",
        ),
        _line("Failed requests", f"topk(10, {each})", unit="percentunit"),
        _line(
            "Drift score",
            f"topk(10, {_M}drift_score{{{_E}}})",
            limits=[(0.5, "warn"), (0.7, "bad")],
        ),
        _line("Latency, 95th percentile",
              f'topk(10, {_M}latency_seconds{{{_E}, quantile="0.95"}})', unit="s"),
        table,
    ]  # fmt: skip
    return Board(
        "mlrun-like-overview", "Models: overview of endpoints", PROMETHEUS, [_PROJECT, _ENDPOINT],
        panels, "All served models: traffic, failures, drift.",
    )  # fmt: skip


def _endpoint() -> Board:
    rate = f"(rate({_M}requests_total{{{_E}}}{_RATE}))"
    panels = [
        _line("Requests per second", f"sum by (endpoint) {rate}", unit="reqps"),
        _line("Failed requests per second",
              f"sum by (endpoint) (rate({_M}errors_total{{{_E}}}{_RATE}))", unit="reqps"),
        _line("Latency", f"{_M}latency_seconds{{{_E}}}", "{{endpoint}} p{{quantile}}", unit="s"),
        _line("Quality of predictions", f"{_M}quality_score{{{_E}}}", "{{endpoint}} {{result}}"),
        _line("Results of applications", f'{_M}result_value{{{_E}, kind!="metric"}}',
              "{{application}} {{result}}", width=24),
        Panel("Status of results", [Query(f"{_M}result_status{{{_E}}}",
              "{{application}} {{result}}")], "state-timeline", width=24, words=STATUS_WORDS),
        _line("Metrics of applications", f'{_M}result_value{{{_E}, kind="metric"}}',
              "{{application}} {{result}}"),
        _line("How far applications are behind", f"{_M}windows_lag_seconds{{{_E}}}", unit="s"),
        _line("Requests that were not recorded", f"{_M}dropped_total{{{_E}}}"),
        _line("Since the last request", f"time() - {_M}last_request_timestamp_seconds{{{_E}}}",
              unit="s"),
    ]  # fmt: skip
    return Board(
        "mlrun-like-endpoint", "Models: one endpoint", PROMETHEUS, [_PROJECT, _ENDPOINT], panels,
        "Traffic, results and quality of an endpoint over time.",
    )  # fmt: skip


def _drift() -> Board:
    kind = 'kind=~"data_drift|concept_drift"'
    panels = [
        *(
            _stat(
                f"Drift: {word}",
                f"count({_M}drift_status{{{_E}}} == {value}) or vector(0)",
                limits=[(1, level)] if level in ("warn", "bad") else [],
            )
            for value, (word, level) in STATUS_WORDS.items()
        ),
        Panel("Drift status", [Query(f"{_M}drift_status{{{_E}}}", "{{endpoint}}")],
              "state-timeline", width=24, height=10, words=STATUS_WORDS),
        _line("Drift scores", f"{_M}result_value{{{_E}, {kind}}}",
              "{{endpoint}} {{application}} {{result}}", width=24,
              limits=[(0.5, "warn"), (0.7, "bad")]),
        Panel("Largest drift now", [Query(f"sort_desc(topk(15, {_M}drift_score{{{_E}}}))",
              "{{endpoint}}", instant=True)], "bargauge", height=10,
              limits=[(0.5, "warn"), (0.7, "bad")]),
        Panel(
            "Results about drift",
            [Query(f"{_M}result_status{{{_E}, {kind}}}", instant=True)],
            "table",
            height=10,
            words=STATUS_WORDS,
            columns={
                **dict.fromkeys(("Time", "__name__", "instance", "job", "uid", "kind"), ""),
                "project": "project", "endpoint": "endpoint", "application": "application",
                "result": "result", "Value": "status",
            },
        ),
    ]  # fmt: skip
    return Board(
        "mlrun-like-drift", "Models: drift", PROMETHEUS, [_PROJECT, _ENDPOINT], panels,
        "Where inputs or predictions have left what training saw.",
    )  # fmt: skip


def _serving() -> Board:
    def quantiles(name: str, by: str = "") -> list[Query]:
        keys = f"le, {by}" if by else "le"
        legend = f" {{{{{by}}}}}" if by else ""
        return [
            Query(
                f"histogram_quantile({share}, sum by ({keys}) (rate({_S}{name}_bucket{_RATE})))",
                f"p{share * 100:g}{legend}",
            )
            for share in (0.5, 0.95, 0.99)
        ]

    panels = [
        _line("Requests per second", f"sum by (status) (rate({_S}requests_total{_RATE}))",
              "{{status}}", unit="reqps"),
        Panel("Latency of requests", quantiles("request_seconds"), unit="s"),
        _line("Requests in flight", f"sum({_S}in_flight)", "in flight"),
        _line("Server errors",
              f'(sum(rate({_S}requests_total{{status=~"5.."}}{_RATE})) or vector(0)) / '
              f"sum(rate({_S}requests_total{_RATE}))", "5xx", unit="percentunit",
              limits=[(0.01, "bad")]),
        Panel("Time in steps, 95th percentile", quantiles("step_seconds", "step")[1:2], unit="s"),
        _line("Errors of steps", f"sum by (step, error) (rate({_S}step_errors_total{_RATE}))",
              "{{step}} {{error}}", unit="reqps"),
    ]  # fmt: skip
    return Board(
        "mlrun-like-serving", "Models: serving performance", PROMETHEUS, [], panels,
        "Times and errors of serving graphs, from `mlrun-like serve`'s own /metrics.",
    )  # fmt: skip


def _pipelines() -> Board:
    mean = f"{_M}run_seconds{{{_P}}} / ({_M}ended_runs{{{_P}}} > 0)"
    labels = "{{project}} {{kind}} {{state}}"
    panels = [
        _stat("Pipelines", f'sum({_M}runs{{{_P}, kind="pipeline"}}) or vector(0)'),
        _stat("Failed pipelines",
              f'sum({_M}runs{{{_P}, kind="pipeline", state="error"}}) or vector(0)',
              limits=[(1, "warn")]),
        _stat("Running", f'sum({_M}runs{{{_P}, state="running"}}) or vector(0)'),
        _stat("Runs", f"sum({_M}runs{{{_P}}})"),
        _line("Runs by state", f"sum by (kind, state) ({_M}runs{{{_P}}})", "{{kind}} {{state}}"),
        _line("Mean time of a run", mean, labels, unit="s"),
        _line("New failures in the last hour",
              f'sum by (project, kind) (clamp_min(delta({_M}runs{{{_P}, state="error"}}[1h]), 0))',
              "{{project}} {{kind}}"),
        _line("Incidents", f"sum by (severity, state) ({_M}incidents{{{_P}}})",
              "{{severity}} {{state}}"),
    ]  # fmt: skip
    return Board(
        "mlrun-like-pipelines", "Models: pipelines and runs", PROMETHEUS, [_RUN_PROJECT], panels,
        "Runs and pipelines by state, and incidents.",
    )  # fmt: skip
