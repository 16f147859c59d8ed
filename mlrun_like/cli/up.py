"""`mlrun-like up` and `mlrun-like down`: the gateway of deployed functions."""

from __future__ import annotations

from typing import Annotated

import typer

from mlrun_like.cli.output import Json, print_json
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.control import boot, starting
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.holding.holder import hold
from mlrun_like.gateway.places import gateway_home

__all__ = ["down", "up"]


def up(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay here, and print what the gateway says.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Swap the process for a new one; no request is lost.")
    ] = False,
    at_boot: Annotated[
        bool, typer.Option("--at-boot", help="Also start it when this machine starts.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Start the gateway, which runs deployed functions; prints its URL.

    It goes on when this command has ended. If it runs already, nothing happens. Functions that
    were deployed before answer again.

    mlrun-like up

    mlrun-like up --restart, after an update of this package

    mlrun-like up --at-boot

    Address and port: the settings gateway_host and gateway_port. Log: gateway.log in the folder
    gateway of the home folder.
    """
    if foreground and (restart or as_json):
        raise InvalidArgumentError("--foreground goes with --at-boot only")
    if at_boot:
        typer.echo(boot.install())
    if foreground:
        return hold()
    if restart and starting.is_held(gateway_home()):
        url, begun = starting.restart(), False
    else:
        url, begun = starting.up()
    broken = GatewayClient().info().get("broken") or []
    if as_json:
        print_json({"url": url, "started": begun, "restarted": restart, "broken": broken})
        return 0
    word = "restarted" if restart and not begun else "started" if begun else "already up"
    typer.echo(f"{word}: {url}")
    for told in broken:
        typer.echo(f"not served: {told}", err=True)
    return 0


def down(as_json: Json = False) -> None:
    """End the gateway and all workers; what is deployed comes back with `mlrun-like up`.

    Requests under way are finished, for at most gateway_grace seconds.

    mlrun-like down
    """
    was = starting.down()
    if as_json:
        print_json({"ended": was})
    else:
        typer.echo("ended" if was else "no gateway runs")
