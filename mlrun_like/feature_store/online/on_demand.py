"""Features that are computed at the request by the steps of the vector's graph."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.registry import resolve
from mlrun_like.serving.event import Event

if TYPE_CHECKING:
    import pandas as pd

    from mlrun_like.feature_store.definitions.feature_vector import FeatureVector

__all__ = ["OnDemand", "compute_offline"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


class OnDemand:
    """Runs the steps of a vector's graph on a request's fields and the features that were read.

    Steps see one dictionary: the fields of the request, and over them the features. What the last
    step returns besides the request's fields is the vector.

    Args:
        vector: The feature vector.
        columns: The features that are read.
    """

    def __init__(self, vector: FeatureVector, columns: Sequence[str]) -> None:
        self._vector = vector
        self._stored = tuple(columns)
        self._local = threading.local()
        known = [item.name for item in vector.status.features]
        known = [name for name in known if name != vector.status.label_column]
        self.columns: list[str] = [name for name in known if name not in columns]
        """The computed features, as far as they are known: later ones are added at their end."""
        self._transform()  # mistakes show now, not at the first request

    @classmethod
    def of(cls, vector: FeatureVector, columns: Sequence[str]) -> OnDemand | None:
        """What computes the features of a vector; None: its graph has no steps."""
        return cls(vector, columns) if vector.spec.graph.steps else None

    def run(
        self, row: Mapping[str, Any], features: Mapping[str, Any], millis: float | None
    ) -> dict[str, Any] | None:
        """The vector of one request; None: a step filtered it out.

        Args:
            row: The fields of the request.
            features: The features that were read.
            millis: The moment, in milliseconds since 1970; None: now.
        """
        body = {**row, **features}
        given = frozenset(body)  # steps may change the body in place
        event = Event(body)
        if millis is not None:
            event.time = _EPOCH + dt.timedelta(milliseconds=millis)
        found = self._transform().event(event)
        if not found:
            return None
        made: Mapping[str, Any] = found[-1][1].body
        vector = {name: made[name] for name in self._stored if name in made}
        for name in made:
            if name not in given:
                vector[name] = made[name]
                if name not in self.columns:
                    self.columns.append(name)
        return vector

    def _transform(self) -> Any:
        """This thread's steps: they may keep state."""
        made = getattr(self._local, "transform", None)
        if made is None:
            made = self._local.transform = _compiled(self._vector)
        return made


def compute_offline(vector: FeatureVector, frame: pd.DataFrame) -> pd.DataFrame:
    """The same features for the rows of an offline join.

    Args:
        vector: The feature vector.
        frame: Its rows: features, and the fields that requests have.
    """
    if not vector.spec.graph.steps:
        return frame
    transform = _compiled(vector)
    try:
        (made,) = transform.run(frame).values()
        rest = [part for part in transform.finish().values() if len(part)]
    finally:
        transform.close()
    found: pd.DataFrame = made
    if rest:
        pandas = resolve("pandas:concat")
        found = pandas([made, *rest], ignore_index=True)
    return found


def _compiled(vector: FeatureVector) -> Any:
    """The steps, as those of a feature set without a store."""
    kind = resolve("mlrun_like.feature_store.definitions.feature_set:FeatureSet")
    name = f"{vector.metadata.name or 'vector'}-on-demand"
    holder = kind(name, entities=list(vector.status.index_keys))
    holder.spec.graph = vector.spec.graph
    holder.spec.final_step = vector.spec.final_step
    holder.metadata.project = vector.metadata.project
    compile_transform = resolve("mlrun_like.feature_store.transform.compile:compile_transform")
    return compile_transform(holder, outputs=("",))
