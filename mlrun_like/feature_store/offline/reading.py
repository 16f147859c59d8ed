"""The offline rows of one feature set, as `feature_set.to_dataframe` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.offline.frames import pandas_frame
from mlrun_like.feature_store.offline.rows import set_table
from mlrun_like.feature_store.offline.tables import RowFilter
from mlrun_like.feature_store.offline.times import instant
from mlrun_like.feature_store.targets.frames import to_frame

__all__ = ["read_feature_set"]


def read_feature_set(
    feature_set: FeatureSet,
    columns: Sequence[str] | None = None,
    df_module: Any = None,
    target_name: str | None = None,
    start_time: str | datetime | None = None,
    end_time: str | datetime | None = None,
    time_column: str | None = None,
    additional_filters: Sequence[Any] | None = None,
    **options: Any,
) -> Any:
    """The rows of a feature set from its offline target, or from its source if it keeps no copy.

    Args:
        feature_set: The set.
        columns: Which columns besides the entities and the time; None: all.
        df_module: What makes the frame: pandas (default), `dask.dataframe`, polars.
        target_name: The target; None: the best one.
        start_time: Only rows later than it.
        end_time: Only rows up to it.
        time_column: The column that they speak of; None: the set's time.
        additional_filters: `[("column", ">", value)]`.
        options: `index=False`: entities stay columns, as in MLRun's own calls.

    Returns:
        A frame indexed by the entities; of a set that keeps no copy one with a plain index, as in
        MLRun.

    Raises:
        NotFoundError: if there is nothing to read.
        InvalidArgumentError: if a column or filter does not fit.
    """
    spec = feature_set.spec
    entities = list(spec.entities.keys())
    column = time_column or spec.timestamp_key or ""
    rows = RowFilter(
        column,
        instant(start_time, name="start_time"),
        instant(end_time, name="end_time"),
        tuple(additional_filters or ()),
    )
    wanted: list[str] | None = None
    if columns is not None:
        time = [spec.timestamp_key] if spec.timestamp_key else []
        wanted = list(dict.fromkeys([*entities, *time, *columns]))
    table = set_table(feature_set, rows, columns=wanted, target_name=target_name)
    found = table.read(wanted if wanted is not None else _shown(table.schema().names, feature_set))
    if df_module is not None and df_module is not pd:
        return to_frame(found, df_module)
    frame = pandas_frame({name: found[name] for name in found.column_names}, found.num_rows)
    keyed = bool(entities) and options.get("index", True) and not spec.passthrough
    return frame.set_index(entities) if keyed else frame


def _shown(names: Sequence[str], feature_set: FeatureSet) -> list[str]:
    """All columns but those that only name the folders of files."""
    spec = feature_set.spec
    known = {*spec.entities.keys(), *spec.features.keys(), spec.timestamp_key, spec.label_column}
    units = {"year", "month", "day", "hour", "minute", "second"}
    return [name for name in names if name in known or name not in units]
