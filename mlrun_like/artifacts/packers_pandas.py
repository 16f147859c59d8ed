"""Packers of pandas: frames and series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from mlrun_like.artifacts import pickles, table_files
from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.packer import Packer
from mlrun_like.artifacts.packers_chunks import FrameIteratorPackager
from mlrun_like.artifacts.ports import Item, Packed, file_artifact
from mlrun_like.artifacts.results import to_result
from mlrun_like.errors import InvalidArgumentError

__all__ = ["PACKERS", "PandasDataFramePackager", "PandasSeriesPackager"]

_FORMATS = {**{name: name for name in table_files.TABLE_FORMATS},
            "pq": "parquet", "hdf": "h5", "hdf5": "h5", "htm": "html"}  # fmt: skip


class PandasDataFramePackager(Packer):
    """pandas.DataFrame: a data set, or a file of any table format."""

    PACKABLE_OBJECT_TYPE: Any = pd.DataFrame
    PACK_SUBCLASSES = True
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.DATASET
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.FILE

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log a dict: by column, by row when the index has a name, split for several levels."""
        rows = "dict" if obj.index.name is not None else "list"
        orient = "split" if obj.index.nlevels > 1 else rows
        return {key: self._prepare_result(obj.to_dict(orient=orient))}

    @staticmethod
    def _prepare_result(obj: Any) -> Any:
        """What a run's record keeps of it; MLRun's callers know the name."""
        return to_result(obj)

    def pack_dataset(self, obj: Any, key: str, file_format: str = "") -> tuple[Any, dict[str, Any]]:
        """Log a data set with schema, preview and statistics."""
        return Packed("log_dataset", key, {"df": obj, "format": file_format}), {}

    def unpack_dataset(self, data_item: Item) -> Any:
        """Read it."""
        return data_item.as_df()

    def pack_file(
        self, obj: Any, key: str, file_format: str = "", **to_kwargs: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Log a file; further instructions go to pandas' writer."""
        file_format = file_format or table_files.default_table_format(obj)
        path = self.folder() / f"{key}.{file_format}"
        kept = table_files.write_table(obj, path, file_format, to_kwargs)
        return file_artifact(key, path), {"file_format": file_format, "read_kwargs": kept}

    def unpack_file(self, data_item: Item, file_format: str = "", read_kwargs: Any = None) -> Any:
        """Read such a file."""
        suffix = (data_item.suffix or Path(data_item.url).suffix).lstrip(".").lower()
        file_format = file_format or _FORMATS.get(suffix, "")
        if not file_format:
            return data_item.as_df()
        path = data_item.local()
        if file_format == "h5":  # it may hold pickles
            pickles.trusted_bytes(data_item, path)
        if file_format in ("parquet", "csv") and not read_kwargs:
            return data_item.as_df()
        return table_files.read_table(path, file_format, **(read_kwargs or {}))


class PandasSeriesPackager(PandasDataFramePackager):
    """pandas.Series: a file with one column."""

    PACKABLE_OBJECT_TYPE = pd.Series
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.FILE

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log the one-column frame."""
        return super().pack_result(pd.DataFrame(obj), key)

    def pack_dataset(self, obj: Any, key: str, file_format: str = "") -> tuple[Any, dict[str, Any]]:
        """Log a data set with one column."""
        frame = obj.to_frame() if isinstance(obj.name, str) else obj.to_frame(name="value")
        packed, notes = super().pack_dataset(frame, key, file_format)
        return packed, {**notes, "column_name": to_result(obj.name)}

    def unpack_dataset(self, data_item: Item, column_name: Any = ...) -> Any:
        """Read it."""
        return self._column(data_item.as_df(), column_name)

    def pack_file(
        self, obj: Any, key: str, file_format: str = "", **to_kwargs: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Log a file; further instructions go to pandas' writer."""
        packed, notes = super().pack_file(pd.DataFrame(obj), key, file_format, **to_kwargs)
        name = list(obj.name) if isinstance(obj.name, tuple) else obj.name
        return packed, {**notes, "column_name": to_result(name)}

    def unpack_file(
        self,
        data_item: Item,
        file_format: str = "",
        read_kwargs: Any = None,
        column_name: Any = ...,
    ) -> Any:
        """Read such a file."""
        return self._column(super().unpack_file(data_item, file_format, read_kwargs), column_name)

    def _column(self, frame: Any, name: Any) -> Any:
        if frame.shape[1] != 1:
            raise InvalidArgumentError(
                f"it has {frame.shape[1]} columns", fix="hint it as pandas.DataFrame"
            )
        series = frame.iloc[:, 0]
        if name is not ...:
            series.name = tuple(name) if isinstance(name, list) else name
        return series


PACKERS: tuple[type[Packer], ...] = (
    PandasDataFramePackager,
    PandasSeriesPackager,
    FrameIteratorPackager,
)
