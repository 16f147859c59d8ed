"""`mlrun-like monitor`: watching served models: endpoints, windows, results."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Annotated, Any

import typer

from mlrun_like.cli.monitor_printing import (
    iso,
    no_endpoints,
    print_failed,
    print_pass,
    result_document,
    shown_result,
    status_word,
    tell,
    uid_of,
)
from mlrun_like.cli.output import Json, one_line, print_fields, print_json, print_table
from mlrun_like.configuration import config
from mlrun_like.monitoring.applications.definitions import load_applications, read_settings
from mlrun_like.monitoring.applications.registering import disable as disable_project
from mlrun_like.monitoring.applications.registering import enable as enable_project
from mlrun_like.monitoring.beside import hold_lock
from mlrun_like.monitoring.endpoints.records import list_model_endpoints
from mlrun_like.monitoring.recording.times import seconds_of
from mlrun_like.monitoring.service import (
    beside_wanted,
    lease_name,
    lower_priority,
    run_forever,
    service_pass,
)
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.window_abilities import ResultRow

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Served models under watch: run the service, see endpoints, windows and results.",
)
Project = Annotated[str, typer.Option("--project", "-p", help="The project; default: its setting.")]
Every = Annotated[str, typer.Option("--project", "-p", help="Only this project; default: all.")]
Limit = Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")]


@app.command()
def run(
    project: Every = "",
    interval: Annotated[
        float | None, typer.Option("--interval", min=0.05, help="Seconds between two turns.")
    ] = None,
    beside: Annotated[
        bool,
        typer.Option("--beside", help="End when no server has recorded anything for a while."),
    ] = False,
    lock: Annotated[
        int, typer.Option("--lock", hidden=True, help="Descriptor of the lock that is held.")
    ] = -1,
) -> None:
    """Run the monitoring service until Ctrl-C or SIGTERM: windows, alerts, deliveries.

    mlrun-like monitor run

    mlrun-like monitor run --project fraud --interval 60

    `mlrun-like serve` and the gateway start one by themselves, unless the setting
    monitoring_service is off. Of several over one store one works, the others wait.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if beside:
        if lock < 0 and hold_lock() is None:
            return  # another one was faster
        lower_priority()
    else:
        typer.echo(f"watching {project or 'all projects'} in {open_store().shown}")
        sys.stdout.flush()
    again = run_forever(
        project, interval, stop=stop, wanted=beside_wanted if beside else None, told=tell
    )
    if again:
        # only a new process is rid of a call that hangs; the lock is closed by exec
        os.execv(sys.executable, [sys.executable, "-m", "mlrun_like", *sys.argv[1:]])


@app.command("pass")
def one_pass(
    project: Every = "",
    at: Annotated[
        str, typer.Option("--at", help="As if it were this time (ISO text); default: now.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Do once what the service does all the time; for cron and tests.

    mlrun-like monitor pass

    mlrun-like monitor pass --project fraud --json
    """
    done = service_pass(project, seconds_of(at) if at else None)
    if as_json:
        print_json(
            {"windows": done.windows.to_dict(), "alerts": done.alerts, "errors": done.errors}
        )
    else:
        print_pass(done)
    return 1 if done.errors else 0


@app.command()
def status(project: Project = "", as_json: Json = False) -> None:
    """Show whether a project is watched, by which applications, and how far they are.

    mlrun-like monitor status --project fraud
    """
    name = project or config.default_project
    settings, store = read_settings(name), open_store()
    cursors = store.read_cursors(name)
    leases = {**store.read_leases(lease_name(name)), **store.read_leases(lease_name())}
    apps = load_applications(settings)
    rows: list[dict[str, Any]] = [
        {
            "application": one.name,
            "minutes": one.period,
            "endpoints": sum(cursor.application == one.name for cursor in cursors),
            "behind": max(
                [cursor.skipped for cursor in cursors if cursor.application == one.name],
                default=0,
            ),
            "done": min(
                [cursor.done for cursor in cursors if cursor.application == one.name], default=None
            ),
            "error": one.error
            or next((c.error for c in cursors if c.application == one.name and c.error), ""),
        }
        for one in apps
    ]
    service = next((owner for owner, _ in leases.values()), "")
    if as_json:
        print_json(
            {"project": name, "enabled": settings.enabled, "base_period": settings.base_period,
             "service": service, "endpoints": len(list_model_endpoints(name)),
             "applications": rows}
        )  # fmt: skip
        return
    print_fields(
        [
            ("project", name),
            ("watched", "yes" if settings.enabled else "no"),
            ("window", f"{settings.base_period:g} minutes"),
            ("service", service or "none works now; start one: mlrun-like monitor run"),
            ("endpoints", len(list_model_endpoints(name))),
        ]
    )
    if rows:
        typer.echo()
        print_table(
            ["application", "minutes", "endpoints", "up to", "given up", "last error"],
            [
                [row["application"], f"{row['minutes']:g}", row["endpoints"], iso(row["done"]),
                 row["behind"], one_line(row["error"])]
                for row in rows
            ],
        )  # fmt: skip


@app.command()
def endpoints(project: Project = "", as_json: Json = False) -> None:
    """List model endpoints with their newest results.

    mlrun-like monitor endpoints --project fraud
    """
    name = project or config.default_project
    found = list_model_endpoints(name)
    worst: dict[str, ResultRow] = {}
    for row in open_store().latest_results(name):
        if row.type == "result" and (
            row.endpoint not in worst or row.status > worst[row.endpoint].status
        ):
            worst[row.endpoint] = row
    if as_json:
        print_json(
            [
                {**one.to_dict(), "worst": result_document(worst.get(one.metadata.uid))}
                for one in found
            ]
        )
        return
    print_table(
        ["name", "function", "requests", "errors", "last request", "worst result", "uid"],
        [
            [one.metadata.name, one.spec.function_name, one.status.requests,
             one.status.error_count, one.status.last_request or "never",
             shown_result(worst.get(one.metadata.uid)), one.metadata.uid]
            for one in found
        ],
    )  # fmt: skip
    if not found:
        no_endpoints(name)


@app.command()
def results(
    project: Project = "",
    endpoint: Annotated[str, typer.Option("--endpoint", help="Uid or name of an endpoint.")] = "",
    application: Annotated[str, typer.Option("--application", help="Only this one.")] = "",
    name: Annotated[str, typer.Option("--name", help="Only this result or metric.")] = "",
    since: Annotated[str, typer.Option("--since", help="Windows that end after (ISO text).")] = "",
    failed: Annotated[
        bool, typer.Option("--failed", help="Windows that applications failed on instead.")
    ] = False,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List what applications found, newest first.

    mlrun-like monitor results --endpoint iris --name general_drift

    mlrun-like monitor results --failed
    """
    place, store = project or config.default_project, open_store()
    uid = uid_of(place, endpoint)
    if failed:
        print_failed(place, uid, application, limit, as_json)
        return
    start = seconds_of(since) if since else None
    rows = store.list_results(place, uid, application, name, start, limit=limit)[::-1]
    if as_json:
        print_json([result_document(row) for row in rows])
        return
    print_table(
        ["window end", "endpoint", "application", "name", "value", "status", "more"],
        [
            [iso(row.end), row.endpoint[:12], row.application, row.name, f"{row.value:.6g}",
             status_word(row), one_line(row.extra.get("reason") or row.extra or "")]
            for row in rows
        ],
    )  # fmt: skip
    if not rows:
        no_endpoints(place)


@app.command()
def enable(
    project: Project = "",
    base_period: Annotated[
        float, typer.Option("--base-period", help="Minutes of a window; parts are allowed.")
    ] = 10,
    default_app: Annotated[
        bool,
        typer.Option("--default-app/--no-default-app", help="Also the default applications."),
    ] = True,
) -> None:
    """Watch a project.

    mlrun-like monitor enable --project fraud --base-period 5
    """
    made = enable_project(project, base_period, deploy_histogram_data_drift_app=default_app)
    typer.echo(f"{made.project}: watched, windows of {made.base_period:g} minutes")


@app.command()
def disable(project: Project = "") -> None:
    """Stop watching a project; what was found stays.

    mlrun-like monitor disable --project fraud
    """
    made = disable_project(project, delete_histogram_data_drift_app=False)
    typer.echo(f"{made.project}: not watched")
