"""Packers of Dask: its DataFrame is a data set, written and read by the workers."""

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
from dask.base import is_dask_collection

from mlrun_like.artifacts.dask_frames import read_frame
from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.packer import Packer
from mlrun_like.artifacts.packer_table import for_packing
from mlrun_like.artifacts.ports import Item, Packed
from mlrun_like.artifacts.results import to_result

__all__ = ["PACKERS", "DaskCollectionPackager", "DaskDataFramePackager"]


class DaskDataFramePackager(Packer):
    """dask.dataframe.DataFrame: a folder of Parquet files, or csv, tsv, jsonl, feather."""

    PACKABLE_OBJECT_TYPE: Any = dd.DataFrame
    PACK_SUBCLASSES = True
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.DATASET
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.DATASET

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log the rows by column; for small tables."""
        return {key: to_result(obj.compute().to_dict(orient="list"))}

    def pack_dataset(
        self, obj: Any, key: str, file_format: str = "", **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Log a data set; further instructions go to the writer of each part."""
        return Packed("log_dataset", key, {"df": obj, "format": file_format, **options}), {}

    def unpack_dataset(self, data_item: Item) -> Any:
        """Read a table of any format."""
        return read_frame(data_item)

    pack_file = pack_dataset

    def unpack_file(self, data_item: Item, file_format: str = "", read_kwargs: Any = None) -> Any:
        """Read a file that another data frame package wrote."""
        del file_format, read_kwargs
        return read_frame(data_item)


class DaskCollectionPackager(Packer):
    """Arrays, bags, series, delayed values: computed, then logged as what they are."""

    def is_type(self, kind: Any) -> bool:
        """Any collection of Dask's except a data frame."""
        is_frame = isinstance(kind, type) and issubclass(kind, dd.DataFrame)
        return not is_frame and hasattr(kind, "__dask_graph__")

    def is_packable(self, obj: Any, artifact_type: str | None = None, _: Any = None) -> bool:
        """Whether there is something to compute."""
        return self.is_type(type(obj)) and is_dask_collection(obj)

    def is_unpackable(
        self, data_item: Item, type_hint: Any, artifact_type: str | None = None
    ) -> bool:
        """No: what was logged is the value, which has a type of its own."""
        return False

    def pack(
        self, obj: Any, key: str = "", artifact_type: str | None = None, configurations: Any = None
    ) -> Any:
        """Compute the value and give it to the packer of its type."""
        value = obj.compute()
        packer = for_packing(value, artifact_type or "", configurations or {})
        return packer.pack(value, key, artifact_type, configurations)

    def get_default_packing_artifact_type(self, obj: Any) -> str:
        """Not known before it is computed."""
        return ArtifactType.RESULT


PACKERS: tuple[type[Packer], ...] = (DaskDataFramePackager, DaskCollectionPackager)
