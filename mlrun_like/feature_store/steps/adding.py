"""Adding: base of steps that add columns, each computed from a few others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import pandas as pd

from mlrun_like.feature_store.steps.base import FeatureStep, need_column
from mlrun_like.feature_store.steps.columns import column_of, values_of, with_columns

__all__ = ["Added", "Adding"]


class Added(NamedTuple):
    """A column to add.

    Args:
        name: The new column, or one that is replaced.
        sources: The columns that it is computed from.
        compute: From their values in a row to its value; missing ones are None.
        spark: From their columns in Spark to the new one.
    """

    name: str
    sources: tuple[str, ...]
    compute: Callable[..., Any]
    spark: Callable[..., Any]


class Adding(FeatureStep, ABC):
    """Base of steps whose columns are computed row by row by one function in all forms.

    An event without a source's field has no value there; a frame without its column is refused.
    """

    vectorised: ClassVar[bool] = True

    @abstractmethod
    def added(self) -> Sequence[Added]:
        """The columns to add, in order; a later one may use an earlier one."""

    def _do_storey(self, event: Any) -> dict[str, Any]:
        made = dict(event)
        for name, sources, compute, _ in self.added():
            made[name] = compute(*map(made.get, sources))
        return made

    def _do_pandas(self, event: Any) -> pd.DataFrame:
        frame: pd.DataFrame = event
        for name, sources, compute, _ in self.added():
            for source in sources:
                need_column(frame.columns, source, self)
            values = [values_of(frame[source]) for source in sources]
            frame = with_columns(frame, {name: column_of(list(map(compute, *values)))})
        return frame

    def _do_spark(self, event: Any) -> Any:
        frame = event
        for name, sources, _, spark in self.added():
            for source in sources:
                need_column(frame.columns, source, self)
            frame = frame.withColumn(name, spark(*(frame[source] for source in sources)))
        return frame
