"""Where the rows of a feature set are: its offline target, or its source if it keeps no copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from mlrun_like.errors import MissingFileError, NotFoundError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.set_targets import offline_target
from mlrun_like.feature_store.offline.parquet_table import ParquetTable
from mlrun_like.feature_store.offline.tables import FrameTable, RowFilter, SetTable
from mlrun_like.feature_store.sources.opening import open_source
from mlrun_like.feature_store.targets.file_target import FileTarget
from mlrun_like.feature_store.targets.kinds import get_target_driver
from mlrun_like.feature_store.targets.layout import opened
from mlrun_like.feature_store.targets.reading import data_files

__all__ = ["parquet_table", "set_table"]

_CHUNK = 250_000
_TRIES = 5


def set_table(
    feature_set: FeatureSet,
    rows: RowFilter | None = None,
    *,
    columns: Sequence[str] | None = None,
    target_name: str | None = None,
) -> SetTable:
    """The offline rows of a feature set.

    Args:
        feature_set: The set.
        rows: Which rows count; None: all.
        columns: What will be read of it; None: everything. Files of columns are opened only.
        target_name: The target; None: the best one for reading in bulk.

    Raises:
        NotFoundError: if nothing was ingested into an offline target.
    """
    name = str(feature_set.metadata.name)
    if feature_set.spec.passthrough:
        return FrameTable(name, _of_source(feature_set), rows)
    target = offline_target(feature_set, target_name)
    if target is None:
        raise NotFoundError(
            f"there are no offline targets for feature set {name!r}",
            where=feature_set.uri,
            fix="ingest it into a ParquetTarget, CSVTarget or SQLTarget first",
        )
    driver: Any = get_target_driver(target, feature_set)
    if isinstance(driver, FileTarget) and driver.kind == "parquet":
        return parquet_table(name, driver, rows)
    needed = None
    if columns is not None:
        wanted = [*columns, *(rows.columns() if rows is not None else [])]
        needed = list(dict.fromkeys(wanted))
    return FrameTable(name, driver.as_arrow(needed), rows)


def parquet_table(name: str, target: FileTarget, rows: RowFilter | None = None) -> ParquetTable:
    """The files of a Parquet target, in the order in which they were written.

    Args:
        name: The feature set, for messages.
        target: The target.
        rows: Which rows count.

    Raises:
        MissingFileError: if nothing was written yet.
    """
    site = target.site()
    for last in range(_TRIES):
        state = opened(site, target.layout(None))
        names = data_files(site, state)
        if not names and (state is None or state.schema is None):
            raise target.missing()
        schema = None if state is None else state.schema

        def opener(path: str) -> Any:
            file, system = site.files.source(path)
            return file if system is None else system.open_input_file(file)

        try:
            return ParquetTable(
                name, names, rows, opener=opener, schema=schema, folder=site.files.local()
            )
        except (FileNotFoundError, MissingFileError):
            if last == _TRIES - 1:
                raise  # else another process replaced files meanwhile
    raise target.missing()


def _of_source(feature_set: FeatureSet) -> pa.Table:
    if feature_set.spec.source is None:
        raise NotFoundError(
            f"passthrough feature set {feature_set.metadata.name!r} has no source",
            fix="ingest it once, so that it knows its source",
        )
    source = open_source(feature_set.spec.source)
    frames = [chunk.frame for chunk in source.chunks(_CHUNK)]
    if not frames:
        names = [*feature_set.spec.entities.keys(), *feature_set.spec.features.keys()]
        return pa.table({name: pa.nulls(0) for name in names})
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    named = any(name is not None for name in frame.index.names)
    return pa.Table.from_pandas(frame.reset_index() if named else frame, preserve_index=False)
