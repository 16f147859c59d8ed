"""ParquetTarget: rows in a Parquet file, or in a folder of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.targets.base import TIME_UNITS
from mlrun_like.feature_store.targets.file_target import FileTarget
from mlrun_like.feature_store.targets.layout import Layout
from mlrun_like.feature_store.targets.parquet_layout import ParquetLayout
from mlrun_like.feature_store.targets.partitions import Partitioning
from mlrun_like.feature_store.targets.reading import read
from mlrun_like.feature_store.targets.state import Site, State
from mlrun_like.feature_store.targets.writing import WriteJob

__all__ = ["ParquetTarget"]

_DEFAULT = "hour"


class ParquetTarget(FileTarget):
    """Rows in Parquet files.

    Args:
        name: Its name; by default `parquet`.
        path: A file that ends in `.parquet` or `.pq`, or a folder.
        attributes: Kept, for documents of MLRun.
        after_step: The step whose results are written.
        columns: The columns to write, besides the key and the time; by default all.
        partitioned: Whether rows go to folders by time; by default in a folder.
        key_bucketing_number: None: folders do not depend on the key; 0: one for each key; else
            the number of folders that keys are hashed into.
        partition_cols: Columns that folders are named after; they are not in the files.
        time_partitioning_granularity: The finest part of the time in the names of folders, from
            `year` to `second`; partitioned by nothing else: `hour`.
        max_events: The most events a live service holds before it writes; 10,000.
        flush_after_seconds: How long it holds them at most; 900.
        storage_options: Arguments of fsspec's file system.

    Raises:
        InvalidArgumentError: if an argument cannot be used, or one file is to be partitioned.

    >>> import pandas as pd
    >>> target = ParquetTarget(path="memory://doc-parquet/", partitioned=False)
    >>> _ = target.write_dataframe(pd.DataFrame({"a": [1, 2]}))
    >>> target.as_df()["a"].tolist()
    [1, 2]
    """

    kind = "parquet"
    is_offline = True
    support_spark = True
    support_dask = True
    suffixes = (".parquet", ".pq")

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str = "",
        path: Any = None,
        attributes: Mapping[str, Any] | None = None,
        after_step: str | None = None,
        columns: Sequence[str] | None = None,
        partitioned: bool | None = None,
        key_bucketing_number: int | None = None,
        partition_cols: Sequence[str] | None = None,
        time_partitioning_granularity: str | None = None,
        max_events: int | None = 10_000,
        flush_after_seconds: int | None = 900,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        given = partitioned
        is_file = path is not None and str(path).endswith(self.suffixes)
        super().__init__(
            name, path, attributes, after_step, columns,
            not is_file if partitioned is None else partitioned,
            key_bucketing_number, partition_cols, time_partitioning_granularity,
            max_events, flush_after_seconds, storage_options,
        )  # fmt: skip
        if is_file and (given or partition_cols or time_partitioning_granularity):
            raise InvalidArgumentError(
                f"partitioned Parquet target must be a directory, got path {self.path!r:.200}",
                where=f"target {self.name!r}",
                fix="leave out the file's suffix, or partitioned=False",
            )

    def partitioning(self, entities: Sequence[str], timestamp_key: str) -> Partitioning:
        """What folders are made of, for a set with these columns."""
        if self.is_single_file():
            return Partitioning()
        columns = tuple(self.partition_cols or ())
        number = self.key_bucketing_number
        finest = self.time_partitioning_granularity
        if finest is None and self.partitioned and number is None and not columns:
            finest = _DEFAULT
        if finest and not timestamp_key:
            if self.time_partitioning_granularity:
                raise InvalidArgumentError(
                    f"target {self.name!r} is partitioned by {finest} and the feature set has no "
                    "timestamp_key",
                    fix="FeatureSet(timestamp_key='time'), or partitioned=False",
                )
            finest = None
        if number is not None and not entities:
            raise InvalidArgumentError(
                f"target {self.name!r} is partitioned by key, and the feature set has no entity"
            )
        return Partitioning(
            keys=tuple(entities) if number is not None else (),
            buckets=number or 0,
            time=timestamp_key if finest else "",
            units=TIME_UNITS[: TIME_UNITS.index(finest) + 1] if finest else (),
            columns=columns,
        )

    def layout(self, job: WriteJob | None) -> Layout:
        if job is None:
            return ParquetLayout()
        return ParquetLayout(self.partitioning(job.entities, job.timestamp_key))

    def rows(
        self,
        site: Site,
        state: State | None,
        columns: Sequence[str] | None,
        times: tuple[str, Any, Any],
        filters: Any,
    ) -> Any:
        return read(site, state, columns, times, filters)
