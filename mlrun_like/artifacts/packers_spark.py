"""Packers of Spark: its DataFrame is a data set, written and read by the executors."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame

from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.packer import Packer
from mlrun_like.artifacts.ports import Item, Packed
from mlrun_like.artifacts.results import to_result
from mlrun_like.artifacts.spark_reading import read_frame

__all__ = ["PACKERS", "SparkDataFramePackager"]


class SparkDataFramePackager(Packer):
    """pyspark.sql.DataFrame: a folder of Parquet files, or csv or jsonl."""

    PACKABLE_OBJECT_TYPE: Any = DataFrame
    PACK_SUBCLASSES = True
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.DATASET
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.DATASET

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log the rows as a list of dicts; for small tables."""
        return {key: [to_result(row.asDict(recursive=True)) for row in obj.collect()]}

    def pack_dataset(
        self, obj: Any, key: str, file_format: str = "", partition_by: Any = None, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Log a data set; `partition_by` names columns that become folders, further instructions
        go to Spark's writer."""
        given = {"df": obj, "format": file_format, **options}
        if partition_by:
            given["partition_by"] = partition_by
        return Packed("log_dataset", key, given), {}

    def unpack_dataset(self, data_item: Item) -> Any:
        """Read a table of any format; a session is started if there is none."""
        return read_frame(data_item)

    pack_file = pack_dataset

    def unpack_file(self, data_item: Item, file_format: str = "", read_kwargs: Any = None) -> Any:
        """Read a file that another data frame package wrote."""
        del file_format, read_kwargs
        return read_frame(data_item)


PACKERS: tuple[type[Packer], ...] = (SparkDataFramePackager,)
