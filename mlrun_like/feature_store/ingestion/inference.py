"""Entities, features and time stamps of a feature set, found out from a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.definitions.value_types import to_arrow
from mlrun_like.feature_store.ingestion.fitting import type_of
from mlrun_like.feature_store.ingestion.infer_options import InferOptions

if TYPE_CHECKING:
    import pandas as pd

    from mlrun_like.feature_store.definitions.feature_set import FeatureSet

__all__ = ["empty_frame", "flat", "infer_schema", "value_types"]


def value_types(frame: pd.DataFrame) -> dict[str, str]:
    """Column -> value type, of all columns and named index levels.

    >>> import pandas as pd
    >>> value_types(pd.DataFrame({"a": [1], "b": ["x"]}))
    {'a': 'int64', 'b': 'str'}
    """
    frame = flat(frame)
    found = {}
    for at, name in enumerate(frame.columns):
        values = frame.iloc[:, at]
        found[str(name)] = type_of(values)
    return found


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with named index levels as columns; an index without a name is dropped."""
    named = [name for name in frame.index.names if name is not None]
    if not named:
        return frame if _is_counter(frame) else frame.reset_index(drop=True)
    if len(named) < frame.index.nlevels:
        unnamed = [at for at, name in enumerate(frame.index.names) if name is None]
        frame = frame.reset_index(level=unnamed, drop=True)
    both = [name for name in frame.index.names if name in frame.columns]
    if both:
        raise InvalidArgumentError(
            f"{both[0]!r} is the name of a column and of an index level",
            fix="drop one: df.reset_index(drop=True)",
        )
    return frame.reset_index()


def _is_counter(frame: pd.DataFrame) -> bool:
    index = frame.index
    return getattr(index, "start", None) == 0 and getattr(index, "step", None) == 1


def empty_frame(feature_set: FeatureSet) -> pd.DataFrame:
    """No rows, but all columns of a feature set, of their declared types.

    Args:
        feature_set: Columns without a type are of objects.
    """
    spec = feature_set.spec
    kinds = {item.name: item.value_type or "" for item in [*spec.entities, *spec.features]}
    if kinds and spec.timestamp_key:
        kinds.setdefault(spec.timestamp_key, "datetime")
    fields = [pa.field(name, to_arrow(kind) if kind else pa.null()) for name, kind in kinds.items()]
    made: pd.DataFrame = pa.schema(fields).empty_table().to_pandas()
    return made


def infer_schema(
    feature_set: FeatureSet,
    frame: pd.DataFrame,
    entity_columns: Sequence[str] | None = None,
    options: int = InferOptions.default(),
    types: dict[str, str] | None = None,
) -> None:
    """Add to a feature set what a frame shows: entities, features and their types.

    A declared type stays; what has none gets the frame's. The time stamp is not a feature.

    Args:
        feature_set: Is changed.
        frame: The result of its graph, with the entities as columns or as index.
        entity_columns: Columns that are entities.
        options: See `InferOptions`.
        types: The frame's value types, if they are known.

    Raises:
        InvalidArgumentError: if an entity column is not there.
    """
    spec = feature_set.spec
    types = value_types(frame) if types is None else types
    levels = [str(name) for name in frame.index.names if name is not None]
    wanted = list(entity_columns or ())
    for name in wanted:
        if name not in types:
            raise InvalidArgumentError(
                f"there is no entity column {name!r:.60}.{nearest(str(name), list(types))}",
                where=f"feature set {feature_set.metadata.name!r}",
                fix=f"columns: {', '.join(types)}"[:200],
            )
    if options & InferOptions.Index and not len(spec.entities) and not wanted:
        wanted = levels
    for name in wanted:
        if options & (InferOptions.Entities | InferOptions.Index) and name not in spec.entities:
            spec.entities[name] = {"name": name, "value_type": types[name]}
    for name, value_type in types.items():
        if name in spec.entities:
            entity: Any = spec.entities[name]
            entity.value_type = entity.value_type or value_type
        elif name == spec.timestamp_key or not options & InferOptions.Features:
            continue
        elif name not in spec.features:
            spec.features[name] = {"name": name, "value_type": value_type}
        elif not spec.features[name].value_type:
            spec.features[name].value_type = value_type
