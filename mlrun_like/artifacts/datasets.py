"""update_dataset_meta: add to the record of a data set that is there."""

from __future__ import annotations

import os
from typing import Any

from mlrun_like.artifacts.artifact import Artifact, DatasetArtifact
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_artifact
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import check_label
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store

__all__ = ["update_dataset_meta"]


def update_dataset_meta(  # noqa: PLR0913 - MLRun's signature
    artifact: str | DataItem | DatasetArtifact,
    from_df: Any = None,
    schema: dict[str, Any] | None = None,
    header: list[str] | None = None,
    preview: list[list[Any]] | None = None,
    stats: dict[str, Any] | None = None,
    extra_data: dict[str, Any] | None = None,
    column_metadata: dict[str, Any] | None = None,
    labels: dict[str, Any] | None = None,
    ignore_preview_limits: bool = False,
    *,
    store: Store | None = None,
) -> DatasetArtifact:
    """Add to a data set's record.

    Args:
        artifact: The data set: URI, DataItem or object.
        from_df: A table that schema, preview and statistics are taken from.
        schema: Replaces its schema.
        header: Replaces its column names.
        preview: Replaces its preview: a list of rows.
        stats: Replaces its statistics.
        extra_data: Further files by name: URLs, paths or artifacts.
        column_metadata: What is known of columns.
        labels: Added to its labels.
        ignore_preview_limits: Preview all rows and columns of `from_df`.
        store: Where it is recorded; None: the configured store.

    Returns:
        The changed data set.

    Raises:
        InvalidArgumentError: if it is not a data set.
    """
    where = store if store is not None else open_store()
    given = artifact.artifact_url if isinstance(artifact, DataItem) else artifact
    if isinstance(given, (str, os.PathLike)) and not str(given).startswith("store://"):
        raise InvalidArgumentError(
            f"{given!r} is no data set", fix="give its store:// URI, its DataItem or its artifact"
        )
    found = given if isinstance(given, Artifact) else get_artifact(os.fspath(given), store=where)
    if not isinstance(found, DatasetArtifact):
        raise InvalidArgumentError(
            f"store artifact ({artifact}) is not dataset kind", fix="log it with log_dataset"
        )
    if from_df is not None:
        found.describe(from_df, all_=ignore_preview_limits)
    spec = found.spec
    for name, value in (
        ("header", header),
        ("stats", stats),
        ("schema_", schema),
        ("preview", preview),
        ("column_metadata", column_metadata),
    ):
        if value:
            setattr(spec, name, value)
    if labels:
        added = dict(check_label(name, str(value)) for name, value in labels.items())
        found.metadata.labels = {**found.metadata.labels, **added}
    for name, value in (extra_data or {}).items():
        spec.extra_data[name] = value.target_path if isinstance(value, Artifact) else value
    where.store_artifact(found.to_dict(), tag=found.metadata.tag)
    return found
