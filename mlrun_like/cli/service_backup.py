"""`mlrun-like service backup`, `restore`, `verify` and `migrate`: copies of the store."""

from __future__ import annotations

from typing import Annotated

import typer

from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.process.places import is_held, read_record, service_home
from mlrun_like.api.process.schema import bring_up_to_date, schema_of
from mlrun_like.cli.output import Json, print_fields, print_json
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError
from mlrun_like.registry import resolve
from mlrun_like.tracking.connect import store_url
from mlrun_like.tracking.schema import HEAD
from mlrun_like.types import Document

__all__ = ["backup", "migrate", "restore", "verify"]

_BACKUP = "mlrun_like.api.backup"  # loads pyarrow


def backup(
    target: Annotated[str, typer.Argument(help="Folder or URL; the copy becomes a folder in it.")],
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Copy the files of the home too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy the whole store, consistently, while it is used.

    The keys that encrypt secrets are not in it: keep them elsewhere.

    mlrun-like service backup /backups

    mlrun-like service backup s3://bucket/backups --artifacts
    """
    make_backup = resolve(f"{_BACKUP}.making:make_backup")
    _print(make_backup(store_url(), target, artifacts=artifacts), as_json)


def restore(
    source: Annotated[str, typer.Argument(help="Folder or URL of the copy.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the store that is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a copy the store, all of it or nothing. A SQLite file that was there is kept beside it.

    The copy may come from the other database: SQLite into PostgreSQL, or back.

    mlrun-like service restore /backups/mlrun-like-20260101T000000Z
    """
    if is_held(service_home()):
        raise ConflictError(
            f"the service of this home runs ({read_record(service_home()).url})",
            fix="mlrun-like service stop",
        )
    restore_backup = resolve(f"{_BACKUP}.restoring:restore_backup")
    _print(restore_backup(source, store_url(), force=force), as_json)


def verify(
    source: Annotated[str, typer.Argument(help="Folder or URL of the copy.")],
    as_json: Json = False,
) -> None:
    """Read a whole copy and compare it with its manifest.

    mlrun-like service verify /backups/mlrun-like-20260101T000000Z
    """
    manifest: Document = resolve(f"{_BACKUP}.checking:check_backup")(source)
    rows = sum(one["rows"] for one in manifest["tables"].values())
    found = {
        "source": source,
        "schema": manifest["schema"],
        "tables": len(manifest["tables"]),
        "rows": rows,
        "files": len(manifest["files"]),
        "whole": True,
    }
    _print(found, as_json)


def migrate(as_json: Json = False) -> None:
    """Bring the store to the schema of this package, after a copy of it; `start` does that too.

    mlrun-like service migrate
    """
    before = schema_of(store_url()) or ""
    with bring_up_to_date(ServiceOptions(store=config.dbpath), lambda: None):
        pass
    _print({"before": before, "now": HEAD, "changed": before != HEAD}, as_json)


def _print(found: Document, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        print_fields(list(found.items()))
