"""`mlrun-like gc`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from mlrun_like.cli.output import Json, clean, print_fields, print_json
from mlrun_like.errors import MLRunLikeError
from mlrun_like.images.cache import BlobCache
from mlrun_like.registry import resolve
from mlrun_like.runtimes.kubernetes.access import no_cluster
from mlrun_like.runtimes.kubernetes.cleanup import clean_up
from mlrun_like.runtimes.kubernetes.client import Client
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.gc import GcReport, collect
from mlrun_like.tracking.store import SqlStore

__all__ = ["gc"]


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, remove nothing.")
    ] = False,
    keep_days: Annotated[
        float | None,
        typer.Option(
            "--keep-days",
            min=0,
            help="Keep what was deleted in these last days; default: setting keep_deleted_days.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove deleted records for good, files that nothing refers to, image layers long unused,
    and recorded requests of models that are older than the setting monitoring_retention.

    mlrun-like gc --dry-run

    A service removes what its store no longer needs itself, and is asked to; that needs an
    administrator.

    Where a Kubernetes cluster is configured, also Jobs there that ended, or never started, and are
    older than an hour, with their pods.
    """
    store = open_store()
    if isinstance(store, SqlStore):
        report = collect(store, dry_run=dry_run, keep_days=keep_days)
        files: list[str] | int = report.files
    else:
        report, files = _behind_service(store, dry_run, keep_days)
    layers = 0 if dry_run else BlobCache().prune()
    old = resolve("mlrun_like.monitoring.recording.retention:remove_old")
    recorded = 0 if dry_run else int(old())
    jobs, problem = _clean_cluster(dry_run)
    notes = [*report.notes, *([problem] if problem else [])]
    if as_json:
        print_json(
            {
                **asdict(report),
                "files": files,
                "image_layers": layers,
                "recorded_batches": recorded,
                "jobs": jobs,
                "notes": notes,
            }
        )
        return
    typer.echo("Would be removed:" if dry_run else "Removed:")
    print_fields(
        [
            ("runs", report.runs),
            ("artifacts", report.artifacts),
            ("files", f"{files if isinstance(files, int) else len(files)}, {report.size} bytes"),
            ("image layers", f"{layers} bytes" if layers else ""),
            ("recorded requests", f"{recorded} batches" if recorded else ""),
            ("jobs", ", ".join(jobs)),
            ("notes", "\n".join(notes)),
        ]
    )
    for path in report.files if dry_run else ():
        typer.echo(clean(path))


def _behind_service(
    store: FullStore, dry_run: bool, keep_days: float | None
) -> tuple[GcReport, int]:
    """What the service removed, and how many files; their names are its own."""
    collect_there = resolve("mlrun_like.tracking.remote.cleaning:collect_there")

    def told(word: str) -> None:
        typer.echo(f"the service: {word}", err=True)

    found = collect_there(store, dry_run=dry_run, keep_days=keep_days, told=told)
    report = GcReport(
        int(found.get("runs", 0)),
        int(found.get("artifacts", 0)),
        size=int(found.get("bytes", 0)),
        dry_run=dry_run,
        notes=[str(note) for note in found.get("notes") or ()],
    )
    return report, int(found.get("files", 0))


def _clean_cluster(dry_run: bool) -> tuple[list[str], str]:
    """The jobs that go, and why none can; what is here is removed all the same."""
    if no_cluster():
        return [], ""
    try:
        client = Client(patience=0.0)
        try:
            return clean_up(client, dry_run=dry_run), ""
        finally:
            client.close()
    except MLRunLikeError as exc:
        return [], f"jobs in the cluster are left: {exc}"
