"""The numbers of all processes of a service as Prometheus text.

| name (after `mlrun_like_service_`) | type | labels |
|---|---|---|
| requests_total | counter | method, route, status |
| request_seconds | histogram | route |
| in_flight, streams | gauge | |
| store_seconds | gauge | |
| leader | gauge | (1: a process of this host is the leader) |
| tasks | gauge | state |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import orjson

from mlrun_like.api.http.numbers import BOUNDS, Numbers
from mlrun_like.tracking.process import process_alive

__all__ = ["CONTENT_TYPE", "exchange", "render"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_START = "mlrun_like_service_"
_HELP = {
    "requests_total": ("counter", "Requests that were answered."),
    "request_seconds": ("histogram", "From a request to the end of its answer."),
    "in_flight": ("gauge", "Requests that are not answered yet."),
    "streams": ("gauge", "Live streams that are open."),
    "store_seconds": ("gauge", "How long the store took at the last look."),
    "leader": ("gauge", "Whether a process of this host does the background work."),
    "tasks": ("gauge", "Background tasks by state."),
}


def exchange(folder: Path | None, numbers: Numbers) -> Numbers:
    """Show this process's numbers to the others in a folder, and give the sum of all.

    Files of processes that have ended stay until the service does: a counter never falls.
    """
    if folder is None:
        return numbers
    mine = folder / f"{os.getpid()}.json"
    fresh = mine.with_suffix(f".{os.getpid()}.tmp")
    try:
        fresh.write_bytes(orjson.dumps(numbers.plain()))
        os.replace(fresh, mine)
        files = sorted(folder.glob("*.json"))
    except OSError:  # a full disk must not end the scrape
        return numbers
    total = Numbers()
    total.add(numbers.plain(), alive=True)
    for path in files:
        if path == mine:
            continue
        try:
            total.add(orjson.loads(path.read_bytes()), alive=_alive(path.stem))
        except (OSError, ValueError, KeyError):
            continue
    return total


def render(numbers: Numbers, tasks: Mapping[str, int]) -> str:
    """The numbers as text.

    >>> "in_flight 0" in render(Numbers(), {})
    True
    """
    lines: list[str] = []

    def family(name: str, rows: list[tuple[str, float]]) -> None:
        kind, text = _HELP[name]
        lines.append(f"# HELP {_START}{name} {text}")
        lines.append(f"# TYPE {_START}{name} {kind}")
        lines.extend(f"{_START}{name}{labels} {value:.10g}" for labels, value in rows)

    family(
        "requests_total",
        [
            (f'{{method="{_quoted(m)}",route="{_quoted(r)}",status="{s}"}}', count)
            for (m, r, s), count in sorted(numbers.requests.items())
        ],
    )
    rows: list[tuple[str, float]] = []
    for route, parts in sorted(numbers.seconds.items()):
        label = f'route="{_quoted(route)}"'
        count = 0.0
        for bound, number in zip((*BOUNDS, "+Inf"), parts[:-1], strict=True):
            count += number
            rows.append((f'_bucket{{{label},le="{bound}"}}', count))
        rows += [(f"_sum{{{label}}}", parts[-1]), (f"_count{{{label}}}", count)]
    family("request_seconds", rows)
    for name in ("in_flight", "streams", "store_seconds", "leader"):
        family(name, [("", getattr(numbers, name))])
    family("tasks", [(f'{{state="{_quoted(s)}"}}', n) for s, n in sorted(tasks.items())])
    return "\n".join(lines) + "\n"


def _alive(stem: str) -> bool:
    return stem.isdecimal() and process_alive(int(stem))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
