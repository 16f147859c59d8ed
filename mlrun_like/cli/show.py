"""`mlrun-like show`: everything about one run, artifact or function."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from mlrun_like.cli.lookup import find_artifact, find_function, find_run
from mlrun_like.cli.output import Json, one_line, print_fields, print_json, print_table, sparkline
from mlrun_like.cli.values import parse_kind
from mlrun_like.names import parse_artifact_uri
from mlrun_like.packaging.describe import render_doc
from mlrun_like.runs.object import RunObject
from mlrun_like.runs.shown import summary
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["print_run", "show"]


def show(
    kind: Annotated[str, typer.Argument(help="run, artifact or function.")],
    name: Annotated[
        str, typer.Argument(help="A run's uid (or its beginning), a key, a name, or a URI.")
    ],
    project: Annotated[str, typer.Option("--project", "-p", help="The project to look in.")] = "",
    tag: Annotated[
        str, typer.Option("--tag", "-t", help="The version so tagged; by default the newest.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Show one run, artifact or function.

    mlrun-like show run 0193a4b2

    mlrun-like show artifact store://models/fraud/net:v1
    """
    kind, store = parse_kind(kind), open_store()
    if kind == "runs":
        run = find_run(store, name, project)
        if as_json:
            series = {key: [list(point) for point in row] for key, row in run.metrics().items()}
            print_json({**run.to_dict(), **({"metrics": series} if series else {})})
        else:
            print_run(run)
    elif kind == "artifacts":
        artifact = find_artifact(store, name, project, tag)
        if as_json:
            print_json(artifact)
        else:
            _print_artifact(store, artifact)
    else:
        function = find_function(store, name, project, tag)
        if as_json:
            print_json(function)
        else:
            _print_function(function)


def print_run(run: RunObject, *, curves: bool = True) -> None:
    """A run's summary, its sweep's table and its metric curves, which the store is asked for."""
    print_fields(summary(run))
    table = run.status.iterations
    if table:
        typer.echo("")
        print_table([str(name) for name in table[0]], table[1:])
    series = run.metrics() if curves else {}
    if series:
        typer.echo("")
        rows = []
        for key, points in series.items():
            values = [value for _, value in points]
            rows.append([key, len(values), f"{values[-1]:.6g}", sparkline(values)])
        print_table(["metric", "points", "last", "curve"], rows)


def _print_artifact(store: Store, artifact: Document) -> None:
    meta, spec = artifact["metadata"], artifact.get("spec", {})
    print_fields(
        [
            ("key", meta.get("key")),
            ("project", meta.get("project")),
            ("kind", artifact.get("kind") or "file"),
            ("tag", meta.get("tag")),
            ("run", meta.get("tree")),
            ("updated", meta.get("updated")),
            ("path", spec.get("target_path")),
            ("model file", spec.get("model_file")),
            ("size", spec.get("size")),
            ("digest", spec.get("digest")),
            ("rows", spec.get("length")),
            ("labels", _pairs(meta.get("labels", {}))),
            ("parameters", _pairs(spec.get("parameters", {}))),
            ("metrics", _pairs(spec.get("metrics", {}))),
            ("used by", _uses(store, artifact)),
        ]
    )
    header, preview = spec.get("header"), spec.get("preview")
    if header and preview and all(len(row) == len(header) for row in preview):
        typer.echo("")
        print_table([str(name) for name in header[:8]], [row[:8] for row in preview[:10]])


def _uses(store: Store, artifact: Document) -> str:
    """The runs that read this version, or its key without saying which version."""
    meta = artifact["metadata"]
    keys = (meta.get("key"), artifact.get("spec", {}).get("db_key"))
    readers = set()
    for edge in store.lineage(meta.get("project", "")):
        if edge["direction"] == "read" and edge["artifact_uri"].startswith("store://"):
            uri = parse_artifact_uri(edge["artifact_uri"], meta.get("project", ""))
            if uri.key in keys and uri.tree in ("", meta.get("tree")):
                readers.add(edge["uid"])
    return "\n".join(sorted(readers))


def _print_function(function: Document) -> None:
    meta, spec = function["metadata"], function.get("spec", {})
    print_fields(
        [
            ("function", meta.get("name")),
            ("project", meta.get("project")),
            ("kind", function.get("kind")),
            ("tag", meta.get("tag")),
            ("hash", meta.get("hash")),
            ("updated", meta.get("updated")),
            ("image", spec.get("image")),
            ("command", spec.get("command")),
            ("requirements", "\n".join(spec.get("build", {}).get("requirements", []))),
        ]
    )
    typer.echo("")
    typer.echo(render_doc(FunctionDoc.from_dict(function)).rstrip())


def _pairs(values: dict[str, Any]) -> str:
    return "\n".join(
        f"{key} = {one_line(v if isinstance(v, str) else json.dumps(v, default=str))}"
        for key, v in values.items()
    )
