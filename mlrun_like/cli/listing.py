"""`mlrun-like get` and `list`: runs, artifacts and functions, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, one_line, print_json, print_table
from mlrun_like.cli.values import KINDS, parse_kind, parse_labels
from mlrun_like.tracking.base import ArtifactQuery, RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["get"]


def get(  # noqa: PLR0913  (MLRun's options)
    kind: Annotated[str, typer.Argument(help=f"{', '.join(KINDS)}, or a beginning of these.")],
    name: Annotated[str, typer.Argument(help="Exact name, or ~part of it.")] = "",
    project: Annotated[
        str, typer.Option("--project", "-p", help="Only this project; by default all.")
    ] = "*",
    name_option: Annotated[str, typer.Option("--name", "-n", help="The same as NAME.")] = "",
    label: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", help="Only with this label: k=v, or k for any value."),
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", "-s", help="Only runs in this state.")
    ] = None,
    tag: Annotated[
        str, typer.Option("--tag", "-t", help="Only versions of artifacts or functions so tagged.")
    ] = "",
    uid: Annotated[
        str, typer.Option("--uid", help="Only this run, or artifacts of this run.")
    ] = "",
    iterations: Annotated[
        bool, typer.Option("--iterations", help="List the children of sweeps too.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 20,
    as_json: Json = False,
) -> None:
    """List runs, artifacts or functions, newest first.

    mlrun-like get runs --state error --label owner=ann --limit 5
    """
    kind, name, labels = parse_kind(kind), name or name_option, parse_labels(label or ())
    store = open_store()
    if kind == "runs":
        found = store.list_runs(
            RunQuery(
                project=project,
                name=name,
                uid=uid,
                labels=labels,
                states=tuple(state or ()),
                iterations=iterations,
                limit=limit,
            )
        )
    elif kind == "artifacts":
        found = store.list_artifacts(
            ArtifactQuery(
                project=project, key=name, tag=tag or "*", tree=uid, labels=labels, limit=limit
            )
        )
    else:
        found = [
            item
            for item in store.list_functions(project, name, tag)
            if _has_labels(item["metadata"].get("labels") or {}, labels)
        ]
        found = found[:limit] if limit else found
    if as_json:
        print_json(found)
        return
    columns, row = _VIEWS[kind]
    if not found:
        typer.echo(f"No {kind} found.")
        return
    print_table(columns, map(row, found))
    if limit and len(found) == limit:
        typer.echo(f"The newest {limit} are shown; --limit 0 shows all.", err=True)


def _has_labels(own: Mapping[str, Any], wanted: Mapping[str, str | None]) -> bool:
    return all(key in own and value in (None, str(own[key])) for key, value in wanted.items())


def _run_row(run: Document) -> list[str]:
    meta, status = run["metadata"], run.get("status", {})
    uid = meta.get("uid", "")[:16]
    if meta.get("iteration"):
        uid += f"#{meta['iteration']}"
    results = status.get("results", {})
    shown = ", ".join(f"{key}={_brief(value)}" for key, value in results.items())
    return [
        meta.get("project", ""),
        uid,
        meta.get("name", ""),
        status.get("state", ""),
        _time(status.get("start_time")),
        shown or status.get("error", ""),
    ]


def _artifact_row(artifact: Document) -> list[str]:
    meta, spec = artifact["metadata"], artifact.get("spec", {})
    return [
        meta.get("project", ""),
        meta.get("key", ""),
        artifact.get("kind") or "file",
        meta.get("tag", ""),
        meta.get("tree", "")[:16],
        _time(meta.get("updated")),
        _size(spec.get("size")),
    ]


def _function_row(function: Document) -> list[str]:
    meta = function["metadata"]
    return [
        meta.get("project", ""),
        meta.get("name", ""),
        function.get("kind", ""),
        meta.get("tag", ""),
        meta.get("hash", "")[:12],
        _time(meta.get("updated")),
    ]


_VIEWS: dict[str, tuple[list[str], Any]] = {
    "runs": (["project", "uid", "name", "state", "started", "results"], _run_row),
    "artifacts": (
        ["project", "key", "kind", "tag", "run", "updated", "size"],
        _artifact_row,
    ),
    "functions": (["project", "name", "kind", "tag", "hash", "updated"], _function_row),
}


def _brief(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else one_line(value, 20)


def _time(iso: str | None) -> str:
    return (iso or "")[:19].replace("T", " ")


def _size(size: int | None) -> str:
    if size is None:
        return ""
    number = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
