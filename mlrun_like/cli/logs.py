"""`mlrun-like logs` and `mlrun-like abort`."""

from __future__ import annotations

from typing import Annotated

import typer

from mlrun_like.cli.deployed import find_deployed
from mlrun_like.cli.lookup import find_run
from mlrun_like.cli.output import Json, clean, print_json
from mlrun_like.errors import ConflictError, EngineError, NotFoundError
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.control.starting import is_held
from mlrun_like.gateway.places import gateway_home
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.connect import open_store

__all__ = ["abort", "logs"]

Uid = Annotated[str, typer.Argument(help="The run's uid, or the beginning of it.")]
Of = Annotated[
    str,
    typer.Argument(metavar="RUN|FUNCTION", help="A run's uid or name, or a deployed function."),
]
Project = Annotated[str, typer.Option("--project", "-p", help="The project to look in.")]


def logs(
    uid: Of,
    project: Project = "",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", "--watch", "-w", help="Go on until the run ends.")
    ] = False,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Byte to begin at.")] = 0,
    tail: Annotated[
        int, typer.Option("--tail", "-n", min=0, help="Deployed: only the last lines; 0: all.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Print what a run, or a deployed function, printed.

    mlrun-like logs 0193a4b2 -f

    mlrun-like logs shop/scorer -f --tail 20
    """
    key = _deployed(uid, project)
    if key:
        _follow(key, tail, follow and not as_json, as_json)
        return
    run = find_run(open_store(), uid, project)
    text = run.logs(watch=follow and not as_json, offset=offset)
    if as_json:
        print_json({"uid": run.uid(), "offset": offset, "log": text})
    elif not follow:
        typer.echo(text, nl=bool(text) and not text.endswith("\n"))


def _deployed(text: str, project: str) -> str:
    """The key of the deployed function that is meant; empty: none is."""
    if not is_held(gateway_home()):
        return ""
    try:
        return find_deployed(GatewayClient(), f"{project}/{text}" if project else text)
    except (NotFoundError, EngineError):
        return ""


def _follow(key: str, tail: int, follow: bool, as_json: bool) -> None:
    parts = GatewayClient().logs(key, tail, follow)
    if as_json:
        print_json({"function": key, "log": b"".join(parts).decode("utf-8", "replace")})
        return
    for part in parts:
        typer.echo(clean(part.decode("utf-8", "replace")), nl=False)


def abort(
    uid: Uid,
    project: Project = "",
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, help="Seconds to wait until it has stopped.")
    ] = 30.0,
    as_json: Json = False,
) -> int:
    """Stop a run and wait until it has stopped.

    mlrun-like abort 0193a4b2
    """
    run = find_run(open_store(), uid, project)
    before = run.state()
    if before in TERMINAL:
        raise ConflictError(f"the run is over: it is {before!r}", where=run.uri)
    state = run.abort(timeout)
    if as_json:
        print_json({"uid": run.uid(), "state": state})
    else:
        typer.echo(f"{run.uri} is {state}")
    return 0 if state in TERMINAL else 1
