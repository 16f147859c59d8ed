"""`mlrun-like ps`: what is deployed on this machine, and how it does."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from mlrun_like.cli.deployed import COLUMNS, find_deployed, row_of
from mlrun_like.cli.output import Json, clean, print_fields, print_json, print_table
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.control.starting import is_held
from mlrun_like.gateway.places import gateway_home

__all__ = ["ps"]

_CLEAR = "\x1b[2J\x1b[H"


def ps(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Only this function, with its replicas.")
    ] = "",
    why: Annotated[
        str, typer.Option("--why", metavar="NAME", help="Why it has as many replicas as it has.")
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Print again each second, until Ctrl-C.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List deployed functions: versions with their traffic, replicas, times, errors.

    mlrun-like ps

    mlrun-like ps shop/scorer

    mlrun-like ps --why scorer, the decisions of the autoscaler in words

    busy: requests that replicas work on; waiting: requests without one; p50 and p95: time to
    answer since the gateway began; replicas: ready ones, of how few to how many.
    """
    if watch and as_json:
        raise InvalidArgumentError("--watch and --json exclude each other")
    client = GatewayClient()
    if not is_held(gateway_home()):
        if as_json:
            print_json([])
        else:
            typer.echo("no gateway runs: mlrun-like up")
        return
    if why:
        _why(client, find_deployed(client, why), as_json)
        return
    while True:
        found = [client.status(find_deployed(client, name))] if name else client.deployed()
        if as_json:
            print_json(found[0] if name else found)
            return
        if watch:
            typer.echo(_CLEAR, nl=False)
        _print(client, found, bool(name))
        if not watch:
            return
        time.sleep(1.0)


def _print(client: GatewayClient, found: list[dict[str, Any]], detail: bool) -> None:
    print_table(COLUMNS, [row_of(status) for status in found])
    if not found:
        typer.echo("nothing is deployed: mlrun-like deploy FILE, or fn.deploy()")
    for status in found:
        waits = (status.get("rollout") or {}).get("waits_for")
        if waits:
            typer.echo(f"{status['key']}: {clean(waits)}")
    for told in client.info().get("broken") or ():
        typer.echo(f"not served: {clean(told)}", err=True)
    if detail and found:
        _detail(found[0])
        rows = [row for row in client.triggers() if row.get("function") == found[0]["key"]]
        if rows:
            typer.echo("")
            names = ("trigger", "kind", "state", "last_error")
            print_table(names, [[row.get(name) or "" for name in names] for row in rows])


def _detail(status: dict[str, Any]) -> None:
    typer.echo("")
    options = status.get("options") or {}
    print_fields(
        [
            ("address", status.get("address")),
            ("kind", status.get("kind")),
            ("requests", status.get("requests")),
            ("reason", status.get("reason")),
            ("triggers", ", ".join(options.get("triggers") or ())),
            ("variables", ", ".join(options.get("env") or ())),
            ("log", status.get("log")),
        ]
    )
    rows = []
    for version in status.get("versions") or ():
        for one in (version.get("pool") or {}).get("replicas") or ():
            if isinstance(one, dict):
                rows.append(_replica(version["number"], one))
    if rows:
        typer.echo("")
        columns = ("version", "replica", "pid", "state", "busy", "served", "memory", "cpu", "why")
        print_table(columns, rows)


def _replica(version: int, one: dict[str, Any]) -> tuple[object, ...]:
    size = float(one.get("memory") or 0) / (1 << 20)
    return (
        version, one.get("number", ""), one.get("pid", ""), one.get("state", ""),
        one.get("busy", ""), one.get("served", ""), f"{size:.0f} MiB" if size else "-",
        one.get("cpu", ""), one.get("why", ""),
    )  # fmt: skip


def _why(client: GatewayClient, key: str, as_json: bool) -> None:
    rows = client.why(key)
    status = client.status(key)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        stamp = time.strftime("%H:%M:%S", time.localtime(float(row.get("time") or 0)))
        typer.echo(f"{stamp}  version {row['version']}  {clean(row.get('why', ''))}")
    if not rows:
        typer.echo(f"{key}: the number of replicas was not changed yet")
    if status.get("reason"):
        typer.echo(f"now: {status['state']}: {clean(status['reason'])}")
