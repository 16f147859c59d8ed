"""What a feature vector means once its feature sets are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.definitions.feature_vector import FeatureVector

__all__ = ["JoinKey", "ResolvedSet", "ResolvedVector"]


class JoinKey(NamedTuple):
    """One column of a join: `entity` of the set equals `column` of the set `owner` before it."""

    entity: str
    column: str
    owner: str


@dataclass(frozen=True)
class ResolvedSet:
    """One feature set of a vector.

    Args:
        name: What the vector calls it: `[<project>/]<set>[:<tag>]`.
        feature_set: The set.
        columns: Its columns in the vector: (column, name in the vector); the label among them.
        entities: Its entities, in order.
        timestamp_key: Its column with the time of an event; empty: none.
        ttl_millis: How long its values hold; None: forever.
        label: The label's name in the vector, if it is one of these columns.
        join: How it joins those before it: inner, outer, left, right; empty: no join graph says.
        asof: Whether a left join takes what was known at each row's time.
        keys: Which columns of sets before it its entities equal; none for the first set.
        unmatched: Entities that no set before it has: only entity rows can hold them.
    """

    name: str
    feature_set: FeatureSet
    columns: tuple[tuple[str, str], ...]
    entities: tuple[str, ...]
    timestamp_key: str = ""
    ttl_millis: int | None = None
    label: str = ""
    join: str = ""
    asof: bool = False
    keys: tuple[JoinKey, ...] = ()
    unmatched: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResolvedVector:
    """A vector with all that it refers to.

    Args:
        vector: The vector.
        sets: Its feature sets, in join order.
        label: The name of the label's column in the vector; empty: none.
        index_keys: The entities of all sets, each once.
        columns: The names of all columns, in the vector's order.
    """

    vector: FeatureVector
    sets: tuple[ResolvedSet, ...]
    label: str = ""
    index_keys: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
