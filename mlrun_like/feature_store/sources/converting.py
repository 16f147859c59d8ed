"""A source as one table of pandas, Dask or Spark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.sources.filters import check_filters
from mlrun_like.registry import require

__all__ = ["Converting"]


class Converting:
    """What all sources do with their chunks; a part of `Source`."""

    name: str
    time_field: str | None
    start_time: Any
    end_time: Any
    describe: Any
    _with: Any
    with_defaults: Any

    def to_dataframe(
        self,
        columns: Sequence[str] | None = None,
        df_module: Any = None,
        entities: Sequence[str] | None = None,
        start_time: Any = None,
        end_time: Any = None,
        time_field: str | None = None,
        additional_filters: Any = None,
    ) -> Any:
        """All rows in one table.

        Args:
            columns: Only these, in this order; entities are added.
            df_module: `dask.dataframe` for a Dask frame; None: pandas.
            entities: Columns that are always there.
            start_time: Only rows after this time, instead of the source's own.
            end_time: Only rows up to this time, instead of the source's own.
            time_field: The column that they mean.
            additional_filters: Conditions instead of the source's own.
        """
        source = self._with(
            start_time=start_time or self.start_time,
            end_time=end_time or self.end_time,
            time_field=time_field or self.time_field,
        )
        if additional_filters:
            source.attributes["additional_filters"] = list(check_filters(additional_filters))
        if getattr(df_module, "__name__", "").startswith("dask"):
            found = source.to_dask()
        else:
            frames = [chunk.frame for chunk in source.chunks()]
            found = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        if columns is None or not len(found.columns):
            return found
        wanted = list(dict.fromkeys([*(entities or ()), *columns]))
        for name in wanted:
            if name not in found.columns:
                raise InvalidArgumentError(
                    f"there is no column {name!r}.{nearest(name, [str(c) for c in found.columns])}",
                    where=self.describe(),
                )
        return found[wanted]

    def to_dask(self) -> Any:
        """The rows as a Dask frame; sources of files are read by its workers."""
        dask = require("dask.dataframe", feature="a source as a Dask frame", extra="dask")
        return dask.from_pandas(self.to_dataframe(), npartitions=4)

    def to_spark_df(
        self,
        session: Any,
        named_view: bool = False,
        time_field: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> Any:
        """The rows as a Spark frame (MLRun's call).

        Args:
            session: The Spark session.
            named_view: Whether to make it a temporary view of the source's name too.
            time_field: The column that start_time and end_time mean, if the source names none.
            columns: Only these.
        """
        source = self.with_defaults(time_field=time_field)
        frame = source._spark_frame(session)
        if named_view:
            frame.createOrReplaceTempView(self.name)
        return frame.select(list(columns)) if columns else frame

    def _spark_frame(self, session: Any) -> Any:
        frame = self.to_dataframe()
        if int(str(session.version).partition(".")[0]) < 4:
            return session.createDataFrame(frame)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        return session.createDataFrame(table.cast(pa.schema([_for_spark(f) for f in table.schema])))


def _for_spark(field: pa.Field) -> pa.Field:
    """A field of a type that Spark reads: no nanoseconds, no dictionaries."""
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        kind = pa.timestamp("us", kind.tz)
    if pa.types.is_null(kind):
        kind = pa.string()
    return pa.field(field.name, kind, field.nullable)
