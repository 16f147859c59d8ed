"""What happens before the first row is written: options, entities and features from the head."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.ingestion.clock import with_times
from mlrun_like.feature_store.ingestion.columns import renamed
from mlrun_like.feature_store.ingestion.doubts import tell_empty_aggregations
from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.inference import flat, infer_schema
from mlrun_like.feature_store.transform.compile import compile_transform

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.ingestion.running import Request
    from mlrun_like.feature_store.ingestion.spark_rows import SparkRows
    from mlrun_like.feature_store.sources.base import Source, SourceChunk

__all__ = ["HEAD_ROWS", "Reader", "cleaned", "features_of", "head_of", "learn_schema"]

HEAD_ROWS = 1000

Reader = Callable[[str], Iterator["SourceChunk"]]
"""From a position to the chunks behind it."""


def head_of(source: Source | SparkRows, size: int, begin: str = "") -> tuple[pd.DataFrame, Reader]:
    """The first chunk's rows, and a reader that does not read them again.

    Args:
        source: Where rows come from.
        size: Rows at a time.
        begin: A position: only what comes behind it.
    """
    chunks = source.chunks(size, after=begin)
    first = next(chunks, None)
    used = False

    def read(after: str) -> Iterator[SourceChunk]:
        nonlocal used
        if after or used or first is None:
            return source.chunks(size, after=after or begin)
        used = True
        return itertools.chain([first], chunks)

    return (pd.DataFrame() if first is None else first.frame), read


def cleaned(frame: pd.DataFrame, feature_set: FeatureSet, rows_before: int = 0) -> pd.DataFrame:
    """Rows of a source as steps get them: clean names, no index, times as moments."""
    frame = flat(renamed(frame))
    timed: pd.DataFrame = with_times(frame, feature_set.spec.timestamp_key, rows_before)
    return timed


def features_of(feature_set: FeatureSet, frame: pd.DataFrame, namespace: Any) -> pd.DataFrame:
    """The result of some rows, written nowhere.

    Args:
        feature_set: Its graph is used.
        frame: Rows of a source, cleaned.
        namespace: Where classes of steps are found.
    """
    if not feature_set.spec.require_processing():
        return frame
    transform = compile_transform(feature_set, namespace=namespace)
    try:
        parts = [transform.run(frame).get(""), transform.finish().get("")]
    finally:
        transform.close()
    found = [part for part in parts if part is not None and len(part)]
    if not found:
        return frame.iloc[:0]
    return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)


def learn_schema(
    feature_set: FeatureSet, head: pd.DataFrame, request: Request, made: bool = False
) -> None:
    """Entities, features and types from a source's first rows.

    Args:
        feature_set: Is changed.
        head: The first rows.
        request: What is ingested: names of an index, the namespace of steps, what is inferred.
        made: The rows are results already.

    Raises:
        InvalidArgumentError: if the time stamp's column is not there.
    """
    options = request.infer | InferOptions.Entities | InferOptions.Features
    if options & InferOptions.Index and not len(feature_set.spec.entities):
        key = feature_set.spec.timestamp_key
        for name in request.index:
            if name != key:
                feature_set.spec.entities[name] = {"name": name}
    if not len(head.columns):
        return
    plain = made or not feature_set.spec.require_processing()
    rows = cleaned(head if plain else head.iloc[:HEAD_ROWS], feature_set)
    key = feature_set.spec.timestamp_key
    found = rows if made else features_of(feature_set, rows, request.namespace)
    if key and key not in found.columns and len(found):
        raise InvalidArgumentError(
            f"there is no column {key!r}, the timestamp_key",
            where=f"feature set {feature_set.name!r}",
            fix=f"columns: {', '.join(map(str, found.columns))}"[:200],
        )
    tell_empty_aggregations(feature_set, rows, found)
    infer_schema(feature_set, found, None, options)
