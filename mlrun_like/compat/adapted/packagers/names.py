"""The constants of `mlrun.package`."""

from __future__ import annotations

from typing import Any

from mlrun_like.compat.adapted.packagers.formats import (
    ArchiveSupportedFormat,
    NumPySupportedFormat,
    PandasSupportedFormat,
    StructFileSupportedFormat,
)

__all__ = [
    "DEFAULT_ARCHIVE_FORMAT",
    "DEFAULT_NUMPY_ARRAY_COLLECTION_FORMAT",
    "DEFAULT_NUMPY_ARRAY_FORMAT",
    "DEFAULT_PANDAS_FORMAT",
    "DEFAULT_PICKLE_MODULE",
    "DEFAULT_STRUCT_FILE_FORMAT",
    "NON_STRING_COLUMN_NAMES_DEFAULT_PANDAS_FORMAT",
    "NumPyArrayCollectionType",
]

DEFAULT_PICKLE_MODULE = "cloudpickle"
DEFAULT_ARCHIVE_FORMAT = ArchiveSupportedFormat.ZIP
DEFAULT_STRUCT_FILE_FORMAT = StructFileSupportedFormat.JSON
DEFAULT_NUMPY_ARRAY_FORMAT = NumPySupportedFormat.NPY
DEFAULT_NUMPY_ARRAY_COLLECTION_FORMAT = NumPySupportedFormat.NPZ
DEFAULT_PANDAS_FORMAT = PandasSupportedFormat.PARQUET
NON_STRING_COLUMN_NAMES_DEFAULT_PANDAS_FORMAT = PandasSupportedFormat.CSV

NumPyArrayCollectionType = dict[str, Any] | list[Any]
"""A dict or list of arrays."""
