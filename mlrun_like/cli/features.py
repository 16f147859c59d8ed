"""`mlrun-like features`: feature sets and vectors, their data, and whether serving agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, one_line, print_fields, print_json, print_table
from mlrun_like.registry import resolve

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Feature sets and vectors: a NAME is NAME, PROJECT/NAME:TAG or a store:// URI.",
)
_RECORDS = "mlrun_like.feature_store.definitions.records"
_ACTIONS = "mlrun_like.cli.features_actions"
Project = Annotated[
    str, typer.Option("--project", "-p", help="Its project; the default one if left out.")
]
Start = Annotated[str, typer.Option("--start-time", help="Only after this time (ISO, or UTC).")]
End = Annotated[str, typer.Option("--end-time", help="Only up to this time.")]


@app.command("list")
def list_features(
    project: Annotated[str, typer.Option("--project", "-p", help="Only this project.")] = "*",
    kind: Annotated[str, typer.Option("--kind", "-k", help="sets, vectors or all.")] = "all",
    name: Annotated[str, typer.Option("--name", help="Only names that contain this.")] = "",
    as_json: Json = False,
) -> None:
    """List feature sets and vectors with their entities, features and targets.

    mlrun-like features list

    mlrun-like features list --kind vectors --project fraud
    """
    found = resolve("mlrun_like.cli.features_actions:listed")(project, kind, name)
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("No feature sets found. FeatureSet(...).ingest(...) makes the first one.")
        return
    rows = [
        [
            row["project"],
            row["name"],
            row["kind"],
            ", ".join(row["entities"]),
            len(row["features"]),
            ", ".join(row["targets"]),
            row["rows"] if row["rows"] is not None else "",
            (row["updated"] or "")[:19].replace("T", " "),
        ]
        for row in found
    ]
    header = ["project", "name", "kind", "entities", "features", "targets", "rows", "ingested"]
    print_table(header, rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A feature set or vector.")],
    project: Project = "",
    as_json: Json = False,
) -> None:
    """Show one feature set or vector: schema, statistics, targets and lineage.

    mlrun-like features show transactions

    mlrun-like features show store://feature-vectors/fraud/training
    """
    item, lineage = resolve("mlrun_like.cli.features_actions:found")(name, project)
    document = item.to_dict()
    if as_json:
        print_json({**document, "lineage": lineage})
        return
    spec, status = document.get("spec", {}), document.get("status", {})
    print_fields(
        [
            ("name", item.metadata.name),
            ("kind", item.noun),
            ("project", item.metadata.project),
            ("uri", item.uri),
            ("description", spec.get("description")),
            ("entities", ", ".join(one["name"] for one in spec.get("entities", []))),
            ("time", spec.get("timestamp_key")),
            ("label", spec.get("label_column") or spec.get("label_feature")),
            ("engine", spec.get("engine")),
            ("ttl", spec.get("ttl")),
            ("owner", spec.get("owner")),
            ("state", status.get("state")),
            ("run", status.get("run_uri")),
            *lineage.items(),
        ]
    )
    _print_schema(document)
    targets = status.get("targets", [])
    if targets:
        typer.echo("")
        keys = ("name", "kind", "status", "rows", "size", "last_written", "updated", "path")
        print_table(keys, [[row.get(key, "") for key in keys] for row in targets])


def _print_schema(document: dict[str, Any]) -> None:
    spec, status = document.get("spec", {}), document.get("status", {})
    typed = [one for one in spec.get("features", []) if isinstance(one, dict)]
    typed = [*spec.get("entities", []), *typed] or status.get("features", [])
    names = [one for one in spec.get("features", []) if isinstance(one, str)]
    rows = []
    for one in typed or [{"name": name} for name in names]:
        stats = status.get("stats", {}).get(one["name"], {})
        shown = [stats.get(key) for key in ("count", "mean", "std", "min", "max")]
        rows.append(
            [
                one["name"],
                one.get("value_type", ""),
                *("" if value is None else one_line(_short(value), 20) for value in shown),
                one_line(one.get("description") or one.get("origin") or "", 40),
            ]
        )
    if rows:
        typer.echo("")
        print_table(["feature", "type", "count", "mean", "std", "min", "max", "about"], rows)


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


@app.command()
def ingest(  # noqa: PLR0913 - options of a command
    name: Annotated[str, typer.Argument(metavar="SET", help="The feature set.")],
    source: Annotated[
        str,
        typer.Argument(
            metavar="[SOURCE]",
            help="A path or URL: a file, a folder, sqlite:///x.db?table=t, redis://host/stream, "
            "store://feature-sets/...; by default the set's own source.",
        ),
    ] = "",
    overwrite: Annotated[
        bool | None,
        typer.Option("--overwrite/--append", help="Replace what targets hold, or add to it."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an ingestion that did not end.")
    ] = False,
    schedule: Annotated[
        str, typer.Option("--schedule", help='Ingest by cron what is new, such as "0 * * * *".')
    ] = "",
    start_time: Start = "",
    end_time: End = "",
    time_field: Annotated[
        str, typer.Option("--time-field", help="Column of the event time in the source.")
    ] = "",
    chunk_size: Annotated[int, typer.Option("--chunk-size", min=1, help="Rows at a time.")] = (
        250_000
    ),
    project: Project = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")] = False,
    as_json: Json = False,
) -> None:
    """Read a source into the targets of a feature set.

    mlrun-like features ingest transactions data/transactions.parquet

    mlrun-like features ingest transactions "postgresql://host/shop?table=orders" --append --resume

    mlrun-like features ingest transactions data/ --time-field at --schedule "0 * * * *"
    """
    changes = {"start_time": start_time, "end_time": end_time, "time_field": time_field}
    given = {key: value for key, value in {**changes, "schedule": schedule}.items() if value}
    run = resolve("mlrun_like.cli.features_actions:ingested")
    how = {"resume": resume, "chunk_size": chunk_size, "progress": not quiet and not as_json}
    found = run((name, project), source, given, overwrite, how)
    if as_json:
        print_json(found)
    elif schedule:
        typer.echo(f"{name}: will be ingested at {schedule!r} (mlrun-like schedules serve)")
    else:
        for row in found["targets"]:
            typer.echo(f"{name}: {row.get('rows', '?'):,} rows in {row['name']} ({row['path']})")


@app.command()
def get(
    name: Annotated[str, typer.Argument(metavar="VECTOR", help="The feature vector.")],
    entities: Annotated[
        list[str] | None, typer.Argument(metavar="[ENTITY=VALUE]...", help="The entity.")
    ] = None,
    offline: Annotated[
        str,
        typer.Option(
            "--offline", metavar="FILE", help="Join offline for the entity rows of this file."
        ),
    ] = "",
    time_column: Annotated[
        str, typer.Option("--time-column", help="The file's column of times.")
    ] = "",
    output: Annotated[
        str, typer.Option("--output", "-o", help="Write the rows to this .parquet or .csv file.")
    ] = "",
    at: Annotated[str, typer.Option("--at", help="The moment; default now.")] = "",
    project: Project = "",
    as_json: Json = False,
) -> None:
    """Get the feature vector of an entity online; or those of a file of entities offline.

    mlrun-like features get training user=ann

    mlrun-like features get training --offline users.csv --time-column at -o train.parquet
    """
    vector = (name, project)
    if offline:
        act = resolve("mlrun_like.cli.features_actions:offline_rows")
        frame = act(vector, offline, time_column, output)
        if output:
            typer.echo(f"{name}: {len(frame):,} rows in {output}")
            return
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        if as_json:
            print_json(rows)
        else:
            names = [str(column) for column in frame.columns]
            print_table(names, [["" if v is None else v for v in row.values()] for row in rows])
        return
    found = resolve("mlrun_like.cli.features_actions:online_row")(vector, entities or [], at)
    if as_json:
        print_json(found)
    elif found is None:
        typer.echo(f"{name}: no feature set has a row of it")
    else:
        print_fields([(key, "missing" if value is None else value) for key, value in found.items()])


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="VECTOR", help="The feature vector.")],
    log: Annotated[
        Path, typer.Argument(metavar="LOG", help="What the service logged: a folder or .jsonl.")
    ],
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, help="How far numbers may be apart.")
    ] = 1e-9,
    start_time: Start = "",
    end_time: End = "",
    html: Annotated[str, typer.Option("--html", help="Write the report to this file.")] = "",
    project: Project = "",
    as_json: Json = False,
) -> int:
    """Replay served vectors against the offline join; the exit code is 1 if they differ.

    get_online_feature_service(vector, log="served/") writes the log.

    mlrun-like features check training served/

    mlrun-like features check training served/ --start-time 2024-05-01 --html parity.html
    """
    span = {"start_time": start_time or None, "end_time": end_time or None}
    act = resolve("mlrun_like.cli.features_actions:checked")
    result = act((name, project), log, tolerance, span)
    if html:
        Path(html).write_text(f"<!doctype html><meta charset=utf-8>{result._repr_html_()}")
    if as_json:
        print_json(result.to_dict())
    else:
        typer.echo(str(result))
    return int(not result.ok)
