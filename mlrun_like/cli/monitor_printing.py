"""What the commands of `mlrun-like monitor` print."""

from __future__ import annotations

import sys
from typing import Any

import typer

from mlrun_like.cli.output import one_line, print_json, print_table
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.results import ResultStatusApp
from mlrun_like.monitoring.endpoints.records import get_model_endpoint, list_model_endpoints
from mlrun_like.monitoring.recording.times import to_datetime
from mlrun_like.monitoring.service import ServicePass
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import EndpointQuery
from mlrun_like.tracking.window_abilities import ResultRow

__all__ = [
    "iso",
    "no_endpoints",
    "print_failed",
    "print_pass",
    "result_document",
    "shown_result",
    "status_word",
    "tell",
    "uid_of",
]


def no_endpoints(project: str) -> None:
    """Say where the endpoints are, if this project has none."""
    found = open_store().list_endpoints(EndpointQuery(project="*", limit=1000))
    names = sorted({str(one["metadata"]["project"]) for one in found})
    if project in names:
        return
    shown = f"; there are some in: {', '.join(names[:10])}" if names else ""
    typer.echo(f"project {project!r} has no endpoints{shown}", err=True)


def tell(done: ServicePass) -> None:
    """Print a turn of the service, if anything was done."""
    if done.busy or done.alerts:
        print_pass(done)
        sys.stdout.flush()


def print_pass(done: ServicePass) -> None:
    """Print a turn of the service."""
    told = done.windows
    typer.echo(
        f"{told.windows} windows of {told.endpoints} endpoints, {told.results} numbers, "
        f"{told.failed} to be tried again, {told.skipped} given up, {told.missed} missed "
        f"({told.seconds:.2f} s)"
    )
    for name, error in {**told.broken, **told.errors, **done.errors}.items():
        typer.echo(f"{name}: {one_line(error, 200)}", err=True)
    for name, numbers in done.alerts.items():
        words = ", ".join(f"{count} {what}" for what, count in numbers.items() if count)
        typer.echo(f"alerts of {name}: {words}")


def print_failed(project: str, uid: str, application: str, limit: int, as_json: bool) -> None:
    """Print windows that applications failed on."""
    rows = [
        one
        for state in ("failed", "skipped", "missed")
        for one in open_store().list_windows(project, uid, application, state, limit)
    ]
    rows.sort(key=lambda one: -one[2].end)
    if as_json:
        print_json(
            [{"endpoint": uid, "application": app_, **row._asdict()} for uid, app_, row in rows]
        )
        return
    print_table(
        ["window end", "endpoint", "application", "state", "tries", "error"],
        [
            [iso(row.end), uid[:12], app_, row.state, row.attempts, one_line(row.error, 100)]
            for uid, app_, row in rows
        ],
    )


def uid_of(project: str, endpoint: str) -> str:
    """The uid of an endpoint given by the beginning of its uid, or by its name."""
    if not endpoint:
        return ""
    known = [one.metadata.uid for one in list_model_endpoints(project)]
    matching = [uid for uid in known if uid.startswith(endpoint)]
    if len(matching) > 1:
        raise InvalidArgumentError(f"{endpoint!r} begins {len(matching)} uids")
    return matching[0] if matching else get_model_endpoint(project, name=endpoint).metadata.uid


def result_document(row: ResultRow | None) -> Any:
    """A number as plain data with ISO times."""
    if row is None:
        return None
    return {**row._asdict(), "start": iso(row.start), "end": iso(row.end)}


def status_word(row: ResultRow) -> str:
    """A result's status; empty for a metric."""
    return ResultStatusApp(row.status).name if row.type == "result" else ""


def shown_result(row: ResultRow | None) -> str:
    """A number in a few words."""
    return "" if row is None else f"{row.name} {row.value:.3g} {status_word(row)}"


def iso(seconds: float | None) -> str:
    """A time for people."""
    return "" if seconds is None else to_datetime(seconds).isoformat(timespec="seconds")
