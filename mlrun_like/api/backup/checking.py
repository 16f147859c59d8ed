"""Compares a copy with its manifest: every file is there, with the bytes that were written."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.api.backup.targets import Place, file_digest
from mlrun_like.errors import ConflictError, IntegrityError, MLRunLikeError
from mlrun_like.tracking.schema import HEAD, REVISIONS

__all__ = ["check_backup", "file_of"]


def check_backup(source: str) -> dict[str, Any]:
    """Read all of a copy and give its manifest.

    Raises:
        InvalidArgumentError: if there is no whole copy.
        IntegrityError: if something is missing, or differs; names it.
        ConflictError: if a newer version of this package made it.
    """
    place = Place(source)
    manifest = place.manifest()
    if manifest["schema"] not in REVISIONS:
        raise ConflictError(
            f"the copy has schema {manifest['schema']!r}, this package knows up to {HEAD!r}",
            where=source,
            fix="pip install --upgrade mlrun-like",
        )
    wanted = {one["file"]: one for one in manifest["tables"].values()}
    wanted |= {f"files/{name}": one for name, one in manifest["files"].items()}
    for name, one in wanted.items():
        _check_file(file_of(place, name), one)
    return manifest


def file_of(place: Place, name: str) -> Place:
    """A file of a copy; its name must not lead out of it.

    Raises:
        IntegrityError: if it does.
    """
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise IntegrityError(f"the copy names {name!r}, which is outside of it", where=place.url)
    return place.child(name)


def _check_file(place: Place, wanted: dict[str, Any]) -> None:
    try:
        with place.open() as file:
            digest, size = file_digest(file)
            rows = None
            if "rows" in wanted and digest == wanted["sha256"]:
                file.seek(0)
                rows = pq.ParquetFile(file).metadata.num_rows
    except (MLRunLikeError, OSError, pa.ArrowInvalid) as exc:
        raise IntegrityError(f"a file of the copy cannot be read: {exc}", where=place.url) from exc
    if digest != wanted["sha256"] or size != wanted["bytes"]:
        raise IntegrityError(
            "a file of the copy has other bytes than were written", where=place.url
        )
    if rows is not None and rows != wanted["rows"]:
        raise IntegrityError("a table of the copy has other rows than told", where=place.url)
