"""Schema, statistics and preview of a frame, without the steps of a feature set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.artifacts.formats import is_spark_frame
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.inference import infer_schema
from mlrun_like.feature_store.ingestion.statistics import BINS, get_df_preview, get_df_stats

__all__ = [
    "BaseDataInfer",
    "DFDataInfer",
    "default_num_bins",
    "get_df_preview",
    "get_df_stats",
    "get_infer_interface",
    "infer_from_df",
    "infer_schema_from_df",
]

default_num_bins = BINS


def infer_schema_from_df(
    df: Any,
    features: Any,
    entities: Any,
    timestamp_key: str | None = None,
    entity_columns: Sequence[str] | None = None,
    options: int = InferOptions.Null,
    push_at_start: bool | None = False,
) -> str | None:
    """Add to features and entities what a frame shows.

    Args:
        df: The frame.
        features: The features of a feature set; are changed.
        entities: Its entities; are changed.
        timestamp_key: The column of the event time.
        entity_columns: Columns that are entities.
        options: See `InferOptions`.
        push_at_start: New features come before the ones that are there.

    Returns:
        The column of the event time.
    """
    learned = FeatureSet("frame", timestamp_key=timestamp_key)
    learned.spec.entities = list(entities)
    learned.spec.features = list(features)
    infer_schema(learned, df, entity_columns, options)
    if push_at_start:
        known = list(features.keys())
        found = list(learned.spec.features)
        learned.spec.features = sorted(found, key=lambda one: one.name in known)
    _replace(entities, learned.spec.entities)
    _replace(features, learned.spec.features)
    return timestamp_key


def _replace(target: Any, found: Any) -> None:
    for name in list(target.keys()):
        del target[name]
    for item in found:
        target[item.name] = item


class BaseDataInfer:
    """What learns from a frame of one package."""

    infer_schema = staticmethod(infer_schema_from_df)
    get_preview = staticmethod(get_df_preview)
    get_stats = staticmethod(get_df_stats)


class DFDataInfer(BaseDataInfer):
    """What learns from a pandas frame."""


def get_infer_interface(df: Any) -> type[BaseDataInfer]:
    """What learns from a frame.

    Raises:
        InvalidArgumentError: for a Spark frame.
    """
    if is_spark_frame(df):
        raise InvalidArgumentError(
            "the schema of a Spark frame is found out by an ingestion",
            fix="feature_set.ingest(frame, spark_context=spark)",
        )
    return DFDataInfer


def infer_from_df(
    df: Any,
    featureset: FeatureSet,
    entity_columns: Sequence[str] | None = None,
    options: int = InferOptions.default(),
    sample_size: int | None = None,
) -> Any:
    """Let a feature set learn schema, statistics and preview from a frame or source.

    Args:
        df: The frame, or a source.
        featureset: Is changed, not saved.
        entity_columns: Columns that are entities.
        options: See `InferOptions`.
        sample_size: At most so many rows are looked at for statistics.

    Returns:
        The frame.
    """
    if hasattr(df, "to_dataframe"):
        df = df.to_dataframe()
    if options & InferOptions.schema():
        infer_schema(featureset, df, entity_columns, options)
    if options & InferOptions.Stats:
        featureset.status.stats = get_df_stats(df, options, sample_size=sample_size)
    if options & InferOptions.Preview:
        featureset.status.preview = get_df_preview(df)
    return df
