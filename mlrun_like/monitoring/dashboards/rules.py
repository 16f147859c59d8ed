"""Prometheus' recording and alerting rules.

Format: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
"""

from __future__ import annotations

from mlrun_like.types import Document

__all__ = ["rules"]

_M = "mlrun_like_monitoring_"
_S = "mlrun_like_serving_"
_R = "mlrun_like:"


def rules() -> Document:
    """The rule groups as a document; `promtool check rules` accepts it as YAML."""
    recording = [
        _record(
            "requests:rate5m", f"sum by (project, endpoint, uid) (rate({_M}requests_total[5m]))"
        ),
        _record("errors:rate5m", f"sum by (project, endpoint, uid) (rate({_M}errors_total[5m]))"),
        _record("error_share:rate5m", f"{_R}errors:rate5m / ({_R}requests:rate5m > 0)"),
        _record(
            "serving_latency:p95_5m",
            f"histogram_quantile(0.95, sum by (le, job) (rate({_S}request_seconds_bucket[5m])))",
        ),
    ]
    who = "{{ $labels.endpoint }} in project {{ $labels.project }}"
    alerts = [
        _alert("ModelDriftDetected", f"{_M}drift_status == 2", "10m", "high",
               f"Inputs or predictions of {who} have left what training saw."),
        _alert("ModelDriftPossible", f"{_M}drift_status == 1", "1h", "medium",
               f"Inputs or predictions of {who} may have left what training saw."),
        _alert("ModelErrorsHigh", f"{_R}error_share:rate5m > 0.05", "5m", "high",
               f"{{{{ $value | humanizePercentage }}}} of the requests of {who} fail."),
        _alert("ModelPerformanceLow", f'{_M}result_status{{kind="model_performance"}} == 2', "10m",
               "high", f"The predictions of {who} got worse: {{{{ $labels.result }}}}."),
        _alert("ModelRequestsNotRecorded", f"increase({_M}dropped_total[10m]) > 0", "10m", "medium",
               f"The recorder cannot keep all requests of {who}."),
        _alert("ModelMonitoringBehind", f"{_M}windows_lag_seconds > 7200", "15m", "medium",
               f"Applications are {{{{ $value | humanizeDuration }}}} behind on {who}."),
        _alert("PipelineFailed", f'increase({_M}runs{{kind="pipeline", state="error"}}[15m]) > 0',
               "0m", "medium", "A pipeline of project {{ $labels.project }} failed."),
        _alert("ServingErrorsHigh",
               f'sum by (job) (rate({_S}requests_total{{status=~"5.."}}[5m])) / '
               f"sum by (job) (rate({_S}requests_total[5m])) > 0.05", "5m", "high",
               "{{ $value | humanizePercentage }} of the requests of {{ $labels.job }} fail."),
    ]  # fmt: skip
    return {
        "groups": [
            {"name": "mlrun-like-recording", "interval": "30s", "rules": recording},
            {"name": "mlrun-like-alerts", "rules": alerts},
        ]
    }


def _record(name: str, expression: str) -> Document:
    return {"record": _R + name, "expr": expression}


def _alert(name: str, expression: str, wait: str, severity: str, summary: str) -> Document:
    return {
        "alert": name,
        "expr": expression,
        "for": wait,
        "labels": {"severity": severity},
        "annotations": {"summary": summary},
    }
