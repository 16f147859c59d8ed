"""Aggregates over windows on Spark: the rows of each entity, in order of time, in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.steps import spark
from mlrun_like.feature_store.steps.base import SetFacts
from mlrun_like.feature_store.transform.aggregating import SetAggregates
from mlrun_like.feature_store.transform.origin import column_micros
from mlrun_like.feature_store.windows.frames import WindowFrames
from mlrun_like.feature_store.windows.values import values_of

__all__ = ["aggregate_on_spark", "windowed_of"]


def aggregate_on_spark(frame: Any, step: SetAggregates, facts: SetFacts) -> Any:
    """The frame with the step's aggregates as its first columns.

    As a frame of Spark has no order, the rows of an entity are taken in the order of their times.

    Raises:
        InvalidArgumentError: if the set has no time, or Spark is older than 4.0.
    """
    time = step.time_field or facts.timestamp_key
    keys = list(step.key_fields or facts.entities)
    where = f"step {step.name!r}"
    if not time or not keys:
        raise InvalidArgumentError(
            "aggregates on Spark need the times of the rows and an entity",
            where=where,
            fix="FeatureSet(..., entities=[...], timestamp_key='time')",
        )
    grouped = frame.groupBy(*keys)
    if not hasattr(grouped, "applyInArrow"):
        raise InvalidArgumentError(
            "aggregates on Spark need Spark 4.0 or newer", where=where, fix="pip install -U pyspark"
        )
    types = spark.types()
    new = [name for name in step.columns if name not in frame.columns]
    added = [types.StructField(name, types.DoubleType()) for name in new]
    schema = types.StructType([*added, *frame.schema.fields])
    documents = [aggregator.to_dict() for aggregator in step.aggregates]

    def of_one_key(table: pa.Table) -> pa.Table:
        return _aggregated(table, documents, time, new)

    return grouped.applyInArrow(of_one_key, schema)


def windowed_of(frame: Any, step: SetAggregates, facts: SetFacts) -> Any:
    """The columns that a step aggregates, with keys and times; rows in no order."""
    keys = step.key_fields or facts.entities
    fields = [aggregator.field for aggregator in step.aggregates]
    names = dict.fromkeys([*keys, step.time_field or facts.timestamp_key, *fields])
    return frame.select(*[frame[f"`{name}`"] for name in names if name in frame.columns])


def _aggregated(
    table: pa.Table, documents: Sequence[dict[str, Any]], time: str, new: Sequence[str]
) -> pa.Table:
    """The rows of one key with their aggregates."""
    micros = column_micros(table.column(time).to_pandas())
    order = np.argsort(micros, kind="stable")
    table = table.take(pa.array(order))
    windows = WindowFrames(documents)
    fields = [name for a in windows.aggregators if (name := a.field) in table.column_names]
    frame = pd.DataFrame({name: table.column(name).to_pandas() for name in fields})
    if not fields:
        frame = pd.DataFrame(index=pd.RangeIndex(len(table)))
    values = [values_of(frame, aggregator) for aggregator in windows.aggregators]
    found = windows.run([np.zeros(len(table), dtype=np.int64)], micros[order], values)
    columns = [pa.array(found[name], mask=np.isnan(found[name])) for name in new]
    return pa.table([*columns, *table.columns], names=[*new, *table.column_names])
