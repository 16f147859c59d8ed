"""`mlrun-like service`: the service of a team on this host."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer

from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.process import starting
from mlrun_like.api.process.told import set_up_log
from mlrun_like.cli.output import Json, print_fields, print_json
from mlrun_like.cli.service_backup import backup, migrate, restore, verify
from mlrun_like.cli.service_members import members, rotate_key
from mlrun_like.cli.service_users import tokens, users
from mlrun_like.configuration import config
from mlrun_like.registry import require

__all__ = ["app", "restart", "run", "start", "status", "stop"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="The service of a team: API and pages over one store.",
)

_Host = Annotated[str | None, typer.Option(help="Address to listen on; else service_host.")]
_Port = Annotated[int | None, typer.Option(help="Port to listen on; else service_port.")]
_Workers = Annotated[int | None, typer.Option(help="Processes that answer; else service_workers.")]


@app.command()
def start(
    host: _Host = None, port: _Port = None, workers: _Workers = None, as_json: Json = False
) -> None:
    """Start the service in the background; prints its URL when it answers.

    If it runs already, nothing happens. Log: service.log in the folder service of the home.

    mlrun-like service start

    mlrun-like service start --host 0.0.0.0 --workers 4
    """
    _needed()
    options = {"--host": host, "--port": port, "--workers": workers}
    record, begun = starting.start(_words(options))
    if as_json:
        print_json({"url": record.url, "started": begun, "pid": record.pid})
    else:
        typer.echo(f"{'started' if begun else 'already runs'}: {record.url}")


@app.command()
def run(host: _Host = None, port: _Port = None, workers: _Workers = None) -> int:
    """Run the service here until it is told to stop (Ctrl+C, SIGTERM).

    SIGHUP replaces the workers while the others answer.

    mlrun-like service run
    """
    _needed()
    serve = import_module("mlrun_like.api.process.supervisor").serve
    set_up_log()
    changes: dict[str, Any] = {"host": host, "port": port, "workers": workers}
    given = {name: value for name, value in changes.items() if value is not None}
    options = ServiceOptions.from_settings(background=config.service_background, **given)
    words = _words({f"--{name}": value for name, value in changes.items()})
    return int(serve(options, lambda url: typer.echo(f"the service answers: {url}"), words))


def _words(options: dict[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in options.items() if value is not None]


@app.command()
def stop(
    force: Annotated[
        bool, typer.Option("--force", help="Kill it if it does not end in time.")
    ] = False,
    as_json: Json = False,
) -> None:
    """End the service: running requests are finished, live streams end with a word.

    mlrun-like service stop
    """
    _needed()
    was = starting.stop(force=force)
    if as_json:
        print_json({"ended": was})
    else:
        typer.echo("ended" if was else "no service runs")


@app.command()
def restart(
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Replace the workers one by one; none is missed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Stop and start the service; with --rolling no request is refused meanwhile.

    Options of `start` hold on. After an update of this package use it without --rolling: the
    schema may change.

    mlrun-like service restart
    """
    _needed()
    if rolling:
        record = starting.renew()
    else:
        given = starting.started_with()
        starting.stop()
        record, _ = starting.start(given)
    if as_json:
        print_json({"url": record.url, "pid": record.pid})
    else:
        typer.echo(f"restarted: {record.url}")


@app.command()
def status(as_json: Json = False) -> int:
    """Whether the service of this home runs, and whether it can work; exit code 1: it cannot.

    mlrun-like service status
    """
    _needed()
    found = starting.status()
    if as_json:
        print_json(found)
    else:
        workers = ", ".join(f"{name} ({pid})" for name, pid in found.pop("workers").items())
        for name in ("started", "since", "given"):  # for programs
            found.pop(name, None)
        asked = found.get("login")
        if asked is not None:
            found["login"] = "needed" if asked else "not needed: who reaches it may do everything"
        if not found["pid"]:
            found.pop("pid")
        print_fields([(name, value) for name, value in {**found, "processes": workers}.items()])
    return 0 if found["ready"] else 1


def _needed() -> None:
    for package in ("fastapi", "cryptography", "jwt"):
        require(package, extra="service", feature="the service")


app.command("backup")(backup)
app.command("restore")(restore)
app.command("verify")(verify)
app.command("migrate")(migrate)
app.command("rotate-key")(rotate_key)
app.add_typer(users, name="user")
app.add_typer(tokens, name="token")
app.add_typer(members, name="member")
