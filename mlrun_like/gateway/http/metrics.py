"""All functions' numbers as Prometheus text, at `/-/metrics`.

All names begin with `mlrun_like_gateway_`; labels `project` and `function`, most also `version`:

| name | type | further labels |
|---|---|---|
| requests_total | counter | status (2xx, ...) |
| errors_total | counter | reason (the status of 429 and 5xx, `torn`, `cancelled`) |
| request_seconds, queue_seconds | histogram | |
| request_bytes_total, response_bytes_total | counter | |
| in_flight | gauge | (no version) |
| replicas | gauge | state |
| waiting | gauge | |
| restarts_total | counter | |
| cold_starts_total | counter | |
| cold_start_seconds | gauge | phase (fork, import, init, warm_up, total): mean of the last ones |

The last five come from the service's own `status()`, for each version that has, or may have,
replicas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.gateway.http.gate import Gate
from mlrun_like.gateway.http.numbers import BOUNDS, VersionNumbers

__all__ = ["CONTENT_TYPE", "render"]

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_START = "mlrun_like_gateway_"
_HELP = {
    "requests_total": ("counter", "Requests that were answered."),
    "errors_total": ("counter", "Requests that were refused, failed, broke off or were left."),
    "request_seconds": ("histogram", "From the request's last byte to the answer's."),
    "queue_seconds": ("histogram", "Waiting for a replica."),
    "request_bytes_total": ("counter", "Bytes of bodies of requests."),
    "response_bytes_total": ("counter", "Bytes of answers."),
    "in_flight": ("gauge", "Requests that are not answered yet."),
    "replicas": ("gauge", "Worker processes by state."),
    "waiting": ("gauge", "Requests that wait for a replica."),
    "restarts_total": ("counter", "Replicas that ended without being asked to."),
    "cold_starts_total": ("counter", "Replicas that were started."),
    "cold_start_seconds": ("gauge", "Seconds of a start by phase, mean of the last ones."),
}


class _Families:
    """Lines by family, in the order of the table."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {name: [] for name in _HELP}

    def add(self, name: str, labels: str, value: float, suffix: str = "") -> None:
        self._lines[name].append(f"{_START}{name}{suffix}{{{labels}}} {value:.10g}\n")

    def histogram(self, name: str, labels: str, parts: list[int], total: float) -> None:
        count = 0
        for bound, number in zip((*BOUNDS, "+Inf"), parts, strict=True):
            count += number
            self.add(name, f'{labels},le="{bound}"', count, "_bucket")
        self.add(name, labels, total, "_sum")
        self.add(name, labels, count, "_count")

    def text(self) -> bytes:
        parts = []
        for name, lines in self._lines.items():
            if lines:
                kind, help_text = _HELP[name]
                parts.append(f"# HELP {_START}{name} {help_text}\n# TYPE {_START}{name} {kind}\n")
                parts += lines
        return "".join(parts).encode("utf-8")


def render(gates: Iterable[Gate]) -> bytes:
    """The numbers of these functions.

    >>> render([])
    b''
    """
    families = _Families()
    for gate in gates:
        function = f'project="{_quoted(gate.project)}",function="{_quoted(gate.name)}"'
        families.add("in_flight", function, gate.numbers.in_flight)
        for version, numbers in sorted(gate.numbers.versions.items()):
            _add_requests(families, f'{function},version="{version}"', numbers)
        status = getattr(gate.service, "status", None)
        for row in status().get("versions") or () if callable(status) else ():
            if row.get("pool"):
                _add_pool(families, f'{function},version="{row["number"]}"', row["pool"])
    return families.text()


def _add_requests(families: _Families, labels: str, numbers: VersionNumbers) -> None:
    classes: dict[int, int] = {}
    for status, count in numbers.statuses.items():
        classes[status // 100] = classes.get(status // 100, 0) + count
        if status == 429 or status >= 500:
            families.add("errors_total", f'{labels},reason="{status}"', count)
    for kind, count in sorted(classes.items()):
        families.add("requests_total", f'{labels},status="{kind}xx"', count)
    families.add("errors_total", f'{labels},reason="torn"', numbers.torn)
    families.add("errors_total", f'{labels},reason="cancelled"', numbers.cancelled)
    families.histogram("request_seconds", labels, numbers.latency, numbers.latency_sum)
    families.histogram("queue_seconds", labels, numbers.delay, numbers.delay_sum)
    families.add("request_bytes_total", labels, numbers.bytes_in)
    families.add("response_bytes_total", labels, numbers.bytes_out)


def _add_pool(families: _Families, labels: str, pool: Mapping[str, Any]) -> None:
    """Replicas: `pool` is a `PoolNumbers` as plain data."""
    for state in ("ready", "starting", "draining"):
        families.add("replicas", f'{labels},state="{state}"', pool[state])
    families.add("waiting", labels, pool["waiting"])
    families.add("restarts_total", labels, pool["restarts"])
    families.add("cold_starts_total", labels, pool["started"])
    starts: list[dict[str, float]] = list(pool["cold_starts"])
    for phase in dict.fromkeys(phase for start in starts for phase in start):
        mean = sum(start.get(phase, 0.0) for start in starts) / len(starts)
        families.add("cold_start_seconds", f'{labels},phase="{_quoted(phase)}"', mean)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
