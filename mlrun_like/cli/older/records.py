"""`mlrun get`, `logs`, `version`, `clean`: what is recorded."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mlrun_like.cli.listing import get as list_records
from mlrun_like.cli.lookup import find_run
from mlrun_like.cli.older.values import first_word, prepare
from mlrun_like.cli.output import clean as plain
from mlrun_like.cli.output import print_table
from mlrun_like.compat.adapted.client.root import Version
from mlrun_like.compat.adapted.client.run_db import get_run_db
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve
from mlrun_like.tracking.connect import open_store

__all__ = ["clean", "get", "logs", "version"]

Project = Annotated[str, typer.Option("--project", "-p", help="The project; *: all.")]
Db = Annotated[str, typer.Option("--db", help="Where it is recorded.")]
_PIPELINE = ("project", "name", "status", "created_at", "finished_at")


def get(
    kind: Annotated[
        str, typer.Argument(callback=first_word, help="run, artifact, function, workflow.")
    ],
    name: Annotated[str, typer.Argument(callback=first_word, help="Only this one.")] = "",
    selector: Annotated[str, typer.Option("--selector", "-s", help="Labels: a=1,b.")] = "",
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Of a cluster.")] = "",
    uid: Annotated[str, typer.Option("--uid", help="Only this run.")] = "",
    project: Project = "",
    tag: Annotated[str, typer.Option("--tag", "-t", help="Only versions so tagged.")] = "",
    db: Db = "",
) -> None:
    """List or get runs, artifacts, functions, workflows.

    mlrun get runs -p demo -s owner=ann

    mlrun get run 0193a4b2 -p demo
    """
    del namespace
    prepare(db=db)
    place, labels = project or str(config.default_project), [s for s in selector.split(",") if s]
    if kind.startswith(("po", "runtime")):
        typer.echo("nothing of a cluster is kept here; mlrun-like ps   lists what is deployed")
    elif kind.startswith("run"):
        if tag:
            typer.echo(
                "Unsupported argument '--tag' for listing runs. Perhaps you should use "
                "'--selector' instead"
            )
        elif name:
            _show(find_run(open_store(), name, project).to_dict())
        else:
            list_records("runs", project=place, uid=uid, label=labels, limit=0)
    elif kind.startswith("art"):
        list_records("artifacts", name, project=place, tag=tag, label=labels, limit=0)
    elif kind.startswith("func"):
        if name:
            _show(get_run_db().get_function(name, place, tag))
        else:
            list_records("functions", project=place, tag=tag, label=labels, limit=0)
    elif kind.startswith("workflow"):
        _, _, found = get_run_db().list_pipelines(place)
        print_table(list(_PIPELINE), [[str(_of(row, key)) for key in _PIPELINE] for row in found])
    else:
        raise InvalidArgumentError(
            f"there are no {kind!r} to get", fix="runs | workflows | artifacts | func [name]"
        )


def logs(
    uid: Annotated[str, typer.Argument(help="The run's id.")],
    project: Project = "",
    offset: Annotated[int, typer.Option("--offset", min=0, help="Byte to begin at.")] = 0,
    db: Db = "",
) -> None:
    """Print the log of a run, and its state.

    mlrun logs 0193a4b2 -p demo
    """
    prepare(db=db)
    run = find_run(open_store(), uid, project)
    text = run.logs(watch=False, offset=offset)
    typer.echo(text, nl=bool(text) and not text.endswith("\n"))
    typer.echo(f"Final state: {run.state()}")


def version() -> None:
    """Print the version.

    mlrun version
    """
    typer.echo(f"MLRun version: {Version().get()}")


def clean(
    kind: Annotated[str, typer.Argument(help="A kind of functions.")] = "",
    object_id: Annotated[str, typer.Argument(metavar="ID", help="A run's id.")] = "",
    api: Annotated[str, typer.Option("--api", help="Of a cluster.")] = "",
    label_selector: Annotated[str, typer.Option("--label-selector", "-ls", help="Labels.")] = "",
    force: Annotated[bool, typer.Option("--force", "-f", help="Also what still runs.")] = False,
    grace_period: Annotated[int, typer.Option("--grace-period", "-gp", help="Seconds.")] = 0,
) -> None:
    """Clean resources of runs in a cluster: none are left here when a run has ended.

    mlrun clean job
    """
    del kind, object_id, api, label_selector, force, grace_period
    typer.echo("nothing of a cluster is kept here; mlrun-like gc   removes old files and records")


def _show(document: dict[str, Any]) -> None:
    typer.echo(plain(resolve("yaml:safe_dump")(document, sort_keys=False)))


def _of(row: Any, key: str) -> Any:
    value = row.get(key, "") if isinstance(row, dict) else getattr(row, key, "")
    return "" if value is None else value
