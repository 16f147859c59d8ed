"""`mlrun-like models`: which version of a model serves, and how that came to be."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, print_fields, print_json, print_table
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion import canary as canaries
from mlrun_like.promotion.promote import promote as promote_version
from mlrun_like.promotion.registry import (
    find_version,
    load_version,
    model_versions,
    remove_alias,
    set_alias,
    set_stage,
)
from mlrun_like.promotion.registry import history as read_history
from mlrun_like.promotion.rollback import rollback as roll_back
from mlrun_like.tracking.abilities import ModelEvent, ModelVersion

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Versions of models: a MODEL is KEY, KEY:VERSION, KEY:ALIAS or a store:// URI.",
)
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="KEY, KEY:3, KEY:champion or a store:// URI.")
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The model's key.")]
Project = Annotated[
    str, typer.Option("--project", "-p", help="Its project; the default one if left out.")
]
Why = Annotated[str, typer.Option("--why", help="A reason, for the audit trail.")]


@app.command("list")
def list_models(
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="Only this model.")] = "",
    project: Annotated[str, typer.Option("--project", "-p", help="Only this project.")] = "*",
    as_json: Json = False,
) -> None:
    """List the versions of models with their stages and aliases.

    mlrun-like models list

    mlrun-like models list train_net --project fraud
    """
    found = _named(key, project)
    if as_json:
        print_json([version._asdict() for version in found])
        return
    if not found:
        typer.echo("No models found. log_model in a run makes the first version.")
        return
    rows = [
        [one.project, one.key, one.number, one.stage, ", ".join(one.tags), _time(one.made)]
        for one in found
    ]
    print_table(["project", "model", "version", "stage", "aliases and tags", "logged"], rows)


def _named(key: str, project: str) -> list[ModelVersion]:
    if not key or project not in ("", "*"):
        return model_versions(project or "*", key)
    every = model_versions("*")
    return [one for one in every if one.key == key] or [
        one for one in every if one.key.endswith(f"_{key}")
    ]


@app.command()
def show(model: Model, project: Project = "", as_json: Json = False) -> None:
    """Show one version: its metrics, aliases, stage and last promotion.

    mlrun-like models show train_net:champion
    """
    version = find_version(model, project=project)
    record = load_version(version)
    if as_json:
        print_json({**version._asdict(), "record": record.to_dict()})
        return
    last: dict[str, Any] = record.status.get("promotion") or {}
    gates = [
        f"{'passed' if one['passed'] else 'FAILED'}  {one['gate']}: {one['message']}"
        for one in last.get("gates", [])
    ]
    verb = "accepted" if last.get("accepted") else "rejected"
    print_fields(
        [
            ("model", f"{version.project}/{version.key}"),
            ("version", version.number),
            ("stage", version.stage),
            ("aliases", ", ".join(version.tags)),
            ("logged", _time(version.made)),
            ("framework", record.spec.framework),
            ("uri", record.uri),
            ("file", record.model_path),
            ("metrics", record.spec.metrics or ""),
            ("last promotion", f"{verb} for {last['to']}, {_time(last['time'])}" if last else ""),
            ("gates", "\n".join(gates)),
        ]
    )


@app.command()
def promote(
    model: Model,
    to: Annotated[str, typer.Option("--to", help="The alias, or a stage.")] = "champion",
    gate: Annotated[
        list[str] | None,
        typer.Option("--gate", "-g", help="'auc >= 0.9', smoke, or JSON; again for more gates."),
    ] = None,
    test_set: Annotated[
        str, typer.Option("--test-set", help="A file or URL with features and label.")
    ] = "",
    label: Annotated[str, typer.Option("--label", help="The label's column.")] = "",
    project: Project = "",
    why: Why = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only ask the gates; move nothing.")
    ] = False,
) -> int:
    """Promote a version if it passes all gates; the exit code is 1 if it is rejected.

    mlrun-like models promote train_net:3 --gate "auc >= 0.9" --gate smoke

    mlrun-like models promote train_net --test-set test.parquet --label y
      --gate '{"gate": "better", "metric": "auc", "gain": 0.01}'
      --gate '{"gate": "slices", "metric": "recall", "by": "country", "least": 0.7}'
      --gate '{"gate": "fairness", "column": "gender", "limit": 0.1}'
      --gate '{"gate": "latency", "p99": 20}'
    """
    done = promote_version(
        find_version(model, project=project),
        to,
        [_gate(text) for text in gate or ()],
        test_set=test_set or None,
        label=label,
        why=why,
        dry_run=dry_run,
    )
    typer.echo(str(done))
    if done.report:
        typer.echo(f"  report: {done.report}")
    return int(not done.accepted)


def _gate(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        raise InvalidArgumentError(
            f"--gate {text!r:.80} is not JSON: {exc}", fix='\'{"gate": "better", "metric": "auc"}\''
        ) from exc


@app.command()
def rollback(
    key: Key,
    alias: Annotated[str, typer.Option("--alias", help="The alias.")] = "champion",
    project: Project = "",
    why: Why = "",
) -> None:
    """Give an alias back to the version that held it before.

    mlrun-like models rollback train_net --why "false alarms since noon"
    """
    now = roll_back(project, key, alias, why=why)
    typer.echo(f"{now.project}/{now.key}: version {now.number} is {alias} again")


@app.command()
def canary(
    key: Key,
    share: Annotated[
        float | None, typer.Option("--share", help="Of the challenger, from 0 to 1.")
    ] = None,
    weights: Annotated[
        str, typer.Option("--weights", help="A file that is to follow from now on.")
    ] = "",
    project: Project = "",
    why: Why = "",
) -> int:
    """Show or change which share of the traffic each version gets.

    Without options all files of weights are written anew. With --weights, --share is what each new
    challenger gets at first.

    mlrun-like models canary train_net --weights weights.json --share 0.05

    mlrun-like models canary train_net --share 0.5
    """
    if weights:
        canaries.follow(key, weights, share or 0.0, project=project, why=why)
    elif share is not None:
        canaries.set_share(key, share, project=project, why=why)
    broken = {path: said for path, said in canaries.sync(key, project=project).items() if said}
    for route, part in canaries.weights(key, project=project).items():
        typer.echo(f"{route}  {part:.4g}")
    for path, said in broken.items():
        typer.echo(f"{path} keeps its weights: {said}", err=True)
    return int(bool(broken))


@app.command()
def history(
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="Only this model.")] = "",
    project: Project = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who moved which version where, when and why; newest first.

    mlrun-like models history train_net
    """
    versions = model_versions(project, key) if key else []
    found = read_history(project, versions[0].key if versions else key, limit=limit)
    if as_json:
        print_json([event._asdict() for event in found])
        return
    if not found:
        typer.echo("Nothing has happened yet.")
        return
    rows = [
        [_time(one.time), one.number, one.action, _told(one), one.body["who"], one.body["why"]]
        for one in found
    ]
    print_table(["time", "version", "action", "what", "who", "why"], rows)


def _told(event: ModelEvent) -> str:
    body = event.body
    if event.action in ("promote", "reject"):
        failed = [one["message"] for one in body.get("gates", []) if not one["passed"]]
        return "; ".join(failed) or f"to {body['to']}"
    if event.action == "canary":
        if "file" in body:
            return f"new challengers get {body['first']:g}; {body['file']} follows"
        return f"version {body['challenger']} gets {body['share']:g} of the traffic"
    what = f"{body['alias']}: " if "alias" in body else ""
    return f"{what}{body['before'] or 'nobody'} -> {body['after'] or 'nobody'}"


@app.command()
def alias(
    model: Model,
    name: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as champion.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take it away instead.")] = False,
    project: Project = "",
    why: Why = "",
) -> None:
    """Give an alias to a version without asking any gate, or take it away.

    mlrun-like models alias train_net:3 challenger

    mlrun-like models alias train_net challenger --remove
    """
    version = find_version(model, project=project)
    shown = f"{version.project}/{version.key}"
    if remove:
        gone = remove_alias(version.project, version.key, name, why=why)
        typer.echo(f"{shown}: nobody is {name} now" if gone else f"{shown}: nobody was {name}")
        return
    set_alias(version, name, why=why)
    canaries.sync(version.key, project=version.project)
    typer.echo(f"{shown}: version {version.number} is {name}")


@app.command()
def stage(
    model: Model,
    name: Annotated[
        str, typer.Argument(metavar="STAGE", help="none, staging, production or archived.")
    ],
    project: Project = "",
    why: Why = "",
) -> None:
    """Move a version to a stage: none -> staging -> production -> archived.

    mlrun-like models stage train_net:3 staging
    """
    version = set_stage(find_version(model, project=project), name, why=why)
    typer.echo(f"{version.project}/{version.key}: version {version.number} is in {version.stage}")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(" ", "seconds")[:19]
