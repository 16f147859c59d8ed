"""`mlrun-like scale`, `rollback`, `promote`, `shift` and `delete`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mlrun_like.cli.deployed import COLUMNS, find_deployed, row_of
from mlrun_like.cli.output import Json, print_json, print_table
from mlrun_like.cli.values import parse_pairs
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.control.client import GatewayClient

__all__ = ["delete", "promote", "rollback", "scale", "shift"]

Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as shop/scorer, or scorer.")]


def scale(
    name: Name,
    low: Annotated[
        int | None, typer.Option("--min", min=0, help="The fewest replicas; 0: none when idle.")
    ] = None,
    high: Annotated[int | None, typer.Option("--max", min=1, help="The most replicas.")] = None,
    as_json: Json = False,
) -> None:
    """Set how few and how many replicas a deployed function has, for all its versions.

    mlrun-like scale scorer --min 2 --max 8
    """
    if low is None and high is None:
        raise InvalidArgumentError("nothing is to be changed", fix="--min 1, --max 8, or both")
    client = GatewayClient()
    _print(client.scale(find_deployed(client, name), low, high), as_json)


def rollback(name: Name, as_json: Json = False) -> None:
    """Give the requests back to the version that had them before the last change.

    mlrun-like rollback scorer
    """
    client = GatewayClient()
    _print(client.rollback(find_deployed(client, name)), as_json)


def promote(name: Name, as_json: Json = False) -> None:
    """Give all requests to the version that is being rolled out.

    mlrun-like promote scorer
    """
    client = GatewayClient()
    _print(client.promote(find_deployed(client, name)), as_json)


def shift(
    name: Name,
    shares: Annotated[
        list[str], typer.Argument(metavar="VERSION=PERCENT...", help="They add up to 100.")
    ],
    as_json: Json = False,
) -> None:
    """Set by hand which versions answer how much.

    mlrun-like shift scorer 1=90 2=10
    """
    rows = []
    fix = "mlrun-like shift scorer 1=90 2=10"
    for version, percent in parse_pairs(shares, "VERSION=PERCENT", fix).items():
        try:
            rows.append({"version": int(version), "weight": float(percent.rstrip("%"))})
        except ValueError:
            raise InvalidArgumentError(f"{version}={percent} is no share", fix=fix) from None
    client = GatewayClient()
    _print(client.shift(find_deployed(client, name), rows), as_json)


def delete(name: Name, as_json: Json = False) -> None:
    """End a deployed function and forget it; its log stays.

    mlrun-like delete scorer
    """
    client = GatewayClient()
    key = find_deployed(client, name)
    client.delete(key)
    if as_json:
        print_json({"deleted": key})
    else:
        typer.echo(f"deleted: {key}")


def _print(status: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(status)
    else:
        print_table(COLUMNS, [row_of(status)])
